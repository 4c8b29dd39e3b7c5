/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The invariants: from what the hooks saw to events of the models in models/, and from what a model
 * says to a count and, for the first violations, a story.  docs/invariants.md is the text to this code.
 */
#ifndef MMUSCOPE_CHECK_BPF_H
#define MMUSCOPE_CHECK_BPF_H

#include "cause.bpf.h"
#include "models/dirty_through_window.h"
#include "models/dirty_until_notified.h"
#include "models/flushed_at_start.h"
#include "models/notified_before_clean.h"
#include "models/zapped_at_start.h"
#include "page.bpf.h"
#include "record.bpf.h"
#include "scan.bpf.h"
#include "story.bpf.h"
#include "track.bpf.h"
#include "vm.bpf.h"

/* Count what a model has said, and tell it if it is a violation. */
static __always_inline void judged(struct vm_counts *c, enum invariant inv, struct step step,
				   const struct story *s, const struct window *w)
{
	if (step.says == SAYS_NOTHING)
		return;
	COUNT(c, checked[inv], 1);
	if (step.says == SAYS_BROKEN) {
		COUNT(c, violated[inv], 1);
		tell_violation(inv, s, w);
	}
}

/* A model has said the usual: it is counted, and no story made.  False: to be judged(), or recorded. */
static __always_inline bool judged_kept(struct vm_counts *c, enum invariant inv, struct step step)
{
	if (cfg_record || step.says == SAYS_BROKEN)
		return false;
	if (step.says == SAYS_KEPT)
		COUNT(c, checked[inv], 1);
	return true;
}

/* D(h): is the page known to be dirty, by its folio's flag or by the host leaf that maps hva? */
GLOBAL int page_is_dirty(u64 pgd, u64 hva, u64 pfn, u64 *flags)
{
	struct leaf leaf;

	if (!flags)
		return 0;
	*flags = page_flags(pfn_head(pfn));
	if (*flags & PAGE_FLAG(dirty))
		return 1;
	return host_leaf(pgd, hva, &leaf) == WALK_OK && leaf.pfn == pfn && leaf_dirty(leaf.entry);
}

/*
 * Does a special leaf map the page at hva?  Then it belongs to a driver (VM_PFNMAP): it is never cleaned or
 * written back, and KVM, which has no reference of it, marks nothing dirty from 6.13 on
 * (kvm_release_faultin_page(), arch/x86/kvm/mmu/mmu.c).
 */
GLOBAL int page_is_special(u64 pgd, u64 hva, u64 pfn)
{
	struct leaf leaf;

	return host_leaf(pgd, hva, &leaf) == WALK_OK && leaf.pfn == pfn && pte_special(leaf.entry);
}

/* For the recorder: page n of a window, an instance of dirty-through-window. */
static __always_inline u64 page_object(u64 window, u32 n)
{
	return window * WINDOW_PAGES + n;
}

/* object 0: it is not followed. */
GLOBAL int remember_seen(const struct window *w, u64 pfn, u64 hva, u64 gfn, u64 object)
{
	if (!w)
		return 0;

	struct story s = {
		.gfn = gfn, .hva = hva, .pfn = pfn, .vm = w->vm, .level = 1, .pages = 1,
		.backing = backing_to_record(pfn),
	};

	step_seen(INV_DIRTY_THROUGH_WINDOW, DTW_LOST_DIRTY, 0, &s, w->number, object);
	return 0;
}

/* The page is lost in a window while it is dirty: it has to stay so until the window's end. */
static __always_inline void window_remember(struct vm_counts *c, struct window *w, u64 pfn, u64 hva,
					    u64 gfn, u64 mapping)
{
	u32 n = w->npages;

	COUNT(c, window_pages, 1);
	if (cfg_record)
		remember_seen(w, pfn, hva, gfn, n < WINDOW_PAGES ? page_object(w->number, n) : 0);
	if (n >= WINDOW_PAGES)
		return;
	COUNT(c, window_pages_followed, 1);
	n &= WINDOW_PAGES - 1;
	w->page[n].pfn = pfn;
	w->page[n].hva = hva;
	w->page[n].gfn = gfn;
	w->page[n].mapping = mapping;
	w->npages = n + 1;
}

