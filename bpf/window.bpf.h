/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Invalidation windows: from the entry of KVM's invalidate start to the return of the end.  Kept per task
 * (a window belongs to the task that opened it), and, once KVM's part of the start is done, in a table
 * of the VM, where faults of other tasks see that they must not map these gfns now.
 */
#ifndef MMUSCOPE_WINDOW_BPF_H
#define MMUSCOPE_WINDOW_BPF_H

#include "check.bpf.h"
#include "models/no_map_in_window.h"
#include "models/windows_balanced.h"

static __always_inline struct vm_state *vm_state(u32 index)
{
	return bpf_map_lookup_elem(&vm_states, &index);
}

/* KVM's own count of invalidations in progress. */
static __always_inline u64 kvm_in_progress(u64 kvm)
{
	return FIELD64(kvm, struct kvm, mmu_invalidate_in_progress);
}

static __always_inline u64 kvm_invalidate_seq(u64 kvm)
{
	return FIELD64(kvm, struct kvm, mmu_invalidate_seq);
}

static __always_inline u64 kvm_flush_requests(u64 kvm)
{
	return FIELD64(kvm, struct kvm, stat.generic.remote_tlb_flush_requests);
}

/*
 * These two answer 1 + the place of a window, 0: there is none.  Not a pointer: the verifier would follow
 * all that comes after once for each place.
 */

/* The window of the task for this range and VM; 0, 0: a place for a new one. */
GLOBAL u32 window_place(struct task_state *t, u64 range, u32 vm)
{
	for (u32 i = 0; t && i < WINDOW_DEPTH; i++)
		if (t->window[i].range == range && t->window[i].vm == vm)
			return i + 1;
	return 0;
}

/* The innermost open window of the task for this VM, whatever its range. */
GLOBAL u32 window_current_place(struct task_state *t, u32 vm)
{
	for (u32 i = WINDOW_DEPTH; t && i > 0; i--)
		if (t->window[i - 1].range && t->window[i - 1].vm == vm)
			return i;
	return 0;
}

static __always_inline struct window *window_at(struct task_state *t, u32 place)
{
	place--;
	return place < WINDOW_DEPTH ? &t->window[place & (WINDOW_DEPTH - 1)] : NULL;
}

static __always_inline struct window *window_find(struct task_state *t, u64 range, u32 vm)
{
	return window_at(t, window_place(t, range, vm));
}

static __always_inline struct window *window_current(struct task_state *t, u32 vm)
{
	return window_at(t, window_current_place(t, vm));
}

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

/* flushed-at-start: KVM's start has returned. */
GLOBAL int window_flushed(u64 kvm, struct window *w)
{
	enum fas_state state;
	struct vm_counts *c;

	if (!w)
		return 0;
	c = counts_of(w->vm);
	state = w->flush_state;
	if (state == FAS_ZAPPED && kvm_flush_requests(kvm) != w->flushes) {
		state = fas_step(state, FAS_FLUSH).next;
		if (cfg_record)
			window_seen(w, STEP_WHAT(INV_FLUSHED_AT_START, FAS_FLUSH, w->flush_steps++));
	}
	if (state == FAS_ZAPPED && has_invalid_root(kvm, w->spans ? w->span[0].gfn : 0)) {
		COUNT(c, exempt[EXEMPT_INVALID_ROOT], 1);
		exempt_seen(INV_FLUSHED_AT_START, EXEMPT_INVALID_ROOT, w->flush_steps, w->vm, 1, w->number,
			    w->number);
		state = FAS_IDLE;
	} else if (cfg_record) {
		window_seen(w, STEP_WHAT(INV_FLUSHED_AT_START, FAS_RETURN, w->flush_steps));
	}

	struct story s = {
		.vm = w->vm, .pages = w->zapped, .hva = w->start, .gfn = w->spans ? w->span[0].gfn : 0,
		.as_id = w->spans ? w->span[0].as_id : 0, .level = 1,
	};

	judged(c, INV_FLUSHED_AT_START, fas_step(state, FAS_RETURN), &s, w);
	return 0;
}

