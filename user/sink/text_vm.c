// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each VM did, for a person: levels, lookups, faults, windows.
 */
#include "user/base/format.h"
#include "user/host/notifier.h"
#include "user/host/tier.h"
#include "report.h"
#include "parts.h"

#include <inttypes.h>

static uint64_t sum(const __u64 *v, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += v[i];
	return s;
}

void text_vm_title(FILE *f, const struct vm_row *vm)
{
	char comm[FORMAT_LEN];

	fprintf(f, "VM %u: pid %u", vm->info.index, vm->info.pid);
	if (vm->info.comm[0])
		fprintf(f, " %s", format_comm(comm, vm->info.comm, COMM_LEN));
	if (vm->info.flags & VM_LATE)
		fprintf(f, ", older than this run");
	if (vm->gone)
		fprintf(f, ", ended");
	fputc('\n', f);
}

static void count_or_unknown(char *buf, uint64_t n, bool known)
{
	if (known)
		format_count(buf, (int64_t)n);
	else
		snprintf(buf, FORMAT_LEN, "unknown");
}

static void levels_of(FILE *f, const struct snapshot *s, const struct vm_row *vm)
{
	bool flow = !(s->unknown & UNKNOWN(FLOW));
	const struct vm_counts *c = &vm->counts;
	bool any = false;
	char n[6][FORMAT_LEN];

	fprintf(f, "  %-5s %12s %11s %12s %12s %9s %9s\n", "LEVEL", vm->gone ? vm->by_stats ? "LAST SEEN" : "AT ITS END" : "NOW",
		"BYTES", "INSTALLED", "ZAPPED", "SPLIT", "COLLAPSED");
	for (int l = 0; l < LEVELS; l++) {
		int64_t pages;
		bool known = row_stock(vm, l, &pages);

		if (!c->installed[l] && !c->zapped[l] && !c->split[l] && !pages)
			continue;
		any = true;
		count_or_unknown(n[2], c->installed[l], flow);
		count_or_unknown(n[3], c->zapped[l], flow);
		count_or_unknown(n[4], c->split[l], flow);
		count_or_unknown(n[5], c->collapsed[l], flow);
		fprintf(f, "  %-5s %12s %11s %12s %12s %9s %9s\n", level_name(l),
			known ? format_count(n[0], pages) : "unknown",
			known ? format_bytes(n[1], pages * (int64_t)level_bytes(l)) : "", n[2], n[3], n[4], n[5]);
	}
	if (!any)
		fprintf(f, flow ? "  nothing mapped, nothing zapped\n" : "  nothing mapped\n");
}

static void windows_of(FILE *f, const struct vm_counts *c, bool events)
{
	char a[FORMAT_LEN], b[FORMAT_LEN];

	fprintf(f, "  windows %s", format_count(a, (int64_t)sum(c->windows, NOTIFIER_EVENTS)));
	for (int e = 0, first = 1; events && e < NOTIFIER_EVENTS; e++) {
		if (!c->windows[e])
			continue;
		fprintf(f, "%s%s %s", first ? " (" : ", ", notifier_event_name(e),
			format_count(b, (int64_t)c->windows[e]));
		first = 0;
		if (e == NOTIFIER_EVENTS - 1 || !sum(&c->windows[e + 1], (size_t)(NOTIFIER_EVENTS - 1 - e)))
			fputc(')', f);
	}
	fputc('\n', f);
}

/* Below the tier fentry: what of it is known. */
static void reduced_activity(FILE *f, unsigned int unknown, const struct vm_counts *c)
{
	char n[FORMAT_LEN];

	if (!(unknown & UNKNOWN(LOOKUPS)))
		fprintf(f, "  hva_to_pfn %s\n", format_count(n, (int64_t)c->hva[HVA_CALLS]));
	if (!(unknown & UNKNOWN(FAULTS)))
		fprintf(f, "  faults %s\n", format_count(n, (int64_t)c->fault_ends));
	if (!(unknown & UNKNOWN(WINDOWS)))
		windows_of(f, c, !(unknown & UNKNOWN(WINDOW_EVENTS)));
}

static void activity(FILE *f, const struct vm_counts *c)
{
	char a[FORMAT_LEN], b[FORMAT_LEN];
	uint64_t errors = sum(&c->hva[HVA_ERR_FAULT], HVA_NR - HVA_ERR_FAULT);

	fprintf(f, "  hva_to_pfn %s", format_count(a, (int64_t)c->hva[HVA_CALLS]));
	fprintf(f, " (%s for writing, %" PRIu64 " failed)\n", format_count(b, (int64_t)c->hva[HVA_WRITE]),
		errors);
	if (c->fault_ends)
		fprintf(f, "  faults %s, %s to be made again: the host was invalidating\n",
			format_count(a, (int64_t)c->fault_ends),
			format_count(b, (int64_t)c->fault_retries));
	windows_of(f, c, true);
}

/* Below the tier fentry: changes of which it is not known whose they are. */
static void nobodys(FILE *f, const struct snapshot *s)
{
	const struct vm_counts *c = &s->host;
	char a[FORMAT_LEN], b[FORMAT_LEN];
	uint64_t installed = sum(c->installed, LEVELS);
	uint64_t gone = sum(c->zapped, LEVELS) + sum(c->torn_down, LEVELS) + sum(c->split, LEVELS);
	uint64_t windows = sum(c->windows, NOTIFIER_EVENTS);

	if (!s->reduced || !(installed + gone + windows))
		return;
	fprintf(f, "\nof no VM that can be named: %s SPTEs installed, %s gone", format_count(a, (int64_t)installed),
		format_count(b, (int64_t)gone));
	fprintf(f, ", %s windows\n", format_count(a, (int64_t)windows));
}

void text_vms(FILE *f, const struct report *r, bool levels)
{
	for (size_t i = 0; i < r->snapshot->nvms; i++) {
		const struct vm_row *vm = &r->snapshot->vms[i];

		fputc('\n', f);
		text_vm_title(f, vm);
		if (r->snapshot->reduced)
			reduced_activity(f, r->snapshot->unknown, &vm->counts);
		else
			activity(f, &vm->counts);
		if (!levels)
			continue;
		levels_of(f, r->snapshot, vm);
		if (r->snapshot->reduced)
			continue;
		text_ledger(f, vm, r->verbose);
	}
	nobodys(f, r->snapshot);
	if (r->snapshot->vms_over)
		fprintf(f, "\n%" PRIu64 " more VMs came and went\n", r->snapshot->vms_over);
	if (!r->snapshot->nvms)
		fprintf(f, "\nno VM was seen\n");
	fputc('\n', f);
}
