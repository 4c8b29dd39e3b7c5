// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope doctor: try every hook on this kernel by attaching it, and say what it enables.
 */
#include "commands.h"
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
"Try every hook on this kernel by attaching it, and say what each one enables.\n"
"\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              say more (-vv: everything libbpf says), say less\n"
"  -h, --help          this text\n"
"\n"
"Exit status: 0 everything works, 1 error (no privilege), 4 this kernel cannot\n"
"do it.\n";

static void text(FILE *f, const struct session *s, const struct utsname *uts)
{
	int attached = 0;

	fprintf(f, "mmuscope doctor: Linux %s %s\n\n", uts->release, uts->machine);
	fprintf(f, "%-19s %-8s %-10s %s\n", "HOOK", "", "HOW", "WHERE, WHAT FOR");
	for (int h = 0; h < HOOK_NR; h++) {
		const struct hook_state *hook = session_hook(s, h);

		attached += hook->attached;
		fprintf(f, "%-19s %-8s %-10s %s\n", hook_name(h), hook->attached ? "attached" : "FAILED",
			hook->shape ? how_name(hook->shape->how) : "-",
			hook->shape ? hook->shape->target : hook->why);
		fprintf(f, "%39s %s\n", "", hook->attached ? hook_text(h) : hook->why);
	}
	fprintf(f, "\n%d of %d hooks attached: %s\n", attached, HOOK_NR,
		attached == HOOK_NR ? "check and levels work on this kernel" :
				      "this kernel cannot do all of it");
}

static int json(FILE *f, const struct session *s, const struct utsname *uts)
{
	json_t *hooks = json_array(), *o;
	int err;

	for (int h = 0; h < HOOK_NR; h++) {
		const struct hook_state *hook = session_hook(s, h);

		json_array_append_new(hooks, json_pack("{s:s, s:b, s:s, s:s, s:s, s:s}", "name",
						       hook_name(h), "attached", hook->attached, "how",
						       hook->shape ? how_name(hook->shape->how) : "",
						       "target", hook->shape ? hook->shape->target : "",
						       "enables", hook_text(h), "why", hook->why));
	}
	o = json_pack("{s:s, s:i, s:s, s:{s:s, s:s}, s:o}", "mmuscope", VERSION, "version", 1, "command",
		      "doctor", "host", "kernel", uts->release, "machine", uts->machine, "hooks", hooks);
	if (!o)
		return -ENOMEM;
	err = json_dumpf(o, f, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
	fputc('\n', f);
	json_decref(o);
	return err;
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
	struct session_options so = {
		.check = true, .walk = true, .payoff = true, .times = true, .max_vms = 1,
	};
	struct session *s = NULL;
	struct output *out;
	struct utsname uts;
	struct options o;
	int err = options_parse(&o, argc, argv, "doctor", 0, usage), result;

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	if (arch_has_doctor())
		return doctor_of_arch(&o);
	so.try_all = true;
	result = session_open(&s, &so);
	if (!s)
		return result;
	result = session_attach(s);
	session_disable(s);
	uname(&uts);
	out = output_open(o.output);
	if (!out) {
		session_close(s);
		return EXIT_FAILED;
	}
	if (o.json)
		err = json(output_file(out), s, &uts);
	else
		text(output_file(out), s, &uts);
	if (output_close(out) || err)
		result = EXIT_FAILED;
	session_close(s);
	return result;
}
