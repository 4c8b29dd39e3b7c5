// SPDX-License-Identifier: GPL-2.0-only
/*
 * The histogram's bucket rule, at every edge.
 */
#include "bpf/hist.h"

#include "unit.h"

static void edges(void **arg)
{
	(void)arg;
	assert_int_equal(hist_bucket(0), 0);
	assert_int_equal(hist_bucket(1), 1);
	assert_int_equal(hist_bucket(2), 2);
	assert_int_equal(hist_bucket(3), 2);
	assert_int_equal(hist_bucket(4), 3);
	assert_int_equal(hist_bucket(1000), 10);
	assert_int_equal(hist_bucket(0xffffffff), 32);
	assert_int_equal(hist_bucket(0x100000000), 33);
	assert_int_equal(hist_bucket(UINT64_MAX >> 1), 63);
	/* the last bucket takes everything above */
	assert_int_equal(hist_bucket(UINT64_MAX), 63);
}

static void low_is_the_smallest_of_its_bucket(void **arg)
{
	(void)arg;
	assert_int_equal(hist_low(0), 0);
	assert_int_equal(hist_low(1), 1);
	for (uint32_t b = 1; b < HIST_BUCKETS; b++) {
		assert_int_equal(hist_bucket(hist_low(b)), b);
		assert_int_equal(hist_bucket(hist_low(b) - 1), b - 1);
	}
}

static void every_value_is_in_its_bucket(void **arg)
{
	uint64_t seed = 42;

	(void)arg;
	for (int i = 0; i < 1000000; i++) {
		uint64_t v = ((uint64_t)random_below(&seed, 1u << 31) << 33 |
			      random_below(&seed, 1u << 31)) >> random_below(&seed, 64);
		uint32_t b = 0;

		/* slow: count the halvings */
		for (uint64_t w = v; w; w /= 2)
			b++;
		assert_int_equal(hist_bucket(v), b < HIST_BUCKETS ? b : HIST_BUCKETS - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(low_is_the_smallest_of_its_bucket),
		cmocka_unit_test(every_value_is_in_its_bucket),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
