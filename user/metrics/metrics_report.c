// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a report in memory to samples: the same list that metrics_json.c makes of its JSON, without
 * the way through text.
 */
#include "user/base/format.h"
#include "user/judge/ledger.h"
#include "user/judge/lookups.h"
#include "metrics.h"
#include "user/host/probe.h"
#include "user/host/notifier.h"
#include "user/host/tier.h"
#include "user/sink/report.h"

#include <errno.h>
#include <stdio.h>

/* The list, and the first error, so that the tables below read as tables. */
struct sink {
	struct samples *out;
	int err;
	bool any_missed;
};

static void put(struct sink *k, enum metric m, const char *const *label, double value)
{
	if (!k->err)
		k->err = samples_add(k->out, m, label, value);
}

static void put1(struct sink *k, enum metric m, const char *a, uint64_t n)
{
	put(k, m, &a, (double)n);
}

static void put2(struct sink *k, enum metric m, const char *a, const char *b, uint64_t n)
{
	const char *label[] = { a, b };

	put(k, m, label, (double)n);
}

static void put_hist(struct sink *k, enum metric m, const char *a, const struct hist *h)
{
	if (!k->err)
		k->err = samples_add_hist(k->out, m, &a, h);
}

/* A sample for each state: 1 for the one that it is in. */
static void put_state(struct sink *k, enum metric m, const char *a, const char *state)
{
	const struct metric_info *info = metric_info(m);
	enum label l = a ? info->labels[1] : info->labels[0];

	for (int i = 0; label_value(l, i); i++) {
		const char *value = label_value(l, i);
		bool is = value == state;

		if (a)
			put2(k, m, a, value, is);
		else
			put1(k, m, value, is);
	}
}

static void put_levels(struct sink *k, const char *vm, const struct snapshot *s, const struct vm_row *row)
{
	const struct vm_counts *c = &row->counts;

	for (int l = 0; l < LEVELS; l++) {
		const char *level = level_name(l), *label[] = { vm, level };
		int64_t pages;

		if (row_stock(row, l, &pages))
			put(k, METRIC_MAPPED, label, (double)pages);
		put2(k, METRIC_ADOPTED, vm, level, c->adopted[l]);
		if (s->unknown & UNKNOWN(FLOW))
			continue;
		put2(k, METRIC_INSTALLED, vm, level, c->installed[l]);
		put2(k, METRIC_ZAPPED, vm, level, c->zapped[l]);
		put2(k, METRIC_TORN_DOWN, vm, level, c->torn_down[l]);
		put2(k, METRIC_SPLIT, vm, level, c->split[l]);
		put2(k, METRIC_COLLAPSED, vm, level, c->collapsed[l]);
	}
}

static void put_ledger(struct sink *k, const char *vm, const struct ledger *l)
{
	for (int m = 0; m < LEVELS; m++)
		for (int h = 0; h < HOST_LEVELS; h++) {
			const char *label[] = { vm, level_name(m), host_level_name(h) };

			put(k, METRIC_HOST_LEVELS, label, (double)(l->total.leaves[m][h] * level_bytes(m)));
		}
	for (int i = 0; i < LOW_NR; i++) {
		const char *label[] = { vm, level_cause_name((enum level_cause)i) };

		put(k, METRIC_LOST_BYTES, label, (double)(l->total.lost[i] * 4096));
		put(k, METRIC_LOST_TIME, label, l->byte_seconds[i]);
	}
	if (l->folios)
		put1(k, METRIC_PROMISED, vm, l->total.promised * 4096);
}

static void put_lookups(struct sink *k, const char *vm, const struct walk_counts *w)
{
	for (int kind = 0; kind < LOOKUP_KINDS; kind++)
		for (int s = 0; s < SERVES_NR; s++)
			for (int b = 0; b < BACKING_NR; b++) {
				const char *label[] = { vm, label_value(LABEL_ASKED, kind),
							serves_name((enum serves)s),
							backing_name((enum backing)b) };

				put(k, METRIC_LOOKUPS, label, (double)w->serves[kind][s][b]);
			}
	for (int i = 0; i < COMPARED_NR; i++)
		put2(k, METRIC_LOOKUPS_COMPARED, vm, compared_name((enum compared)i), w->compared[i]);
	for (int i = 0; i < PFN_CLASSES; i++)
		put2(k, METRIC_LOOKUPS_PFNS, vm, frame_name((unsigned int)i), w->pfns[i]);
}

