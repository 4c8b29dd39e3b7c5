// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports for a person at a terminal of 80 columns.
 */
#include "user/base/format.h"
#include "report.h"
#include "parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAUSES_SHOWN = 8 };	/* without -v */

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

void text_wrapped(FILE *f, int indent, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > 78 - (size_t)indent) {
			fputc('\n', f);
			column = 0;
		}
		fprintf(f, "%*s%.*s", column ? 1 : indent, "", (int)len, text);
		column += len + (column ? 1 : 0);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

/* Is it missed by every one of the verdicts shown that something was missed by? */
static bool is_common(const struct report *r, const struct remark *m)
{
	int with = 0, without = 0;

	for (int i = 0; i < INV_NR; i++) {
		const struct remarks *list = &r->verdicts[i].remarks;
		bool has = false;

		if (!(r->selected & (1u << i)) || r->verdicts[i].value == NOT_APPLICABLE)
			continue;
		for (size_t k = 0; k < list->n; k++)
			has |= list->list[k].kind == m->kind && !strcmp(list->list[k].text, m->text);
		with += has;
		without += !has;
	}
	return with > 1 && !without;
}

static bool is_missed(const struct remark *m)
{
	return m->kind == REMARK_MISSED || m->kind == REMARK_SKIPPED;
}

/* Does this line matter to somebody who has not asked for all of them? */
static bool matters(const struct report *r, const struct verdict *v, const struct remark *m)
{
	if (is_missed(m))
		return !is_common(r, m) && (r->verbose || v->value == INCONCLUSIVE);
	if (r->verbose)
		return true;
	switch (m->kind) {
	case REMARK_SAMPLED:
		return m->n < m->of;
	case REMARK_IDLE:
		return v->value != NO_OCCASION;
	case REMARK_NOTE:
		return !strcmp(m->name, "cleaned-while-held");
	default:
		return false;
	}
}

/* What spoils everything is said once, and not fourteen times. */
static void common_remarks(FILE *f, const struct report *r)
{
	bool first = true;

	for (int i = 0; i < INV_NR; i++) {
		const struct verdict *v = &r->verdicts[i];

		if (!(r->selected & (1u << i)) || v->value == NOT_APPLICABLE)
			continue;
		for (size_t k = 0; k < v->remarks.n; k++) {
			if (!is_missed(&v->remarks.list[k]) || !is_common(r, &v->remarks.list[k]))
				continue;
			if (first)
				fprintf(f, "missed, and could matter to every invariant:\n");
			first = false;
			text_wrapped(f, 4, v->remarks.list[k].text);
		}
		break;
	}
	if (!first)
		fputc('\n', f);
}

static void verdicts(FILE *f, const struct report *r)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	common_remarks(f, r);
	fprintf(f, "%-24s %-14s %15s %12s\n", "INVARIANT", "VERDICT", "CHECKED", "VIOLATIONS");
	for (int i = 0; i < INV_NR; i++) {
		const struct verdict *v = &r->verdicts[i];
		bool judged = v->value != NOT_APPLICABLE && v->value != NO_OCCASION;

		if (!(r->selected & (1u << i)))
			continue;
		fprintf(f, "%-24s %s%-14s%s %15s %12s\n", invariant_name(i), colour(f, v->value),
			value_name(v->value), colour_off(f, v->value),
			judged ? format_count(n, (int64_t)v->checked) : "-",
			judged ? format_count(m, (int64_t)v->violations) : "-");
		for (size_t k = 0; k < v->remarks.n; k++)
			if (matters(r, v, &v->remarks.list[k]))
				text_wrapped(f, 4, v->remarks.list[k].text);
	}
}

/* The whole in a sentence, its first word in the colour of the verdict. */
static void summary(FILE *f, const struct report *r)
{
	char text[512];

	verdict_sentence(r->verdicts, r->selected, text, sizeof(text));
	fputs(colour(f, r->overall), f);
	text_wrapped(f, 0, text);
	fputs(colour_off(f, r->overall), f);
}

