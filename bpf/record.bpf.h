/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recording: every event that a model is given goes to user space as it is, so that the same models can
 * be fed again later.  Without a recorder cfg_record is constant false, and all of this dead code.
 */
#ifndef MMUSCOPE_RECORD_BPF_H
#define MMUSCOPE_RECORD_BPF_H

#include "page.bpf.h"
#include "story.bpf.h"

enum { NUMBER_CPU_BITS = 13 };	/* CONFIG_NR_CPUS is at most 8192 */

/* A number that no other instance or window of the run has; 0 without a recorder. */
static __always_inline u64 record_number(void)
{
	u32 zero = 0;
	u64 *last;

	if (!cfg_record)
		return 0;
	last = bpf_map_lookup_elem(&record_numbers, &zero);
	if (!last)
		return 0;
	return (__sync_fetch_and_add(last, 1) + 1) << NUMBER_CPU_BITS | bpf_get_smp_processor_id();
}

/* The recorder looks every few ms; it is woken only when there is much to take. */
static __always_inline u64 record_wake(void)
{
	return bpf_ringbuf_query(&steps, BPF_RB_AVAIL_DATA) >= cfg_record_wake ? BPF_RB_FORCE_WAKEUP :
									       BPF_RB_NO_WAKEUP;
}

/* what a step is, in one argument */
#define STEP_WHAT(inv, event, number) ((u32)(inv) | (u32)(event) << 8 | (u32)(number) << 16)

static __always_inline int record_step_by(u32 tid, u32 what, const struct story *s, u64 window, u64 object)
{
	struct event_step *e;
	struct vm_counts *c;
	u32 inv = what & 0xff;

	if (!cfg_record || !s)
		return 0;
	e = bpf_ringbuf_reserve(&steps, sizeof(*e), 0);
	if (!e) {
		c = counts_of(s->vm);
		asm volatile("" : "+r"(inv));
		if (inv < INV_NR)
			COUNT(c, unrecorded[inv], 1);
		return 0;
	}
	e->head.type = EVENT_STEP;
	e->head.size = sizeof(*e);
	e->head.ns = bpf_ktime_get_ns();
	e->step.vm = s->vm;
	e->step.tid = tid;
	e->step.object = object;
	e->step.invariant = inv;
	e->step.event = what >> 8;
	e->step.level = s->level;
	e->step.backing = s->backing ? s->backing - 1 : BACKING_NR;
	e->step.order = s->order;
	e->step.as_id = s->as_id;
	e->step.gfn = s->gfn;
	e->step.hva = s->hva;
	e->step.pfn = s->pfn;
	e->step.old_spte = s->old_spte;
	e->step.new_spte = s->new_spte;
	e->step.flags = s->flags;
	e->step.pages = s->pages;
	e->step.window = window;
	e->step.stack = 0;
	e->step.number = what >> 16;
	bpf_ringbuf_submit(e, record_wake());
	return 0;
}

GLOBAL int record_step(u32 what, const struct story *s, u64 window, u64 object)
{
	return record_step_by(bpf_get_current_pid_tgid(), what, s, window, object);
}

/*
 * A model is given an event.  number: how many its instance was given before, that is known; window: its
 * id, or 0; object: the instance, 0 if this is its only event.
 */
static __always_inline void step_seen(enum invariant inv, u32 event, u32 number, const struct story *s,
				      u64 window, u64 object)
{
	if (cfg_record)
		record_step(STEP_WHAT(inv, event, number), s, window, object);
}

GLOBAL int record_exempt(u32 what, u32 vm, u64 n, u64 window, u64 object)
{
	struct story s = { .vm = vm, .pages = n };

	return record_step(what, &s, window, object);
}

/* An instance was looked at and rightly left out, n times: nothing more will come of it. */
static __always_inline void exempt_seen(enum invariant inv, u32 why, u32 number, u32 vm, u64 n, u64 window,
					u64 object)
{
	if (cfg_record)
		record_exempt(STEP_WHAT(inv, STEP_EXEMPT + why, number), vm, n, window, object);
}

/* For a story: what is behind the page, if anybody wants to know. */
static __always_inline u16 backing_to_record(u64 pfn)
{
	return cfg_record ? 1 + backing_of(folio_mapping_word(pfn_head(pfn))) : 0;
}

/* A window has ended. */
GLOBAL int record_window(const struct window *w, u64 now)
{
	struct event_window *e;
	struct vm_counts *c;

	if (!cfg_record || !w)
		return 0;
	e = bpf_ringbuf_reserve(&steps, sizeof(*e), 0);
	if (!e) {
		c = counts_of(w->vm);
		COUNT(c, unrecorded_windows, 1);
		return 0;
	}
	e->head.type = EVENT_WINDOW;
	e->head.size = sizeof(*e);
	e->head.ns = now;
	e->window.id = w->number;
	e->window.start = w->ns;
	e->window.end = now;
	e->window.vm = w->vm;
	e->window.tid = w->cause.tid;
	e->window.pid = bpf_get_current_pid_tgid() >> 32;
	e->window.event = w->event;
	e->window.pages = w->zapped;
	e->window.retries = w->retries;
	e->window.cause = w->cause.path;
	e->window.stack = 0;
	e->window.zero = 0;
	bpf_get_current_comm(e->window.comm, sizeof(e->window.comm));
	bpf_ringbuf_submit(e, record_wake());
	return 0;
}

#endif /* MMUSCOPE_RECORD_BPF_H */
