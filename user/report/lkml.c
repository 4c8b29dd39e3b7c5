// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording as a mail to a kernel list: plain text of at most 72 columns, facts first, nothing that the
 * reader would have to take on trust.
 */
#include "user/base/format.h"
#include "forms.h"

#include "bpf/hist.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 72, STEPS_SHOWN = 16 };

/* Words over as many lines as they need; what is longer than a line stays whole. */
static void wrapped(FILE *f, int indent, int hang, const char *text)
{
	int column = indent;

	fprintf(f, "%*s", indent, "");
	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > indent && column + 1 + len > COLUMNS) {
			fprintf(f, "\n%*s", indent + hang, "");
			column = indent + hang;
		} else if (column > indent) {
			column += fprintf(f, " ");
		}
		column += fprintf(f, "%.*s", len, text);
		indent = indent < column ? indent : column;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

static void title(FILE *f, const char *text)
{
	fprintf(f, "\n%s\n%.*s\n", text, (int)strlen(text),
		"------------------------------------------------------------------------");
}

static void fact(FILE *f, const char *name, const char *text)
{
	char line[1024];

	snprintf(line, sizeof(line), "%-10s %s", name, text);
	if (strlen(line) <= COLUMNS) {
		fprintf(f, "%s\n", line);
		return;
	}
	fprintf(f, "%s\n", name);
	wrapped(f, 4, 0, text);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "?";
}

/* Wilson's 95% interval of a share k of n, in percent. */
static void interval(uint64_t k, uint64_t n, double *low, double *high)
{
	double z = 1.959964, p = (double)k / (double)n, m = (double)n;
	double centre = p + z * z / (2 * m), half = z * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
	double scale = 100 / (1 + z * z / m);

	*low = k ? (centre - half) * scale : 0;
	*high = k < n ? (centre + half) * scale : 100;
}

static const char *first_violated(const struct digest *d)
{
	const json_t *list = json_object_get(d->last, "invariants"), *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (!strcmp(text_of(v, "verdict"), "VIOLATED"))
			return text_of(v, "name");
	return NULL;
}

/* A long one goes on in a line that begins with a space, as in any mail. */
static void subject(FILE *f, const struct digest *d)
{
	const char *violated = first_violated(d);
	const char *verdict = d->has_verdict ? text_of(d->last, "verdict") : "no verdict";
	char line[256];

	snprintf(line, sizeof(line), "Subject: [KVM MMU] %s%s on %s", violated ? violated : verdict,
		 violated ? " violated" : "", digest_text(d, "host.kernel", "an unknown kernel"));
	wrapped(f, 0, 1, line);
}

static void facts(FILE *f, const struct digest *d, const char *name)
{
	char text[512], t[FORMAT_LEN], n[FORMAT_LEN];

	title(f, "What was run, and where");
	snprintf(text, sizeof(text), "Linux %s %s", digest_text(d, "host.kernel", "?"),
		 digest_text(d, "host.machine", ""));
	fact(f, "kernel", text);
	fact(f, "BTF", digest_text(d, "btf", "?"));
	fact(f, "hooks by", digest_text(d, "tier", "?"));
	fact(f, "dirty at", digest_text(d, "marks_at", "?"));
	snprintf(text, sizeof(text), "mmuscope %s", digest_text(d, "mmuscope", "?"));
	fact(f, "tool", text);
	if (*report_workload(d, text, sizeof(text)))
		fact(f, "workload", text);
	if (*report_date(d, text, sizeof(text)))
		fact(f, "begun", text);
	snprintf(text, sizeof(text), "%s, %s records, %s", format_ns(t, d->last_ns - d->first_ns),
		 format_count(n, (int64_t)d->health.records), name);
	fact(f, "recording", text);
}

static void warnings(FILE *f, const struct digest *d)
{
	char line[512];

	fputc('\n', f);
	if (digest_is_complete(d)) {
		wrapped(f, 0, 0, "The recording is whole, and nothing was missed while it was made.");
		return;
	}
	wrapped(f, 0, 0, "NOT EVERYTHING IS IN THIS RECORDING:");
	for (size_t i = 0; i < d->nwarnings; i++) {
		snprintf(line, sizeof(line), "- %s", d->warnings[i]);
		wrapped(f, 0, 2, line);
	}
}

