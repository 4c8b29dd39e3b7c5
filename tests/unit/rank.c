// SPDX-License-Identifier: GPL-2.0-only
/*
 * The statistics of the gate against published values.
 */
#include "user/gate/rank.h"

#include "unit.h"

#include <errno.h>
#include <math.h>

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%.10g, not %.10g", got, want);
}

/*
 * Hollander and Wolfe, Nonparametric Statistical Methods (1973), p. 69: permeability of the
 * chorioamnion at term and at 12 to 26 weeks.  The manual of R's wilcox.test has it as its example:
 * W = 35, p = 0.1272.
 */
static void exact_without_ties(void **arg)
{
	static const double term[] = { 0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46 };
	static const double early[] = { 1.15, 0.88, 0.90, 0.74, 1.21 };

	(void)arg;
	near(rank_u(early, 5, term, 10), 35, 0);
	near(rank_test(early, 5, term, 10, HIGHER), 0.1272, 0.00005);
	near(rank_test(term, 10, early, 5, LOWER), 0.1272, 0.00005);
	near(rank_test(early, 5, term, 10, EITHER), 0.2544, 0.00005);
}

/*
 * Ozone in New York in May and in August 1973 (R's data set airquality); the same manual page: W =
 * 127.5, p = 0.0001208, by the normal approximation with ties.
 */
static void normal_with_ties(void **arg)
{
	static const double may[] = {41, 36, 12, 18, 28, 23, 19, 8, 7,	16, 11, 14,  18,
				     14, 34, 6,	 30, 11, 1,  11, 4, 32, 23, 45, 115, 37};
	static const double august[] = {39, 9,	16, 78, 35, 66, 122, 89,  110, 44, 28,	65, 22,
					59, 23, 31, 44, 21, 9,	45,  168, 73,  76, 118, 84, 85};

	(void)arg;
	assert_int_equal(COUNT(may) + COUNT(august), 52);
	near(rank_u(august, COUNT(august), may, COUNT(may)), 127.5, 0);
	near(rank_test(may, COUNT(may), august, COUNT(august), EITHER), 0.0001208, 0.00000005);
}

/* p of U = u at these sizes, by numbers without ties that have this U */
static double p_of(size_t na, size_t nb, size_t u, enum direction d)
{
	double a[32], b[32];

	for (size_t i = 0; i < na; i++)
		a[i] = (double)(i + 1) * 100;
	for (size_t j = 0; j < nb; j++) {
		size_t larger = u < na ? u : na;

		b[j] = (double)larger * 100 + 50 + (double)j;
		u -= larger;
	}
	return rank_test(a, na, b, nb, d);
}

/*
 * Critical values of U, two-sided 5 % and 1 % (Mann and Whitney, Annals of Mathematical Statistics
 * 18 (1947); the usual table): the largest U that is significant.
 */
static void critical_values(void **arg)
{
	static const struct {
		size_t na, nb, five, one;	/* one 0, five 0: see below */
	} table[] = {
		{ 5, 5, 2, 0 }, { 5, 8, 6, 2 }, { 6, 6, 5, 2 }, { 7, 7, 8, 4 }, { 8, 8, 13, 7 },
		{ 9, 9, 17, 11 }, { 10, 10, 23, 16 }, { 12, 12, 37, 27 }, { 15, 15, 64, 51 },
		{ 10, 20, 55, 42 }, { 20, 20, 127, 105 },
	};

	(void)arg;
	for (size_t i = 0; i < COUNT(table); i++) {
		assert_true(p_of(table[i].na, table[i].nb, table[i].five, EITHER) <= 0.05);
		assert_true(p_of(table[i].na, table[i].nb, table[i].five + 1, EITHER) > 0.05);
		assert_true(p_of(table[i].na, table[i].nb, table[i].one, EITHER) <= 0.01);
		assert_true(p_of(table[i].na, table[i].nb, table[i].one + 1, EITHER) > 0.01);
	}
}

/* every division of few numbers with ties, one by one */
static void exact_with_ties_is_what_counting_gives(void **arg)
{
	static const double v[] = { 1, 2, 2, 2, 5, 5, 7, 9, 9, 9 };
	enum { N = COUNT(v), NB = 4 };

	(void)arg;
	for (unsigned int chosen = 0; chosen < 1u << N; chosen++) {
		double a[N], b[N], u, at_least = 0, all = 0;
		size_t na = 0, nb = 0;

		if (__builtin_popcount(chosen) != NB || chosen % 5)
			continue;
		for (size_t i = 0; i < N; i++)
			*(chosen >> i & 1 ? &b[nb++] : &a[na++]) = v[i];
		u = rank_u(a, na, b, nb);
		for (unsigned int other = 0; other < 1u << N; other++) {
			double x[N], y[N];
			size_t nx = 0, ny = 0;

			if (__builtin_popcount(other) != NB)
				continue;
			for (size_t i = 0; i < N; i++)
				*(other >> i & 1 ? &y[ny++] : &x[nx++]) = v[i];
			all++;
			at_least += rank_u(x, nx, y, ny) >= u;
		}
		near(rank_test(a, na, b, nb, HIGHER), at_least / all, 1e-12);
	}
}

