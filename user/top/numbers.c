// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a report to numbers.  A report may come from a file, and a file from anybody: what is missing, of
 * another type or negative counts as nothing, and texts were made printable by who has read them.
 */
#include "numbers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* -1: there is none. */
static int64_t known(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);

	return json_is_integer(n) && json_integer_value(n) >= 0 ? json_integer_value(n) : -1;
}

static void text(char *out, size_t size, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	snprintf(out, size, "%s", s ? s : "");
}

static unsigned int verdict_named(const char *name)
{
	for (unsigned int v = HELD; name && v <= NOT_APPLICABLE; v++)
		if (!strcmp(value_name((enum value)v), name))
			return v;
	return VERDICT_UNKNOWN;
}

static unsigned int verdict_at(const json_t *o)
{
	return verdict_named(json_string_value(json_object_get(o, "verdict")));
}

static uint64_t sum_of(const json_t *o)
{
	const char *key;
	uint64_t sum = 0;
	json_t *n;

	json_object_foreach((json_t *)o, key, n)
		sum += number(o, key);
	return sum;
}

static void read_hist(struct hist *h, const json_t *o)
{
	const json_t *list = json_object_get(o, "buckets");

	h->sum = number(o, "sum");
	for (size_t b = 0; b < HIST_BUCKETS && b < json_array_size(list); b++) {
		json_int_t n = json_integer_value(json_array_get(list, b));

		h->bucket[b] = n > 0 ? (uint64_t)n : 0;
	}
}

static void read_lost_by(uint64_t lost_by[LOW_NR], const json_t *row)
{
	const json_t *o = json_object_get(row, "lost_by_cause");

	for (int i = 0; i < LOW_NR; i++)
		lost_by[i] = number(o, level_cause_name((enum level_cause)i));
}

static void read_backings(char *out, size_t size, const json_t *row)
{
	size_t i, len = 0;
	json_t *word;

	*out = '\0';
	json_array_foreach(json_object_get(row, "backings"), i, word)
		if (len < size && json_is_string(word))
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
						json_string_value(word));
}

static void read_slot(struct slot_numbers *s, const json_t *row)
{
	const json_t *levels = json_object_get(row, "mapped_by_level_and_host_level");

	s->as_id = (uint32_t)number(row, "as_id");
	s->id = (uint32_t)number(row, "id");
	s->flags = (uint32_t)number(row, "flags");
	s->base_gfn = number(row, "base_gfn");
	s->size = number(row, "size");
	for (int l = 0; l < LEVELS; l++)
		s->mapped[l] = sum_of(json_object_get(levels, level_name(l)));
	s->lost = number(row, "lost");
	read_lost_by(s->lost_by, row);
	read_backings(s->backings, sizeof(s->backings), row);
}

static bool read_slots(struct vm_numbers *vm, const json_t *ledger)
{
	const json_t *list = json_object_get(ledger, "memslots");
	size_t i, n = json_array_size(list);
	json_t *row;

	if (!n)
		return true;
	vm->slots = calloc(n, sizeof(*vm->slots));
	if (!vm->slots)
		return false;
	json_array_foreach(list, i, row)
		read_slot(&vm->slots[i], row);
	vm->nslots = n;
	return true;
}

static bool read_ledger(struct vm_numbers *vm, const json_t *ledger)
{
	const json_t *levels = json_object_get(ledger, "mapped_by_level_and_host_level");

	vm->lost = known(ledger, "lost");
	for (int h = 0; h < HOST_LEVELS; h++) {
		vm->host[h] = levels ? 0 : -1;
		for (int l = 0; l < LEVELS && levels; l++)
			vm->host[h] += (int64_t)number(json_object_get(levels, level_name(l)),
						       host_level_name(h));
	}
	read_lost_by(vm->lost_by, ledger);
	return read_slots(vm, ledger);
}

