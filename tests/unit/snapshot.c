// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic on counters: stock per level, balance of a destroyed VM, sums, quantiles.
 */
#include "user/session/snapshot.h"

#include "unit.h"

static void stock_is_what_came_minus_what_went(void **arg)
{
	struct vm_counts c = { .installed = { 100, 10, 1 }, .zapped = { 30, 4, 0 } };

	(void)arg;
	assert_int_equal(stock(&c, 0), 70);
	assert_int_equal(stock(&c, 1), 6);
	assert_int_equal(stock(&c, 2), 1);
}

static void split_gives_512_of_the_next_level(void **arg)
{
	struct vm_counts c = { .installed = { 0, 2, 1 }, .split = { 0, 1, 1 } };

	(void)arg;
	assert_int_equal(stock(&c, 2), 0);
	assert_int_equal(stock(&c, 1), 2 - 1 + 512);
	assert_int_equal(stock(&c, 0), 512);
}

static void stock_of_a_late_vm_is_negative(void **arg)
{
	struct vm_counts c = { .installed = { 1, 0, 0 }, .zapped = { 5, 0, 0 } };

	(void)arg;
	assert_int_equal(stock(&c, 0), -4);
}

/* teardown is not a loss: the stock is what the VM had when its end began */
static void torn_down_does_not_lower_the_stock(void **arg)
{
	struct vm_counts c = { .installed = { 9, 0, 0 }, .torn_down = { 9, 0, 0 } };

	(void)arg;
	assert_int_equal(stock(&c, 0), 9);
	assert_true(balanced(&c));
}

static void balance(void **arg)
{
	struct vm_counts c = {
		.installed = { 4099, 3, 0 }, .zapped = { 99, 1, 0 }, .split = { 0, 1, 0 },
		.torn_down = { 4000 + 512, 1, 0 },
	};

	(void)arg;
	assert_true(balanced(&c));
	for (int l = 0; l < LEVELS; l++) {
		struct vm_counts one_more = c, one_less = c;

		one_more.torn_down[l]++;
		one_less.installed[l]++;
		assert_false(balanced(&one_more));
		assert_false(balanced(&one_less));
	}
}

static void totals_add_every_field(void **arg)
{
	struct snapshot s = { 0 };
	struct vm_counts total;
	uint64_t *words = (uint64_t *)&total;

	(void)arg;
	for (int i = 0; i < 40; i++) {	/* more than the first allocation */
		struct vm_row *row = snapshot_add_vm(&s);

		assert_non_null(row);
		assert_int_equal(row->counts.hva[HVA_CALLS], 0);
		words = (uint64_t *)&row->counts;
		for (size_t k = 0; k < sizeof(row->counts) / 8; k++)
			words[k] = k + 1;
	}
	words = (uint64_t *)&s.host;
	for (size_t k = 0; k < sizeof(s.host) / 8; k++)
		words[k] = 1000;
	snapshot_total(&s, &total);
	words = (uint64_t *)&total;
	for (size_t k = 0; k < sizeof(total) / 8; k++)
		assert_int_equal(words[k], 40 * (k + 1) + 1000);
	snapshot_free(&s);
	assert_null(s.vms);
}

static void quantiles_are_upper_edges(void **arg)
{
	struct hist h = { 0 };

	(void)arg;
	assert_int_equal(hist_count(&h), 0);
	assert_int_equal(hist_quantile(&h, 0.5), 0);
	h.bucket[0] = 1;	/* 0 */
	assert_int_equal(hist_quantile(&h, 0.99), 0);
	h.bucket[0] = 0;
	h.bucket[4] = 98;	/* 8..15 */
	h.bucket[11] = 2;	/* 1024..2047 */
	assert_int_equal(hist_count(&h), 100);
	assert_int_equal(hist_quantile(&h, 0), 15);
	assert_int_equal(hist_quantile(&h, 0.5), 15);
	assert_int_equal(hist_quantile(&h, 0.98), 15);
	assert_int_equal(hist_quantile(&h, 0.99), 2047);
	assert_int_equal(hist_quantile(&h, 1), 2047);
	h.bucket[63] = 1;
	assert_true(hist_quantile(&h, 1) == UINT64_MAX >> 0 || hist_quantile(&h, 1) == UINT64_MAX >> 1);
}

static void levels(void **arg)
{
	(void)arg;
	assert_string_equal(level_name(0), "4K");
	assert_string_equal(level_name(1), "2M");
	assert_string_equal(level_name(2), "1G");
	assert_int_equal(level_bytes(0), 4096);
	assert_int_equal(level_bytes(1), 2097152);
	assert_int_equal(level_bytes(2), 1073741824);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stock_is_what_came_minus_what_went),
		cmocka_unit_test(split_gives_512_of_the_next_level),
		cmocka_unit_test(stock_of_a_late_vm_is_negative),
		cmocka_unit_test(torn_down_does_not_lower_the_stock),
		cmocka_unit_test(balance),
		cmocka_unit_test(totals_add_every_field),
		cmocka_unit_test(quantiles_are_upper_edges),
		cmocka_unit_test(levels),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
