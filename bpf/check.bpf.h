/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The invariants: from what the hooks saw to events of the models in models/, and from what a model
 * says to a count and, for the first violations, a story.  docs/invariants.md is the text to this code.
 */
#ifndef MMUSCOPE_CHECK_BPF_H
#define MMUSCOPE_CHECK_BPF_H

#include "models/dirty_until_notified.h"
#include "models/notified_before_clean.h"
#include "models/zapped_at_start.h"
#include "scan.bpf.h"
#include "track.bpf.h"
#include "vm.bpf.h"

enum {
	S_DAX = 1 << 13,	/* include/linux/fs.h */
	FOLIO_ORDER_MAX = 18,	/* 1 GiB */
};

/* what a violation's story needs beyond the task and the stack */
struct story {
	u64 gfn;
	u64 hva;
	u64 pfn;
	u64 old_spte;
	u64 new_spte;
	u64 flags;
	u64 pages;
	u32 vm;
	u32 level;
	u32 as_id;
	u32 order;
};

static __always_inline u64 pfn_page(u64 pfn)
{
	return k_vmemmap_base + pfn * bpf_core_type_size(struct page);
}

static __attribute__((noinline)) void tell_violation(void *ctx, u32 invariant, const struct story *s,
					   const struct window *w)
{
	struct event_violation *e;
	u64 id;
	long n;

	/* counted always, told in full only the first times: a stack costs 11,000 instructions */
	if (__sync_fetch_and_add(&stories, 1) >= cfg_max_stories)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		lost(LOSS_EVENT);
		return;
	}
	e->head.type = EVENT_VIOLATION;
	e->head.size = sizeof(*e);
	e->head.ns = bpf_ktime_get_ns();
	e->invariant = invariant;
	e->vm = s->vm;
	e->gfn = s->gfn;
	e->hva = s->hva;
	e->pfn = s->pfn;
	e->old_spte = s->old_spte;
	e->new_spte = s->new_spte;
	e->page_flags = s->flags;
	e->window_start = w ? w->start : 0;
	e->window_end = w ? w->end : 0;
	e->pages = s->pages;
	e->level = s->level;
	e->as_id = s->as_id;
	e->order = s->order;
	e->notifier_event = w ? w->event : 0;
	id = bpf_get_current_pid_tgid();
	e->pid = id >> 32;
	e->tid = id;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->pad = 0;
	__builtin_memset(e->stack, 0, sizeof(e->stack));
	n = bpf_get_stack(ctx, e->stack, sizeof(e->stack), 0);
	e->frames = n > 0 ? (u32)n >> 3 : 0;
	bpf_ringbuf_submit(e, 0);
}

/* D(h): is the page known to be dirty, by its folio's flag or by the host leaf that maps hva? */
GLOBAL int page_is_dirty(u64 pgd, u64 hva, u64 pfn, u64 *flags)
{
	struct leaf leaf = {};
	int r;

	if (!flags)
		return 0;
	*flags = page_flags(page_head(pfn_page(pfn)));
	if (*flags & PAGE_FLAG(dirty))
		return 1;
	if (!hva || !pgd)
		return 0;
	r = host_walk(pgd, hva, &leaf);
	if (r == WALK_TORN)
		r = host_walk(pgd, hva, &leaf);
	if (r == WALK_TORN)
		lost(LOSS_RACED);
	return r == WALK_OK && leaf.pfn == pfn && (leaf.entry & (PTE_DIRTY | PTE_SAVED_DIRTY));
}

/* Why a page that looks not dirty cannot be judged; EXEMPT_NR: no reason. */
GLOBAL u32 page_exempt(u64 pfn)
{
	u64 page = pfn_page(pfn), probe, head, mapping, host;
	u32 iflags;

	if (bpf_probe_read_kernel(&probe, sizeof(probe), (void *)page))
		return EXEMPT_NO_PAGE;
	head = page_head(page);
	if (page_flags(head) & PAGE_FLAG(reserved))
		return EXEMPT_RESERVED;
	mapping = FIELD64(head, struct folio, mapping);
	if (!mapping || (mapping & 3))	/* bits 0, 1: anon, movable, KSM */
		return EXEMPT_NR;
	host = FIELD64(mapping, struct address_space, host);
	iflags = FIELD32(host, struct inode, i_flags);
	return iflags & S_DAX ? EXEMPT_DAX : EXEMPT_NR;
}

/*
 * The debt of the task's last lost SPTE falls due: by now KVM's own mark, if it makes one, is made
 * (up to 6.12 in handle_changed_spte() itself, right after our hook).
 */
