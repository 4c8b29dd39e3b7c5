// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instances by (invariant, object) in one open hash table, from which they go when they are in their first
 * state again: most live for two or three steps, so that it stays small.  A step says how many of its
 * instance came before; one that lacks some is not judged any further, or a lost step would look like a
 * violation.
 */
#include "judge.h"
#include "user/base/format.h"
#include "model.h"

#include "bpf/hist.h"
#include "bpf/models/dirty_through_window.h"
#include "bpf/models/dirty_until_notified.h"
#include "bpf/models/pinned_outside.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_START = 1024 };

struct instance {
	uint64_t object;	/* 0: free */
	uint32_t seen;		/* steps */
	uint8_t invariant;
	uint8_t state;
	uint16_t pad;
};

struct judge {
	struct models models;
	struct judge_options options;
	struct instance *table;
	size_t mask;
	size_t used;
	struct snapshot snapshot;
	uint32_t row_of[MAX_VMS + 1];	/* row in the snapshot + 1; 0: none yet */
	struct told *told;
	size_t ntold;
	uint64_t first_ns;
};

struct judge *judge_new(const struct judge_options *o)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	models_fill(&j->models);
	j->options = *o;
	j->mask = TABLE_START - 1;
	j->table = calloc(TABLE_START, sizeof(*j->table));
	j->told = calloc(o->stories ? o->stories : 1, sizeof(*j->told));
	j->snapshot.checking = true;
	if (j->table && j->told)
		return j;
	judge_free(j);
	return NULL;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	snapshot_free(&j->snapshot);
	free(j->table);
	free(j->told);
	free(j);
}

void judge_range(struct judge *j, uint64_t from_ns, uint64_t to_ns)
{
	j->options.from_ns = from_ns;
	j->options.to_ns = to_ns;
}

struct snapshot *judge_snapshot(struct judge *j)
{
	return &j->snapshot;
}

struct told *judge_told(struct judge *j, size_t *n)
{
	*n = j->ntold;
	return j->told;
}

size_t judge_open(const struct judge *j)
{
	return j->used;
}

/* ---- instances ---- */

static size_t place_of(const struct judge *j, unsigned int invariant, uint64_t object)
{
	uint64_t h = (object ^ (uint64_t)invariant << 58) * 0x9e3779b97f4a7c15ULL;

	return (h >> 32) & j->mask;
}

/* Where the instance is, or where it would be put. */
static struct instance *find(const struct judge *j, unsigned int invariant, uint64_t object)
{
	size_t i = place_of(j, invariant, object);

	while (j->table[i].object && (j->table[i].object != object || j->table[i].invariant != invariant))
		i = (i + 1) & j->mask;
	return &j->table[i];
}

void judge_expect(const struct judge *j, const struct record_step *s)
{
	if (s->object)
		__builtin_prefetch(&j->table[place_of(j, s->invariant, s->object)], 1);
}

static bool grow(struct judge *j)
{
	struct instance *old = j->table;
	size_t n = j->mask + 1;

	j->table = calloc(2 * n, sizeof(*j->table));
	if (!j->table) {
		j->table = old;
		return false;
	}
	j->mask = 2 * n - 1;
	for (size_t i = 0; i < n; i++)
		if (old[i].object)
			*find(j, old[i].invariant, old[i].object) = old[i];
	free(old);
	return true;
}

/* Take one out, and move up those behind it that had to make way. */
static void forget(struct judge *j, struct instance *gone)
{
	size_t hole = (size_t)(gone - j->table);

	for (size_t i = (hole + 1) & j->mask; j->table[i].object; i = (i + 1) & j->mask) {
		size_t home = place_of(j, j->table[i].invariant, j->table[i].object);

		/* does its way from home to here lead over the hole? */
		if (((i - home) & j->mask) < ((i - hole) & j->mask))
			continue;
		j->table[hole] = j->table[i];
		hole = i;
	}
	j->table[hole].object = 0;
	j->used--;
}

/* ---- VMs ---- */

static struct vm_row *add_row(struct judge *j, uint32_t vm)
{
	struct vm_row *row = snapshot_add_vm(&j->snapshot);

	if (!row)
		return NULL;
	row->info.index = vm;
	j->row_of[vm] = (uint32_t)j->snapshot.nvms;
	return row;
}

bool judge_vm(struct judge *j, uint64_t ns, uint32_t vm, const struct vm_info *info)
{
	struct vm_row *row;

	if (!vm || vm > MAX_VMS)
		return true;
	row = j->row_of[vm] ? &j->snapshot.vms[j->row_of[vm] - 1] : NULL;
	if (!info) {
		if (row) {
			row->gone = true;
			row->gone_ns = ns;
		}
		return true;
	}
	/* each part of a recording names the VMs that are there again */
	if (!row || row->gone)
		row = add_row(j, vm);
	if (!row)
		return false;
	row->info = *info;
	return true;
}

/* Where a VM is counted; NULL: out of memory. */
static struct vm_counts *counts_of(struct judge *j, uint32_t vm)
{
	struct vm_row *row;

	if (!vm || vm > MAX_VMS)
		return &j->snapshot.host;
	if (j->row_of[vm])
		return &j->snapshot.vms[j->row_of[vm] - 1].counts;
	row = add_row(j, vm);
	return row ? &row->counts : NULL;
}

/* ---- steps ---- */