static void read_levels(struct vm_numbers *vm, const json_t *levels)
{
	for (int l = 0; l < LEVELS; l++) {
		int64_t pages = known(json_object_get(levels, level_name(l)), "stock");

		vm->mapped[l] = pages < 0 || pages > INT64_MAX >> 31 ? -1 :
				pages * (int64_t)level_bytes(l);
	}
}

static bool read_vm(struct vm_numbers *vm, const json_t *o, bool faults)
{
	const json_t *lookups = json_object_get(o, "lookup_ns");

	vm->id = (uint32_t)number(o, "id");
	vm->pid = (uint32_t)number(o, "pid");
	vm->born_ns = number(o, "born_ns");
	text(vm->comm, sizeof(vm->comm), o, "comm");
	text(vm->name, sizeof(vm->name), o, "name");
	if (!*vm->name)
		snprintf(vm->name, sizeof(vm->name), "%s", vm->comm);
	vm->late = json_is_true(json_object_get(o, "late"));
	vm->ended = json_is_true(json_object_get(o, "ended"));
	read_levels(vm, json_object_get(o, "levels"));
	vm->faults = faults ? number(o, "faults") : number(json_object_get(o, "hva_to_pfn"), "calls");
	vm->retries = number(o, "fault_retries");
	vm->windows = sum_of(json_object_get(o, "windows"));
	vm->zapped = number(o, "zapped_in_windows");
	vm->no_faults = json_is_null(json_object_get(o, "faults"));
	vm->no_windows = json_is_null(json_object_get(json_object_get(o, "windows"), "other"));
	vm->no_zapped = json_is_null(json_object_get(o, "zapped_in_windows"));
	vm->violations = sum_of(json_object_get(o, "violations"));
	vm->verdict = verdict_at(o);
	/* recordings of before there was one for each VM */
	if (vm->verdict == VERDICT_UNKNOWN && vm->violations)
		vm->verdict = VIOLATED;
	vm->timed = json_is_object(lookups);
	read_hist(&vm->lookup_ns, lookups);
	return read_ledger(vm, json_object_get(o, "ledger"));
}

static int read_vms(struct numbers *n, const json_t *list)
{
	size_t i, size = json_array_size(list);
	json_t *o;

	n->vms = calloc(size ? size : 1, sizeof(*n->vms));
	if (!n->vms)
		return -ENOMEM;
	n->nvms = size;
	json_array_foreach(list, i, o)
		if (!read_vm(&n->vms[i], o, n->checking || n->reduced))
			return -ENOMEM;
	return 0;
}

static struct initiator_numbers *initiator_new(struct numbers *n, const json_t *cause)
{
	struct initiator_numbers *list = reallocarray(n->initiators, n->ninitiators + 1, sizeof(*list)), *who;

	if (!list)
		return NULL;
	n->initiators = list;
	who = &list[n->ninitiators++];
	*who = (struct initiator_numbers){ .pid = (uint32_t)number(cause, "pid"),
					   .tid = (uint32_t)number(cause, "tid") };
	text(who->cause, sizeof(who->cause), cause, "cause");
	text(who->comm, sizeof(who->comm), cause, "comm");
	return who;
}

/* Where it is not told whose windows they were, they are nobody's: VM 0. */
static int read_initiator(struct numbers *n, const json_t *cause)
{
	const json_t *shares = json_object_get(cause, "vms");
	struct initiator_numbers *who;
	json_t *share;
	size_t i;

	if (!json_array_size(shares)) {
		who = initiator_new(n, cause);
		if (!who)
			return -ENOMEM;
		who->windows = number(cause, "windows");
		who->ns = number(cause, "ns");
		return 0;
	}
	json_array_foreach(shares, i, share) {
		who = initiator_new(n, cause);
		if (!who)
			return -ENOMEM;
		who->vm = (uint32_t)number(share, "vm");
		who->windows = number(share, "windows");
		who->ns = number(share, "ns");
	}
	return 0;
}