/* What became of a debt: for the recorder. */
GLOBAL int debt_seen(const struct debt *d, u32 event, u64 flags, u64 window)
{
	if (!d)
		return 0;

	struct story s = {
		.gfn = d->gfn, .hva = d->hva, .pfn = d->pfn, .old_spte = d->old_spte,
		.new_spte = d->new_spte, .flags = flags, .vm = d->vm, .level = d->level,
		.pages = level_pages(d->level & 3), .as_id = d->as_id, .backing = d->backing + 1,
	};

	step_seen(INV_DIRTY_UNTIL_NOTIFIED, event, 1, &s, window, d->object);
	return 0;
}

/*
 * The debt of the task's last lost SPTE falls due: by now KVM's own mark, if it makes one, is made
 * (up to 6.12 in handle_changed_spte() itself, right after our hook).
 */
GLOBAL int debt_pay(struct task_state *t, struct window *w)
{
	struct debt *d;
	struct vm_counts *c;
	struct vm_info *vm;
	struct step step;
	u64 flags = 0, pgd, pages;
	u32 why, index;

	if (!t)
		return 0;
	d = &t->debt;
	pages = level_pages(d->level & 3);
	index = d->vm;
	c = counts_of(index);
	COUNT(c, settled, 1);
	vm = bpf_map_lookup_elem(&vms, &index);
	pgd = vm ? vm->pgd : 0;
	step = dun_step(d->state, page_is_dirty(pgd, d->hva, d->pfn, &flags) ? DUN_MARKED : DUN_RETURNED);
	d->state = step.next;
	t->uses &= ~USE_DEBT;
	if (w && w->vm != d->vm)
		w = NULL;
	if (step.says == SAYS_KEPT) {
		if (cfg_record)
			debt_seen(d, DUN_MARKED, flags, w ? w->number : 0);
		COUNT(c, checked[INV_DIRTY_UNTIL_NOTIFIED], 1);
		COUNT(c, kvm_marked, pages);
		evidence(c, w, d->vm, SEEN_ZAP_KVM, d->backing, pages);
		if (w)
			window_remember(c, w, d->pfn, d->hva, d->gfn,
					folio_mapping_word(pfn_head(d->pfn)));
		return 0;
	}
	why = page_reason(d->pfn);
	if (why < PAGE_REASONS) {
		exempt_seen(INV_DIRTY_UNTIL_NOTIFIED, EXEMPT_ZAP_NO_PAGE + why, 1, d->vm, 1,
			    w ? w->number : 0, d->object);
		COUNT(c, exempt[EXEMPT_ZAP_NO_PAGE + why], 1);
		return 0;
	}
	if (page_is_special(pgd, d->hva, d->pfn)) {
		exempt_seen(INV_DIRTY_UNTIL_NOTIFIED, EXEMPT_ZAP_SPECIAL, 1, d->vm, 1,
			    w ? w->number : 0, d->object);
		COUNT(c, exempt[EXEMPT_ZAP_SPECIAL], 1);
		return 0;
	}
	if (cfg_record)
		debt_seen(d, DUN_RETURNED, flags, w ? w->number : 0);
	evidence(c, w, d->vm, SEEN_ZAP_CLEAN, d->backing, pages);

	struct story s = {
		.gfn = d->gfn, .hva = d->hva, .pfn = d->pfn, .old_spte = d->old_spte,
		.new_spte = d->new_spte, .flags = flags, .vm = d->vm, .level = d->level,
		.pages = pages, .as_id = d->as_id,
	};

	judged(c, INV_DIRTY_UNTIL_NOTIFIED, step, &s, w);
	return 0;
}

/* The same, if there is a debt. */
static __always_inline void debt_settle(struct task_state *t, struct window *w)
{
	if (t->debt.state == DUN_OWED)
		debt_pay(t, w);
}

/* A leaf is lost that the guest may have written through: for the recorder.  object 0: its page is dirty. */
GLOBAL int lost_seen(const struct change *l, u64 hva, u64 flags, u64 window, u64 object)
{
	if (!l)
		return 0;

	struct story s = {
		.gfn = l->gfn, .hva = hva, .pfn = spte_pfn(l->old), .old_spte = l->old, .new_spte = l->new,
		.flags = flags, .vm = l->vm, .level = l->level, .pages = level_pages(l->level & 3),
		.as_id = l->as_id, .backing = backing_to_record(spte_pfn(l->old)),
	};

	step_seen(INV_DIRTY_UNTIL_NOTIFIED, object ? DUN_LOST_CLEAN : DUN_LOST_DIRTY, 0, &s, window, object);
	return 0;
}

