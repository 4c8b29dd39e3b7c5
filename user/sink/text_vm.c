// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each VM did, for a person: levels, lookups, faults, windows.
 */
#include "user/base/format.h"
#include "user/host/notifier.h"
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

static void levels_of(FILE *f, const struct vm_row *vm)
{
	const struct vm_counts *c = &vm->counts;
	bool any = false;
	char n[6][FORMAT_LEN];

	fprintf(f, "  %-5s %12s %11s %12s %12s %9s %9s\n", "LEVEL", vm->gone ? "AT ITS END" : "NOW",
		"BYTES", "INSTALLED", "ZAPPED", "SPLIT", "COLLAPSED");
	for (int l = 0; l < LEVELS; l++) {
		int64_t pages;
		bool known = row_stock(vm, l, &pages);

		if (!c->installed[l] && !c->zapped[l] && !c->split[l] && !pages)
			continue;
		any = true;
		fprintf(f, "  %-5s %12s %11s %12s %12s %9s %9s\n", level_name(l),
			known ? format_count(n[0], pages) : "unknown",
			known ? format_bytes(n[1], pages * (int64_t)level_bytes(l)) : "",
			format_count(n[2], (int64_t)c->installed[l]),
			format_count(n[3], (int64_t)c->zapped[l]),
			format_count(n[4], (int64_t)c->split[l]),
			format_count(n[5], (int64_t)c->collapsed[l]));
	}
	if (!any)
		fprintf(f, "  nothing mapped, nothing zapped\n");
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
	fprintf(f, "  windows %s", format_count(a, (int64_t)sum(c->windows, NOTIFIER_EVENTS)));
	for (int e = 0, first = 1; e < NOTIFIER_EVENTS; e++) {
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

void text_vms(FILE *f, const struct report *r, bool levels)
{
	for (size_t i = 0; i < r->snapshot->nvms; i++) {
		const struct vm_row *vm = &r->snapshot->vms[i];

		fputc('\n', f);
		text_vm_title(f, vm);
		activity(f, &vm->counts);
		if (!levels)
			continue;
		levels_of(f, vm);
		text_ledger(f, vm, r->verbose);
	}
	if (r->snapshot->vms_over)
		fprintf(f, "\n%" PRIu64 " more VMs came and went\n", r->snapshot->vms_over);
	if (!r->snapshot->nvms)
		fprintf(f, "\nno VM was seen\n");
	fputc('\n', f);
}
