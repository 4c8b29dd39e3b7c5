// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports for a person at a terminal of 80 columns.
 */
#include "format.h"
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Colour of a verdict, only on a terminal and unless NO_COLOR is set. */
static const char *colour(FILE *f, enum value v)
{
	if (!isatty(fileno(f)) || getenv("NO_COLOR"))
		return "";
	switch (v) {
	case HELD:
		return "\033[32m";
	case VIOLATED:
		return "\033[1;31m";
	case INCONCLUSIVE:
		return "\033[33m";
	default:
		return "\033[2m";
	}
}

static const char *colour_off(FILE *f, enum value v)
{
	return *colour(f, v) ? "\033[0m" : "";
}

const char *notifier_event_name(int event)
{
	static const char *const names[NOTIFIER_EVENTS] = {
		"unmap", "clear", "protect-vma", "protect-page", "soft-dirty", "release", "migrate",
		"exclusive", "other",
	};

	return event >= 0 && event < NOTIFIER_EVENTS ? names[event] : "other";
}

static void head(FILE *f, const struct report *r)
{
	char t[FORMAT_LEN];

	fprintf(f, "mmuscope %s: Linux %s %s\nhooks by %s, %s observed\n", r->command, r->kernel,
		r->machine, r->tier, format_ns(t, r->snapshot->seconds_ns));
}

static void verdicts(FILE *f, const struct report *r)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	fprintf(f, "%-24s %-13s %15s %12s\n", "INVARIANT", "VERDICT", "CHECKED", "VIOLATIONS");
	for (int i = 0; i < INV_NR; i++) {
		const struct verdict *v = &r->verdicts[i];

		if (!(r->selected & (1u << i)))
			continue;
		fprintf(f, "%-24s %s%-13s%s %15s %12s\n", invariant_name(i), colour(f, v->value),
			value_name(v->value), colour_off(f, v->value),
			format_count(n, (int64_t)v->checked), format_count(m, (int64_t)v->violations));
		for (size_t k = 0; k < v->nreasons; k++)
			fprintf(f, "    %s\n", v->reason[k]);
	}
}

static uint64_t sum(const __u64 *v, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += v[i];
	return s;
}

static void vm_title(FILE *f, const struct vm_row *vm)
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

/* Bits 2..5 of what an SPTE allows, for a person. */
static void spte(FILE *f, const char *name, uint64_t v)
{
	fprintf(f, "    %-9s 0x%016" PRIx64 "%s%s%s\n", name, v, v & (1 << 11) ? " present" : " gone",
		v & 2 ? " writable" : "", v & (1 << 6) ? " dirty" : "");
}

/* A sentence over as many lines of 76 columns as it needs, indented. */
static void wrapped(FILE *f, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > 72) {
			fputc('\n', f);
			column = 0;
		}
		fprintf(f, "%s%.*s", column ? " " : "    ", (int)len, text);
		column += len + (column ? 1 : 0);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

static void tell(FILE *f, const struct report *r, const struct told *t)
{
	const struct event_violation *e = &t->e;
	char when[FORMAT_LEN], comm[FORMAT_LEN];

	fprintf(f, "\n%sVIOLATED%s %s, %s into the run; it says that\n", colour(f, VIOLATED),
		colour_off(f, VIOLATED), invariant_name(e->invariant),
		format_ns(when, (uint64_t)t->since_start_ns));
	wrapped(f, invariant_sentence(e->invariant));
	fprintf(f, "    VM        %s\n", t->vm_name);
	if (e->vm)
		fprintf(f, "    gfn       0x%" PRIx64 "  hva 0x%" PRIx64 "  level %s  as_id %u\n",
			(uint64_t)e->gfn, (uint64_t)e->hva,
			e->level >= 1 && e->level <= LEVELS ? level_name((int)e->level - 1) : "?",
			e->as_id);
	fprintf(f, "    page      pfn 0x%" PRIx64 ", folio order %u, flags 0x%" PRIx64 "%s\n"
		"    concerns  %" PRIu64 " page%s\n", (uint64_t)e->pfn, e->order, (uint64_t)e->page_flags,
		r->dirty_bit < 0 ? "" : e->page_flags >> r->dirty_bit & 1 ? " (dirty)" : " (not dirty)",
		(uint64_t)e->pages, e->pages == 1 ? "" : "s");
	if (e->old_spte)
		spte(f, "SPTE", e->old_spte);
	if (e->new_spte != e->old_spte)
		spte(f, "became", e->new_spte);
	if (e->window_end)
		fprintf(f, "    window    [0x%" PRIx64 ", 0x%" PRIx64 ") %s\n", (uint64_t)e->window_start,
			(uint64_t)e->window_end, notifier_event_name((int)e->notifier_event));
	fprintf(f, "    cause     %s\n", t->cause);
	fprintf(f, "    task      %s, pid %u tid %u\n", format_comm(comm, e->comm, COMM_LEN), e->pid,
		e->tid);
	for (uint32_t i = 0; i < e->frames && i < STACK_FRAMES; i++) {
		const char *module;
		uint64_t offset;
		const char *name = ksyms_name(r->ksyms, e->stack[i], &module, &offset);

		if (!e->stack[i])
			break;
		fprintf(f, "    %-9s %s+0x%" PRIx64 "%s%s%s\n", i ? "" : "stack", name, offset,
			*module ? " [" : "", module, *module ? "]" : "");
	}
}

