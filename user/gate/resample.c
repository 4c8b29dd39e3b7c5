// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is told by drawing again: the bootstrap interval of a change of medians, and the permutation
 * test for a change point.  Seeds are fixed, so that the same runs are judged the same way every
 * time.
 */
#include "rank.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 20240229 };

/* The k-th smallest of v, which is put in a half-sorted order (quickselect). */
static double select_kth(double *v, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		double pivot = v[low + (high - low) / 2];
		size_t i = low, j = high;

		for (;;) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i >= j)
				break;
			double t = v[i];

			v[i++] = v[j];
			v[j--] = t;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return v[k];
}

static double median_of_draw(const double *v, size_t n, double *draw, uint64_t *seed)
{
	double upper, lower;

	for (size_t i = 0; i < n; i++)
		draw[i] = v[rank_random_below(seed, n)];
	upper = select_kth(draw, n, n / 2);
	if (n % 2)
		return upper;
	lower = draw[0];
	for (size_t i = 1; i < n / 2; i++)
		lower = draw[i] > lower ? draw[i] : lower;
	return lower / 2 + upper / 2;
}

static double relative_change(double base, double new)
{
	if (new == base)
		return 0;
	return base != 0 ? (new - base) / fabs(base) : new > 0 ? INFINITY : -INFINITY;
}

/* v is sorted */
static struct interval percentiles(const double *v, size_t n, double level)
{
	size_t cut = (size_t)((1 - level) / 2 * (double)n);

	return (struct interval){ v[cut], v[n - 1 - cut] };
}

int rank_bootstrap(const double *a, size_t na, const double *b, size_t nb, double level,
		   struct interval *difference, struct interval *relative)
{
	size_t most = na > nb ? na : nb;
	double *draw = malloc((most + 2 * RANK_RESAMPLES) * sizeof(*draw));
	double *diff = draw + most, *rel = diff + RANK_RESAMPLES;
	uint64_t seed = SEED;

	if (!draw)
		return -ENOMEM;
	for (size_t i = 0; i < RANK_RESAMPLES; i++) {
		double before = median_of_draw(a, na, draw, &seed);
		double after = median_of_draw(b, nb, draw, &seed);

		diff[i] = after - before;
		rel[i] = relative_change(before, after);
	}
	rank_sort(diff, RANK_RESAMPLES);
	rank_sort(rel, RANK_RESAMPLES);
	*difference = percentiles(diff, RANK_RESAMPLES, level);
	*relative = percentiles(rel, RANK_RESAMPLES, level);
	free(draw);
	return 0;
}

/* Twice the rank of each, ties sharing theirs. */
static void double_ranks(const double *v, size_t n, double *rank)
{
	for (size_t i = 0; i < n; i++) {
		rank[i] = 1;
		for (size_t j = 0; j < n; j++)
			rank[i] += v[j] < v[i] ? 2 : v[j] == v[i] ? 1 : 0;
	}
}

/* |U| at each split by doubled ranks, in units of its standard deviation; the largest. */
static double largest_split(const double *rank, size_t n, size_t *at)
{
	double sum = 0, best = -1, total = (double)(n + 1);

	for (size_t t = 1; t + RANK_MIN_SEGMENT <= n; t++) {
		double off;

		sum += rank[t - 1];
		if (t < RANK_MIN_SEGMENT)
			continue;
		off = fabs(sum - (double)t * total) / sqrt((double)(t * (n - t)));
		if (off > best) {
			best = off;
			*at = t;
		}
	}
	return best;
}

static void shuffle(double *v, size_t n, uint64_t *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = rank_random_below(seed, i);
		double t = v[i - 1];

		v[i - 1] = v[k];
		v[k] = t;
	}
}

int rank_change_point(const double *v, size_t n, struct change_point *out)
{
	size_t as_large = 1, ignored;
	uint64_t seed = SEED;
	double *rank, seen;

	if (n < 2 * RANK_MIN_SEGMENT)
		return -EINVAL;
	rank = malloc(n * sizeof(*rank));
	if (!rank)
		return -ENOMEM;
	double_ranks(v, n, rank);
	seen = largest_split(rank, n, &out->at);
	for (size_t i = 0; i < RANK_SHUFFLES; i++) {
		shuffle(rank, n, &seed);
		/* sums in another order may differ in the last bit */
		as_large += largest_split(rank, n, &ignored) >= seen - 1e-9;
	}
	out->p = (double)as_large / (RANK_SHUFFLES + 1);
	out->before = rank_median(v, out->at);
	out->after = rank_median(v + out->at, n - out->at);
	free(rank);
	return 0;
}
