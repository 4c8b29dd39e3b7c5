// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data check of mmuscope-load: which values a guest must hold, how pages that hold others are
 * grouped into ranges, and which runs of pages one guest job can compare.
 */
#include "../../load/check.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void starts_with_zeroes(void **state)
{
	struct data d;
	struct data_run run;

	(void)state;
	assert_int_equal(data_init(&d, 7), 0);
	assert_true(data_next_run(&d, 0, 7, &run));
	assert_int_equal(run.first, 0);
	assert_int_equal(run.pages, 7);
	assert_int_equal(run.value, 0);
	assert_int_equal(run.step, 0);
	data_deinit(&d);
}

static void write_gives_each_page_its_own_value(void **state)
{
	struct data d;
	struct data_run run;

	(void)state;
	assert_int_equal(data_init(&d, 7), 0);
	data_write(&d, 2, 5, 0x5a000000);
	assert_int_equal(d.want[1], 0);
	assert_int_equal(d.want[2], 0x5a000002);
	assert_int_equal(d.want[4], 0x5a000004);
	assert_int_equal(d.want[5], 0);

	assert_true(data_next_run(&d, 2, 7, &run));
	assert_int_equal(run.first, 2);
	assert_int_equal(run.pages, 3);
	assert_int_equal(run.value, 0x5a000002);
	assert_int_equal(run.step, 1);
	data_deinit(&d);
}

static void runs_cover_all_known_pages_once(void **state)
{
	struct data d;
	struct data_run run;
	size_t first = 0;
	size_t covered = 0;

	(void)state;
	assert_int_equal(data_init(&d, 101), 0);
	data_write(&d, 0, 31, data_salt(0));
	data_fill(&d, 31, 32, 77);
	data_forget(&d, 40, 50);
	data_write(&d, 60, 101, data_salt(1));
	while (data_next_run(&d, first, 101, &run)) {
		assert_true(run.first >= first);
		for (size_t i = 0; i < run.pages; i++) {
			assert_true(d.known[run.first + i]);
			assert_int_equal(d.want[run.first + i], run.value + i * run.step);
		}
		covered += run.pages;
		first = run.first + run.pages;
	}
	assert_int_equal(covered, 91);
	data_deinit(&d);
}

static void no_run_in_forgotten_pages(void **state)
{
	struct data d;
	struct data_run run;

	(void)state;
	assert_int_equal(data_init(&d, 3), 0);
	data_forget(&d, 0, 3);
	assert_false(data_next_run(&d, 0, 3, &run));
	assert_false(data_next_run(&d, 1, 1, &run));
	data_deinit(&d);
}

static void salts_repeat_only_after_256_writes(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 256; i++)
		for (unsigned int k = 0; k < i; k++)
			assert_int_not_equal(data_salt(i), data_salt(k));
	assert_int_equal(data_salt(0), 0x5a000000);
	assert_int_equal(data_salt(256), data_salt(0));
}

static void neighbours_are_one_range(void **state)
{
	struct data d;
	struct lost l = { 0 };

	(void)state;
	assert_int_equal(data_init(&d, 10), 0);
	data_write(&d, 0, 10, 1000);
	data_forget(&d, 9, 10);
	for (size_t i = 0; i < 10; i++)
		lost_add(&l, &d, i, (i >= 3 && i < 6) || i == 8 ? 0 : (uint32_t)(1000 + i));
	assert_int_equal(l.checked, 9);
	assert_int_equal(l.lost, 4);
	assert_int_equal(l.nranges, 2);
	assert_int_equal(l.ranges[0][0], 3);
	assert_int_equal(l.ranges[0][1], 6);
	assert_int_equal(l.ranges[1][0], 8);
	assert_int_equal(l.ranges[1][1], 9);
	data_deinit(&d);
}

static void ranges_beyond_the_limit_are_counted(void **state)
{
	struct data d;
	struct lost l = { 0 };

	(void)state;
	assert_int_equal(data_init(&d, 100), 0);
	data_fill(&d, 0, 100, 1);
	for (size_t i = 0; i < 100; i++)
		lost_add(&l, &d, i, i % 2 || i > 95);
	/* Even pages up to 94 are lost: 48 ranges of one page. */
	assert_int_equal(l.lost, 48);
	assert_int_equal(l.nranges, 48);
	assert_int_equal(l.ranges[LOST_RANGES_MAX - 1][0], 30);
	assert_int_equal(l.ranges[LOST_RANGES_MAX - 1][1], 31);
	data_deinit(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_zeroes),
		cmocka_unit_test(write_gives_each_page_its_own_value),
		cmocka_unit_test(runs_cover_all_known_pages_once),
		cmocka_unit_test(no_run_in_forgotten_pages),
		cmocka_unit_test(salts_repeat_only_after_256_writes),
		cmocka_unit_test(neighbours_are_one_range),
		cmocka_unit_test(ranges_beyond_the_limit_are_counted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
