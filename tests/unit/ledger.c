// SPDX-License-Identifier: GPL-2.0-only
/*
 * The level ledger's arithmetic: memslots out of several answers, sums, shares that make a whole, what was
 * lost over time.
 */
#include "user/judge/ledger.h"

#include "unit.h"

static void answers_of_one_memslot_make_one_row(void **arg)
{
	struct survey_args a = {
		.base_gfn = 0x100, .npages = 5000, .id = 7, .flags = 1, .backings = 1 << BACKING_ANON,
		.leaves = { { 0, 2, 30 }, { 0, 0, 4 } }, .lost = { [LOW_DIRTY_LOG] = 30 }, .promised = 1,
	};
	struct ledger l = { 0 };

	(void)arg;
	assert_int_equal(ledger_add(&l, &a), 0);
	a.backings = 1 << BACKING_KSM;
	assert_int_equal(ledger_add(&l, &a), 0);
	assert_int_equal(l.nslots, 1);
	assert_int_equal(l.slots[0].backings, 1 << BACKING_ANON | 1 << BACKING_KSM);
	assert_int_equal(l.slots[0].lost[LOW_DIRTY_LOG], 60);
	assert_int_equal(l.slots[0].promised, 2);
	a.as_id = 1;
	assert_int_equal(ledger_add(&l, &a), 0);
	assert_int_equal(l.nslots, 2);
	assert_int_equal(slot_leaves(&l.slots[0], 0), 64);
	assert_int_equal(slot_leaves(&l.slots[1], 0), 32);
	assert_int_equal(slot_leaves(&l.total, 0), 96);
	assert_int_equal(slot_bytes(&l.total, 1), 12 * 2097152);
	ledger_free(&l);
}

static void more_memslots_than_at_first(void **arg)
{
	struct survey_args a = { .npages = 1 };
	struct ledger l = { 0 };

	(void)arg;
	for (a.id = 0; a.id < 509; a.id++) {
		a.base_gfn = a.id;
		assert_int_equal(ledger_add(&l, &a), 0);
	}
	assert_int_equal(l.nslots, 509);
	assert_int_equal(l.slots[508].id, 508);
	assert_int_equal(l.slots[0].id, 0);
	ledger_free(&l);
}

static void sums_by_level_and_host_level(void **arg)
{
	struct slot_row r = {
		.leaves = { { 1, 10, 100, 1000 }, { 2, 0, 20, 200 }, { 0, 0, 0, 3 } },
		.lost = { [LOW_EDGE] = 100, [LOW_NX] = 1000, [LOW_UNKNOWN] = 200 * 512 },
	};

	(void)arg;
	assert_int_equal(slot_mapped(&r), 1111 * 4096ULL + 222 * 2097152ULL + 3 * 1073741824ULL);
	assert_int_equal(slot_host_bytes(&r, 0), 4096 + 2 * 2097152);
	assert_int_equal(slot_host_bytes(&r, 1), 40960);
	assert_int_equal(slot_host_bytes(&r, 2), 100 * 4096 + 20 * 2097152);
	assert_int_equal(slot_lost(&r), 1100 * 4096 + 200 * 2097152);
	assert_true(slot_adds_up(&r));
	r.lost[LOW_OLD]++;
	assert_false(slot_adds_up(&r));
}

static void shares_sum_to_a_thousand(void **arg)
{
	static const uint64_t thirds[3] = { 7, 7, 7 }, none[3], one[3] = { 0, 1, 0 };
	static const uint64_t large[3] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	unsigned int shares[3];

	(void)arg;
	shares_of(thirds, 3, shares);
	assert_int_equal(shares[0] + shares[1] + shares[2], 1000);
	assert_in_range(shares[2], 333, 334);
	shares_of(none, 3, shares);
	assert_int_equal(shares[0] + shares[1] + shares[2], 0);
	shares_of(one, 3, shares);
	assert_int_equal(shares[0], 0);
	assert_int_equal(shares[1], 1000);
	shares_of(large, 3, shares);
	assert_int_equal(shares[0] + shares[1] + shares[2], 1000);
}