/* Below the tier fentry there is no number of what is not known: no number is not zero. */
static void put_activity(struct sink *k, const char *vm, unsigned int unknown, const struct vm_counts *c)
{
	if (!(unknown & UNKNOWN(LOOKUPS)))
		put1(k, METRIC_HVA_CALLS, vm, c->hva[HVA_CALLS]);
	if (!(unknown & UNKNOWN(LOOKUP_RESULTS))) {
		put1(k, METRIC_HVA_WRITES, vm, c->hva[HVA_WRITE]);
		for (int i = 0; HVA_ERR_FAULT + i < HVA_NR; i++)
			put2(k, METRIC_HVA_ERRORS, vm, label_value(LABEL_ERROR, i),
			     c->hva[HVA_ERR_FAULT + i]);
	}
	if (!(unknown & UNKNOWN(FAULTS)))
		put1(k, METRIC_FAULTS, vm, c->fault_ends);
	if (!(unknown & UNKNOWN(RETRIES)))
		put1(k, METRIC_RETRIES, vm, c->fault_retries);
	for (int e = 0; e < NOTIFIER_EVENTS && !(unknown & UNKNOWN(WINDOWS)); e++)
		if (!(unknown & UNKNOWN(WINDOW_EVENTS)) || e == NOTIFIER_EVENTS - 1)
			put2(k, METRIC_WINDOWS, vm, notifier_event_name(e), c->windows[e]);
	if (!(unknown & UNKNOWN(WINDOW_TIMES))) {
		put1(k, METRIC_FOLLOWED, vm, c->windows_followed);
		put1(k, METRIC_WINDOW_ZAPPED, vm, c->zapped_in_window);
	}
	if (!(unknown & UNKNOWN(VERDICTS)))
		put1(k, METRIC_KVM_MARKED, vm, c->kvm_marked);
}

static void put_vm(struct sink *k, const struct snapshot *s, const struct vm_row *row, bool walked)
{
	const struct vm_counts *c = &row->counts;
	char vm[FORMAT_LEN], pid[FORMAT_LEN], comm[FORMAT_LEN];
	const char *info[] = { vm, pid, comm, row->name };

	snprintf(vm, sizeof(vm), "%u", row->info.index);
	snprintf(pid, sizeof(pid), "%d", (int)row->info.pid);
	format_comm(comm, row->info.comm, COMM_LEN);
	put(k, METRIC_VM_INFO, info, 1);
	put1(k, METRIC_VM_LATE, vm, !!(row->info.flags & VM_LATE));
	put1(k, METRIC_VM_ENDED, vm, row->gone);
	put_levels(k, vm, s, row);
	put_activity(k, vm, s->unknown, c);
	for (int i = 0; i < INV_NR; i++)
		put2(k, METRIC_VM_VIOLATIONS, vm, invariant_name((enum invariant)i), c->violated[i]);
	if (s->timed)
		put_hist(k, METRIC_LOOKUP_TIME, vm, &row_lookups(row)->ns);
	if (s->checking)
		put_state(k, METRIC_VM_VERDICT, vm, value_name(verdict_of_vm_given(s, row, k->any_missed)));
	if (row->ledger && row->ledger->surveyed_ns)
		put_ledger(k, vm, row->ledger);
	if (walked)
		put_lookups(k, vm, &row_lookups(row)->walk);
}

static void put_cause(struct sink *k, const struct cause_group *g)
{
	struct hist h = { .sum = g->ns };

	for (int b = 0; b < CAUSE_BUCKETS; b++)
		h.bucket[CAUSE_BUCKET_LOW + b] = g->ns_bucket[b];
	put1(k, METRIC_CAUSE_WINDOWS, g->name, g->windows);
	put1(k, METRIC_CAUSE_PAGES, g->name, g->zapped);
	put1(k, METRIC_CAUSE_RETRIES, g->name, g->retries);
	if (g->outside)
		put1(k, METRIC_CAUSE_CHANGES, g->name, g->changes);
	put1(k, METRIC_CAUSE_MAX, g->name, g->ns_max);
	put_hist(k, METRIC_CAUSE_TIME, g->name, &h);
	put1(k, METRIC_CAUSE_PATHS, g->name, g->rows);
	put1(k, METRIC_CAUSE_STACKS, g->name, g->samples);
	put1(k, METRIC_CAUSE_DIFFER, g->name, g->differs);
}

static void put_remarks(struct sink *k, enum metric m, const char *of, const struct remarks *r,
			enum remark_kind kind)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].kind == kind)
			put2(k, m, of, r->list[i].name, r->list[i].n);
}

static void put_verdict(struct sink *k, enum invariant i, const struct verdict *v)
{
	const char *name = invariant_name(i);
	const struct remarks *r = &v->remarks;

	put_state(k, METRIC_INV_VERDICT, name, value_name(v->value));
	put1(k, METRIC_INV_CHECKED, name, v->checked);
	put1(k, METRIC_INV_VIOLATIONS, name, v->violations);
	put_remarks(k, METRIC_INV_MISSED, name, r, REMARK_MISSED);
	put_remarks(k, METRIC_INV_MISSED_RUNS, name, r, REMARK_SKIPPED);
	put_remarks(k, METRIC_INV_EXEMPT, name, r, REMARK_EXEMPT);
	put_remarks(k, METRIC_INV_NOTES, name, r, REMARK_NOTE);
	for (size_t n = 0; n < r->n; n++) {
		if (r->list[n].kind != REMARK_SAMPLED)
			continue;
		put1(k, METRIC_INV_LOOKED_AT, name, r->list[n].n);
		put1(k, METRIC_INV_OF, name, r->list[n].of);
	}
}

