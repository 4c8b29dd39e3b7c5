// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tests by ranks: Mann-Whitney with ties, exact for few numbers, and Holm's correction.
 */
#include "rank.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

uint64_t rank_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1dULL;
}

size_t rank_random_below(uint64_t *seed, size_t n)
{
	/* n is small: what the upper 32 bits are off by is below 1e-6 */
	return (size_t)(((rank_random(seed) >> 32) * n) >> 32);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void rank_sort(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
}

/* v is sorted */
static double middle(const double *v, size_t n)
{
	if (!n)
		return NAN;
	return n % 2 ? v[n / 2] : v[n / 2 - 1] / 2 + v[n / 2] / 2;
}

double rank_median(const double *v, size_t n)
{
	double *copy = malloc((n + 1) * sizeof(*copy)), m;

	if (!copy)
		return NAN;
	memcpy(copy, v, n * sizeof(*v));
	rank_sort(copy, n);
	m = middle(copy, n);
	free(copy);
	return m;
}

double rank_u(const double *a, size_t na, const double *b, size_t nb)
{
	double u = 0;

	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++)
			u += b[j] > a[i] ? 1 : b[j] == a[i] ? 0.5 : 0;
	return u;
}

/* Sizes of the groups of equal numbers, smallest first; returns how many there are. */
static size_t tie_groups(const double *a, size_t na, const double *b, size_t nb, size_t *size)
{
	size_t n = na + nb, groups = 0;
	double *all = malloc(n * sizeof(*all));

	if (!all)
		return 0;
	memcpy(all, a, na * sizeof(*a));
	memcpy(all + na, b, nb * sizeof(*b));
	rank_sort(all, n);
	for (size_t i = 0; i < n; i++) {
		if (i && all[i] == all[i - 1])
			size[groups - 1]++;
		else
			size[groups++] = 1;
	}
	free(all);
	return groups;
}

/*
 * Number of ways to choose nb of the ranks so that twice their sum is s, for all s: ways[k * stride
 * + s]. Doubled, since the ranks of ties lie on halves.
 */
static void count_ways(double *ways, size_t stride, size_t nb, const size_t *size, size_t groups)
{
	size_t below = 0;

	memset(ways, 0, (nb + 1) * stride * sizeof(*ways));
	ways[0] = 1;
	for (size_t g = 0; g < groups; below += size[g++]) {
		size_t twice = 2 * below + size[g] + 1;

		for (size_t i = 0; i < size[g]; i++)
			for (size_t k = nb; k > 0; k--)
				for (size_t s = stride - 1; s >= twice; s--)
					ways[k * stride + s] += ways[(k - 1) * stride + s - twice];
	}
}

static double tail(const double *ways, size_t stride, double u2, enum direction d)
{
	double all = 0, low = 0, high = 0, p;

	for (size_t s = 0; s < stride; s++) {
		all += ways[s];
		low += (double)s <= u2 ? ways[s] : 0;
		high += (double)s >= u2 ? ways[s] : 0;
	}
	if (d != EITHER)
		return (d == HIGHER ? high : low) / all;
	p = 2 * (low < high ? low : high) / all;
	return p < 1 ? p : 1;
}

static double exact_p(size_t na, size_t nb, double u, enum direction d, const size_t *size,
		      size_t groups)
{
	size_t n = na + nb, stride = n * (n + 1) + 1;
	double *ways = malloc((nb + 1) * stride * sizeof(*ways));
	/* U and the sum of b's ranks differ by a constant */
	double sum2 = 2 * u + (double)(nb * (nb + 1)), p = 1;

	if (!ways)
		return 1;
	count_ways(ways, stride, nb, size, groups);
	p = tail(ways + nb * stride, stride, sum2, d);
	free(ways);
	return p;
}

/* Upper tail of the normal distribution. */
static double above(double z)
{
	return erfc(z / sqrt(2)) / 2;
}

static double normal_p(size_t na, size_t nb, double u, enum direction d, const size_t *size,
		       size_t groups)
{
	double n = (double)(na + nb), mean = (double)na * (double)nb / 2, ties = 0, sigma,
	       z = u - mean, p;

	for (size_t g = 0; g < groups; g++)
		ties += pow((double)size[g], 3) - (double)size[g];
	sigma = sqrt(mean / 6 * (n + 1 - ties / (n * (n - 1))));
	if (!(sigma > 0))
		return 1;
	if (d == HIGHER)
		return above((z - 0.5) / sigma);
	if (d == LOWER)
		return above((-z - 0.5) / sigma);
	p = 2 * above((fabs(z) - 0.5) / sigma);
	return p < 1 ? p : 1;
}

double rank_test(const double *a, size_t na, const double *b, size_t nb, enum direction d)
{
	size_t n = na + nb, *size, groups;
	double u, p = 1;

	if (!na || !nb)
		return 1;
	size = malloc(n * sizeof(*size));
	groups = size ? tie_groups(a, na, b, nb, size) : 0;
	if (groups > 1) {
		u = rank_u(a, na, b, nb);
		p = n <= RANK_EXACT_MAX ? exact_p(na, nb, u, d, size, groups) :
					  normal_p(na, nb, u, d, size, groups);
	}
	free(size);
	return p;
}

double rank_smallest_p(size_t na, size_t nb, enum direction d)
{
	double ways = 1;

	for (size_t i = 1; i <= nb; i++)
		ways *= (double)(na + i) / (double)i;
	return ways > (d == EITHER ? 2 : 1) ? (d == EITHER ? 2 : 1) / ways : 1;
}

void rank_holm(double *p, size_t n)
{
	size_t order[RANK_TESTS_MAX];
	double highest = 0;

	if (n > RANK_TESTS_MAX)
		n = RANK_TESTS_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		for (; k && p[order[k - 1]] > p[i]; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	for (size_t i = 0; i < n; i++) {
		double adjusted = p[order[i]] * (double)(n - i);

		highest = adjusted > highest ? adjusted : highest;
		p[order[i]] = highest < 1 ? highest : 1;
	}
}
