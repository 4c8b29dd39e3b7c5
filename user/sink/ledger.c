// SPDX-License-Identifier: GPL-2.0-only
/*
 * The level ledger of a VM: for a person at a terminal of 80 columns, and for machines.
 */
#include "user/judge/claims.h"
#include "user/base/format.h"
#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* "52.7%" of thousandths */
static const char *share_text(char buf[FORMAT_LEN], unsigned int share, uint64_t n)
{
	if (!share && n)
		return "<0.1%";
	snprintf(buf, FORMAT_LEN, "%u.%u%%", share / 10, share % 10);
	return buf;
}

/* "1.5 GiB s" */
static const char *byte_seconds(char buf[FORMAT_LEN], double n)
{
	char bytes[FORMAT_LEN];

	snprintf(buf, FORMAT_LEN, "%.20s s", format_bytes(bytes, (int64_t)n));
	return buf;
}

static const char *flag_text(uint32_t flags)
{
	if (flags & 1)
		return flags & 2 ? ", dirty log, read-only" : ", dirty log";
	return flags & 2 ? ", read-only" : "";
}

/* "anon+KSM" */
static void backings(char *buf, size_t size, uint32_t set)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int b = 0; b < BACKING_NR; b++)
		if (set & (1u << b) && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "+" : "",
						backing_name((enum backing)b));
	if (!len)
		snprintf(buf, size, "nothing mapped");
}

/* What the host has under it: a line for each level that the host has. */
static void host_levels(FILE *f, const struct slot_row *t)
{
	char n[1 + LEVELS][FORMAT_LEN];

	fprintf(f, "  %-10s %12s %14s %14s %14s\n", "HOST LEVEL", "BYTES", "OF IT IN 4K", "IN 2M", "IN 1G");
	for (int h = 0; h < HOST_LEVELS; h++) {
		if (!slot_host_bytes(t, h))
			continue;
		format_bytes(n[0], (int64_t)slot_host_bytes(t, h));
		for (int l = 0; l < LEVELS; l++)
			format_bytes(n[1 + l], (int64_t)(t->leaves[l][h] * level_bytes(l)));
		fprintf(f, "  %-10s %12s %14s %14s %14s\n", host_level_name(h), n[0], n[1], n[2], n[3]);
	}
}

static void lost_causes(FILE *f, const struct ledger *l)
{
	unsigned int shares[LOW_NR];
	char a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN], remedy[160];

	shares_of((const uint64_t *)l->total.lost, LOW_NR, shares);
	fprintf(f, "  %-20s %12s %7s %17s\n", "CAUSE", "BYTES", "SHARE", "BYTES BY TIME");
	for (int i = 0; i < LOW_NR; i++) {
		uint64_t n = l->total.lost[i];

		if (!n && !(l->byte_seconds[i] > 0))
			continue;
		fprintf(f, "  %-20s %12s %7s %17s\n", level_cause_name(i), format_bytes(a, (int64_t)n * 4096),
			share_text(b, shares[i], n), byte_seconds(c, l->byte_seconds[i]));
		text_wrapped(f, 4, level_cause_sentence(i));
		snprintf(remedy, sizeof(remedy), "remedy: %s", level_cause_remedy(i));
		text_wrapped(f, 4, remedy);
	}
}

static void slot_causes(FILE *f, const struct slot_row *r)
{
	unsigned int shares[LOW_NR];
	char text[256], n[FORMAT_LEN];
	size_t len;

	shares_of((const uint64_t *)r->lost, LOW_NR, shares);
	backings(text, sizeof(text), r->backings);
	len = strlen(text);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", flag_text(r->flags));
	for (int i = 0; i < LOW_NR; i++)
		if (r->lost[i] && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, ", %s %s", level_cause_name(i),
						share_text(n, shares[i], r->lost[i]));
	text_wrapped(f, 11, text);
}

static void slots(FILE *f, const struct ledger *l)
{
	char id[FORMAT_LEN], n[6][FORMAT_LEN];

	fprintf(f, "  %-7s %-12s %11s %11s %11s %11s %8s\n", "MEMSLOT", "GFN", "SIZE", "4K", "2M", "1G", "LOST");
	for (size_t i = 0; i < l->nslots; i++) {
		const struct slot_row *r = &l->slots[i];

		snprintf(id, sizeof(id), "%u:%u", r->as_id, r->id);
		format_bytes(n[0], (int64_t)r->npages * 4096);
		for (int k = 0; k < LEVELS; k++)
			format_bytes(n[1 + k], (int64_t)slot_bytes(r, k));
		format_percent(n[4], slot_lost(r), slot_mapped(r));
		fprintf(f, "  %-7s 0x%-10" PRIx64 " %11s %11s %11s %11s %8s\n", id, r->base_gfn, n[0], n[1],
			n[2], n[3], n[4]);
		slot_causes(f, r);
	}
}

/* What became of memory when its dirty log ended. */
static void recoveries(FILE *f, const struct ledger *l)
{
	char n[4][FORMAT_LEN], text[256];

	for (size_t i = 0; i < l->nslots; i++) {
		const struct slot_row *r = &l->slots[i];
		const struct recovery *c = &r->recovery;

		if (!c->off_ns || !c->lost)
			continue;
		if (c->over_ns)
			snprintf(text, sizeof(text), "recovered after %s to %s", format_ns(n[0], recovery_least(c)),
				 format_ns(n[1], recovery_most(c)));
		else
			snprintf(text, sizeof(text), "not recovered after %s: %s of %s mapped, %s of it as before",
				 format_ns(n[0], recovery_least(c)),
				 format_bytes(n[1], (int64_t)slot_mapped(r)),
				 format_bytes(n[2], (int64_t)c->mapped),
				 format_bytes(n[3], (int64_t)(r->lost[LOW_OLD] * 4096)));
		fprintf(f, "  dirty log of memslot %u:%u ended, %s were lost to it:\n", r->as_id, r->id,
			format_bytes(n[3], (int64_t)c->lost));
		text_wrapped(f, 4, text);
	}
}