/* hva of a gfn; most windows are in one memslot. */
static __always_inline u64 lost_hva(struct window *w, u64 kvm, u32 as_id, u64 gfn)
{
	struct span *s;

	if (!w)
		return gfn_to_hva(kvm, as_id, gfn);
	s = &w->span[0];
	if (w->spans && s->as_id == as_id && gfn >= s->gfn && gfn < s->end)
		return s->uaddr + ((gfn - s->base_gfn) << 12);
	return window_gfn_to_hva(w, kvm, as_id, gfn);
}

/*
 * A leaf SPTE is gone, or may no longer be written through.  Judges dirty-until-notified, and collects what
 * the claims want to know: who had made the page dirty, and did the host know that it was used.
 * l->marked: nobody can tell any more who made it dirty.
 */
GLOBAL int check_lost(const struct change *l, struct task_state *t, struct window *w)
{
	u64 pfn, head, hva = 0, flags, mapping, pages, kvm, pgd, gfn;
	bool written, young, known, dirty;
	struct leaf leaf = {};
	struct vm_counts *c;
	struct vm_info *vm;
	struct step step;
	struct debt *d;
	u32 backing, index, as_id;

	if (!l || !t)
		return 0;
	written = spte_written(l->old);
	young = l->old & k_accessed_mask;
	if (!written && !young)
		return 0;
	index = l->vm;
	vm = bpf_map_lookup_elem(&vms, &index);
	c = counts_of(index);
	if (!vm)
		return 0;
	kvm = vm->kvm;
	pgd = vm->pgd;
	gfn = l->gfn;
	as_id = l->as_id;
	pages = level_pages(l->level & 3);
	pfn = spte_pfn(l->old);
	head = pfn_head(pfn);
	flags = page_flags(head);
	mapping = folio_mapping_word(head);
	backing = backing_of(mapping);
	dirty = flags & PAGE_FLAG(dirty);
	known = flags & (PAGE_FLAG(referenced) | PAGE_FLAG(active));
	if ((written && !dirty) || (young && !known) || w) {
		hva = lost_hva(w, kvm, as_id, gfn);
		if (!hva && !(vm->flags & VM_DYING))
			lost(LOSS_SLOT_LOOKUP);
	}
	if (((written && !dirty) || (young && !known)) &&
	    host_leaf(pgd, hva, &leaf) == WALK_OK && leaf.pfn == pfn) {
		dirty |= leaf_dirty(leaf.entry);
		known |= pte_accessed(leaf.entry);
	}
	/* a page with no mapping has no LRU to be young on; marked: KVM has just made it young itself */
	if (young && !l->marked && backing != BACKING_NONE)
		evidence(c, w, index, known ? SEEN_ZAP_YOUNG : SEEN_ZAP_NEWS, backing, pages);
	if (!written)
		return 0;
	step = dun_step(DUN_QUIET, dirty ? DUN_LOST_DIRTY : DUN_LOST_CLEAN);
	if (step.says == SAYS_KEPT) {
		if (cfg_record)
			lost_seen(l, hva, flags, w ? w->number : 0, 0);
		COUNT(c, checked[INV_DIRTY_UNTIL_NOTIFIED], 1);
		if (!l->marked)
			evidence(c, w, index, SEEN_ZAP_PRIMARY, backing, pages);
		if (w)
			window_remember(c, w, pfn, hva, gfn, mapping);
		return 0;
	}
	COUNT(c, owed, 1);
	d = &t->debt;
	if (cfg_record) {
		d->object = record_number();
		lost_seen(l, hva, flags, w ? w->number : 0, d->object);
	}
	d->state = step.next;
	t->uses |= USE_DEBT;
	d->pfn = pfn;
	d->gfn = gfn;
	d->hva = hva;
	d->old_spte = l->old;
	d->new_spte = l->new;
	d->level = l->level;
	d->vm = index;
	d->as_id = as_id;
	d->backing = backing;
	return 0;
}

GLOBAL int zapped_seen(const struct window *w, const struct scan *s, const struct story *story)
{
	u32 n = 0;

	if (!w || !s || !story)
		return 0;
	if (s->larger)
		exempt_seen(INV_ZAPPED_AT_START, EXEMPT_LARGER_LEAF, 0, w->vm, s->larger, w->number, 0);
	step_seen(INV_ZAPPED_AT_START, w->spans ? ZAS_ENTER_COVERED : ZAS_ENTER_EMPTY, n++, story, w->number,
		  w->number);
	if (s->found)
		step_seen(INV_ZAPPED_AT_START, ZAS_LEAF_FOUND, n++, story, w->number, w->number);
	step_seen(INV_ZAPPED_AT_START, ZAS_JUDGE, n, story, w->number, w->number);
	return 0;
}

