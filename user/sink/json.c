// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same numbers for machines.  "version" is raised when a field changes its meaning; fields are
 * added, never renamed.
 */
#include "user/base/format.h"
#include "user/host/notifier.h"
#include "user/host/probe.h"
#include "report.h"
#include "parts.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

enum { JSON_VERSION = 1 };

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *hex(uint64_t n)
{
	return json_sprintf("0x%llx", (unsigned long long)n);
}

/* Remarks of one kind by their names, added up. */
static json_t *remarks_json(const struct remarks *r, enum remark_kind kind)
{
	json_t *o = json_object();

	for (size_t k = 0; k < r->n; k++)
		if (r->list[k].kind == kind)
			json_object_set_new(o, r->list[k].name, number(r->list[k].n));
	return o;
}

static json_t *reasons_json(const struct remarks *r)
{
	json_t *reasons = json_array();

	for (size_t k = 0; k < r->n; k++)
		json_array_append_new(reasons, json_string(r->list[k].text));
	return reasons;
}

static json_t *verdict_json(enum invariant i, const struct verdict *v)
{
	const struct remarks *r = &v->remarks;
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", invariant_name(i),
			      "verdict", value_name(v->value), "checked", number(v->checked),
			      "violations", number(v->violations), "reasons", reasons_json(r), "missed",
			      remarks_json(r, REMARK_MISSED), "missed_runs",
			      remarks_json(r, REMARK_SKIPPED), "exempt", remarks_json(r, REMARK_EXEMPT));

	for (size_t k = 0; o && k < r->n; k++)
		if (r->list[k].kind == REMARK_SAMPLED)
			json_object_set_new(o, "sampled",
					    json_pack("{s:o, s:o}", "looked_at", number(r->list[k].n), "of",
						      number(r->list[k].of)));
	if (o)
		json_object_set_new(o, "notes", remarks_json(r, REMARK_NOTE));
	return o;
}

static json_t *backings_json(const uint64_t *n)
{
	json_t *o = json_object();

	for (int b = 0; b < BACKING_NR; b++)
		json_object_set_new(o, backing_name(b), number(n[b]));
	return o;
}

static json_t *claim_json(enum claim i, const struct claim_result *c)
{
	json_t *causes = json_array();

	for (size_t k = 0; k < c->ncauses; k++)
		json_array_append_new(causes, json_pack("{s:s, s:s, s:o, s:o}", "cause", c->causes[k].name,
							"page", fate_name(c->causes[k].fate), "agrees",
							backings_json(c->causes[k].agrees), "against",
							backings_json(c->causes[k].against)));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "name", claim_name(i), "claim",
			 claim_sentence(i), "verdict", claim_value_name(c->value), "seen", number(c->seen),
			 "against", number(c->refuting), "answer", c->answer, "by_backing",
			 json_pack("{s:o, s:o}", "agrees", backings_json(c->agrees), "against",
				   backings_json(c->against)), "by_cause", causes, "missed",
			 remarks_json(&c->missed, REMARK_MISSED), "missed_runs",
			 remarks_json(&c->missed, REMARK_SKIPPED));
}

static json_t *levels_json(const struct vm_row *vm)
{
	json_t *levels = json_object();

	for (int l = 0; l < LEVELS; l++) {
		const struct vm_counts *c = &vm->counts;
		int64_t pages;
		json_t *now = row_stock(vm, l, &pages) ? json_integer(pages) : json_null();

		json_object_set_new(levels, level_name(l),
				    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "stock", now,
					      "installed", number(c->installed[l]), "zapped",
					      number(c->zapped[l]), "torn_down",
					      number(c->torn_down[l]), "split", number(c->split[l]),
					      "collapsed", number(c->collapsed[l]), "adopted",
					      number(c->adopted[l])));
	}
	return levels;
}

/* By invariant, those that there are: which VM it was must be known. */
static json_t *vm_violations_json(const struct vm_counts *c)
{
	json_t *o = json_object();

	for (int i = 0; i < INV_NR; i++)
		if (c->violated[i])
			json_object_set_new(o, invariant_name(i), number(c->violated[i]));
	return o;
}

/* While recording: the steps of this VM that are not in the recording, by invariant. */
static void unrecorded_json(json_t *o, const struct vm_counts *c)
{
	json_t *missing = json_object();

	for (int i = 0; i < INV_NR; i++)
		if (c->unrecorded[i])
			json_object_set_new(missing, invariant_name(i), number(c->unrecorded[i]));
	if (json_object_size(missing))
		json_object_set(o, "unrecorded", missing);
	json_decref(missing);
}