static __always_inline void debt_settle(void *ctx, struct task_state *t, struct window *w)
{
	struct debt *d = &t->debt;
	struct vm_counts *c;
	struct vm_info *vm;
	struct step step;
	u64 flags = 0, pgd;
	u32 why;

	if (d->state != DUN_OWED)
		return;
	c = counts_of(d->vm);
	COUNT(c, settled, 1);
	vm = bpf_map_lookup_elem(&vms, &d->vm);
	pgd = vm ? vm->pgd : 0;
	step = dun_step(d->state, page_is_dirty(pgd, d->hva, d->pfn, &flags) ? DUN_MARKED : DUN_RETURNED);
	d->state = step.next;
	if (step.says == SAYS_KEPT) {
		COUNT(c, checked[INV_DIRTY_UNTIL_NOTIFIED], 1);
		COUNT(c, kvm_marked, level_pages(d->level & 3));
		return;
	}
	why = page_exempt(d->pfn);
	if (why < EXEMPT_NR) {
		COUNT(c, exempt[why], 1);
		return;
	}
	COUNT(c, checked[INV_DIRTY_UNTIL_NOTIFIED], 1);
	COUNT(c, violated[INV_DIRTY_UNTIL_NOTIFIED], 1);

	struct story s = {
		.gfn = d->gfn, .hva = d->hva, .pfn = d->pfn, .old_spte = d->old_spte,
		.new_spte = d->new_spte, .flags = flags, .vm = d->vm, .level = d->level,
		.pages = level_pages(d->level & 3), .as_id = d->as_id,
	};

	tell_violation(ctx, INV_DIRTY_UNTIL_NOTIFIED, &s, w);
}

/* A may-write leaf SPTE is gone or may no longer be written through. */
static __always_inline void check_lost(void *ctx, struct vm_info *vm, struct vm_counts *c,
				       struct task_state *t, struct window *w, u32 as_id, u64 gfn,
				       u64 old, u64 new, u32 level)
{
	u64 pfn = spte_pfn(old), hva, flags = 0;
	enum dun_event event = DUN_LOST_UNWRITTEN;
	struct debt *d = &t->debt;
	struct step step;

	debt_settle(ctx, t, w);
	if (!spte_written(old))
		return;
	if (page_flags(page_head(pfn_page(pfn))) & PAGE_FLAG(dirty)) {
		event = DUN_LOST_DIRTY;
		hva = 0;
	} else {
		hva = window_gfn_to_hva(w, vm->kvm, as_id, gfn);
		if (!hva && !(vm->flags & VM_DYING))
			lost(LOSS_SLOT_LOOKUP);
		event = page_is_dirty(vm->pgd, hva, pfn, &flags) ? DUN_LOST_DIRTY : DUN_LOST_CLEAN;
	}
	step = dun_step(DUN_QUIET, event);
	if (step.says == SAYS_KEPT) {
		COUNT(c, checked[INV_DIRTY_UNTIL_NOTIFIED], 1);
		return;
	}
	COUNT(c, owed, 1);
	d->state = step.next;
	d->pfn = pfn;
	d->gfn = gfn;
	d->hva = hva;
	d->old_spte = old;
	d->new_spte = new;
	d->level = level;
	d->vm = vm->index;
	d->as_id = as_id;
}

/* KVM's start has returned: nothing of the range may be mapped any more. */
static __always_inline void check_zapped(void *ctx, struct vm_info *vm, struct window *w)
{
	struct vm_counts *c = counts_of(vm->index);
	enum zas_state state = zas_step(ZAS_IDLE, w->spans ? ZAS_ENTER_COVERED : ZAS_ENTER_EMPTY).next;
	struct scan s = { .only_root = ALL_ROOTS };
	struct step step;
	u64 hva = 0;
	u32 as_id = 0;

	for (u32 i = 0; i < WINDOW_SPANS; i++) {
		struct span *span = &w->span[i];
		u32 before = s.found;

		if (i >= w->spans)
			break;
		s.gfn = span->gfn;
		s.end = span->end;
		if (!scan_roots(&s, vm->kvm, span->as_id, SCAN_STEPS_WINDOW))
			lost(LOSS_SCAN_STEPS);
		if (s.found && !before) {
			as_id = span->as_id;
			hva = span->uaddr + ((s.found_gfn - span->base_gfn) << 12);
		}
	}
	if (s.found)
		state = zas_step(state, ZAS_LEAF_FOUND).next;
	step = zas_step(state, ZAS_JUDGE);
	if (step.says == SAYS_NOTHING)
		return;
	COUNT(c, checked[INV_ZAPPED_AT_START], 1);
	if (step.says == SAYS_BROKEN) {
		struct story story = {
			.gfn = s.found_gfn, .hva = hva, .pfn = spte_pfn(s.found_spte),
			.old_spte = s.found_spte, .new_spte = s.found_spte, .vm = vm->index,
			.level = s.found_level, .pages = s.found, .as_id = as_id,
		};

		story.flags = page_flags(page_head(pfn_page(story.pfn)));
		COUNT(c, violated[INV_ZAPPED_AT_START], 1);
		tell_violation(ctx, INV_ZAPPED_AT_START, &story, w);
	}
}

/* The dirty flag of the folio whose head page is at `head` has been, or is about to be, cleared. */
static __always_inline void check_clean(void *ctx, u64 head)
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
		return;
	COUNT(c, cleaned, 1);
	COUNT(c, checked[INV_NOTIFIED_BEFORE_CLEAN], 1);
	if (step.says == SAYS_BROKEN) {
		struct story s = {
			.pfn = f.first, .flags = flags, .pages = f.mapped, .order = order, .level = 1,
		};

		COUNT(c, violated[INV_NOTIFIED_BEFORE_CLEAN], 1);
		tell_violation(ctx, INV_NOTIFIED_BEFORE_CLEAN, &s, NULL);
	}
}

#endif /* MMUSCOPE_CHECK_BPF_H */