static void tell(struct judge *j, uint64_t ns, const struct record_step *s)
{
	const struct vm_row *row = s->vm && s->vm <= MAX_VMS && j->row_of[s->vm] ?
				   &j->snapshot.vms[j->row_of[s->vm] - 1] : NULL;
	char comm[FORMAT_LEN];
	struct told *t;

	if (j->ntold == j->options.stories)
		return;
	t = &j->told[j->ntold++];
	t->e = (struct event_violation){
		.head = { .type = EVENT_VIOLATION, .size = sizeof(t->e), .ns = ns },
		.invariant = s->invariant, .vm = s->vm, .gfn = s->gfn, .hva = s->hva, .pfn = s->pfn,
		.old_spte = s->old_spte, .new_spte = s->new_spte, .page_flags = s->flags,
		.pages = s->pages, .level = s->level, .as_id = s->as_id, .order = s->order, .tid = s->tid,
	};
	t->since_start_ns = (int64_t)(ns - j->first_ns);
	snprintf(t->cause, sizeof(t->cause), "not recorded with the step");
	if (row)
		vm_name_tell(t->vm_name, sizeof(t->vm_name), s->vm, row->name, row->info.pid,
			     format_comm(comm, row->info.comm, COMM_LEN));
	else
		snprintf(t->vm_name, sizeof(t->vm_name), "unknown");
}

/* What is counted beside what a model says. */
static void count_event(struct vm_counts *c, const struct record_step *s, bool in_range)
{
	switch (s->invariant) {
	case INV_DIRTY_UNTIL_NOTIFIED:
		/* in any range: what is owed in it may be settled after it */
		c->owed += s->event == DUN_LOST_CLEAN;
		c->settled += s->event == DUN_MARKED || s->event == DUN_RETURNED || s->event >= STEP_EXEMPT;
		c->kvm_marked += in_range && s->event == DUN_MARKED ? s->pages : 0;
		break;
	case INV_DIRTY_THROUGH_WINDOW:
		if (!in_range || s->event != DTW_LOST_DIRTY)
			break;
		c->window_pages++;
		c->window_pages_followed += s->object != 0;
		break;
	case INV_PINNED_OUTSIDE:
		c->pinned_cleaned += in_range && s->event == PNO_CLEAN;
		break;
	default:
		break;
	}
}

/*
 * One more step of an instance that may have several.  False: it, or a former one, is missing a step.  *ok
 * is false when there is no memory.
 */
static bool step_instance(struct judge *j, const struct record_step *s, struct step *step, bool *ok)
{
	struct instance *i = find(j, s->invariant, s->object);

	if (!i->object) {
		if (s->number)
			return false;
		if (2 * j->used > j->mask) {
			*ok = grow(j);
			if (!*ok)
				return false;
			i = find(j, s->invariant, s->object);
		}
		*i = (struct instance){ .object = s->object, .invariant = s->invariant };
		j->used++;
	} else if (i->seen < s->number) {
		forget(j, i);
		return false;
	}
	*step = s->event < MODEL_EVENTS ? j->models.step[s->invariant][i->state][s->event] :
					  STEP(i->state, SAYS_NOTHING);
	i->state = step->next;
	i->seen++;
	/* an exemption ends it, too */
	if (i->state == MODEL_START || s->event >= STEP_EXEMPT)
		forget(j, i);
	return true;
}

bool judge_step(struct judge *j, uint64_t ns, const struct record_step *s)
{
	bool in_range = ns >= j->options.from_ns && ns <= j->options.to_ns, ok = true;
	struct step step = { 0 };
	struct vm_counts *c;

	if (s->invariant >= INV_NR)
		return false;
	if (j->options.vm && s->vm && s->vm != j->options.vm)
		return true;
	c = counts_of(j, s->vm);
	if (!c)
		return false;
	if (!j->first_ns)
		j->first_ns = ns;
	count_event(c, s, in_range);
	if (s->object) {
		if (!step_instance(j, s, &step, &ok)) {
			j->snapshot.torn[s->invariant]++;
			return ok;
		}
	} else if (s->event < MODEL_EVENTS) {
		step = j->models.step[s->invariant][MODEL_START][s->event];
	}
	if (!in_range)
		return true;
	if (s->event >= STEP_EXEMPT) {
		if (s->event - STEP_EXEMPT < EXEMPT_NR)
			c->exempt[s->event - STEP_EXEMPT] += s->pages;
		return true;
	}
	if (step.says == SAYS_NOTHING)
		return true;
	c->checked[s->invariant]++;
	if (step.says == SAYS_BROKEN) {
		c->violated[s->invariant]++;
		tell(j, ns, s);
	}
	return true;
}

void judge_window(struct judge *j, const struct record_window *w)
{
	struct vm_counts *c = counts_of(j, w->vm);
	uint32_t event = w->event < NOTIFIER_EVENTS ? w->event : NOTIFIER_EVENTS - 1;
	struct hist *h = j->snapshot.hists;

	if (!c || w->end < j->options.from_ns || w->end > j->options.to_ns)
		return;
	if (j->options.vm && w->vm != j->options.vm)
		return;
	c->windows[event]++;
	c->windows_followed++;
	c->zapped_in_window += w->pages;
	h[HIST_WINDOW_NS].bucket[hist_bucket(w->end - w->start)]++;
	h[HIST_WINDOW_NS].sum += w->end - w->start;
	h[HIST_WINDOW_PAGES].bucket[hist_bucket(w->pages)]++;
	h[HIST_WINDOW_PAGES].sum += w->pages;
}
