// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope doctor: what this host has and lacks, which tiers that makes (docs/tiers.md), every hook tried by
 * attaching it, and what each command and invariant can do here.
 */
#include "commands.h"
#include "doctor.h"
#include "user/arch/arch.h"
#include "user/base/log.h"
#include "options.h"
#include "user/base/reason.h"
#include "user/sink/report.h"
#include "user/session/session.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/utsname.h>

static const char usage[] =
"Usage: mmuscope doctor [OPTION]...\n"
"\n"
"Say what mmuscope needs of this host and what is missing, which tiers of what it\n"
"can do that leaves, and for every invariant and command whether it works here;\n"
"every hook is tried by attaching it.\n"
"\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              say more (-vv: everything libbpf says), say less\n"
"  -h, --help          this text\n"
"\n"
"Exit status: 0 everything works, 1 error (no privilege), 4 this kernel cannot\n"
"do all of it.\n";

static void text_needs(FILE *f, const struct doctor *d)
{
	char text[512];

	fprintf(f, "%-15s %-8s %s\n", "NEEDED", "", "WHAT FOR");
	for (enum need n = 0; n < NEED_NR; n++) {
		const struct need_state *s = &d->tiers.need[n];

		fprintf(f, "%-15s %-8s %s\n", need_name(n), s->there ? "ok" : "MISSING", need_text(n));
		if (s->there)
			continue;
		snprintf(text, sizeof(text), "%s; %s", s->why, s->remedy);
		text_wrapped(f, 25, text);
	}
	fprintf(f, "%-15s %s\n", "lockdown is", *d->tiers.lockdown ? d->tiers.lockdown : "not told");
}

static void text_tiers(FILE *f, const struct doctor *d)
{
	char missing[256];

	fprintf(f, "\n%-15s %-8s %s\n", "TIER", "", "GIVES");
	for (enum tier t = 0; t < TIER_NONE; t++) {
		bool there = !doctor_missing(d, t, missing, sizeof(missing));

		fprintf(f, "%-15s %-8s %s\n", tier_name(t), !there ? "no" : t == d->best ? "yes, best" : "yes",
			tier_text(t));
		if (!there)
			fprintf(f, "%24s needs %s\n", "", missing);
	}
}

static void text_hooks(FILE *f, const struct doctor *d)
{
	if (!d->session)
		return;
	fprintf(f, "\n%-19s %-8s %-10s %s\n", "HOOK", "", "HOW", "WHERE, WHAT FOR");
	for (int h = 0; h < HOOK_NR; h++) {
		const struct hook_state *hook = session_hook(d->session, h);

		if (!hook_here(h))
			continue;
		fprintf(f, "%-19s %-8s %-10s %s\n", hook_name(h), hook->attached ? "attached" : "FAILED",
			hook->shape ? how_name(hook->shape->how) : "-",
			hook->shape ? hook->shape->target : hook->why);
		fprintf(f, "%39s %s\n", "", hook->attached ? hook_text(h) : hook->why);
	}
}

static void text_works(FILE *f, const struct doctor *d)
{
	int nattached = doctor_attached(d), nhooks = 0;

	for (int h = 0; h < HOOK_NR; h++)
		nhooks += hook_here(h);
	fprintf(f, "\n%-22s %s\n", "WHAT", "HERE");
	for (size_t i = 0; i < d->nworks; i++) {
		const struct works *w = &d->works[i];

		fprintf(f, "%-22s %s\n", w->name, works_name(w->state));
		/* one reason is mostly that of many */
		if (*w->why && (i + 1 == d->nworks || strcmp(w->why, w[1].why)))
			text_wrapped(f, 23, w->why);
	}
	fprintf(f, "\ntier %s: %s\n", tier_name(d->best), tier_text(d->best));
	if (d->session)
		fprintf(f, "%d of %d hooks attached: %s\n", nattached, nhooks,
			nattached == nhooks ? "check and levels work on this kernel" :
					       "this kernel cannot do all of it");
}

static void text(FILE *f, const struct doctor *d, const struct utsname *uts)
{
	fprintf(f, "mmuscope doctor: Linux %s %s\n\n", uts->release, uts->machine);
	text_needs(f, d);
	text_tiers(f, d);
	text_hooks(f, d);
	text_works(f, d);
}

