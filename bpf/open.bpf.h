/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The open windows of a VM, in a table where faults of other tasks see that they must not map these gfns now:
 * no-map-in-window.
 */
#ifndef MMUSCOPE_OPEN_BPF_H
#define MMUSCOPE_OPEN_BPF_H

#include "check.bpf.h"
#include "models/no_map_in_window.h"

/* An event of a model whose instance is the window: for the recorder. */
GLOBAL int window_seen(const struct window *w, u32 what)
{
	if (!w)
		return 0;

	struct story s = {
		.vm = w->vm, .pages = w->zapped, .hva = w->start, .gfn = w->spans ? w->span[0].gfn : 0,
		.as_id = w->spans ? w->span[0].as_id : 0,
	};

	return record_step(what, &s, w->number, w->number);
}

struct publish {
	struct window *w;
	struct vm_state *st;
};

/* Take a place in the VM's table, if this one is free; bpf_loop callback. */
static long publish_step(u32 i, struct publish *p)
{
	struct window *w = p->w;
	struct open_window *o;

	if (i >= OPEN_WINDOWS)
		return 1;
	o = &p->st->open[i];
	/* taken first, filled next, shown last: state says whether it is to be looked at */
	if (o->id || __sync_val_compare_and_swap(&o->id, 0, w->range))
		return 0;
	for (u32 k = 0; k < WINDOW_SPANS; k++) {
		if (k >= w->spans)
			break;
		o->gfn[k] = w->span[k].gfn;
		o->end[k] = w->span[k].end;
		o->as_id[k] = w->span[k].as_id;
	}
	o->spans = w->spans;
	o->cause = w->cause;
	if (cfg_record) {
		o->number = w->number;
		o->retries = 0;
	}
	__sync_lock_test_and_set(&o->state, nmw_step(NMW_CLOSED, NMW_START).next);
	w->open = i + 1;
	return 1;
}

/* KVM's start has returned: from here on nobody may map these gfns. */
GLOBAL int window_publish(struct window *w)
{
	struct publish p = { .w = w };
	u32 vm;

	if (!w)
		return 0;
	vm = w->vm;
	p.st = vm_state(vm);
	if (!p.st || !w->spans)
		return 0;
	/* before anybody can break it */
	if (cfg_record)
		window_seen(w, STEP_WHAT(INV_NO_MAP_IN_WINDOW, NMW_START, 0));
	/* the first place is free, most of the time */
	if (!publish_step(0, &p))
		bpf_loop(OPEN_WINDOWS, publish_step, &p, 0);
	if (w->open)
		__sync_fetch_and_add(&p.st->nopen, 1);
	else
		lost(LOSS_OPEN_WINDOWS);
	return 0;
}

/* The end is entered: take the window off the VM's table.  Returns what no-map-in-window says. */
GLOBAL u32 window_withdraw(struct window *w)
{
	struct open_window *o;
	struct vm_state *st;
	struct step step;
	u32 vm, i;

	if (!w)
		return SAYS_NOTHING;
	vm = w->vm;
	i = w->open - 1;
	st = vm_state(vm);
	if (!st || i >= OPEN_WINDOWS)
		return SAYS_NOTHING;
	o = &st->open[i];
	step = nmw_step(o->state, NMW_END);
	o->state = step.next;
	if (cfg_record)
		w->retries = o->retries;
	__sync_fetch_and_add(&st->nopen, -1);
	__sync_lock_test_and_set(&o->id, 0);
	w->open = 0;
	if (cfg_record)
		window_seen(w, STEP_WHAT(INV_NO_MAP_IN_WINDOW, NMW_END, 1));
	return step.says;
}

struct open_search {
	u64 gfn;
	u64 end;
	u64 spte;
	u32 as_id;
	u32 vm;
	u32 level;		/* in: of the leaf that has been mapped, which is spte; 0: only look */
	u32 hits;		/* out */
	u32 larger;		/* out: windows that the leaf reaches beyond */
	struct cause_key cause;	/* out: of the last hit */
};

