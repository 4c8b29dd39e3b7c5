/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Invalidation windows: from the entry of KVM's invalidate start to the return of the end.  Kept per task
 * (a window belongs to the task that opened it), and, once KVM's part of the start is done, in a table
 * of the VM: see open.bpf.h.
 */
#ifndef MMUSCOPE_WINDOW_BPF_H
#define MMUSCOPE_WINDOW_BPF_H

#include "models/windows_balanced.h"
#include "open.bpf.h"

/*
 * These three answer 1 + the place of a window, 0: there is none.  Not a pointer: the verifier would follow
 * all that comes after once for each place.
 */

/* The window of the task for this range and VM. */
GLOBAL u32 window_place(struct task_state *t, u64 range, u32 vm)
{
	for (u32 i = 0; t && i < WINDOW_DEPTH; i++)
		if (t->window[i].range == range && t->window[i].vm == vm)
			return i + 1;
	return 0;
}

/*
 * A place for the window of this range and VM, which begins.  If one of the same range is still there that
 * has lost its end (the stack was used again), its place.
 */
GLOBAL u32 window_new_place(struct task_state *t, u64 range, u32 vm)
{
	u32 free = 0;

	for (u32 i = WINDOW_DEPTH; t && i > 0; i--) {
		struct window *w = &t->window[i - 1];

		if (w->range == range && w->vm == vm)
			return i;
		if (!w->range && !w->vm)
			free = i;
	}
	return free;
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
	/* most are alone */
	if (t->window[0].range == range && t->window[0].vm == vm)
		return &t->window[0];
	return window_at(t, window_place(t, range, vm));
}

static __always_inline struct window *window_current(struct task_state *t, u32 vm)
{
	struct window *w = window_at(t, t->newest);

	if (w && w->range && w->vm == vm)
		return w;
	return window_at(t, window_current_place(t, vm));
}

/* 4K pages zapped in it so far. */
static __always_inline u64 window_zapped(const struct window *w)
{
	u32 key = w->usual - 1;

	return w->zapped + (key < TASK_SLOTS ? usuals[key].n : 0);
}

/* flushed-at-start: KVM's start has returned. */
GLOBAL int window_flushed(u64 kvm, struct window *w)
{
	enum fas_state state;
	struct vm_counts *c;

	if (!w || flushes_unseen())
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
	if (judged_kept(c, INV_FLUSHED_AT_START, fas_step(state, FAS_RETURN)))
		return 0;

	struct story s = {
		.vm = w->vm, .pages = window_zapped(w), .hva = w->start,
		.gfn = w->spans ? w->span[0].gfn : 0, .as_id = w->spans ? w->span[0].as_id : 0,
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
		if (pte_prot_none(leaf.entry))
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

/* dirty-through-window for the pages of a window, and its no-map-in-window. */
GLOBAL int window_judge(struct window *w, u64 pgd)
{
	struct vm_counts *c;

	if (!w)
		return 0;
	c = counts_of(w->vm);
	for (u32 i = 0; i < WINDOW_PAGES; i++) {
		if (i >= w->npages)
			break;
		/* the usual, which page_fate() would say first */
		if (!(page_flags(pfn_head(w->page[i].pfn)) & PAGE_FLAG(dirty)) ||
		    !judged_kept(c, INV_DIRTY_THROUGH_WINDOW, dtw_step(DTW_OWED, DTW_END_DIRTY)))
			window_judge_page(w, i, pgd);
	}
	if (w->open && window_withdraw(w) == SAYS_KEPT)
		COUNT(c, checked[INV_NO_MAP_IN_WINDOW], 1);
	return 0;
}

/*
 * What change_usual() has only noted goes to the books; to a row, too, if there is one.  Not if the VM has
 * gone meanwhile: user space has taken it over with the VM's other counts.
 */
GLOBAL int window_usual(struct window *w, struct cause_row *row)
{
	struct usual *u;
	struct vm_info *vm;
	struct vm_counts *c;
	u32 index, backing, key;
	u64 n, young, followed;

	if (!w)
		return 0;
	index = w->vm;
	key = w->usual - 1;
	if (key >= TASK_SLOTS)
		return 0;
	u = &usuals[key];
	n = u->n;
	young = k_accessed_mask ? n : 0;
	followed = u->followed;
	backing = u->backing;
	u->task = 0;
	u->n = u->followed = 0;
	w->usual = 0;
	if (!n)
		return 0;
	vm = bpf_map_lookup_elem(&vms, &index);
	c = counts_of(index);
	if (!vm || !c || vm->kvm != w->kvm)
		return 0;
	w->zapped += n;
	if (vm->flags & VM_DYING)
		__sync_fetch_and_add(&c->torn_down[0], n);
	else
		__sync_fetch_and_add(&c->zapped[0], n);
	__sync_fetch_and_add(&c->zapped_in_window, n);
	asm volatile("" : "+r"(backing));
	if (!cfg_check || backing >= BACKING_NR)
		return 0;
	__sync_fetch_and_add(&c->checked[INV_DIRTY_UNTIL_NOTIFIED], n);
	__sync_fetch_and_add(&c->window_pages, n);
	__sync_fetch_and_add(&c->window_pages_followed, followed);
	__sync_fetch_and_add(&c->seen[SEEN_ZAP_PRIMARY][backing], n);
	__sync_fetch_and_add(&c->seen[SEEN_ZAP_YOUNG][backing], young);
	if (!row)
		return 0;
	__sync_fetch_and_add(&row->seen[SEEN_ZAP_PRIMARY][backing], n);
	__sync_fetch_and_add(&row->seen[SEEN_ZAP_YOUNG][backing], young);
	return 0;
}

/* What a window did is known: judge it and close the books.  now: CLOCK_MONOTONIC. */
GLOBAL int window_close(struct window *w, u64 now)
{
	struct cause_row *row = NULL;
	struct vm_info *vm;
	u32 index, bucket;
	u64 ns;

	if (!w)
		return 0;
	index = w->vm;
	ns = now - w->ns;
	/* without cause_known there was no row to be had */
	if (cfg_causes && w->cause_known)
		row = cause_row_at(w->cause_place);
	if (w->usual)
		window_usual(w, row);
	bucket = hist_add(HIST_WINDOW_NS, ns);
	hist_add(HIST_WINDOW_PAGES, w->zapped);
	if (cfg_check) {
		vm = bpf_map_lookup_elem(&vms, &index);
		if (vm && vm->kvm)
			window_judge(w, vm->pgd);
	}
	if (cfg_record)
		record_window(w, now);
	if (row)
		cause_end(w, row, ns, bucket);
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
	struct step step;
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

	step = wba_step(WBA_BUSY, left ? WBA_END_NONZERO : WBA_END_ZERO);
	if (judged_kept(c, INV_WINDOWS_BALANCED, step))
		return 0;

	struct story s = { .vm = index, .pages = left };

	if (cfg_record)
		balance_seen(&s);
	judged(c, INV_WINDOWS_BALANCED, step, &s, NULL);
	return 0;
}

#endif /* MMUSCOPE_WINDOW_BPF_H */
