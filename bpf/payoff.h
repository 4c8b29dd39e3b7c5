/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mmuscope walk --payoff times, and how it is filed.  Shared by the BPF programs and user space, as
 * event.h.  docs/payoff.md has the method.
 */
#ifndef MMUSCOPE_PAYOFF_H
#define MMUSCOPE_PAYOFF_H

#include "hist.h"

/* what is timed; each in ns, less what its probes cost */
enum payoff_part {
	PART_WALK,		/* the reference walk, before the lookup */
	PART_LOOKUP,		/* hva_to_pfn */
	PART_TRY,		/* of it: the fast path, where it was tried in vain */
	PART_LEVEL,		/* kvm_mmu_hugepage_adjust: at which level shall it be mapped? */
	PART_FAULT,		/* kvm_tdp_page_fault: all that KVM's MMU does for the fault */
	PAYOFF_PARTS,
};

/* for whom the page was looked up */
enum payoff_from {
	FROM_FAULT,		/* a guest that waits for it */
	FROM_AHEAD,		/* KVM_PRE_FAULT_MEMORY, or an async page fault that has become ready */
	FROM_ELSEWHERE,		/* no two-dimensional fault: kvm_vcpu_map(), shadow paging... */
	PAYOFF_FROMS,
};

/* which way hva_to_pfn went */
enum payoff_path {
	PATH_FAST,		/* get_user_page_fast_only() had it */
	PATH_SLOW,		/* get_user_pages_unlocked() */
	PATH_REMAPPED,		/* neither: the page tables of a VM_PFNMAP area */
	PATH_FAILED,		/* an error */
	PATH_NONE,		/* a fault without a lookup */
	PAYOFF_PATHS,
};

/* what the walk before found */
enum payoff_before {
	BEFORE_COLD,		/* nothing: not mapped, or swapped out */
	BEFORE_WARM,		/* a leaf that serves the call */
	BEFORE_UNFIT,		/* one that does not: read-only, PROT_NONE, secret, special, torn */
	BEFORE_NONE,		/* a fault without a lookup */
	PAYOFF_BEFORES,
};

struct payoff_key {
	__u8 part;
	__u8 from;
	__u8 path;
	__u8 before;
	__u8 write;
	__u8 level;		/* that KVM chose, PG_LEVEL_x; without that the host's before; 0: none */
	__u8 backing;		/* of the page that was found */
	__u8 pad;
};

enum {
	TIME_SUB_SHIFT = 4,	/* 16 buckets for each power of two: 6% wide at most */
	TIME_TOP = 32,		/* values from 2^32 ns on share the last bucket */
	TIME_BUCKETS = (TIME_TOP - TIME_SUB_SHIFT + 1) << TIME_SUB_SHIFT,
	TIME_ROWS = 256,	/* different keys */
	TIME_SHARDS = COUNT_SHARDS,
	KNOWN_STEPS = 1000,	/* instructions of the code whose cost is known */
};

/* The sums tell where in a bucket its values lie, so that quantiles are not rounded to buckets. */
struct time_hist {
	__u64 n[TIME_BUCKETS];
	__u64 sum[TIME_BUCKETS];
};

/* Bucket of v ns, 0..TIME_BUCKETS-1. */
static inline __u32 time_bucket(__u64 v)
{
	__u32 top, b;

	if (v < 1 << TIME_SUB_SHIFT)
		return v;
	top = hist_bucket(v) - 1;
	b = ((top - TIME_SUB_SHIFT + 1) << TIME_SUB_SHIFT) +
	    ((v >> (top - TIME_SUB_SHIFT)) & ((1 << TIME_SUB_SHIFT) - 1));
	return b < TIME_BUCKETS ? b : TIME_BUCKETS - 1;
}

_Static_assert(sizeof(struct payoff_key) == 8, "payoff_key has a hole");

#endif /* MMUSCOPE_PAYOFF_H */
