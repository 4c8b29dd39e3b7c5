/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics on few numbers whose distribution nobody knows: ranks, resampling, permutation.  Pure;
 * the same numbers give the same answer on every machine.
 */
#ifndef MMUSCOPE_RANK_H
#define MMUSCOPE_RANK_H

#include <stddef.h>
#include <stdint.h>

/* which change is looked for, in the second set of numbers as against the first */
enum direction { EITHER, HIGHER, LOWER };

enum {
	RANK_EXACT_MAX = 40,	/* numbers in all up to which p is counted out, ties included */
	RANK_RESAMPLES = 2000,	/* of a bootstrap */
	RANK_SHUFFLES = 9999,	/* of a permutation test: p is at least 1/10,000 */
	RANK_MIN_SEGMENT = 3,	/* runs before and after a change point */
};

/* Random numbers: xorshift64*.  seed must not be 0. */
uint64_t rank_random(uint64_t *seed);
/* One of 0..n-1. */
size_t rank_random_below(uint64_t *seed, size_t n);

void rank_sort(double *v, size_t n);
double rank_median(const double *v, size_t n);

/*
 * Mann-Whitney U test: p of seeing numbers in `b` this far HIGHER (LOWER, EITHER way) than those in
 * `a` if both are drawn from the same.  Counted out over all divisions of the ranks for up to
 * RANK_EXACT_MAX numbers, else by the normal approximation with correction for ties and continuity.
 * 1 if na or nb is 0 or without memory.
 */
double rank_test(const double *a, size_t na, const double *b, size_t nb, enum direction d);
/* U of b: pairs in which the number of b is larger, a tie counts half. */
double rank_u(const double *a, size_t na, const double *b, size_t nb);
/* Smallest p that na and nb numbers can ever give. */
double rank_smallest_p(size_t na, size_t nb, enum direction d);

struct interval {
	double low;
	double high;
};

/*
 * Bootstrap percentile interval, of the level given (0.99), for the difference median(b) -
 * median(a) and for the relative change of median(b) against median(a).  relative may be infinite
 * where a's median is 0.  0 or -ENOMEM.
 */
int rank_bootstrap(const double *a, size_t na, const double *b, size_t nb, double level,
		   struct interval *difference, struct interval *relative);

/*
 * Holm's step-down: p[i] becomes the adjusted p, to be compared with the rate that all tests
 * together are allowed.  n is at most RANK_TESTS_MAX.
 */
enum { RANK_TESTS_MAX = 256 };
void rank_holm(double *p, size_t n);

/*
 * Where a series changes its level, if it does: the split with the largest standardized rank sum,
 * and the p of such a one over random orders of the series.
 */
struct change_point {
	size_t at;		/* first index after the change */
	double p;
	double before;		/* medians */
	double after;
};

/* 0; -EINVAL: fewer than 2 * RANK_MIN_SEGMENT; -ENOMEM. */
int rank_change_point(const double *v, size_t n, struct change_point *out);

#endif /* MMUSCOPE_RANK_H */