static void counts(FILE *f, const struct digest *d)
{
	const json_t *list = json_object_get(d->last, "invariants"), *v;
	char n[FORMAT_LEN];
	double low, high;
	size_t i;

	title(f, "Counts");
	if (!d->has_verdict) {
		wrapped(f, 0, 0, "No verdicts: the run did not judge, or the recording breaks off before.");
		return;
	}
	fprintf(f, "%-21s %-14s %9s %6s  %s\n", "invariant", "verdict", "checked", "broken",
		"% broken, 95%");
	json_array_foreach(list, i, v) {
		uint64_t checked = json_count(v, "checked"), broken = json_count(v, "violations");

		if (!checked || broken > checked) {
			fprintf(f, "%-21s %-14s %9s %6" PRIu64 "  -\n", text_of(v, "name"),
				text_of(v, "verdict"), format_short(n, checked), broken);
			continue;
		}
		interval(broken, checked, &low, &high);
		fprintf(f, "%-21s %-14s %9s %6" PRIu64 "  %.2g to %.*g\n", text_of(v, "name"),
			text_of(v, "verdict"), format_short(n, checked), broken, low, high < 99 ? 2 : 3, high);
	}
	wrapped(f, 0, 0, "(Wilson's interval; it holds if occasions are independent.)");
}

static void step(FILE *f, const struct digest *d, const struct story *s, const struct story_step *k)
{
	char t[FORMAT_LEN];

	if (k->more)
		fprintf(f, "  (%" PRIu64 " more of the same)\n", k->more);
	fprintf(f, "  -%-10s tid %-7u %s\n", format_ns(t, s->step_ns - k->ns), k->step.tid, step_text(&k->step));
	if (k->step.pfn || k->step.gfn)
		fprintf(f, "      pfn 0x%llx gfn 0x%llx order %u\n", k->step.pfn, k->step.gfn, k->step.order);
	if (k->step.old_spte || k->step.new_spte)
		fprintf(f, "      SPTE 0x%llx -> 0x%llx\n", k->step.old_spte, k->step.new_spte);
	if (k->step.stack && *digest_stack(d, k->step.stack)) {
		const char *p = digest_stack(d, k->step.stack);

		for (int n = 0; *p && n < 8; n++, p += strcspn(p, "\n"), p += *p == '\n')
			fprintf(f, "      %.*s\n", (int)strcspn(p, "\n"), p);
	}
}

static void story(FILE *f, const struct digest *d, const struct story *s, const json_t *v)
{
	char line[512], vm[64];
	uint64_t before;
	size_t first = story_first(s, STEPS_SHOWN, &before);

	snprintf(line, sizeof(line), "%s: %s", text_of(v, "invariant"), text_of(v, "sentence"));
	fputc('\n', f);
	wrapped(f, 0, 2, line);
	snprintf(line, sizeof(line), "Broken %.6f s into the recording, %s, gfn %s, pfn %s, level %s, folio order %"
		 PRIu64 ", by %s (pid %" PRIu64 "), cause: %s.", digest_seconds(d, s->ns),
		 digest_vm_name(d, s->vm, vm, sizeof(vm)), text_of(v, "gfn"), text_of(v, "pfn"),
		 text_of(v, "level"), json_count(v, "folio_order"), text_of(v, "comm"),
		 json_count(v, "pid"), text_of(v, "cause"));
	wrapped(f, 0, 2, line);
	if (!s->found) {
		wrapped(f, 0, 2, "Its steps are not in the recording.");
		return;
	}
	if (before)
		fprintf(f, "  (%" PRIu64 " earlier steps left out)\n", before);
	for (const struct story_step *k; (k = story_step(s, first)); first++)
		step(f, d, s, k);
}

static void repeat(FILE *f, const struct digest *d, const char *name)
{
	char workload[400], line[512];

	title(f, "How to repeat it");
	if (*report_workload(d, workload, sizeof(workload))) {
		snprintf(line, sizeof(line), "mmuscope record -o run.mms -- %s", workload);
		wrapped(f, 2, 2, line);
	} else {
		fprintf(f, "  mmuscope record -o run.mms --for 60s\n");
	}
	fprintf(f, "\n");
	wrapped(f, 0, 0, "The recording can be judged again, without KVM and as any user:");
	snprintf(line, sizeof(line), "mmuscope judge %s", name);
	fprintf(f, "\n");
	wrapped(f, 2, 2, line);
}

int report_lkml(FILE *f, struct digest *d, const char *name)
{
	const json_t *list = json_object_get(d->last, "violations");

	subject(f, d);
	warnings(f, d);
	if (d->has_verdict) {
		fputc('\n', f);
		wrapped(f, 0, 0, text_of(d->last, "summary"));
	}
	facts(f, d, name);
	counts(f, d);
	if (d->nstories)
		title(f, "What happened");
	for (size_t i = 0; i < d->nstories && i < 8; i++)
		story(f, d, &d->stories[i], json_array_get(list, i));
	if (json_array_size(list) > 8)
		fprintf(f, "\n(and %zu more)\n", json_array_size(list) - 8);
	repeat(f, d, name);
	return 0;
}