/* When was this so? */
static void as_of(FILE *f, const struct vm_row *vm)
{
	char n[FORMAT_LEN];

	if (vm->gone && vm->gone_ns > vm->ledger->surveyed_ns)
		fprintf(f, "  as of %s before its end:\n",
			format_ns(n, vm->gone_ns - vm->ledger->surveyed_ns));
}

const char *ledger_missing(const struct vm_row *vm)
{
	if (vm->ledger && vm->ledger->surveyed_ns)
		return NULL;
	if (vm->by_stats)
		return "no host levels and causes at this tier";
	if (vm->gone)
		return "no host levels and causes: it ended before stock was taken, which is done once a "
		       "second and at the end of the run";
	return "no host levels and causes: stock could not be taken of it";
}

void text_ledger(FILE *f, const struct vm_row *vm, bool verbose)
{
	const struct ledger *l = vm->ledger;
	uint64_t lost, mapped;
	bool any = false;
	char n[FORMAT_LEN], m[FORMAT_LEN], share[FORMAT_LEN];

	if (!l || !l->surveyed_ns) {
		text_wrapped(f, 2, ledger_missing(vm));
		return;
	}
	lost = slot_lost(&l->total);
	mapped = slot_mapped(&l->total);
	for (int i = 0; i < LOW_NR; i++)
		any |= l->byte_seconds[i] > 0;
	as_of(f, vm);
	host_levels(f, &l->total);
	if (mapped)
		fprintf(f, "  %s of %s (%s) KVM maps smaller than the host does\n",
			format_bytes(n, (int64_t)lost), format_bytes(m, (int64_t)mapped),
			format_percent(share, lost, mapped));
	if (lost || any)
		lost_causes(f, l);
	if (l->total.promised)
		fprintf(f, "  promised, not delivered: %s in 4K, by the host too, of folios of 2M\n",
			format_bytes(n, (int64_t)l->total.promised * 4096));
	recoveries(f, l);
	if (verbose)
		slots(f, l);
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *causes_json(const uint64_t *lost)
{
	json_t *o = json_object();

	for (int i = 0; i < LOW_NR; i++)
		json_object_set_new(o, level_cause_name(i), number(lost[i] * 4096));
	return o;
}

static json_t *row_json(const struct slot_row *r)
{
	json_t *mapped = json_object(), *kinds = json_array();

	for (int l = 0; l < LEVELS; l++) {
		json_t *hosts = json_object();

		for (int h = 0; h < HOST_LEVELS; h++)
			json_object_set_new(hosts, host_level_name(h),
					    number(r->leaves[l][h] * level_bytes(l)));
		json_object_set_new(mapped, level_name(l), hosts);
	}
	for (int b = 0; b < BACKING_NR; b++)
		if (r->backings & (1u << b))
			json_array_append_new(kinds, json_string(backing_name((enum backing)b)));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "mapped", number(slot_mapped(r)), "lost",
			 number(slot_lost(r)), "mapped_by_level_and_host_level", mapped, "lost_by_cause",
			 causes_json(r->lost), "backings", kinds);
}

static json_t *recovery_json(const struct recovery *r)
{
	if (!r->off_ns)
		return json_null();
	return json_pack("{s:o, s:o, s:b, s:o, s:o}", "lost", number(r->lost), "mapped", number(r->mapped), "over",
			 r->over_ns != 0, "ns_least", number(recovery_least(r)), "ns_most",
			 r->over_ns ? number(recovery_most(r)) : json_null());
}

static json_t *slot_json(const struct slot_row *r)
{
	json_t *o = row_json(r);

	json_object_set_new(o, "as_id", number(r->as_id));
	json_object_set_new(o, "id", number(r->id));
	json_object_set_new(o, "base_gfn", number(r->base_gfn));
	json_object_set_new(o, "size", number(r->npages * 4096));
	json_object_set_new(o, "flags", number(r->flags));
	json_object_set_new(o, "recovery", recovery_json(&r->recovery));
	return o;
}

json_t *ledger_json(const struct vm_row *vm)
{
	const struct ledger *l = vm->ledger;
	json_t *list = json_array(), *seconds = json_object(), *o;

	o = row_json(&l->total);
	for (int i = 0; i < LOW_NR; i++)
		json_object_set_new(seconds, level_cause_name(i), json_real(l->byte_seconds[i]));
	json_object_set_new(o, "lost_byte_seconds", seconds);
	json_object_set_new(o, "watched_ns", number(l->watched_ns));
	json_object_set_new(o, "ns_before_end", vm->gone && vm->gone_ns > l->surveyed_ns ?
			    number(vm->gone_ns - l->surveyed_ns) : json_null());
	json_object_set_new(o, "promised", l->folios ? number(l->total.promised * 4096) : json_null());
	for (size_t i = 0; i < l->nslots; i++)
		json_array_append_new(list, slot_json(&l->slots[i]));
	json_object_set_new(o, "memslots", list);
	return o;
}
