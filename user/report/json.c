// SPDX-License-Identifier: GPL-2.0-only
/*
 * A digest as one JSON object: what the HTML page draws, and what anybody else may.  "version" is raised
 * when a field changes its meaning; fields are added, never renamed.
 */
#include "forms.h"
#include "user/judge/verdict.h"

#include "bpf/hist.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { JSON_VERSION = 1 };

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *hex(uint64_t n)
{
	return json_sprintf("0x%llx", (unsigned long long)n);
}

/* Seconds on the time line, to the microsecond. */
static json_t *seconds(const struct digest *d, uint64_t ns)
{
	return json_real(round(digest_seconds(d, ns) * 1e6) / 1e6);
}

static json_t *whole(double value)
{
	return isnan(value) ? json_null() : json_integer((json_int_t)value);
}

static json_t *health_json(const struct recording_health *h)
{
	json_t *o = json_object();

	json_object_set_new(o, "frames", number(h->frames));
	json_object_set_new(o, "records", number(h->records));
	json_object_set_new(o, "ends_early", json_boolean(h->ends_early));
	json_object_set_new(o, "header_damaged", json_boolean(h->header_damaged));
	json_object_set_new(o, "damages", number(h->damages));
	json_object_set_new(o, "lost_bytes", number(h->lost_bytes));
	json_object_set_new(o, "lost_frames", number(h->lost_frames));
	json_object_set_new(o, "lost_records", number(h->lost_records));
	json_object_set_new(o, "cut_bytes", number(h->cut_bytes));
	json_object_set_new(o, "gap_records", number(h->gap_records));
	json_object_set_new(o, "unknown_records", number(h->unknown_records));
	return o;
}

static json_t *recording_json(const struct digest *d, const char *name)
{
	json_t *o = json_object(), *types = json_object();
	char date[64];

	for (uint16_t i = 0; i < sizeof(d->types) / sizeof(d->types[0]); i++)
		if (d->types[i] && record_name(i))
			json_object_set_new(types, record_name(i), number(d->types[i]));
	json_object_set_new(o, "name", json_string(name));
	json_object_set_new(o, "begun", json_string(report_date(d, date, sizeof(date))));
	json_object_set_new(o, "seconds", seconds(d, d->last_ns));
	json_object_set_new(o, "complete", json_boolean(digest_is_complete(d)));
	json_object_set_new(o, "lossless", json_boolean(recording_is_lossless(&d->health)));
	json_object_set_new(o, "health", health_json(&d->health));
	json_object_set_new(o, "records", types);
	json_object_set_new(o, "snapshots", number(d->snapshots));
	return o;
}

static json_t *column(const struct digest *d, size_t vm, size_t offset)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->npoints; i++) {
		const struct point_vm *v = &d->points[i].vm[vm];
		double value;

		memcpy(&value, (const char *)v + offset, sizeof(value));
		json_array_append_new(list, v->known ? whole(value) : json_null());
	}
	return list;
}

static json_t *lost_json(const struct digest *d, size_t vm)
{
	json_t *o = json_object();

	for (int c = 0; c < LOW_NR; c++) {
		bool any = false;

		for (size_t i = 0; i < d->npoints; i++)
			any |= d->points[i].vm[vm].lost[c] > 0;
		if (any)
			json_object_set_new(o, level_cause_name(c),
					    column(d, vm, offsetof(struct point_vm, lost) +
						   (size_t)c * sizeof(double)));
	}
	return o;
}

static json_t *series_json(const struct digest *d, size_t vm)
{
	json_t *o = json_object(), *mapped = json_object();

	for (int l = 0; l < LEVELS; l++)
		json_object_set_new(mapped, level_name(l),
				    column(d, vm, offsetof(struct point_vm, mapped) +
					   (size_t)l * sizeof(double)));
	json_object_set_new(o, "mapped", mapped);
	json_object_set_new(o, "faults", column(d, vm, offsetof(struct point_vm, faults)));
	json_object_set_new(o, "retries", column(d, vm, offsetof(struct point_vm, retries)));
	json_object_set_new(o, "installed", column(d, vm, offsetof(struct point_vm, installed)));
	json_object_set_new(o, "zapped", column(d, vm, offsetof(struct point_vm, zapped)));
	json_object_set_new(o, "lost", lost_json(d, vm));
	return o;
}

static json_t *points_json(const struct digest *d)
{
	json_t *o = json_object(), *t = json_array(), *list = json_array();

	for (size_t i = 0; i < d->npoints; i++)
		json_array_append_new(t, seconds(d, d->points[i].ns));
	for (size_t i = 0; i < d->nvms; i++) {
		json_t *vm = series_json(d, 1 + i);

		json_object_set_new(vm, "id", number(d->vms[i].id));
		json_object_set_new(vm, "pid", number(d->vms[i].pid));
		json_object_set_new(vm, "comm", json_string(d->vms[i].comm));
		json_array_append_new(list, vm);
	}
	json_object_set_new(o, "time_s", t);
	json_object_set_new(o, "all", series_json(d, 0));
	json_object_set_new(o, "vms", list);
	json_object_set_new(o, "vms_in_sum_only", number(d->vms_over));
	return o;
}

/* Sparse: bin, bucket, count, each three numbers. */
static void heat_cell(json_t *list, size_t bin, int bucket, uint64_t n)
{
	if (!n)
		return;
	json_array_append_new(list, number(bin));
	json_array_append_new(list, json_integer(bucket));
	json_array_append_new(list, number(n));
}