static void histogram(FILE *f, const struct snapshot *s)
{
	const struct hist *h = &s->hists[HIST_WINDOW_NS];
	char a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN];

	if (!hist_count(h))
		return;
	fprintf(f, "windows: %s ended, p50 < %s, p99 < %s\n", format_count(a, (int64_t)hist_count(h)),
		format_ns(b, hist_quantile(h, 0.5)), format_ns(c, hist_quantile(h, 0.99)));
}

/* One more thing lost, on the next line if this one is full. */
static void lost(FILE *f, size_t *column, const char *name, uint64_t n)
{
	char item[64];
	size_t len = (size_t)snprintf(item, sizeof(item), " %s %" PRIu64, name, n);

	if (*column + len > 78) {
		fprintf(f, "\n     ");
		*column = 5;
	}
	fputs(item, f);
	*column += len;
}

static void losses(FILE *f, const struct snapshot *s)
{
	uint64_t all = s->missed_runs;
	size_t column = 5;

	for (int l = 0; l < LOSS_NR; l++)
		all += s->losses[l];
	if (!all) {
		fprintf(f, "nothing lost\n");
		return;
	}
	fprintf(f, "lost:");
	for (int l = 0; l < LOSS_NR; l++)
		if (s->losses[l])
			lost(f, &column, loss_name(l), s->losses[l]);
	if (s->missed_runs)
		lost(f, &column, "missed-runs", s->missed_runs);
	fputc('\n', f);
}

static void each_vm(FILE *f, const struct report *r, bool levels)
{
	for (size_t i = 0; i < r->snapshot->nvms; i++) {
		const struct vm_row *vm = &r->snapshot->vms[i];

		fputc('\n', f);
		vm_title(f, vm);
		activity(f, &vm->counts);
		if (levels)
			levels_of(f, vm);
	}
	if (r->snapshot->vms_over)
		fprintf(f, "\n%" PRIu64 " more VMs came and went\n", r->snapshot->vms_over);
	if (!r->snapshot->nvms)
		fprintf(f, "\nno VM was seen\n");
	fputc('\n', f);
}

void text_check(FILE *f, const struct report *r)
{
	struct vm_counts total;
	char n[FORMAT_LEN];

	head(f, r);
	fputc('\n', f);
	verdicts(f, r);
	for (size_t i = 0; i < r->ntold; i++)
		tell(f, r, &r->told[i]);
	each_vm(f, r, false);
	snapshot_total(r->snapshot, &total);
	if (total.kvm_marked)
		fprintf(f, "KVM's own mark alone kept %s pages dirty\n",
			format_count(n, (int64_t)total.kvm_marked));
	histogram(f, r->snapshot);
	losses(f, r->snapshot);
	fprintf(f, "verdict: %s%s%s\n", colour(f, r->overall), value_name(r->overall),
		colour_off(f, r->overall));
}

void text_levels(FILE *f, const struct report *r)
{
	head(f, r);
	each_vm(f, r, true);
	histogram(f, r->snapshot);
	losses(f, r->snapshot);
}
