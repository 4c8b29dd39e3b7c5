// SPDX-License-Identifier: GPL-2.0-only
/*
 * One JSON object for a run, or for the list of scenarios. Fields are added, never renamed.
 */
#include "report_json.h"

#include "gmem.h"
#include "run.h"
#include "scenario.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JSON_VERSION 1

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *counts_json(const struct run *r)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < COUNTS; i++) {
		const struct count *c = &r->expect.counts[i];
		json_t *row = json_object();

		json_object_set_new(row, "n", number(c->n));
		json_object_set_new(row, "exact", json_boolean(!c->why));
		if (c->why) {
			json_object_set_new(row, "min", expect_bounded(&r->expect, i)
					    ? number(c->n) : json_null());
			json_object_set_new(row, "why", json_string(c->why));
		}
		json_object_set_new(o, count_name(i), row);
	}
	return o;
}

static json_t *vms_json(const struct report *rep)
{
	json_t *a = json_array();

	for (size_t i = 0; i < rep->nvms; i++) {
		json_t *row = json_object();

		json_object_set_new(row, "pid", json_integer(getpid()));
		json_object_set_new(row, "live", json_boolean(rep->vms[i].live));
		for (int k = 0; k < STATS; k++)
			json_object_set_new(row, stat_name(k), rep->vms[i].stats.have[k]
					    ? number(rep->vms[i].stats.n[k]) : json_null());
		json_array_append_new(a, row);
	}
	return a;
}

static json_t *steps_json(const struct report *rep)
{
	json_t *a = json_array();

	for (size_t i = 0; i < rep->nsteps; i++) {
		const struct report_step *s = &rep->steps[i];
		json_t *row = json_object();

		json_object_set_new(row, "step", json_string(s->name));
		json_object_set_new(row, "what", json_string(s->what));
		json_object_set_new(row, "status", json_integer(s->status));
		json_object_set_new(row, "seconds", json_real(s->seconds));
		json_array_append_new(a, row);
	}
	return a;
}

static json_t *vmstat_json(const struct report *rep)
{
	json_t *o = json_object();

	for (int i = 0; i < REPORT_VMSTATS; i++)
		if (rep->vmstat_have[i])
			json_object_set_new(o, report_vmstat_name(i), number(rep->vmstat[i]));
	return o;
}

static json_t *data_json(const struct run *r)
{
	const struct lost *l = &r->lost;
	json_t *ranges = json_array();
	json_t *o = json_object();

	for (size_t i = 0; i < l->nranges && i < LOST_RANGES_MAX; i++) {
		json_t *range = json_array();

		json_array_append_new(range, number(l->ranges[i][0]));
		json_array_append_new(range, number(l->ranges[i][1]));
		json_array_append_new(ranges, range);
	}
	json_object_set_new(o, "checked", number(l->checked));
	json_object_set_new(o, "lost", number(l->lost));
	json_object_set_new(o, "ranges", ranges);
	json_object_set_new(o, "ranges_total", number(l->nranges));
	json_object_set_new(o, "guest_checked", number(r->report.guest_checked));
	json_object_set_new(o, "guest_wrong", number(r->report.guest_wrong));
	return o;
}

static json_t *actions_json(const struct report *rep)
{
	json_t *o = json_object();

	for (size_t i = 0; i < rep->nactions; i++)
		json_object_set_new(o, rep->actions[i].name, number(rep->actions[i].n));
	return o;
}

/* true, false, or null when it cannot be said. */
static json_t *agrees_json(const struct run *r)
{
	bool all = true;

	for (enum count_id id = COUNT_PAGES_4K; id <= COUNT_PAGES_1G; id++) {
		bool known;

		all &= report_agrees(r, id, &known);
		if (!known)
			return json_null();
	}
	return json_boolean(all);
}

static const char *result_name(int status)
{
	switch (status) {
	case STATUS_OK:
		return "ok";
	case STATUS_UNSUPPORTED:
		return "unsupported";
	case STATUS_LOST:
		return "lost";
	default:
		return "error";
	}
}