static void claims(FILE *f, const struct report *r)
{
	static const char *const fates[] = { ", page's fate unknown", ", page kept", ", page taken" };
	char n[FORMAT_LEN], m[FORMAT_LEN];

	if (!r->claims)
		return;
	fprintf(f, "\n%-28s %-12s %17s %17s\n", "CLAIM", "ANSWER", "SEEN", "AGAINST IT");
	for (int i = 0; i < CLAIM_NR; i++) {
		const struct claim_result *c = &r->claims[i];
		char quoted[160];

		fprintf(f, "%-28s %-12s %17s %17s\n", claim_name(i), claim_value_name(c->value),
			format_count(n, (int64_t)c->seen), format_count(m, (int64_t)c->refuting));
		snprintf(quoted, sizeof(quoted), "\"%s\"", claim_sentence(i));
		text_wrapped(f, 4, quoted);
		text_wrapped(f, 4, c->answer);
		for (size_t k = 0; k < c->ncauses; k++) {
			char list[160];

			if (!*backings_text(c->causes[k].against, list, sizeof(list)))
				continue;
			fprintf(f, "      by %s%s: %s\n", c->causes[k].name,
				i == CLAIM_ZAP_ACCESSED_UNNEEDED ? fates[c->causes[k].fate] : "", list);
		}
		for (size_t k = 0; c->value == UNDECIDED && k < c->missed.n; k++)
			text_wrapped(f, 6, c->missed.list[k].text);
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

/* Bits 2..5 of what an SPTE allows, for a person. */
static void spte(FILE *f, const char *name, uint64_t v)
{
	fprintf(f, "    %-9s 0x%016" PRIx64 "%s%s%s\n", name, v, v & (1 << 11) ? " present" : " gone",
		v & 2 ? " writable" : "", v & (1 << 6) ? " dirty" : "");
}

static void kernel_stack(FILE *f, const struct ksyms *k, const uint64_t *stack, size_t frames)
{
	for (size_t i = 0; i < frames && i < STACK_FRAMES && stack[i]; i++) {
		const char *module;
		uint64_t offset;
		const char *name = ksyms_name(k, stack[i], &module, &offset);

		fprintf(f, "    %-9s %s+0x%" PRIx64 "%s%s%s\n", i ? "" : "stack", name, offset,
			*module ? " [" : "", module, *module ? "]" : "");
	}
}

static void tell(FILE *f, const struct report *r, const struct told *t)
{
	const struct event_violation *e = &t->e;
	char when[FORMAT_LEN], comm[FORMAT_LEN];

	fprintf(f, "\n%sVIOLATED%s %s, %s into the run; it says that\n", colour(f, VIOLATED),
		colour_off(f, VIOLATED), invariant_name(e->invariant),
		format_ns(when, (uint64_t)t->since_start_ns));
	text_wrapped(f, 4, invariant_sentence(e->invariant));
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
	kernel_stack(f, r->ksyms, (const uint64_t *)e->stack, e->frames);
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

/* "qemu-system-x86 812" or, of another thread than the first, "CPU 0/KVM 812/815", in 22 columns */
static void initiator(const struct cause_group *g, char *buf, size_t size)
{
	char ids[32], comm[FORMAT_LEN];

	if (g->tid == g->pid || !g->pid)
		snprintf(ids, sizeof(ids), "%u", g->tid);
	else
		snprintf(ids, sizeof(ids), "%u/%u", g->pid, g->tid);
	format_comm(comm, g->comm, COMM_LEN);
	snprintf(buf, size, "%.*s %s", (int)(21 - strlen(ids)), comm, ids);
}

static void cause_line(FILE *f, const struct cause_group *g)
{
	char who[64], a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN], d[FORMAT_LEN], e[FORMAT_LEN];

	initiator(g, who, sizeof(who));
	fprintf(f, "%-18.18s %-22s %7s %7s %7s %7s %6s\n", g->name, who,
		g->outside ? "-" : format_short(a, g->windows),
		g->windows ? format_short_ns(b, g->ns / g->windows) : "-",
		g->windows ? format_short_ns(c, g->ns_max) : "-", format_short(d, g->zapped),
		g->outside ? "-" : format_short(e, g->retries));
}

static void cause_stacks(FILE *f, const struct report *r, const struct cause_group *g)
{
	char who[64], n[FORMAT_LEN], m[FORMAT_LEN];
	size_t own;

	initiator(g, who, sizeof(who));
	fprintf(f, "\n%s, %s\n", g->name, who);
	if (!g->example) {
		fprintf(f, "    no stack was taken\n");
		return;
	}
	own = ksyms_own_frames(r->ksyms, (const uint64_t *)g->example->stack, g->example->frames);
	kernel_stack(f, r->ksyms, (const uint64_t *)g->example->stack + own, g->example->frames - own);
	for (size_t i = 0; i < g->user_frames; i++)
		fprintf(f, "    %-9s %s\n", i ? "" : "user", g->user[i]);
	if (g->rows > 1)
		fprintf(f, "    the busiest of %zu call paths\n", g->rows);
	if (g->differs)
		fprintf(f, "    %s of %s stacks taken are not like the first of their call path\n",
			format_count(n, (int64_t)g->differs), format_count(m, (int64_t)g->samples));
}

/* Who changed guest memory: the busiest, all of them with -v. */
static void causes(FILE *f, const struct report *r)
{
	size_t n = r->causes ? r->causes->n : 0;
	size_t shown = r->verbose || n < CAUSES_SHOWN ? n : CAUSES_SHOWN;
	uint64_t windows = 0, zapped = 0;
	char a[FORMAT_LEN], b[FORMAT_LEN];

	if (!n)
		return;
	fprintf(f, "%-18s %-22s %7s %7s %7s %7s %6s\n", "CAUSE", "INITIATOR", "WINDOWS", "MEAN", "MAX", "PAGES",
		"RETRY");
	for (size_t i = 0; i < shown; i++)
		cause_line(f, &r->causes->groups[i]);
	for (size_t i = shown; i < n; i++) {
		windows += r->causes->groups[i].windows;
		zapped += r->causes->groups[i].zapped;
	}
	if (shown < n)
		fprintf(f, "and %zu more (-v): %s windows, %s pages\n", n - shown,
			format_count(a, (int64_t)windows), format_count(b, (int64_t)zapped));
	for (size_t i = 0; r->stacks && i < shown; i++)
		cause_stacks(f, r, &r->causes->groups[i]);
	fputc('\n', f);
}

/* Was the block map the truth?  Asked at the end, of KVM's own page tables. */
static void audit(FILE *f, const struct snapshot *s)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	if (!s->audited || (!s->audit_sptes && !s->losses[LOSS_AUDIT]))
		return;
	format_count(n, (int64_t)s->audit_sptes);
	if (s->losses[LOSS_AUDIT])
		fprintf(f, "block map and KVM's page tables differ on %s pages, %s SPTEs compared\n",
			format_count(m, (int64_t)s->losses[LOSS_AUDIT]), n);
	else
		fprintf(f, "block map equals KVM's page tables: %s SPTEs compared\n", n);
}

void text_check(FILE *f, const struct report *r)
{
	struct vm_counts total;
	char n[FORMAT_LEN];

	summary(f, r);
	head(f, r);
	fputc('\n', f);
	verdicts(f, r);
	for (size_t i = 0; i < r->ntold; i++)
		tell(f, r, &r->told[i]);
	claims(f, r);
	each_vm(f, r, false);
	causes(f, r);
	snapshot_total(r->snapshot, &total);
	if (total.kvm_marked)
		fprintf(f, "KVM's own mark alone kept %s pages dirty\n",
			format_count(n, (int64_t)total.kvm_marked));
	histogram(f, r->snapshot);
	audit(f, r->snapshot);
	losses(f, r->snapshot);
	fprintf(f, "verdict: %s%s%s\n", colour(f, r->overall), value_name(r->overall),
		colour_off(f, r->overall));
}

/* Does a recording say what was said live? */
static void compare_live(FILE *f, const struct report *r)
{
	bool known = false, differs = false;

	for (int i = 0; r->recorded->live && i < INV_NR; i++) {
		const struct live_verdict *live = &r->recorded->live[i];
		const struct verdict *v = &r->verdicts[i];

		if (!live->known || !(r->selected & (1u << i)))
			continue;
		known = true;
		if (live->checked == v->checked && live->violations == v->violations &&
		    !strcmp(live->value, value_name(v->value)))
			continue;
		if (!differs)
			fprintf(f, "live it was:\n");
		differs = true;
		fprintf(f, "    %-22s %-16s %12" PRIu64 " %12" PRIu64 "\n", invariant_name(i), live->value,
			live->checked, live->violations);
	}
	if (!known)
		fprintf(f, "not compared with the live report\n");
	else if (!differs)
		fprintf(f, "the live report says the same\n");
}

void text_judge(FILE *f, const struct report *r)
{
	const struct recorded *d = r->recorded;

	summary(f, r);
	head(f, r);
	fprintf(f, "%s: %" PRIu64 " file%s, %" PRIu64 " records, %" PRIu64 " steps\n\n", d->path, d->parts,
		d->parts == 1 ? "" : "s", d->records, d->steps);
	verdicts(f, r);
	for (size_t i = 0; i < r->ntold; i++)
		tell(f, r, &r->told[i]);
	fputc('\n', f);
	histogram(f, r->snapshot);
	losses(f, r->snapshot);
	compare_live(f, r);
	fprintf(f, "verdict: %s%s%s\n", colour(f, r->overall), value_name(r->overall),
		colour_off(f, r->overall));
}

void text_levels(FILE *f, const struct report *r)
{
	head(f, r);
	each_vm(f, r, true);
	causes(f, r);
	histogram(f, r->snapshot);
	losses(f, r->snapshot);
}

void text_walk(FILE *f, const struct report *r)
{
	const struct snapshot *s = r->snapshot;
	struct walk_counts walk;
	struct vm_counts counts;
	char text[512];

	if (r->candidate) {
		candidate_sentence(r->candidate, text, sizeof(text));
		text_wrapped(f, 0, text);
	}
	if (s->payoff) {
		text_payoff_sentence(s, text, sizeof(text));
		text_wrapped(f, 0, text);
		head(f, r);
		text_payoff(f, s);
		losses(f, s);
		return;
	}
	text_walk_sentence(s, text, sizeof(text));
	text_wrapped(f, 0, text);
	head(f, r);
	if (r->candidate)
		text_candidate(f, r->candidate);
	for (size_t i = 0; i < s->nvms; i++) {
		fputc('\n', f);
		vm_title(f, &s->vms[i]);
		text_lookups(f, r, &s->vms[i].walk, &s->vms[i].counts);
	}
	if (s->nvms + s->vms_over > 1) {
		walk_total(s, &walk);
		snapshot_total(s, &counts);
		fprintf(f, "\nall %" PRIu64 " VMs\n", s->nvms + s->vms_over);
		text_lookups(f, r, &walk, &counts);
	}
	fputc('\n', f);
	losses(f, s);
}
