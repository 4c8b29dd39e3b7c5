/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log2 histogram's bucket rule, shared by the programs that fill it and the code that prints it.
 * Bucket 0 holds the value 0, bucket b > 0 the values [2^(b-1), 2^b).
 */
#ifndef MMUSCOPE_HIST_H
#define MMUSCOPE_HIST_H

#include "event.h"

/* Bucket of value v, 0..HIST_BUCKETS-1.  Branches instead of clz: BPF has no such instruction. */
static inline __u32 hist_bucket(__u64 v)
{
	__u32 b = 0;

	if (v >> 32) {
		v >>= 32;
		b += 32;
	}
	if (v >> 16) {
		v >>= 16;
		b += 16;
	}
	if (v >> 8) {
		v >>= 8;
		b += 8;
	}
	if (v >> 4) {
		v >>= 4;
		b += 4;
	}
	if (v >> 2) {
		v >>= 2;
		b += 2;
	}
	if (v >> 1) {
		v >>= 1;
		b += 1;
	}
	b += v;
	return b < HIST_BUCKETS ? b : HIST_BUCKETS - 1;
}

/* Smallest value of bucket b. */
static inline __u64 hist_low(__u32 b)
{
	return b ? 1ULL << (b - 1) : 0;
}

#endif /* MMUSCOPE_HIST_H */
