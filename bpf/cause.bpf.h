/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who changes guest memory, and by which way: one row for each task, VM and call path.  A stack for each
 * window would cost more than all the rest, so the path is told by what is cheap: the system call, the
 * distance on the stack from the caller's notifier range to our hook (the same for each caller of
 * mmu_notifier_invalidate_range_start()), the kind of event.  Stacks are taken of the 1st, 2nd, 4th, 8th...
 * window of a row; if they are not alike the row says so.
 */
#ifndef MMUSCOPE_CAUSE_BPF_H
#define MMUSCOPE_CAUSE_BPF_H

#include "maps.bpf.h"

enum {
	PF_KTHREAD = 0x00200000,	/* include/linux/sched.h */
	NR_MADVISE = 28,		/* arch/x86/entry/syscalls/syscall_64.tbl */
	NR_PROCESS_MADVISE = 440,
	MADV_FREE = 8,			/* include/uapi/asm-generic/mman-common.h */
};

/* The system call the task is in, with madvise()'s advice; 0 for a kernel thread. */
static __always_inline u32 syscall_of(struct task_struct *task)
{
	struct pt_regs *regs;
	u64 nr, advice = 0;

	if (task->flags & PF_KTHREAD)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	nr = regs->orig_ax;
	if (nr == NR_MADVISE)
		advice = regs->dx;
	else if (nr == NR_PROCESS_MADVISE)
		advice = regs->r10;
	return (nr & 0x3ff) << 16 | (advice & 0x3f) << 26;
}

/* Is the window one of MADV_FREE?  path: of its cause. */
static __always_inline bool path_is_free(u32 path)
{
	u32 nr = (path >> 16) & 0x3ff;

	return (nr == NR_MADVISE || nr == NR_PROCESS_MADVISE) && path >> 26 == MADV_FREE;
}

static __always_inline struct cause_row *cause_row_at(u32 place)
{
	return bpf_map_lookup_elem(&cause_rows, &place);
}

/* The place of a key's row, made on first use; one that there is not (counted) if the table is full. */
GLOBAL u32 cause_place(const struct cause_key *wanted)
{
	struct cause_key key;
	u32 *known, place;

	if (!wanted)
		return CAUSE_ROWS;
	key = *wanted;
	known = bpf_map_lookup_elem(&causes, &key);
	if (known)
		return *known;
	place = causes_named < CAUSE_ROWS ? __sync_fetch_and_add(&causes_named, 1) : CAUSE_ROWS;
	if (place >= CAUSE_ROWS) {
		lost(LOSS_CAUSES);
		return CAUSE_ROWS;
	}
	/* fails when another CPU was quicker: that one's place serves */
	bpf_map_update_elem(&causes, &key, &place, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&causes, &key);
	return known ? *known : CAUSE_ROWS;
}

/* One more window of this row, or a change outside any: take a stack if it is time for one. */
GLOBAL int cause_sample(struct cause_row *row, u64 n)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 zero = 0;
	u64 *again;
	long got;

	if (!row || (n & (n - 1)))
		return 0;
	if (n == 1) {
		row->pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(row->comm, sizeof(row->comm));
		got = bpf_get_task_stack(task, row->stack, sizeof(row->stack), 0);
		row->frames = got > 0 ? (u32)got >> 3 : 0;
		got = bpf_get_task_stack(task, row->user_stack, sizeof(row->user_stack), BPF_F_USER_STACK);
		row->user_frames = got > 0 ? (u32)got >> 3 : 0;
		row->samples = 1;
		return 0;
	}
	again = bpf_map_lookup_elem(&cause_stack, &zero);
	if (!again)
		return 0;
	got = bpf_get_task_stack(task, again, CAUSE_FRAMES * 8, 0);
	__sync_fetch_and_add(&row->samples, 1);
	for (u32 i = 0; i < CAUSE_FRAMES; i++) {
		if (got < 0 || i >= (u32)got >> 3)
			break;
		if (again[i] != row->stack[i]) {
			__sync_fetch_and_add(&row->differs, 1);
			break;
		}
	}
	return 0;
}

