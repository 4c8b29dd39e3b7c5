// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording for a person at a terminal of 80 columns.
 */
#include "user/base/format.h"
#include "user/sink/report.h"
#include "forms.h"

#include "bpf/hist.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CAUSES_SHOWN = 12, STEPS_SHOWN = 12 };

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "?";
}

static void warnings(FILE *f, const struct digest *d)
{
	for (size_t i = 0; i < d->nwarnings; i++)
		text_wrapped(f, i ? 4 : 0, d->warnings[i]);
	if (d->warnings_over)
		fprintf(f, "    and %" PRIu64 " more of the kind\n", d->warnings_over);
	if (d->nwarnings)
		fputc('\n', f);
}

static void head(FILE *f, const struct digest *d, const char *name)
{
	char t[FORMAT_LEN], n[FORMAT_LEN], text[512];

	fprintf(f, "mmuscope report: %s\n", name);
	fprintf(f, "Linux %s %s, hooks by %s\n", digest_text(d, "host.kernel", "?"),
		digest_text(d, "host.machine", ""), digest_text(d, "tier", "?"));
	if (*report_date(d, text, sizeof(text)))
		fprintf(f, "begun %s\n", text);
	fprintf(f, "%s, %s records, %s\n", format_ns(t, d->last_ns - d->first_ns),
		format_count(n, (int64_t)d->health.records),
		recording_is_lossless(&d->health) ? "the file is whole" : "the file is not whole");
	if (*report_workload(d, text, sizeof(text)))
		fprintf(f, "while ran: %.68s\n", text);
	fputc('\n', f);
}

static void verdicts(FILE *f, const struct digest *d)
{
	const json_t *list = json_object_get(d->last, "invariants"), *v;
	char n[FORMAT_LEN], m[FORMAT_LEN];
	size_t i;

	if (!json_array_size(list))
		return;
	text_wrapped(f, 0, text_of(d->last, "summary"));
	fprintf(f, "\n%-24s %-14s %15s %12s\n", "INVARIANT", "VERDICT", "CHECKED", "VIOLATIONS");
	json_array_foreach(list, i, v)
		fprintf(f, "%-24s %-14s %15s %12s\n", text_of(v, "name"), text_of(v, "verdict"),
			format_count(n, (int64_t)json_count(v, "checked")),
			format_count(m, (int64_t)json_count(v, "violations")));
	fputc('\n', f);
}

static void step(FILE *f, const struct story_step *k, const struct story *s)
{
	char before[FORMAT_LEN];
	uint64_t ns = s->step_ns - k->ns;

	if (k->more)
		fprintf(f, "    %10s %-6s  %" PRIu64 " more\n", "", "", k->more);
	fprintf(f, "    %10s %-6s  ", ns ? format_ns(before, ns) : "", ns ? "before" : "then");
	if (k->step.new_spte || k->step.old_spte)
		fprintf(f, "%-30s SPTE 0x%llx\n", step_text(&k->step),
			k->step.new_spte ? k->step.new_spte : k->step.old_spte);
	else
		fprintf(f, "%s\n", step_text(&k->step));
}

static void story(FILE *f, const struct digest *d, const struct story *s, const json_t *v)
{
	char name[64];
	uint64_t before;
	size_t first = story_first(s, STEPS_SHOWN, &before);

	fprintf(f, "VIOLATED %s, %.6f s into the recording\n", text_of(v, "invariant"),
		digest_seconds(d, s->ns));
	text_wrapped(f, 4, text_of(v, "sentence"));
	fprintf(f, "    %s, gfn %s, pfn %s, level %s\n", digest_vm_name(d, s->vm, name, sizeof(name)),
		text_of(v, "gfn"), text_of(v, "pfn"), text_of(v, "level"));
	fprintf(f, "    by %s, pid %" PRIu64 ", cause %s\n", text_of(v, "comm"), json_count(v, "pid"),
		text_of(v, "cause"));
	if (before)
		fprintf(f, "    %" PRIu64 " earlier steps\n", before);
	for (const struct story_step *k; (k = story_step(s, first)); first++)
		step(f, k, s);
	if (!s->found)
		fprintf(f, "    its steps are not in the recording\n");
	fputc('\n', f);
}