/* any numbers: the shares make a whole, none is off by a thousandth or more, none is given for nothing */
static void shares_of_random_numbers(void **arg)
{
	uint64_t seed = 20240601, n[LOW_NR];
	unsigned int shares[LOW_NR];

	(void)arg;
	for (int round = 0; round < 5000; round++) {
		uint64_t sum = 0, whole = 0;

		for (int i = 0; i < LOW_NR; i++) {
			n[i] = random_below(&seed, 3) ?
				       random_below(&seed, 1u << random_below(&seed, 31)) : 0;
			sum += n[i];
		}
		shares_of(n, LOW_NR, shares);
		for (int i = 0; i < LOW_NR; i++) {
			double exact = sum ? 1000.0 * (double)n[i] / (double)sum : 0;

			whole += shares[i];
			assert_true(shares[i] < exact + 1 && shares[i] > exact - 1);
			assert_true(n[i] || !shares[i]);
		}
		assert_int_equal(whole, sum ? 1000 : 0);
	}
}

/* most stocks are taken without a look at folios */
static void promised_stays_what_it_was(void **arg)
{
	struct ledger l = { 0 }, stock = { .total.promised = 3, .folios = true };

	(void)arg;
	ledger_take(&l, &stock, 1000);
	ledger_take(&l, &stock, 2000);
	assert_true(l.folios);
	assert_int_equal(l.total.promised, 3);
	stock = (struct ledger){ .total.promised = 1, .folios = true };
	ledger_take(&l, &stock, 3000);
	assert_int_equal(l.total.promised, 1);
	ledger_free(&l);
}

static void promised_is_not_known_before_a_look(void **arg)
{
	struct ledger l = { 0 }, stock = { 0 };

	(void)arg;
	ledger_take(&l, &stock, 1000);
	assert_false(l.folios);
	ledger_free(&l);
}

/* 512 pages lost, 2 s later 256, then after 1 s none */
static void lost_over_time_is_the_mean_of_both_ends(void **arg)
{
	struct ledger l = { 0 }, stock = { .total.lost[LOW_NX] = 512 };

	(void)arg;
	ledger_take(&l, &stock, 1000000000);
	assert_int_equal(l.watched_ns, 0);
	assert_true(l.byte_seconds[LOW_NX] == 0);
	assert_int_equal(stock.total.lost[LOW_NX], 0);
	stock.total.lost[LOW_NX] = 256;
	ledger_take(&l, &stock, 3000000000);
	assert_true(l.byte_seconds[LOW_NX] == 2 * 384 * 4096.0);
	ledger_take(&l, &stock, 4000000000);
	assert_true(l.byte_seconds[LOW_NX] == (2 * 384 + 128) * 4096.0);
	assert_int_equal(l.watched_ns, 3000000000);
	assert_int_equal(l.surveyed_ns, 4000000000);
	assert_int_equal(l.total.lost[LOW_NX], 0);
	ledger_free(&l);
}

static void stock_is_taken(struct ledger *l, uint32_t flags, struct slot_row row, uint64_t now_ns)
{
	struct ledger stock = { 0 };
	struct survey_args first = { .npages = 1, .flags = flags };
	struct survey_args a = { .base_gfn = 0x40000, .npages = 5000, .id = 1, .flags = flags };

	memcpy(a.leaves, row.leaves, sizeof(a.leaves));
	memcpy(a.lost, row.lost, sizeof(a.lost));
	assert_int_equal(ledger_add(&stock, &first), 0);
	assert_int_equal(ledger_add(&stock, &a), 0);
	ledger_take(l, &stock, now_ns);
}

