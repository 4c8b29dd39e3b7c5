/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hook's program, and those that stand in for it where the kernel has skipped it: see spare.h.
 */
#ifndef MMUSCOPE_SPARED_BPF_H
#define MMUSCOPE_SPARED_BPF_H

#include "maps.bpf.h"

/*
 * Is it for this entry to act?  copy: 0 it is the first, else the first or second spare.  They run in this
 * order (user/session/session.c), and each tells those after it that the work is being done.  ctx lies on the
 * task's stack and is the same for all of them, and no other task's: it is the mark of this pass.  A mark
 * that another task of the same place writes over meanwhile makes a spare act twice, which is counted.
 */
static __always_inline bool guard_enter(void *ctx, enum guard g, u32 copy)
{
	u32 place = task_hash(bpf_get_current_task()) >> (32 - PASSES_SHIFT);
	/* a distance, since that is a number to the verifier; its low bits are 0 */
	u32 mark = ctx - (void *)bpf_get_current_task_btf(), was;

	/* while hooks are being attached, spares are there before what they stand in for */
	if (!enabled)
		return false;
	was = passes[place];
	if (copy == 0) {
		passes[place] = mark | PASS_DONE;
		return true;
	}
	/* the last one leaves the slate clean */
	passes[place] = copy < SPARES ? mark | PASS_SEEN : 0;
	if (was == (mark | PASS_DONE) || (copy == SPARES && was == (mark | PASS_SEEN)))
		return false;
	__sync_fetch_and_add(&spared[g], 1);
	return true;
}

/*
 * A hook's program, and the entries to it that are attached in its place where the kernel is preemptible:
 * SPARED(section, name, guard, what to do, BPF_PROG arguments...).  An entry is a few instructions and a tail
 * call, so that the program itself is verified once; user/session/attach.c puts it into the array.
 *
 * A program that is reached by a tail call is not protected by prog->active: two tasks may be inside it on
 * one CPU.  From 6.13 on it could not bear that, since a tracing program has a stack for each CPU, unless it
 * holds a tail call itself (check_max_stack_depth(), kernel/bpf/verifier.c): hence the one that is never
 * made.  Its maps must bear it, as they must bear entries that were spared.
 */
#define SPARED_ENTRY(section, entry, array, g, copy)				\
	SEC(section) int entry(void *ctx)					\
	{									\
		if (guard_enter(ctx, g, copy))					\
			bpf_tail_call(ctx, &array, 0);				\
		return 0;							\
	}

#define SPARED_ENTRIES(section, name, array, g)					\
	SPARED_ENTRY(section, name##_entry, array, g, 0)			\
	SPARED_ENTRY(section, name##_spare, array, g, 1)			\
	SPARED_ENTRY(section, name##_spare2, array, g, 2)

#define SPARED(section, name, g, body, ...)					\
	struct {								\
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);				\
		__uint(max_entries, 1);						\
		__uint(key_size, 4);						\
		__uint(value_size, 4);						\
	} name##_body SEC(".maps");						\
	SEC(section) int BPF_PROG(name, __VA_ARGS__)				\
	{									\
		if (cfg_never)							\
			bpf_tail_call(ctx, &name##_body, 0);			\
		body;								\
		return 0;							\
	}									\
	SPARED_ENTRIES(section, name, name##_body, g)

/* A hook whose function has the prototype of another hook's, for whose program it is the same event. */
#define SAME_AS(section, name, g, other)					\
	SEC(section) int name(void *ctx)					\
	{									\
		bpf_tail_call(ctx, &other##_body, 0);				\
		return 0;							\
	}									\
	SPARED_ENTRIES(section, name, other##_body, g)

#endif /* MMUSCOPE_SPARED_BPF_H */