/* Where the contents of a page that is no longer dirty at its window's end have gone. */
enum page_fate { FATE_DIRTY, FATE_DISCARDED, FATE_CLEAN };

struct fate {
	u64 pgd;
	u64 pfn;
	u64 hva;
	u64 mapping;
	u64 flags;		/* out */
	u32 exempt;		/* out: enum exempt, for FATE_DISCARDED */
	u32 path;		/* of the window's cause */
};

GLOBAL int page_fate(struct fate *f)
{
	u64 head, mapping;
	struct leaf leaf;
	bool anon;
	int r;

	if (!f)
		return FATE_DIRTY;
	head = pfn_head(f->pfn);
	f->flags = page_flags(head);
	if (f->flags & PAGE_FLAG(dirty))
		return FATE_DIRTY;
	anon = f->mapping & MAPPING_ANON;
	mapping = folio_mapping_word(head);
	r = host_leaf(f->pgd, f->hva, &leaf);
	if (r == WALK_TORN)
		return FATE_DISCARDED;	/* counted as a loss */
	if (r == WALK_OK && leaf.pfn == f->pfn && leaf_dirty(leaf.entry))
		return FATE_DIRTY;
	if (mapping != f->mapping) {
		/* freed, or taken out of its file: KSM's and migration's pages take other names, too */
		f->exempt = anon ? EXEMPT_DISCARD_UNMAP : EXEMPT_DISCARD_CUT;
		return FATE_DISCARDED;
	}
	if (r == WALK_OK && leaf.pfn != f->pfn) {
		f->exempt = EXEMPT_DISCARD_COPIED;
		return FATE_DISCARDED;
	}
	/* folio_mark_lazyfree() clears PG_swapbacked by a per-CPU batch, at some later time */
	if (anon && (!(f->flags & PAGE_FLAG(swapbacked)) || path_is_free(f->path))) {
		f->exempt = EXEMPT_DISCARD_FREE;
		return FATE_DISCARDED;
	}
	if (r == WALK_NONE) {
		/* PROT_NONE keeps the dirty bit; its pfn is inverted and not looked at */
		if (leaf.entry & PTE_PROTNONE)
			return leaf_dirty(leaf.entry) ? FATE_DIRTY : FATE_CLEAN;
		/* no entry at all: anonymous memory is given up, or its table taken by khugepaged */
		if (!leaf.entry && (anon || backing_of(mapping) == BACKING_HUGETLB)) {
			bool moved = (f->flags & PAGE_FLAG(locked)) && !(f->flags & PAGE_FLAG(lru));

			f->exempt = moved ? EXEMPT_DISCARD_COPIED : EXEMPT_DISCARD_UNMAP;
			return FATE_DISCARDED;
		}
	}
	return FATE_CLEAN;
}