static json_t *hist_json(const struct hist *h)
{
	json_t *buckets = json_array();
	int top = HIST_BUCKETS;

	while (top > 0 && !h->bucket[top - 1])
		top--;
	for (int b = 0; b < top; b++)
		json_array_append_new(buckets, number(h->bucket[b]));
	return json_pack("{s:s, s:o, s:o, s:o}", "scale", "log2", "count", number(hist_count(h)), "sum",
			 number(h->sum), "buckets", buckets);
}

static json_t *vm_json(const struct snapshot *s, const struct vm_row *vm)
{
	static const char *const hva[HVA_NR] = {
		"calls", "write", "err_fault", "err_hwpoison", "err_ro", "err_sigpending", "err_io",
		"err_other",
	};
	const struct vm_counts *c = &vm->counts;
	json_t *faults = json_object(), *windows = json_object(), *o;
	char comm[FORMAT_LEN];

	for (int i = 0; i < HVA_NR; i++)
		json_object_set_new(faults, hva[i], number(c->hva[i]));
	for (int e = 0; e < NOTIFIER_EVENTS; e++)
		json_object_set_new(windows, notifier_event_name(e), number(c->windows[e]));
	o = json_pack("{s:i, s:s?, s:I, s:i, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
		      vm->info.index, "name", *vm->name ? vm->name : NULL, "born_ns",
		      (json_int_t)vm->info.born_ns, "pid", vm->info.pid, "comm",
		      format_comm(comm, vm->info.comm, COMM_LEN), "late", vm->info.flags & VM_LATE ? 1 : 0,
		      "ended", vm->gone ? 1 : 0, "hva_to_pfn", faults, "windows", windows,
		      "zapped_in_windows", number(c->zapped_in_window), "kvm_marked", number(c->kvm_marked),
		      "levels", levels_json(vm), "windows_followed", number(c->windows_followed), "faults",
		      number(c->fault_ends), "fault_retries", number(c->fault_retries), "violations",
		      vm_violations_json(c));
	unrecorded_json(o, c);
	if (s->timed)
		json_object_set_new(o, "lookup_ns", hist_json(&row_lookups(vm)->ns));
	if (s->checking)
		json_object_set_new(o, "verdict", json_string(value_name(verdict_of_vm(s, vm))));
	if (o && vm->ledger && vm->ledger->surveyed_ns)
		json_object_set_new(o, "ledger", ledger_json(vm));
	json_vm_unknown(o, s->unknown);
	return o;
}

/* Names only: kernel addresses are nobody's business. */
static json_t *stack_json(const struct report *r, const __u64 *frames, size_t n)
{
	json_t *stack = json_array();

	for (size_t i = 0; i < n && frames[i]; i++) {
		const char *module;
		uint64_t offset;
		const char *name = ksyms_name(r->ksyms, frames[i], &module, &offset);

		json_array_append_new(stack, json_pack("{s:s, s:o, s:s}", "function", name, "offset",
						       number(offset), "module", module));
	}
	return stack;
}

static void cause_stacks(json_t *o, const struct report *r, const struct cause_group *g)
{
	const struct cause_row *row = g->example;
	size_t frames, own;
	json_t *user = json_array();

	for (size_t i = 0; i < g->user_frames; i++)
		json_array_append_new(user, json_string(g->user[i]));
	json_object_set_new(o, "user_stack", user);
	if (!row)
		return;
	frames = row->frames < CAUSE_FRAMES ? row->frames : CAUSE_FRAMES;
	own = ksyms_own_frames(r->ksyms, (const uint64_t *)row->stack, frames);
	json_object_set_new(o, "stack", stack_json(r, row->stack + own, frames - own));
}

/* Whose windows they were. */
static json_t *shares_json(const struct cause_group *g)
{
	json_t *list = json_array();

	for (size_t i = 0; i < g->nshares; i++)
		json_array_append_new(list, json_pack("{s:i, s:o, s:o}", "vm", g->shares[i].vm, "windows",
						      number(g->shares[i].windows), "ns",
						      number(g->shares[i].ns)));
	return list;
}

static json_t *cause_json(const struct report *r, const struct cause_group *g)
{
	json_t *buckets = json_array(), *o;
	int top = CAUSE_BUCKETS;
	char comm[FORMAT_LEN];

	while (top > 0 && !g->ns_bucket[top - 1])
		top--;
	for (int b = 0; b < top; b++)
		json_array_append_new(buckets, number(g->ns_bucket[b]));
	o = json_pack("{s:s, s:s, s:b, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "cause", g->name, "page",
		      fate_name(cause_fate(g->id)), "outside_windows", g->outside ? 1 : 0, "comm",
		      format_comm(comm, g->comm, COMM_LEN), "pid", g->pid, "tid", g->tid, "windows",
		      number(g->windows), "ns", number(g->ns), "ns_max", number(g->ns_max), "pages",
		      number(g->zapped), "retries", number(g->retries));
	if (!o)
		return NULL;
	json_object_set_new(o, "window_ns",
			    json_pack("{s:s, s:i, s:o, s:o}", "scale", "log2", "first_bucket",
				      CAUSE_BUCKET_LOW, "sum", number(g->ns), "buckets", buckets));
	if (g->outside)
		json_object_set_new(o, "changes", number(g->changes));
	else
		json_object_set_new(o, "vms", shares_json(g));
	json_object_set_new(o, "call_paths", number(g->rows));
	json_object_set_new(o, "stacks_taken", number(g->samples));
	json_object_set_new(o, "stacks_differ", number(g->differs));
	if (r->stacks)
		cause_stacks(o, r, g);
	return o;
}