/* One line, and a full disk or a closed pipe is an error. */
static int print(json_t *o)
{
	int err = json_dumpf(o, stdout, JSON_COMPACT);

	json_decref(o);
	if (!err && putchar('\n') != EOF && !fflush(stdout))
		return 0;
	fprintf(stderr, "mmuscope-load: cannot write the report: %s\n", strerror(errno));
	return STATUS_ERROR;
}

int report_json(const struct run *r, int status)
{
	json_t *o = json_object();

	json_object_set_new(o, "version", json_integer(JSON_VERSION));
	json_object_set_new(o, "scenario", json_string(r->scenario->name));
	json_object_set_new(o, "backing", json_string(r->scenario->backing));
	json_object_set_new(o, "pages", number(r->pages));
	json_object_set_new(o, "vcpus", json_integer(r->nvcpus));
	json_object_set_new(o, "rounds", json_integer(r->rounds));
	json_object_set_new(o, "expect", counts_json(r));
	json_object_set_new(o, "vms", vms_json(&r->report));
	json_object_set_new(o, "vms_total", number(r->report.nvms_done));
	json_object_set_new(o, "agrees", agrees_json(r));
	json_object_set_new(o, "steps", steps_json(&r->report));
	json_object_set_new(o, "steps_total", number(r->report.nsteps_done));
	if (r->report.nactions) {
		json_object_set_new(o, "seed", number(r->seed));
		json_object_set_new(o, "actions", actions_json(&r->report));
	}
	json_object_set_new(o, "vmstat", vmstat_json(&r->report));
	json_object_set_new(o, "data", data_json(r));
	json_object_set_new(o, "result", json_string(result_name(status)));
	if (status)
		json_object_set_new(o, "reason", json_string(r->why.text));
	return print(o);
}

static json_t *needs_json(unsigned int needs)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < NEEDS; i++)
		if (needs & (1u << i))
			json_array_append_new(a, json_string(need_name(i)));
	return a;
}

static json_t *scenarios_json(void)
{
	json_t *a = json_array();

	for (size_t i = 0; i < nscenarios; i++) {
		const struct scenario *s = &scenarios[i];
		json_t *row = json_object();

		json_object_set_new(row, "name", json_string(s->name));
		json_object_set_new(row, "text", json_string(s->text));
		json_object_set_new(row, "backing", json_string(s->backing));
		json_object_set_new(row, "steps", json_string(s->steps));
		json_object_set_new(row, "vcpus", json_integer(s->vcpus ? s->vcpus : 1));
		json_object_set_new(row, "needs", needs_json(scenario_needs(s)));
		json_array_append_new(a, row);
	}
	return a;
}

static json_t *backings_json(void)
{
	json_t *a = json_array();

	for (size_t i = 0; i < nbackings; i++) {
		json_t *row = json_object();

		json_object_set_new(row, "name", json_string(backings[i].name));
		json_object_set_new(row, "text", json_string(backings[i].text));
		json_object_set_new(row, "needs", needs_json(backings[i].needs));
		json_array_append_new(a, row);
	}
	return a;
}

static json_t *kinds_json(void)
{
	json_t *a = json_array();

	for (size_t i = 0; i < nstep_kinds; i++) {
		json_t *row = json_object();

		json_object_set_new(row, "name", json_string(step_kinds[i].name));
		json_object_set_new(row, "text", json_string(step_kinds[i].text));
		json_object_set_new(row, "needs", needs_json(step_kinds[i].needs));
		json_array_append_new(a, row);
	}
	return a;
}

/* What KVM says of guest_memfd and of VMs with private memory; null without /dev/kvm. */
static json_t *kvm_json(void)
{
	struct gmem_caps c;

	if (gmem_caps(&c))
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "vm_types", (json_int_t)c.vm_types,
			 "memory_attributes", (json_int_t)c.attributes,
			 "guest_memfd", (json_int_t)c.guest_memfd,
			 "guest_memfd_flags", (json_int_t)c.flags);
}

int list_json(void)
{
	json_t *o = json_object();

	json_object_set_new(o, "version", json_integer(JSON_VERSION));
	json_object_set_new(o, "scenarios", scenarios_json());
	json_object_set_new(o, "backings", backings_json());
	json_object_set_new(o, "steps", kinds_json());
	json_object_set_new(o, "kvm", kvm_json());
	return print(o);
}
