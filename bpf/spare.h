/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel does not run a tracing program on a CPU on which a task is inside that very program
 * (prog->active, kernel/bpf/trampoline.c). Where the kernel can be preempted (lazy preemption of 6.18
 * and 7.x; preempt=full before) a task can be scheduled away inside one, and others then pass the hook
 * unseen. So the programs of hooks that no spinlock protects have spares on the same hook, attached
 * where the kernel is preemptible: a spare acts only if those before it were skipped, which it knows
 * because each leaves a mark of its task's pass. The kernel's count of skipped runs less what the spares
 * made good is what was missed.
 */
#ifndef MMUSCOPE_SPARE_H
#define MMUSCOPE_SPARE_H

enum guard {
	GUARD_HVA_TO_PFN,
	GUARD_HVA_ASK,
	GUARD_HVA_TIME,
	GUARD_FAULT_TDP,
	GUARD_FAULT_PAGING64,
	GUARD_FAULT_PAGING32,
	GUARD_FAULT_NONPAGING,
	GUARD_FAULT_EPT,
	GUARD_WINDOW_START,
	GUARD_WINDOW_STARTED,
	GUARD_WINDOW_END,
	GUARD_WINDOW_ENDED,
	GUARD_CLEAN_IO,
	GUARD_CLEAN_CANCEL,
	GUARD_FAULT_ABORT,
	GUARD_NR,
};

enum { SPARES = 2 };

/* how far the copies of a program have come in the pass of a task over its hook: added to its mark */
enum pass {
	PASS_DONE = 1,		/* the hook's own program has done, or is doing, the work */
	PASS_SEEN = 2,		/* the first spare has seen that, or has done it itself */
};

#endif /* MMUSCOPE_SPARE_H */