static json_t *told_json(const struct report *r, const struct told *t)
{
	const struct event_violation *e = &t->e;
	size_t frames = e->frames < STACK_FRAMES ? e->frames : STACK_FRAMES;
	char comm[FORMAT_LEN];
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:i, s:i, s:o, s:o}", "invariant",
			      invariant_name(e->invariant), "sentence", invariant_sentence(e->invariant),
			      "vm", e->vm, "cause", t->cause, "comm",
			      format_comm(comm, e->comm, COMM_LEN), "pid", e->pid, "tid", e->tid,
			      "since_start_ns", number((uint64_t)t->since_start_ns), "stack",
			      stack_json(r, e->stack, frames));
	bool known = e->level >= 1 && e->level <= LEVELS;

	if (!o)
		return NULL;
	json_object_set_new(o, "gfn", e->vm ? hex(e->gfn) : json_null());
	json_object_set_new(o, "hva", e->vm ? hex(e->hva) : json_null());
	json_object_set_new(o, "pfn", hex(e->pfn));
	json_object_set_new(o, "level", json_string(known ? level_name((int)e->level - 1) : "?"));
	json_object_set_new(o, "as_id", number(e->as_id));
	json_object_set_new(o, "old_spte", hex(e->old_spte));
	json_object_set_new(o, "new_spte", hex(e->new_spte));
	json_object_set_new(o, "folio_order", number(e->order));
	json_object_set_new(o, "folio_flags", hex(e->page_flags));
	json_object_set_new(o, "pages", number(e->pages));
	if (e->window_end)
		json_object_set_new(o, "window",
				    json_pack("{s:o, s:o, s:s}", "start", hex(e->window_start), "end",
					      hex(e->window_end), "event",
					      notifier_event_name((int)e->notifier_event)));
	return o;
}

static json_t *losses_json(const struct snapshot *s)
{
	json_t *o = json_object();

	for (int l = 0; l < LOSS_NR; l++)
		json_object_set_new(o, loss_name(l), number(s->losses[l]));
	json_object_set_new(o, "missed-runs", number(s->missed_runs));
	json_object_set_new(o, "unbalanced-vms", number(s->unbalanced_vms));
	json_object_set_new(o, "late-vms", number(s->late_vms));
	json_object_set_new(o, "unadopted-vms", number(s->unadopted_vms));
	return o;
}

static json_t *missed_runs_json(const struct snapshot *s)
{
	json_t *o = json_object();

	for (int h = 0; h < HOOK_NR; h++)
		if (s->missed[h])
			json_object_set_new(o, hook_name(h), number(s->missed[h]));
	return o;
}

/* What is not UTF-8 cannot be told in JSON. */
static json_t *utf8_or_mark(const char *text)
{
	json_t *j = json_string(text);

	return j ? j : json_string("?");
}

/* Where it was, and what ran meanwhile: runs of different ones cannot be compared. */
static void origin_json(json_t *o, const struct report *r)
{
	json_t *list;

	if (r->host)
		json_object_set_new(json_object_get(o, "host"), "name", json_string(r->host));
	if (!r->workload)
		return;
	list = json_array();
	for (char *const *word = r->workload; *word; word++)
		json_array_append_new(list, utf8_or_mark(*word));
	json_object_set_new(o, "workload", list);
}

/* Of a VM in a recording only what its steps say. */
static json_t *recorded_vm_json(const struct vm_row *vm)
{
	char comm[FORMAT_LEN];

	return json_pack("{s:i, s:i, s:s, s:b, s:b, s:o}", "id", vm->info.index, "pid", vm->info.pid, "comm",
			 format_comm(comm, vm->info.comm, COMM_LEN), "late", vm->info.flags & VM_LATE ? 1 : 0,
			 "ended", vm->gone ? 1 : 0, "violations", vm_violations_json(&vm->counts));
}

static json_t *live_json(const struct report *r)
{
	json_t *list = json_array();

	for (int i = 0; i < INV_NR; i++) {
		const struct live_verdict *live = &r->recorded->live[i];

		if (live->known && r->selected & (1u << i))
			json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:b}", "name",
							      invariant_name(i), "verdict", live->value,
							      "checked", number(live->checked), "violations",
							      number(live->violations), "differs",
							      r->snapshot->differs[i] ? 1 : 0));
	}
	return list;
}

