// SPDX-License-Identifier: GPL-2.0-only
/*
 * A picture for machines: the numbers that the screen shows, in full.  Units are in the names.
 */
#include "top.h"

#include <stdlib.h>

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *or_null(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static json_t *verdict_json(unsigned int verdict)
{
	return verdict == VERDICT_UNKNOWN ? json_null() : json_string(value_name((enum value)verdict));
}

static json_t *initiator_json(const struct initiator_rate *r)
{
	if (!r->who)
		return json_null();
	return json_pack("{s:s, s:s, s:i, s:f}", "cause", r->who->cause, "comm", r->who->comm, "tid",
			 (int)r->who->tid, "windows_per_second", r->windows);
}

static json_t *real_or_null(double x, bool known)
{
	return known ? json_real(x) : json_null();
}

/* What a VM and all of them have in common; what a tier does not know is null. */
static void rates_json(json_t *o, const struct numbers *n, const struct vm_rates *r)
{
	json_object_set_new(o, "faults_per_second", real_or_null(r->faults, !n->no_faults));
	json_object_set_new(o, "fault_retries_per_second", real_or_null(r->retries, !n->reduced));
	json_object_set_new(o, "lookups", number(r->lookups));
	json_object_set_new(o, "lookup_p50_ns", r->lookups ? number(r->p50_ns) : json_null());
	json_object_set_new(o, "lookup_p99_ns", r->lookups ? number(r->p99_ns) : json_null());
	json_object_set_new(o, "windows_per_second", real_or_null(r->windows, !n->no_windows));
	json_object_set_new(o, "zapped_pages_per_second", real_or_null(r->zapped, !n->no_zapped));
	json_object_set_new(o, "main_initiator", initiator_json(&r->main));
}

static json_t *vm_json(const struct numbers *n, const struct vm_rates *r)
{
	const struct vm_numbers *vm = r->vm;
	json_t *mapped = json_object();
	json_t *o = json_pack("{s:i, s:s, s:i, s:s, s:b, s:b, s:o, s:o, s:o, s:s?, s:o}", "id", (int)vm->id, "name",
			      vm->name, "pid", (int)vm->pid, "comm", vm->comm, "late", vm->late, "ended",
			      vm->ended, "verdict", verdict_json(vm->verdict), "mapped_bytes", mapped,
			      "lost_bytes", or_null(vm->lost), "lost_cause",
			      r->lost_cause == LOW_NR ? NULL : level_cause_name(r->lost_cause), "violations",
			      number(vm->violations));

	if (!o)
		return NULL;
	for (int l = 0; l < LEVELS; l++)
		json_object_set_new(mapped, level_name(l), or_null(vm->mapped[l]));
	rates_json(o, n, r);
	return o;
}

json_t *top_json(const struct top_view *v, const struct rates *r)
{
	size_t *order = calloc(r->nvms + 1, sizeof(*order)), n = order ? top_order(v, r, order) : 0;
	json_t *list = json_array(), *total = json_object(), *mapped = json_object(), *o;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, vm_json(r->now, &r->vms[order[i]]));
	free(order);
	for (int l = 0; l < LEVELS; l++)
		json_object_set_new(mapped, level_name(l), number(r->total_mapped[l]));
	json_object_set_new(total, "vms", number(r->nvms - r->nended));
	json_object_set_new(total, "mapped_bytes", mapped);
	json_object_set_new(total, "lost_bytes", number(r->total_lost));
	rates_json(total, r->now, &r->total);
	o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:f, s:f, s:o, s:s, s:o, s:o, s:o}", "mmuscope", VERSION, "version", 1,
		      "command", "top", "tier", r->now->tier, "clock", v->clock, "observed_seconds", (double)r->now->observed_ns / 1e9,
		      "seconds", r->seconds, "verdict", verdict_json(r->now->verdict), "why", r->now->why,
		      "losses", number(r->now->lost_records), "total", total, "vms", list);
	return o;
}
