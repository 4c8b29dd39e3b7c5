/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling a violation: counted always, told in full the first times.
 */
#ifndef MMUSCOPE_STORY_BPF_H
#define MMUSCOPE_STORY_BPF_H

#include "maps.bpf.h"

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
	u16 as_id;
	u16 backing;	/* enum backing + 1; 0: not looked at */
	u32 order;
};

/* w: the window it happened in, or NULL. */
GLOBAL int tell_violation(u32 invariant, const struct story *s, const struct window *w)
{
	struct event_violation *e;
	u64 id;
	long n;

	if (!s)
		return 0;
	/* a stack costs 11,000 instructions: not for every page of a VM that loses them all */
	if (__sync_fetch_and_add(&stories, 1) >= cfg_max_stories)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		lost(LOSS_EVENT);
		return 0;
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
	n = bpf_get_task_stack(bpf_get_current_task_btf(), e->stack, sizeof(e->stack), 0);
	e->frames = n > 0 ? (u32)n >> 3 : 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif /* MMUSCOPE_STORY_BPF_H */
