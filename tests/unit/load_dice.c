// SPDX-License-Identifier: GPL-2.0-only
/*
 * The random choices of the stress: a seed repeats them, and none is out of range.
 */
#include "../../load/dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

static void a_seed_repeats_its_throws(void **state)
{
	struct dice a;
	struct dice b;

	(void)state;
	dice_init(&a, 241, 3);
	dice_init(&b, 241, 3);
	for (int i = 0; i < 1009; i++)
		assert_true(dice_throw(&a) == dice_throw(&b));
}

static void seeds_and_threads_differ(void **state)
{
	struct dice a;
	struct dice b;
	struct dice c;

	(void)state;
	dice_init(&a, 241, 3);
	dice_init(&b, 241, 4);
	dice_init(&c, 242, 3);

	uint64_t first = dice_throw(&a);

	assert_true(first != dice_throw(&b));
	assert_true(first != dice_throw(&c));
}

static void weights_decide(void **state)
{
	const unsigned int weights[] = { 0, 1, 0, 3, 0 };
	unsigned int hits[5] = { 0 };
	struct dice d;

	(void)state;
	dice_init(&d, 1, 0);
	for (int i = 0; i < 4000; i++)
		hits[dice_weighted(&d, weights, 5)]++;
	assert_int_equal(hits[0] + hits[2] + hits[4], 0);
	/* 1000 and 3000 are due; five times the spread of the binomial is 137 */
	assert_in_range(hits[1], 863, 1137);
	assert_in_range(hits[3], 2863, 3137);
}

static void ranges_stay_inside_and_reach_both_ends(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 37, 512, 1009 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bool begins = false;
		bool ends = false;
		struct dice d;
		size_t first;
		size_t end;

		dice_init(&d, 7, 0);
		for (int n = 0; n < 20000; n++) {
			dice_range(&d, sizes[i], &first, &end);
			assert_true(first < end);
			assert_true(end <= sizes[i]);
			begins |= first == 0;
			ends |= end == sizes[i];
		}
		assert_true(begins && ends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_repeats_its_throws),
		cmocka_unit_test(seeds_and_threads_differ),
		cmocka_unit_test(weights_decide),
		cmocka_unit_test(ranges_stay_inside_and_reach_both_ends),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