static void stories(FILE *f, const struct digest *d)
{
	const json_t *list = json_object_get(d->last, "violations");

	for (size_t i = 0; i < d->nstories; i++)
		story(f, d, &d->stories[i], json_array_get(list, i));
	if (json_array_size(list) > d->nstories)
		fprintf(f, "and %zu more violations\n\n", json_array_size(list) - d->nstories);
}

/* What KVM has mapped by a level; of a VM that ended: before. */
static const char *stock_text(char buf[FORMAT_LEN], const json_t *vm, int level)
{
	const json_t *o = json_object_get(json_object_get(vm, "levels"), level_name(level));
	const json_t *n = json_object_get(o, "stock");

	if (!json_is_integer(n))
		return "?";
	return format_bytes(buf, (int64_t)(json_count(o, "stock") * level_bytes(level)));
}

static void vms(FILE *f, const struct digest *d)
{
	const json_t *list = json_object_get(d->last, "vms"), *vm;
	char name[64], n[LEVELS][FORMAT_LEN], m[FORMAT_LEN];
	size_t i;

	if (!json_array_size(list))
		return;
	fprintf(f, "%-32s %11s %11s %11s %10s\n", "VM, MAPPED IN THE END", "4K", "2M", "1G", "FAULTS");
	json_array_foreach(list, i, vm)
		fprintf(f, "%-32.32s %11s %11s %11s %10s\n",
			digest_vm_name(d, (uint32_t)json_count(vm, "id"), name, sizeof(name)),
			stock_text(n[0], vm, 0), stock_text(n[1], vm, 1), stock_text(n[2], vm, 2),
			format_count(m, (int64_t)json_count(vm, "faults")));
	fputc('\n', f);
}

static int more_windows(const void *a, const void *b, void *arg)
{
	const struct cause_sum *causes = arg;
	uint64_t x = causes[*(const int *)a].windows, y = causes[*(const int *)b].windows;

	return x < y ? 1 : x > y ? -1 : *(const int *)a - *(const int *)b;
}

/* Upper edge of the bucket in which the quantile is. */
static uint64_t quantile(const struct cause_sum *c, double q)
{
	double want = q * (double)c->windows;
	uint64_t n = 0;
	uint32_t b = 0;

	for (; b < CAUSE_BUCKETS - 1; b++) {
		n += c->ns_bucket[b];
		if ((double)n >= want)
			break;
	}
	return hist_low(b + CAUSE_BUCKET_LOW + 1);
}

static void causes(FILE *f, const struct digest *d)
{
	int order[CAUSE_NR], shown = 0;
	char n[6][FORMAT_LEN];

	for (int i = 0; i < CAUSE_NR; i++)
		order[i] = i;
	qsort_r(order, CAUSE_NR, sizeof(order[0]), more_windows, (void *)(uintptr_t)d->causes);
	if (!d->causes[order[0]].windows)
		return;
	fprintf(f, "%-18s %9s %8s %8s %8s %9s %7s\n", "WINDOWS BY CAUSE", "WINDOWS", "P50 <", "P99 <", "MAX",
		"PAGES", "RETRIES");
	for (; shown < CAUSES_SHOWN && d->causes[order[shown]].windows; shown++) {
		const struct cause_sum *c = &d->causes[order[shown]];

		fprintf(f, "%-18s %9s %8s %8s %8s %9s %7s\n", cause_name(order[shown]),
			format_count(n[0], (int64_t)c->windows), format_short_ns(n[1], quantile(c, 0.5)),
			format_short_ns(n[2], quantile(c, 0.99)), format_short_ns(n[3], c->ns_max),
			format_count(n[4], (int64_t)c->pages), format_count(n[5], (int64_t)c->retries));
	}
	fputc('\n', f);
}

int report_text(FILE *f, struct digest *d, const char *name)
{
	warnings(f, d);
	head(f, d, name);
	verdicts(f, d);
	stories(f, d);
	vms(f, d);
	causes(f, d);
	fprintf(f, "%s\n", digest_is_complete(d) ? "nothing lost" : "not everything is in it: see above");
	return 0;
}