/* dirty-through-window for one page that a window remembers. */
GLOBAL int window_judge_page(struct window *w, u32 i, u64 pgd)
{
	struct fate f = { .exempt = EXEMPT_NR };
	struct window_page *p;
	enum dtw_event event;
	struct vm_counts *c;
	int fate;
	u32 why;

	if (!w || i >= WINDOW_PAGES)
		return 0;
	p = &w->page[i];
	c = counts_of(w->vm);
	f.pgd = pgd;
	f.pfn = p->pfn;
	f.hva = p->hva;
	f.mapping = p->mapping;
	f.path = w->cause.path;
	fate = page_fate(&f);
	event = fate == FATE_DIRTY ? DTW_END_DIRTY : fate == FATE_CLEAN ? DTW_END_CLEAN : DTW_DISCARDED;
	why = f.exempt;
	if (fate == FATE_CLEAN) {
		u32 reason = page_reason(f.pfn);

		if (reason < PAGE_REASONS)
			why = EXEMPT_WINDOW_NO_PAGE + reason;
		/* the hooks of cleaning have seen it, with no SPTE left that could write it */
		else if (!track_written(f.pfn))
			why = EXEMPT_DISCARD_WRITTEN;
	}
	asm volatile("" : "+r"(why));	/* older verifiers forget the bound of a copy */
	if (why < EXEMPT_NR) {
		COUNT(c, exempt[why], 1);
		exempt_seen(INV_DIRTY_THROUGH_WINDOW, why, 1, w->vm, 1, w->number, page_object(w->number, i));
		event = DTW_DISCARDED;
	}

	struct story s = {
		.gfn = p->gfn, .hva = f.hva, .pfn = f.pfn, .flags = f.flags, .vm = w->vm, .level = 1,
		.pages = 1,
	};

	if (why >= EXEMPT_NR)
		step_seen(INV_DIRTY_THROUGH_WINDOW, event, 1, &s, w->number, page_object(w->number, i));
	judged(c, INV_DIRTY_THROUGH_WINDOW, dtw_step(DTW_OWED, event), &s, w);
	return 0;
}

/* What a window did is known: judge it and close the books.  now: CLOCK_MONOTONIC. */
GLOBAL int window_close(struct window *w, u64 now)
{
	struct vm_counts *c;
	struct vm_info *vm;
	u32 index;

	if (!w)
		return 0;
	index = w->vm;
	vm = bpf_map_lookup_elem(&vms, &index);
	c = counts_of(index);
	hist_add(HIST_WINDOW_NS, now - w->ns);
	hist_add(HIST_WINDOW_PAGES, w->zapped);
	if (cfg_check && vm && vm->kvm) {
		u64 pgd = vm->pgd;

		for (u32 i = 0; i < WINDOW_PAGES; i++) {
			if (i >= w->npages)
				break;
			window_judge_page(w, i, pgd);
		}
		if (w->open && window_withdraw(w) == SAYS_KEPT)
			COUNT(c, checked[INV_NO_MAP_IN_WINDOW], 1);
	}
	if (cfg_record)
		record_window(w, now);
	if (cfg_causes)
		cause_end(w, now - w->ns);
	w->range = 0;
	/* for its end's exit, which only check looks at */
	if (cfg_check)
		w->ending = index;
	else
		w->vm = 0;
	return 0;
}

/* What balanced, or did not: for the recorder.  Windows of other tasks may have come meanwhile. */
GLOBAL int balance_seen(const struct story *s)
{
	u64 object = record_number();

	if (!s)
		return 0;
	step_seen(INV_WINDOWS_BALANCED, WBA_START, 0, s, 0, object);
	step_seen(INV_WINDOWS_BALANCED, s->pages ? WBA_END_NONZERO : WBA_END_ZERO, 1, s, 0, object);
	return 0;
}

/* windows-balanced: was it the VM's last, and has KVM's count come back to 0? */
GLOBAL int window_balance(u32 index)
{
	struct vm_counts *c = counts_of(index);
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_state *st = vm_state(index);
	u64 left;

	if (!st || !vm || __sync_fetch_and_add(&st->busy, -1) != 1)
		return 0;
	left = kvm_in_progress(vm->kvm);
	/* a window that began meanwhile may or may not be in the count: its end will tell */
	if (*(volatile u32 *)&st->busy || !vm->kvm)
		return 0;
	if (!left)
		st->settled = 1;
	if (!cfg_check || !st->settled)
		return 0;

	struct story s = { .vm = index, .pages = left };

	if (cfg_record)
		balance_seen(&s);
	judged(c, INV_WINDOWS_BALANCED,
	       wba_step(WBA_BUSY, left ? WBA_END_NONZERO : WBA_END_ZERO), &s, NULL);
	return 0;
}

#endif /* MMUSCOPE_WINDOW_BPF_H */