static json_t *hooks_json(const struct doctor *d)
{
	json_t *hooks = json_array();

	for (int h = 0; d->session && h < HOOK_NR; h++) {
		const struct hook_state *hook = session_hook(d->session, h);

		if (!hook_here(h))
			continue;
		json_array_append_new(hooks, json_pack("{s:s, s:b, s:s, s:s, s:s, s:s}", "name",
						       hook_name(h), "attached", hook->attached, "how",
						       hook->shape ? how_name(hook->shape->how) : "",
						       "target", hook->shape ? hook->shape->target : "",
						       "enables", hook_text(h), "why", hook->why));
	}
	return hooks;
}

static json_t *needs_json(const struct doctor *d)
{
	json_t *list = json_array();

	for (enum need n = 0; n < NEED_NR; n++) {
		const struct need_state *s = &d->tiers.need[n];

		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s, s:s}", "name", need_name(n), "there",
						      s->there, "for", need_text(n), "why", s->why, "remedy",
						      s->remedy));
	}
	return list;
}

static json_t *tiers_json(const struct doctor *d)
{
	json_t *list = json_array();

	for (enum tier t = 0; t < TIER_NONE; t++) {
		json_t *unknown = json_array(), *missing = json_array();

		for (enum quantity q = 0; q < QUANTITY_NR; q++)
			if (tier_unknown(t) & (1u << q))
				json_array_append_new(unknown, json_string(quantity_name(q)));
		for (enum need n = 0; n < NEED_NR; n++)
			if (tier_needs(t, n) && !d->tiers.need[n].there)
				json_array_append_new(missing, json_string(need_name(n)));
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:o, s:o}", "name", tier_name(t), "there",
						      tier_misses(&d->tiers, t) == NEED_NR, "gives", tier_text(t),
						      "missing", missing, "unknown", unknown));
	}
	return list;
}

static int json(FILE *f, const struct doctor *d, const struct utsname *uts)
{
	json_t *works = json_array(), *o;
	int err;

	for (size_t i = 0; i < d->nworks; i++)
		json_array_append_new(works, json_pack("{s:s, s:s, s:s}", "name", d->works[i].name, "here",
						       works_name(d->works[i].state), "why", d->works[i].why));
	o = json_pack("{s:s, s:i, s:s, s:{s:s, s:s}, s:s, s:s, s:o, s:o, s:o, s:o}", "mmuscope", VERSION,
		      "version", 1, "command", "doctor", "host", "kernel", uts->release, "machine", uts->machine,
		      "tier", tier_name(d->best), "lockdown", d->tiers.lockdown, "needs", needs_json(d), "tiers",
		      tiers_json(d), "works", works, "hooks", hooks_json(d));
	if (!o)
		return -ENOMEM;
	err = json_dumpf(o, f, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
	fputc('\n', f);
	json_decref(o);
	return err;
}

static int report(const struct doctor *d, const struct options *o)
{
	struct output *out = output_open(o->output);
	struct utsname uts;
	int err = 0;

	if (!out)
		return EXIT_FAILED;
	uname(&uts);
	if (o->json)
		err = json(output_file(out), d, &uts);
	else
		text(output_file(out), d, &uts);
	return output_close(out) || err ? EXIT_FAILED : EXIT_OK;
}

/* where the hooks that are tried are not those of a session */
static int doctor_of_arch(const struct options *o)
{
	struct output *out = output_open(o->output);
	struct utsname uts;
	int result;

	if (!out)
		return EXIT_FAILED;
	uname(&uts);
	result = arch_doctor(output_file(out), o->json, &uts);
	return output_close(out) ? EXIT_FAILED : result;
}

int cmd_doctor(int argc, char **argv)
{
	static struct doctor d;
	struct options o;
	int err = options_parse(&o, argc, argv, "doctor", 0, usage), result;

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	if (arch_has_doctor())
		return doctor_of_arch(&o);
	result = doctor_look(&d);
	if (report(&d, &o))
		result = EXIT_FAILED;
	doctor_free(&d);
	return result;
}
