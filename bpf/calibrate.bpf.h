/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs of --payoff cost by themselves.  The kernel calls bpf_fentry_test1(), 2(), 3()... one
 * after the other, each of which does an addition, whenever user space test-runs a tracing program
 * (bpf_prog_test_run_tracing(), net/bpf/test_run.c): programs like ours hang on the second, and on the
 * first and third such as take the time with and without them.
 */
#ifndef MMUSCOPE_CALIBRATE_BPF_H
#define MMUSCOPE_CALIBRATE_BPF_H

#include "payoff.bpf.h"

/* of the last run, ns */
__u64 seen_clock;	/* between two readings of the clock */
__u64 seen_known;	/* the same, with KNOWN_STEPS instructions between */
__u64 seen_gap;		/* from before the second function to behind it */
__u64 seen_inside;	/* from the entry program's last reading to the exit program's first */
__u64 seen_programs;	/* between the first and last reading of each program, added up */

static __u64 gap_began;

SEC("fentry/bpf_fentry_test1")
int BPF_PROG(gap_begin, int a)
{
	gap_began = bpf_ktime_get_ns();
	return 0;
}

SEC("fentry/bpf_fentry_test3")
int BPF_PROG(gap_end, char a, int b, u64 c)
{
	seen_gap = bpf_ktime_get_ns() - gap_began;
	return 0;
}

/* as payoff_mark() */
GLOBAL int sample_mark_work(u64 now, u32 path)
{
	struct payoff_call *p = payoff_call(BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!p)
		return 0;
	p->slow = path;
	seen_programs = bpf_ktime_get_ns() - now;
	return 0;
}

SEC("fentry/bpf_fentry_test2")
int BPF_PROG(sample_mark, int a, u64 b)
{
	u64 now = bpf_ktime_get_ns();

	if (cfg_never)
		return 0;
	return sample_mark_work(now, PATH_SLOW);
}

/* as payoff_level() */
GLOBAL int sample_enter_work(u64 began)
{
	struct payoff_call *p = payoff_call(BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!p)
		return 0;
	p->began = began;
	p->part_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("fentry/bpf_fentry_test2")
int BPF_PROG(sample_enter, int a, u64 b)
{
	u64 now = bpf_ktime_get_ns();

	if (cfg_never)
		return 0;
	return sample_enter_work(now);
}

/* as payoff_leveled() */
GLOBAL int sample_leave_work(u64 now, u32 level)
{
	struct payoff_call *p = payoff_call(0);

	if (!p)
		return 0;
	seen_inside = now - p->part_ns;
	p->level = level;
	seen_programs = p->part_ns - p->began + (bpf_ktime_get_ns() - now);
	p->part_ns = 0;
	return 0;
}

SEC("fexit/bpf_fentry_test2")
int BPF_PROG(sample_leave, int a, u64 b, int ret)
{
	u64 now = bpf_ktime_get_ns();

	if (cfg_never)
		return 0;
	return sample_leave_work(now, 1);
}

/* Run by user space: the clock by itself, and around KNOWN_STEPS instructions. */
SEC("raw_tp")
int sample_clock(void *ctx)
{
	u64 a = bpf_ktime_get_ns(), b = bpf_ktime_get_ns(), c, x = a;

	asm volatile(".rept %[n]\n\t%[x] += 1\n\t.endr" : [x] "+r"(x) : [n] "i"(KNOWN_STEPS));
	c = bpf_ktime_get_ns();
	seen_clock = b - a;
	seen_known = c - b;
	return x == 0;
}

#endif /* MMUSCOPE_CALIBRATE_BPF_H */