static void too_few_and_all_equal(void **arg)
{
	static const double one[] = { 1 }, two[] = { 2 }, same[] = { 3, 3, 3, 3, 3, 3, 3 };

	(void)arg;
	near(rank_test(one, 1, two, 1, HIGHER), 0.5, 0);
	near(rank_test(one, 0, two, 1, EITHER), 1, 0);
	near(rank_test(same, 7, same, 7, EITHER), 1, 0);
	near(rank_smallest_p(1, 1, HIGHER), 0.5, 1e-12);
	near(rank_smallest_p(5, 5, EITHER), 2 / 252.0, 1e-12);
	near(rank_smallest_p(5, 5, HIGHER), p_of(5, 5, 25, HIGHER), 1e-12);
	near(rank_smallest_p(1, 1, EITHER), 1, 0);
}

/* exact up to RANK_EXACT_MAX numbers, approximate above: no step between them */
static void approximation_joins(void **arg)
{
	(void)arg;
	near(p_of(20, 20, 130, EITHER), p_of(20, 20, 130, LOWER) * 2, 1e-12);
	near(p_of(20, 20, 130, LOWER), 0.0301, 0.0005);
	near(p_of(20, 21, 137, LOWER) / 0.0290, 1, 0.02);
}

/*
 * Holm, Scandinavian Journal of Statistics 6 (1979); the numbers are those of the manual of R's
 * p.adjust read the long way: sorted p times (n, n-1, ...), never falling.
 */
static void holm(void **arg)
{
	double p[] = { 0.01, 0.04, 0.03, 0.005 }, all[] = { 0.5, 0.6, 0.7 };

	(void)arg;
	rank_holm(p, 4);
	near(p[3], 0.02, 1e-12);
	near(p[0], 0.03, 1e-12);
	near(p[2], 0.06, 1e-12);
	near(p[1], 0.06, 1e-12);
	rank_holm(all, 3);
	near(all[0], 1, 0);
	rank_holm(all, 0);
}

static void medians(void **arg)
{
	static const double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 };

	(void)arg;
	near(rank_median(odd, 3), 3, 0);
	near(rank_median(even, 4), 2.5, 0);
	assert_true(isnan(rank_median(odd, 0)));
}

/*
 * The exact interval for a median by the binomial distribution: of 25 numbers in order, from the
 * 6th to the 20th at 99.6 %, from the 7th to the 19th at 98.5 % (e.g. Conover, Practical
 * Nonparametric Statistics, table A3).  A bootstrap of the median is that up to its noise: 1st side
 * held constant.
 */
static void bootstrap_of_a_median(void **arg)
{
	double a[25], b[25];
	struct interval diff, rel, again;

	(void)arg;
	for (size_t i = 0; i < 25; i++) {
		a[i] = 100;
		b[i] = 101 + (double)i;
	}
	assert_int_equal(rank_bootstrap(a, 25, b, 25, 0.99, &diff, &rel), 0);
	assert_true(diff.low >= 6 && diff.low <= 8);
	assert_true(diff.high >= 18 && diff.high <= 20);
	near(rel.low, diff.low / 100, 1e-12);
	near(rel.high, diff.high / 100, 1e-12);
	assert_int_equal(rank_bootstrap(a, 25, b, 25, 0.99, &again, &rel), 0);
	assert_memory_equal(&diff, &again, sizeof(diff));
}

static void bootstrap_of_zeros(void **arg)
{
	static const double zero[] = { 0, 0, 0 }, one[] = { 1, 1, 1 };
	struct interval diff, rel;

	(void)arg;
	assert_int_equal(rank_bootstrap(zero, 3, zero, 3, 0.99, &diff, &rel), 0);
	near(rel.low, 0, 0);
	near(rel.high, 0, 0);
	assert_int_equal(rank_bootstrap(zero, 3, one, 3, 0.99, &diff, &rel), 0);
	assert_true(isinf(rel.low) && rel.low > 0);
	near(diff.high, 1, 0);
}

