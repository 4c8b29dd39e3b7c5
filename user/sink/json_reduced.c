// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON below the tier fentry: what is not known is null, and is listed.
 */
#include "parts.h"
#include "user/host/notifier.h"
#include "user/host/tier.h"

#include <string.h>

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static void set_null(json_t *o, const char *key)
{
	if (json_object_get(o, key))
		json_object_set_new(o, key, json_null());
}

/* All members of an object but one. */
static void set_all_null(json_t *o, const char *but)
{
	const char *key;
	json_t *value;

	json_object_foreach(o, key, value)
		if (!but || strcmp(key, but))
			json_object_set_new_nocheck(o, key, json_null());
}

/* Below the tier fentry (docs/tiers.md): a number that is not known is null. */
void json_vm_unknown(json_t *vm, unsigned int unknown)
{
	static const char *const flow[] = { "installed", "zapped", "torn_down", "split", "collapsed" };
	json_t *levels = json_object_get(vm, "levels"), *hva = json_object_get(vm, "hva_to_pfn");

	for (int l = 0; unknown & UNKNOWN(FLOW) && l < LEVELS; l++)
		for (size_t i = 0; i < sizeof(flow) / sizeof(flow[0]); i++)
			set_null(json_object_get(levels, level_name(l)), flow[i]);
	if (unknown & UNKNOWN(FAULTS))
		set_null(vm, "faults");
	if (unknown & UNKNOWN(RETRIES))
		set_null(vm, "fault_retries");
	if (unknown & UNKNOWN(LOOKUPS))
		set_null(hva, "calls");
	if (unknown & UNKNOWN(LOOKUP_RESULTS))
		set_all_null(hva, "calls");
	if (unknown & UNKNOWN(WINDOWS))
		set_all_null(json_object_get(vm, "windows"), NULL);
	else if (unknown & UNKNOWN(WINDOW_EVENTS))
		set_all_null(json_object_get(vm, "windows"), notifier_event_name(NOTIFIER_EVENTS - 1));
	if (unknown & UNKNOWN(WINDOW_TIMES)) {
		set_null(vm, "windows_followed");
		set_null(vm, "zapped_in_windows");
	}
	if (unknown & UNKNOWN(VERDICTS)) {
		set_null(vm, "kvm_marked");
		set_null(vm, "violations");
	}
}

/* The same of the whole; and what belongs to no VM that can be named. */
void json_reduced(json_t *o, const struct snapshot *s)
{
	json_t *list = json_object(), *levels = json_object();
	uint64_t windows = 0;

	for (int q = 0; q < QUANTITY_NR; q++)
		if (s->unknown & (1u << q))
			json_object_set_new(list, quantity_name((enum quantity)q), json_integer(1));
	json_object_set_new(o, "unknown", list);
	set_null(o, "window_ns");
	set_null(o, "window_pages");
	for (int l = 0; l < LEVELS; l++)
		json_object_set_new(levels, level_name(l),
				    json_pack("{s:o, s:o, s:o, s:o}", "installed", number(s->host.installed[l]), "zapped",
					      number(s->host.zapped[l]), "torn_down", number(s->host.torn_down[l]),
					      "split", number(s->host.split[l])));
	for (int e = 0; e < NOTIFIER_EVENTS; e++)
		windows += s->host.windows[e];
	json_object_set_new(o, "nobodys", json_pack("{s:o, s:o, s:o}", "levels", levels, "faults",
						    number(s->host.fault_ends), "windows", number(windows)));
}