/* The row of a window that begins is looked for, and a stack taken if it is time for one. */
GLOBAL int cause_named(struct window *w)
{
	struct cause_row *row;
	u32 place;

	if (!w)
		return 0;
	place = cause_place(&w->cause);
	row = cause_row_at(place);
	if (!row)
		return 0;
	w->cause_place = place;
	w->cause_known = row->windows + 1;
	return cause_sample(row, row->windows + 1);
}

/*
 * A window begins: name it.  A row is one task's, so that for a window like its last here it need not be
 * looked for until that window ends, but for its stacks.
 */
static __always_inline void cause_begin(struct window *w, u32 depth)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 tid = task->pid, path = syscall_of(task) | (depth & 0xffff);
	u64 n = w->cause_known;
	bool alike = w->cause.tid == tid && w->cause.vm == w->vm && w->cause.path == path &&
		     w->cause.event == w->event;

	if (alike && n && n & (n + 1)) {
		w->cause_known = n + 1;
		return;
	}
	w->cause.tid = tid;
	w->cause.vm = w->vm;
	w->cause.path = path;
	w->cause.event = w->event;
	w->cause_known = 0;
	cause_named(w);
}

/* What was seen in a window goes to its row, and is forgotten. */
GLOBAL int cause_evidence(struct window *w, struct cause_row *row)
{
	if (!w || !row)
		return 0;
	for (u32 e = 0; e < SEEN_NR; e++) {
		if (!(w->evidenced & 1 << e))
			continue;
		for (u32 k = 0; k < BACKING_NR; k++) {
			__sync_fetch_and_add(&row->seen[e][k], w->seen[e][k]);
			w->seen[e][k] = 0;
		}
	}
	w->evidenced = 0;
	return 0;
}

/* A window is over: what it did goes to its row. */
static __always_inline void cause_end(struct window *w, struct cause_row *row, u64 ns, u32 bucket)
{
	__sync_fetch_and_add(&row->windows, 1);
	__sync_fetch_and_add(&row->ns, ns);
	if (ns > row->ns_max)
		row->ns_max = ns;
	bucket = bucket < CAUSE_BUCKET_LOW ? 0 : bucket - CAUSE_BUCKET_LOW;
	if (bucket >= CAUSE_BUCKETS)
		bucket = CAUSE_BUCKETS - 1;
	asm volatile("" : "+r"(bucket));
	if (bucket < CAUSE_BUCKETS)
		__sync_fetch_and_add(&row->ns_bucket[bucket], 1);
	if (!w->zapped)
		return;
	__sync_fetch_and_add(&row->zapped, w->zapped);
	if (w->evidenced)
		cause_evidence(w, row);
}

/* Evidence from a page lost outside any window: to the row of this task and VM. */
GLOBAL int cause_outside(u32 vm, u32 evidence, u32 backing, u64 n)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cause_key key = {
		.tid = task->pid, .vm = vm, .path = syscall_of(task), .event = NOTIFIER_EVENTS,
	};
	struct cause_row *row = cause_row_at(cause_place(&key));

	if (!row)
		return 0;
	cause_sample(row, __sync_fetch_and_add(&row->windows, 1) + 1);
	if (evidence < SEEN_NR && backing < BACKING_NR)
		__sync_fetch_and_add(&row->seen[evidence][backing], n);
	return 0;
}

/* What was seen of n pages of some backing: for the claims, and for the window it happened in. */
static __always_inline void evidence(struct vm_counts *c, struct window *w, u32 vm,
				     enum evidence what, u32 backing, u64 n)
{
	if (backing >= BACKING_NR)
		backing = BACKING_NONE;
	asm volatile("" : "+r"(backing));
	if (backing >= BACKING_NR)
		return;
	COUNT(c, seen[what][backing], n);
	if (w) {
		w->seen[what][backing] += n;
		w->evidenced |= 1 << what;
	} else if (what != SEEN_MAP_DIRTY && what != SEEN_MAP_CLEAN)
		cause_outside(vm, what, backing, n);
}

#endif /* MMUSCOPE_CAUSE_BPF_H */