/* Pettitt's K, and his change point: the index of the first number after it */
static double pettitt(const double *v, size_t n, size_t *at)
{
	double best = -1;

	for (size_t t = 1; t < n; t++) {
		double k = fabs(2 * rank_u(v, t, v + t, n - t) - (double)(t * (n - t)));

		if (k > best) {
			best = k;
			*at = t;
		}
	}
	return best;
}

/*
 * Pettitt, A non-parametric approach to the change-point problem, Applied Statistics 28 (1979),
 * table 1: K = 232, p = 0.0146, the change is after the 17th.
 */
static void change_of_pettitt(void **arg)
{
	static const double v[] = {-1.05, 0.96,	 1.22, 0.58, -0.98, -0.03, -1.54, -0.71,
				   -0.35, 0.66,	 0.44, 0.91, -0.02, -1.42, 1.26,  -1.02,
				   -0.81, 1.66,	 1.05, 0.97, 2.14,  1.22,  -0.24, 1.60,
				   0.72,  -0.12, 0.44, 0.03, 0.66,  0.56,  1.37,  1.66,
				   0.10,  0.80,	 1.29, 0.49, -0.07, 1.18,  3.29,  1.84};
	struct change_point c;
	size_t at;

	(void)arg;
	near(pettitt(v, COUNT(v), &at), 232, 0);
	assert_int_equal(at, 17);
	assert_int_equal(rank_change_point(v, COUNT(v), &c), 0);
	assert_int_equal(c.at, 17);
	/* his p is an approximation, and his K is not standardized */
	assert_true(c.p > 0.002 && c.p < 0.03);
}

/*
 * Annual flow of the Nile at Aswan, 1871 to 1970 (Cobb, Biometrika 65 (1978)): it changed in 1898,
 * after 28 years.
 */
static void change_of_the_nile(void **arg)
{
	static const double nile[] = {1120, 1160, 963,	1210, 1160, 1160, 813,	1230, 1370, 1140,
				      995,  935,  1110, 994,  1020, 960,  1180, 799,  958,  1140,
				      1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
				      874,  694,  940,	833,  701,  916,  692,	1020, 1050, 969,
				      831,  726,  456,	824,  702,  1120, 1100, 832,  764,  821,
				      768,  845,  864,	862,  698,  845,  744,	796,  1040, 759,
				      781,  865,  845,	944,  984,  897,  822,	1010, 771,  676,
				      649,  846,  812,	742,  801,  1040, 860,	874,  848,  890,
				      744,  749,  838,	1050, 918,  986,  797,	923,  975,  815,
				      1020, 906,  901,	1170, 912,  746,  919,	718,  714,  740};
	struct change_point c;

	(void)arg;
	assert_int_equal(COUNT(nile), 100);
	assert_int_equal(rank_change_point(nile, 100, &c), 0);
	assert_int_equal(c.at, 28);
	near(c.p, 1.0 / (RANK_SHUFFLES + 1), 1e-12);
	near(c.before, 1110, 25);
	near(c.after, 845, 10);
}

static void no_change_no_alarm(void **arg)
{
	uint64_t seed = 7;
	int alarms = 0;

	(void)arg;
	for (int i = 0; i < 200; i++) {
		struct change_point c;
		double v[30];

		for (size_t k = 0; k < 30; k++)
			v[k] = (double)(rank_random(&seed) >> 40);
		assert_int_equal(rank_change_point(v, 30, &c), 0);
		alarms += c.p <= 0.05;
	}
	/* 10 are to be expected; more than 22 or fewer than 2 happen once in 5,000 times */
	assert_in_range(alarms, 2, 22);
}

static void change_point_needs_runs(void **arg)
{
	static const double v[] = { 1, 2, 3, 4, 5, 6 };
	struct change_point c;

	(void)arg;
	assert_int_equal(rank_change_point(v, 5, &c), -EINVAL);
	assert_int_equal(rank_change_point(v, 6, &c), 0);
	assert_int_equal(c.at, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_without_ties),
		cmocka_unit_test(normal_with_ties),
		cmocka_unit_test(critical_values),
		cmocka_unit_test(exact_with_ties_is_what_counting_gives),
		cmocka_unit_test(too_few_and_all_equal),
		cmocka_unit_test(approximation_joins),
		cmocka_unit_test(holm),
		cmocka_unit_test(medians),
		cmocka_unit_test(bootstrap_of_a_median),
		cmocka_unit_test(bootstrap_of_zeros),
		cmocka_unit_test(change_of_pettitt),
		cmocka_unit_test(change_of_the_nile),
		cmocka_unit_test(no_change_no_alarm),
		cmocka_unit_test(change_point_needs_runs),
	};

	return cmocka_run_group_tests_name("rank", tests, NULL, NULL);
}