static json_t *cause_json(const struct digest *d, int cause)
{
	const struct cause_sum *s = &d->causes[cause];
	json_t *o = json_object(), *series = json_array(), *heat = json_array(), *hist = json_array();

	for (size_t i = 0; i < d->bins.n; i++) {
		const struct cell *c = &d->bins.cells[i][cause];

		json_array_append_new(series, number(c->windows));
		for (int b = 0; b < CAUSE_BUCKETS; b++)
			heat_cell(heat, i, b, c->ns_bucket[b]);
	}
	for (int b = 0; b < CAUSE_BUCKETS; b++)
		json_array_append_new(hist, number(s->ns_bucket[b]));
	json_object_set_new(o, "cause", json_string(cause_name(cause)));
	json_object_set_new(o, "page", json_string(fate_name(cause_fate(cause))));
	json_object_set_new(o, "windows", number(s->windows));
	json_object_set_new(o, "ns", number(s->ns));
	json_object_set_new(o, "ns_max", number(s->ns_max));
	json_object_set_new(o, "pages", number(s->pages));
	json_object_set_new(o, "retries", number(s->retries));
	json_object_set_new(o, "window_ns", hist);
	json_object_set_new(o, "windows_by_bin", series);
	json_object_set_new(o, "heat", heat);
	return o;
}

static json_t *windows_json(const struct digest *d)
{
	json_t *o = json_object(), *list = json_array(), *pages = json_array();

	for (int c = 0; c < CAUSE_NR; c++)
		if (d->causes[c].windows)
			json_array_append_new(list, cause_json(d, c));
	for (size_t i = 0; i < d->bins.n; i++)
		for (int b = 0; b < PAGE_BUCKETS; b++)
			heat_cell(pages, i, b, d->bins.pages[i][b]);
	json_object_set_new(o, "bin_s", json_real((double)d->bins.width_ns / 1e9));
	json_object_set_new(o, "bins", number(d->bins.n));
	json_object_set_new(o, "first_bucket", json_integer(CAUSE_BUCKET_LOW));
	json_object_set_new(o, "causes", list);
	json_object_set_new(o, "pages_heat", pages);
	return o;
}

static json_t *step_json(const struct digest *d, const struct story *s, const struct story_step *k)
{
	json_t *o = json_object();

	json_object_set_new(o, "time_s", seconds(d, k->ns));
	json_object_set_new(o, "ns_before", number(s->step_ns - k->ns));
	json_object_set_new(o, "what", json_string(step_text(&k->step)));
	json_object_set_new(o, "more_before", number(k->more));
	json_object_set_new(o, "tid", number(k->step.tid));
	json_object_set_new(o, "gfn", hex(k->step.gfn));
	json_object_set_new(o, "pfn", hex(k->step.pfn));
	json_object_set_new(o, "old_spte", hex(k->step.old_spte));
	json_object_set_new(o, "new_spte", hex(k->step.new_spte));
	json_object_set_new(o, "folio_order", number(k->step.order));
	json_object_set_new(o, "folio_flags", hex(k->step.flags));
	json_object_set_new(o, "stack", json_string(digest_stack(d, k->step.stack)));
	return o;
}

static json_t *story_json(const struct digest *d, const struct story *s)
{
	json_t *o = json_object(), *list = json_array();
	char name[64];

	for (size_t i = 0; story_step(s, i); i++)
		json_array_append_new(list, step_json(d, s, story_step(s, i)));
	json_object_set_new(o, "time_s", seconds(d, s->found ? s->step_ns : s->ns));
	json_object_set_new(o, "invariant",
			    json_string(s->invariant >= 0 ? invariant_name(s->invariant) : "?"));
	json_object_set_new(o, "vm_name", json_string(digest_vm_name(d, s->vm, name, sizeof(name))));
	json_object_set_new(o, "steps_in_recording", number(s->all_steps));
	json_object_set_new(o, "steps", list);
	return o;
}

static json_t *moments_json(const struct digest *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->nmoments; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "time_s", seconds(d, d->moments[i].ns));
		json_object_set_new(o, "loss", json_string(d->moments[i].name));
		json_object_set_new(o, "n", number(d->moments[i].n));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *report_object(const struct digest *d, const char *name)
{
	json_t *o = json_pack("{s:s, s:i, s:s}", "mmuscope", VERSION, "version", JSON_VERSION, "command",
			      "report");
	json_t *warnings = json_array(), *stories = json_array();

	for (size_t i = 0; i < d->nwarnings; i++)
		json_array_append_new(warnings, json_string(d->warnings[i]));
	for (size_t i = 0; i < d->nstories; i++)
		json_array_append_new(stories, story_json(d, &d->stories[i]));
	if (!o)
		return NULL;
	json_object_set_new(o, "warnings", warnings);
	json_object_set_new(o, "recording", recording_json(d, name));
	json_object_set(o, "facts", d->facts ? d->facts : json_null());
	json_object_set(o, "meta", d->meta ? d->meta : json_null());
	json_object_set_new(o, "points", points_json(d));
	json_object_set_new(o, "windows", windows_json(d));
	json_object_set_new(o, "stories", stories);
	json_object_set_new(o, "losses", moments_json(d));
	json_object_set(o, "notes", d->notes);
	json_object_set(o, "last", d->last ? d->last : json_null());
	return o;
}

int report_json(FILE *f, struct digest *d, const char *name)
{
	json_t *o = report_object(d, name);
	int err = o ? json_dumpf(o, f, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII) : -1;

	fputc('\n', f);
	json_decref(o);
	return !o ? -ENOMEM : err ? -EIO : 0;
}