/* 512 pages under the log; all zapped when it ends; then mapped as before; then as one large page */
static void time_to_recover_from_a_dirty_log(void **arg)
{
	const struct slot_row logged = { .leaves = { { 0, 0, 512 } }, .lost = { [LOW_DIRTY_LOG] = 512 } };
	const struct slot_row small = { .leaves = { { 0, 0, 512 } }, .lost = { [LOW_OLD] = 512 } };
	const struct slot_row large = { .leaves = { { 0 }, { 0, 0, 1 } } };
	const struct recovery *r;
	struct ledger l = { 0 };

	(void)arg;
	stock_is_taken(&l, 0, large, 1000);
	assert_int_equal(l.slots[1].recovery.off_ns, 0);
	stock_is_taken(&l, 3, logged, 2000);
	stock_is_taken(&l, 3, logged, 3000);
	assert_int_equal(l.slots[1].recovery.off_ns, 0);
	stock_is_taken(&l, 2, (struct slot_row){ 0 }, 4000);
	r = &l.slots[1].recovery;
	assert_int_equal(r->lost, 2 << 20);
	assert_int_equal(r->mapped, 2 << 20);
	assert_int_equal(r->over_ns, 0);
	assert_int_equal(recovery_least(r), 0);
	/* the other memslot had nothing to recover */
	assert_int_equal(l.slots[0].recovery.over_ns, 4000);
	stock_is_taken(&l, 2, small, 5500);
	r = &l.slots[1].recovery;
	assert_int_equal(r->over_ns, 0);
	assert_int_equal(recovery_least(r), 1500);
	stock_is_taken(&l, 2, large, 7000);
	stock_is_taken(&l, 2, small, 8000);
	r = &l.slots[1].recovery;
	assert_int_equal(r->over_ns, 7000);
	assert_int_equal(recovery_least(r), 1500);
	assert_int_equal(recovery_most(r), 4000);
	stock_is_taken(&l, 1, logged, 9000);
	assert_int_equal(l.slots[1].recovery.off_ns, 0);
	ledger_free(&l);
}

/* a memslot that was put elsewhere, or another in its place, has no dirty log that ended */
static void another_memslot_does_not_recover(void **arg)
{
	struct ledger l = { 0 }, stock = { 0 };
	struct survey_args a = { .base_gfn = 0x1000, .npages = 1, .id = 1, .flags = 1 };

	(void)arg;
	assert_int_equal(ledger_add(&stock, &a), 0);
	ledger_take(&l, &stock, 1000);
	a.flags = 0;
	a.base_gfn = 0x800;
	assert_int_equal(ledger_add(&stock, &a), 0);
	a.base_gfn = 0x1000;
	a.id = 2;
	assert_int_equal(ledger_add(&stock, &a), 0);
	ledger_take(&l, &stock, 2000);
	assert_int_equal(l.slots[0].recovery.off_ns, 0);
	assert_int_equal(l.slots[1].recovery.off_ns, 0);
	ledger_free(&l);
}

static void every_cause_has_name_sentence_and_remedy(void **arg)
{
	(void)arg;
	for (int c = 0; c < LOW_NR; c++) {
		assert_in_range(strlen(level_cause_name(c)), 1, 18);
		assert_true(strlen(level_cause_sentence(c)) > 10);
		assert_true(strlen(level_cause_remedy(c)) > 10);
		for (int d = 0; d < c; d++)
			assert_string_not_equal(level_cause_name(c), level_cause_name(d));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_one_memslot_make_one_row),
		cmocka_unit_test(more_memslots_than_at_first),
		cmocka_unit_test(sums_by_level_and_host_level),
		cmocka_unit_test(shares_sum_to_a_thousand),
		cmocka_unit_test(shares_of_random_numbers),
		cmocka_unit_test(promised_stays_what_it_was),
		cmocka_unit_test(promised_is_not_known_before_a_look),
		cmocka_unit_test(lost_over_time_is_the_mean_of_both_ends),
		cmocka_unit_test(time_to_recover_from_a_dirty_log),
		cmocka_unit_test(another_memslot_does_not_recover),
		cmocka_unit_test(every_cause_has_name_sentence_and_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