static void recorded_json(json_t *o, const struct report *r)
{
	const struct recorded *d = r->recorded;

	json_object_set_new(o, "recording", json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "file",
						      d->path, "recorded_by", d->version, "files",
						      number(d->parts), "records", number(d->records), "steps",
						      number(d->steps), "whole", r->snapshot->not_whole ? 0 : 1,
						      "vm", number(d->vm), "from_ns", number(d->from_ns),
						      "to_ns", number(d->to_ns)));
	if (d->live)
		json_object_set_new(o, "live", live_json(r));
}

json_t *json_of_report(const struct report *r)
{
	const struct snapshot *s = r->snapshot;
	json_t *vms = json_array(), *o, *list;
	char text[512];

	/* where lookups are timed nothing is counted of VMs */
	for (size_t i = 0; !s->payoff && i < s->nvms; i++) {
		json_t *vm = r->recorded ? recorded_vm_json(&s->vms[i]) :
					 vm_json(s, &s->vms[i]);

		if (r->walk)
			json_object_set_new(vm, "walk", json_lookups(r, &row_lookups(&s->vms[i])->walk));
		if (!strcmp(r->command, "levels") && ledger_missing(&s->vms[i])) {
			json_object_set_new(vm, "ledger", json_null());
			json_object_set_new(vm, "ledger_missing",
					    json_string(ledger_missing(&s->vms[i])));
		}
		json_array_append_new(vms, vm);
	}
	o = json_pack("{s:s, s:i, s:s, s:{s:s, s:s}, s:s, s:o, s:o, s:o, s:o}", "mmuscope", VERSION,
		      "version", JSON_VERSION, "command", r->command, "host", "kernel", r->kernel,
		      "machine", r->machine, "tier", r->tier, "observed_ns", number(s->seconds_ns), "vms",
		      vms, "losses", losses_json(s), "window_ns", hist_json(&s->hists[HIST_WINDOW_NS]));
	if (!o)
		return NULL;
	origin_json(o, r);
	if (r->recorded)
		recorded_json(o, r);
	json_object_set_new(o, "missed_runs", missed_runs_json(s));
	json_object_set_new(o, "vms_not_listed", number(s->vms_over));
	json_object_set_new(o, "window_pages", hist_json(&s->hists[HIST_WINDOW_PAGES]));
	if (s->reduced)
		json_reduced(o, s);
	if (r->command_status >= 0)
		json_object_set_new(o, "command_status", json_integer(r->command_status));
	if (r->walk) {
		struct walk_counts total;

		walk_total(s, &total);
		json_object_set_new(o, "walk", json_lookups(r, &total));
	}
	if (r->candidate)
		json_object_set_new(o, "candidate", json_candidate(r->candidate));
	if (s->payoff)
		json_object_set_new(o, "payoff", json_payoff(s));
	if (r->causes) {
		list = json_array();
		for (size_t i = 0; i < r->causes->n; i++)
			json_array_append_new(list, cause_json(r, &r->causes->groups[i]));
		json_object_set_new(o, "causes", list);
	}
	if (r->verdicts) {
		verdict_sentence(r->verdicts, r->selected, text, sizeof(text));
		json_object_set_new(o, "summary", json_string(text));
		json_object_set_new(o, "marks_at", json_string(s->marks_at_map ? "map" : "zap"));
		json_object_set_new(o, "audit", s->audited ?
				    json_pack("{s:o, s:o}", "sptes", number(s->audit_sptes), "differ",
					      number(s->losses[LOSS_AUDIT])) : json_null());
		list = json_array();
		for (int i = 0; i < INV_NR; i++)
			if (r->selected & (1u << i))
				json_array_append_new(list, verdict_json(i, &r->verdicts[i]));
		json_object_set_new(o, "verdict", json_string(value_name(r->overall)));
		json_object_set_new(o, "invariants", list);
		list = json_array();
		for (size_t i = 0; i < r->ntold; i++)
			json_array_append_new(list, told_json(r, &r->told[i]));
		json_object_set_new(o, "violations", list);
	}
	if (r->claims) {
		list = json_array();
		for (int i = 0; i < CLAIM_NR; i++)
			json_array_append_new(list, claim_json(i, &r->claims[i]));
		json_object_set_new(o, "claims", list);
	}
	return o;
}

int json_report(FILE *f, const struct report *r)
{
	json_t *o = json_of_report(r);
	int err;

	if (!o)
		return -ENOMEM;
	err = json_dumpf(o, f, (r->compact ? JSON_COMPACT : JSON_INDENT(2)) | JSON_PRESERVE_ORDER |
			 JSON_ENSURE_ASCII);
	fputc('\n', f);
	json_decref(o);
	return err ? -EIO : 0;
}