static void put_verdicts(struct sink *k, const struct report *r)
{
	const struct snapshot *s = r->snapshot;

	put_state(k, METRIC_VERDICT, NULL, value_name(r->overall));
	put_state(k, METRIC_MARKS_AT, NULL, label_value(LABEL_WHERE, s->marks_at_map ? 0 : 1));
	if (s->audited) {
		put(k, METRIC_AUDIT_SPTES, NULL, (double)s->audit_sptes);
		put(k, METRIC_AUDIT_DIFFER, NULL, (double)s->losses[LOSS_AUDIT]);
	}
	for (int i = 0; i < INV_NR; i++)
		if (r->selected & (1u << i))
			put_verdict(k, (enum invariant)i, &r->verdicts[i]);
}

static void put_evidence(struct sink *k, enum claim c, const char *cause, const char *side,
			 const uint64_t *n)
{
	for (int b = 0; b < BACKING_NR; b++) {
		const char *name = backing_name((enum backing)b);
		const char *by_cause[] = { claim_name(c), cause, side, name };
		const char *by_backing[] = { claim_name(c), side, name };

		if (cause)
			put(k, METRIC_CLAIM_CAUSE, by_cause, (double)n[b]);
		else
			put(k, METRIC_CLAIM_BACKING, by_backing, (double)n[b]);
	}
}

static void put_claim(struct sink *k, enum claim i, const struct claim_result *c)
{
	const char *agrees = label_value(LABEL_SIDE, 0), *against = label_value(LABEL_SIDE, 1);

	put_state(k, METRIC_CLAIM_ANSWER, claim_name(i), claim_value_name(c->value));
	put1(k, METRIC_CLAIM_SEEN, claim_name(i), c->seen);
	put1(k, METRIC_CLAIM_AGAINST, claim_name(i), c->refuting);
	put_evidence(k, i, NULL, agrees, c->agrees);
	put_evidence(k, i, NULL, against, c->against);
	for (size_t n = 0; n < c->ncauses; n++) {
		put_evidence(k, i, c->causes[n].name, agrees, c->causes[n].agrees);
		put_evidence(k, i, c->causes[n].name, against, c->causes[n].against);
	}
	put_remarks(k, METRIC_CLAIM_MISSED, claim_name(i), &c->missed, REMARK_MISSED);
	put_remarks(k, METRIC_CLAIM_MISSED_RUNS, claim_name(i), &c->missed, REMARK_SKIPPED);
}

static void put_losses(struct sink *k, const struct snapshot *s)
{
	for (int l = 0; l < LOSS_NR; l++)
		put1(k, METRIC_LOSSES, loss_name((enum loss)l), s->losses[l]);
	put(k, METRIC_MISSED_RUNS, NULL, (double)s->missed_runs);
	for (int h = 0; h < HOOK_NR; h++)
		put1(k, METRIC_HOOK_MISSED_RUNS, hook_name((enum hook)h), s->missed[h]);
	put(k, METRIC_VMS_UNBALANCED, NULL, (double)s->unbalanced_vms);
	put(k, METRIC_VMS_LATE, NULL, (double)s->late_vms);
	put(k, METRIC_VMS_UNADOPTED, NULL, (double)s->unadopted_vms);
}

int metrics_from_report(const struct report *r, struct samples *out)
{
	const char *info[] = { VERSION, r->kernel, r->machine, r->tier };
	const struct snapshot *s = r->snapshot;
	struct sink k = { .out = out, .any_missed = verdict_any_missed(s) };

	put(&k, METRIC_INFO, info, 1);
	put(&k, METRIC_OBSERVED, NULL, (double)s->seconds_ns);
	if (r->command_status >= 0)
		put(&k, METRIC_COMMAND_STATUS, NULL, r->command_status);
	for (size_t i = 0; i < s->nvms; i++)
		put_vm(&k, s, &s->vms[i], r->walk);
	put(&k, METRIC_VMS_NOT_LISTED, NULL, (double)s->vms_over);
	if (!(s->unknown & UNKNOWN(WINDOW_TIMES))) {
		put_hist(&k, METRIC_WINDOW_TIME, NULL, &s->hists[HIST_WINDOW_NS]);
		put_hist(&k, METRIC_WINDOW_PAGES, NULL, &s->hists[HIST_WINDOW_PAGES]);
	}
	for (int q = 0; q < QUANTITY_NR; q++)
		if (s->unknown & (1u << q))
			put1(&k, METRIC_UNKNOWN, quantity_name((enum quantity)q), 1);
	for (size_t i = 0; r->causes && i < r->causes->n; i++)
		put_cause(&k, &r->causes->groups[i]);
	if (r->verdicts)
		put_verdicts(&k, r);
	put_losses(&k, s);
	for (int i = 0; r->claims && i < CLAIM_NR; i++)
		put_claim(&k, (enum claim)i, &r->claims[i]);
	samples_sort(out);
	return k.err;
}