/* A leaf has been mapped into an open window: for the recorder.  Where it was is judged with the first. */
GLOBAL int breach_seen(const struct open_search *f, u64 window)
{
	struct story s;

	if (!f)
		return 0;
	s = (struct story){
		.gfn = f->gfn, .pfn = spte_pfn(f->spte), .old_spte = f->spte, .new_spte = f->spte,
		.vm = f->vm, .level = f->level, .as_id = f->as_id, .pages = f->end - f->gfn,
	};
	step_seen(INV_NO_MAP_IN_WINDOW, NMW_MAP, 1, &s, window, window);
	return 0;
}

/* One window that is open, or a free place; bpf_loop callback. */
static long open_window_step(u32 i, struct open_search *s)
{
	u32 vm = s->vm;
	struct vm_state *st = vm_state(vm);
	struct open_window *o;

	if (!st || i >= OPEN_WINDOWS)
		return 1;
	o = &st->open[i];
	if (!o->id || o->state == NMW_CLOSED)
		return 0;
	for (u32 k = 0; k < WINDOW_SPANS; k++) {
		if (k >= o->spans)
			break;
		if (o->as_id[k] != s->as_id || s->gfn >= o->end[k] || s->end <= o->gfn[k])
			continue;
		/*
		 * mmu_invalidate_retry_gfn() asks only for the gfn that faulted: a huge leaf may come to lie
		 * over a window that is smaller.  It is sound: what needs the huge page split has a window
		 * over all of it.
		 */
		if (s->gfn < o->gfn[k] || s->end > o->end[k]) {
			s->larger++;
			continue;
		}
		s->hits++;
		s->cause = o->cause;
		if (s->level) {
			o->state = nmw_step(o->state, NMW_MAP).next;
			if (cfg_record)
				breach_seen(s, o->number);
		} else if (cfg_record) {
			__sync_fetch_and_add(&o->retries, 1);
		}
		break;
	}
	return 0;
}

/* Which open windows of the VM cover [gfn, end)? */
GLOBAL int open_windows_find(struct open_search *out)
{
	struct open_search s;

	if (!out)
		return 0;
	s = *out;	/* bpf_loop takes a context on the stack only */
	bpf_loop(OPEN_WINDOWS, open_window_step, &s, 0);
	*out = s;
	return s.hits;
}

/* A leaf has been installed in the range of an open window: tell.  In a frame of its own. */
GLOBAL int open_breached(u32 index, u32 as_id, u64 gfn, u64 spte, u32 level)
{
	struct story s = {
		.gfn = gfn, .pfn = spte_pfn(spte), .old_spte = spte, .new_spte = spte, .vm = index,
		.level = level, .as_id = as_id, .pages = level_pages(level & 3),
	};

	return tell_violation(INV_NO_MAP_IN_WINDOW, &s, NULL);
}

/* A leaf has been installed: no window of the VM that covers it may be open. */
GLOBAL int check_open(u32 index, u32 as_id, u64 gfn, u64 spte, u32 level)
{
	struct open_search find = {
		.gfn = gfn, .end = gfn + level_pages(level & 3), .spte = spte, .as_id = as_id, .vm = index,
		.level = level,
	};
	struct vm_counts *c = counts_of(index);

	open_windows_find(&find);
	if (find.larger) {
		COUNT(c, exempt[EXEMPT_LARGER_LEAF], 1);
		exempt_seen(INV_NO_MAP_IN_WINDOW, EXEMPT_LARGER_LEAF, 0, index, 1, 0, 0);
	}
	if (!find.hits)
		return 0;
	/* an instance is a window, and each of them is broken */
	COUNT(c, checked[INV_NO_MAP_IN_WINDOW], find.hits);
	COUNT(c, violated[INV_NO_MAP_IN_WINDOW], find.hits);
	return open_breached(index, as_id, gfn, spte, level);
}

#endif /* MMUSCOPE_OPEN_BPF_H */