/* zapped-at-start: what the look through KVM's page tables has brought to light. */
GLOBAL int zapped_verdict(struct window *w, const struct scan *s, u64 hva, u32 as_id)
{
	enum zas_state state;
	struct vm_counts *c;
	struct step step;

	if (!w || !s)
		return 0;
	c = counts_of(w->vm);
	state = zas_step(ZAS_IDLE, w->spans ? ZAS_ENTER_COVERED : ZAS_ENTER_EMPTY).next;
	if (s->larger)
		COUNT(c, exempt[EXEMPT_LARGER_LEAF], s->larger);
	if (s->found)
		state = zas_step(state, ZAS_LEAF_FOUND).next;
	step = zas_step(state, ZAS_JUDGE);
	if (judged_kept(c, INV_ZAPPED_AT_START, step))
		return 0;

	struct story story = {
		.gfn = s->found_gfn, .hva = hva, .pfn = spte_pfn(s->found_spte),
		.old_spte = s->found_spte, .new_spte = s->found_spte, .vm = w->vm,
		.level = s->found_level, .pages = s->found, .as_id = as_id,
	};

	if (step.says == SAYS_BROKEN)
		story.flags = page_flags(pfn_head(story.pfn));
	if (cfg_record)
		zapped_seen(w, s, &story);
	judged(c, INV_ZAPPED_AT_START, step, &story, w);
	return 0;
}

/* KVM's start has returned: nothing of the range may be mapped any more. */
GLOBAL int check_zapped(u64 kvm, struct window *w)
{
	struct scan s = { .only_root = ALL_ROOTS, .inside = 1 };
	u64 hva = 0;
	u32 as_id = 0;

	if (!w)
		return 0;
	for (u32 i = 0; i < WINDOW_SPANS; i++) {
		struct span *span = &w->span[i];
		u32 before = s.found;

		if (i >= w->spans)
			break;
		s.gfn = s.begin = span->gfn;
		s.end = span->end;
		if (!scan_roots(&s, kvm, span->as_id, SCAN_STEPS_WINDOW))
			lost(LOSS_SCAN_STEPS);
		if (HAS_SHADOW_MMU)
			scan_rmaps(&s, span);
		if (s.found && !before) {
			as_id = span->as_id;
			hva = span->uaddr + ((s.found_gfn - span->base_gfn) << 12);
		}
	}
	return zapped_verdict(w, &s, hva, as_id);
}

/*
 * The recorder is not told of every SPTE that notified-before-clean follows in the block map, but, when it
 * is cleaned, of what the block map then knows of the folio: in the events that lead there.
 */
GLOBAL int clean_seen(const struct story *s)
{
	u64 object = record_number();
	u32 n = 0;

	if (!s)
		return 0;
	step_seen(INV_NOTIFIED_BEFORE_CLEAN, NBC_MAP, n++, s, 0, object);
	if (!s->pages)
		step_seen(INV_NOTIFIED_BEFORE_CLEAN, NBC_UNMAP, n++, s, 0, object);
	step_seen(INV_NOTIFIED_BEFORE_CLEAN, NBC_CLEAN, n, s, 0, object);
	return 0;
}

/* The dirty flag of the folio whose head page is at `head` has been, or is about to be, cleared. */
GLOBAL int check_clean(u64 head)
{
	u64 flags = page_flags(head);
	struct folio_state f = {
		.pfn = (head - k_vmemmap_base) / bpf_core_type_size(struct page),
	};
	u32 order = folio_order(head, flags);
	struct vm_counts *c = counts_of(0);
	struct step step;

	if (order > FOLIO_ORDER_MAX)
		order = FOLIO_ORDER_MAX;
	f.pages = 1ULL << order;
	track_clean(&f);
	step = nbc_step(f.mapped ? NBC_MAPPED : f.written ? NBC_WRITTEN : NBC_FOREIGN, NBC_CLEAN);
	if (step.says == SAYS_NOTHING)
		return 0;
	COUNT(c, cleaned, 1);
	if (judged_kept(c, INV_NOTIFIED_BEFORE_CLEAN, step))
		return 0;

	struct story s = {
		.pfn = f.first, .flags = flags, .pages = f.mapped, .order = order, .level = 1,
	};

	if (cfg_record)
		clean_seen(&s);
	judged(c, INV_NOTIFIED_BEFORE_CLEAN, step, &s, NULL);
	return 0;
}

#endif /* MMUSCOPE_CHECK_BPF_H */