static int read_initiators(struct numbers *n, const json_t *list)
{
	json_t *cause;
	int err = 0;
	size_t i;

	json_array_foreach(list, i, cause) {
		if (json_is_true(json_object_get(cause, "outside_windows")))
			continue;
		err = err ?: read_initiator(n, cause);
	}
	return err;
}

static int read_violations(struct numbers *n, const json_t *list)
{
	size_t i, size = json_array_size(list);
	json_t *o;

	n->violations = calloc(size ? size : 1, sizeof(*n->violations));
	if (!n->violations)
		return -ENOMEM;
	n->nviolations = size;
	json_array_foreach(list, i, o) {
		struct violation_numbers *v = &n->violations[i];

		v->vm = (uint32_t)number(o, "vm");
		v->since_start_ns = number(o, "since_start_ns");
		text(v->invariant, sizeof(v->invariant), o, "invariant");
		text(v->cause, sizeof(v->cause), o, "cause");
		text(v->comm, sizeof(v->comm), o, "comm");
		text(v->gfn, sizeof(v->gfn), o, "gfn");
		text(v->level, sizeof(v->level), o, "level");
	}
	return 0;
}

/* Which invariants are how, and why the worst of them is not better. */
static void read_invariants(struct numbers *n, const json_t *report)
{
	json_t *o;
	size_t i;

	n->verdict = verdict_at(report);
	json_array_foreach(json_object_get(report, "invariants"), i, o) {
		unsigned int v = verdict_at(o);
		const char *reason = json_string_value(json_array_get(json_object_get(o, "reasons"), 0));
		const char *name = json_string_value(json_object_get(o, "name"));

		n->judged[v]++;
		if (*n->why || v != n->verdict || (v != VIOLATED && v != INCONCLUSIVE))
			continue;
		if (v == VIOLATED)
			snprintf(n->why, sizeof(n->why), "%s, %llu times", name ? name : "?",
				 (unsigned long long)number(o, "violations"));
		else
			snprintf(n->why, sizeof(n->why), "%s", reason ? reason : "");
	}
}

/* Those of losses that are counts of what was missed; VMs are told by themselves. */
static uint64_t losses_of(const json_t *losses)
{
	return sum_of(losses) - number(losses, "late-vms") - number(losses, "unadopted-vms");
}

int numbers_read(const json_t *report, struct numbers *out)
{
	const json_t *host = json_object_get(report, "host"), *unknown;
	int err;

	*out = (struct numbers){ 0 };
	if (!json_is_object(report) || !json_is_array(json_object_get(report, "vms")))
		return -EINVAL;
	out->observed_ns = number(report, "observed_ns");
	text(out->kernel, sizeof(out->kernel), host, "kernel");
	text(out->host, sizeof(out->host), host, "name");
	text(out->tier, sizeof(out->tier), report, "tier");
	out->checking = json_object_get(report, "invariants") ||
			!strcmp(json_string_value(json_object_get(report, "command")) ?: "", "record");
	unknown = json_object_get(report, "unknown");
	out->reduced = json_is_object(unknown);
	out->no_faults = json_object_get(unknown, "faults");
	out->no_windows = json_object_get(unknown, "windows");
	out->no_zapped = json_object_get(unknown, "window-times");
	out->lost_records = losses_of(json_object_get(report, "losses"));
	read_invariants(out, report);
	err = read_vms(out, json_object_get(report, "vms"));
	err = err ?: read_initiators(out, json_object_get(report, "causes"));
	err = err ?: read_violations(out, json_object_get(report, "violations"));
	if (err)
		numbers_free(out);
	return err;
}

void numbers_free(struct numbers *n)
{
	for (size_t i = 0; n->vms && i < n->nvms; i++)
		free(n->vms[i].slots);
	free(n->vms);
	free(n->initiators);
	free(n->violations);
	*n = (struct numbers){ 0 };
}
