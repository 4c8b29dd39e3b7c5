// SPDX-License-Identifier: GPL-2.0-only
/*
 * The models: the whole state x event table of each, as literals, and events that no model knows.
 */
#include "models.h"

struct row {
	int state;
	int event;
	int next;
	int says;
};

static void check_table(step_fn step, const struct row *rows, size_t n, int states, int events)
{
	uint64_t seen = 0;

	assert_int_equal(n, states * events);
	for (size_t i = 0; i < n; i++) {
		struct step s = step(rows[i].state, rows[i].event);

		if (s.next != rows[i].next || s.says != rows[i].says)
			fail_msg("state %d event %d: next %d says %d, not %d %d", rows[i].state,
				 rows[i].event, s.next, s.says, rows[i].next, rows[i].says);
		assert_in_range(rows[i].state, 0, states - 1);
		assert_in_range(rows[i].event, 0, events - 1);
		seen |= 1ULL << (rows[i].state * 8 + rows[i].event);
	}
	assert_int_equal(__builtin_popcountll(seen), states * events);
	/* an event of a newer table than ours changes nothing */
	for (int state = 0; state < states; state++) {
		struct step s = step(state, events);

		assert_int_equal(s.next, state);
		assert_int_equal(s.says, SAYS_NOTHING);
	}
}

#define CHECK_TABLE(step, rows, states, events) \
	check_table(step, rows, sizeof(rows) / sizeof((rows)[0]), states, events)

static void dirty_until_notified_table(void **arg)
{
	static const struct row rows[] = {
		{ DUN_QUIET, DUN_LOST_UNWRITTEN, DUN_QUIET, SAYS_NOTHING },
		{ DUN_QUIET, DUN_LOST_DIRTY, DUN_QUIET, SAYS_KEPT },
		{ DUN_QUIET, DUN_LOST_CLEAN, DUN_OWED, SAYS_NOTHING },
		{ DUN_QUIET, DUN_MARKED, DUN_QUIET, SAYS_NOTHING },
		{ DUN_QUIET, DUN_RETURNED, DUN_QUIET, SAYS_NOTHING },
		{ DUN_OWED, DUN_LOST_UNWRITTEN, DUN_OWED, SAYS_NOTHING },
		{ DUN_OWED, DUN_LOST_DIRTY, DUN_OWED, SAYS_NOTHING },
		{ DUN_OWED, DUN_LOST_CLEAN, DUN_OWED, SAYS_NOTHING },
		{ DUN_OWED, DUN_MARKED, DUN_QUIET, SAYS_KEPT },
		{ DUN_OWED, DUN_RETURNED, DUN_QUIET, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(dun, rows, DUN_STATES, DUN_EVENTS);
}

static void notified_before_clean_table(void **arg)
{
	static const struct row rows[] = {
		{ NBC_FOREIGN, NBC_MAP, NBC_MAPPED, SAYS_NOTHING },
		{ NBC_FOREIGN, NBC_UNMAP, NBC_FOREIGN, SAYS_NOTHING },
		{ NBC_FOREIGN, NBC_CLEAN, NBC_FOREIGN, SAYS_NOTHING },
		{ NBC_WRITTEN, NBC_MAP, NBC_MAPPED, SAYS_NOTHING },
		{ NBC_WRITTEN, NBC_UNMAP, NBC_WRITTEN, SAYS_NOTHING },
		{ NBC_WRITTEN, NBC_CLEAN, NBC_FOREIGN, SAYS_KEPT },
		{ NBC_MAPPED, NBC_MAP, NBC_MAPPED, SAYS_NOTHING },
		{ NBC_MAPPED, NBC_UNMAP, NBC_WRITTEN, SAYS_NOTHING },
		{ NBC_MAPPED, NBC_CLEAN, NBC_MAPPED, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(nbc, rows, NBC_STATES, NBC_EVENTS);
}

static void zapped_at_start_table(void **arg)
{
	static const struct row rows[] = {
		{ ZAS_IDLE, ZAS_ENTER_EMPTY, ZAS_EMPTY, SAYS_NOTHING },
		{ ZAS_IDLE, ZAS_ENTER_COVERED, ZAS_COVERED, SAYS_NOTHING },
		{ ZAS_IDLE, ZAS_LEAF_FOUND, ZAS_IDLE, SAYS_NOTHING },
		{ ZAS_IDLE, ZAS_JUDGE, ZAS_IDLE, SAYS_NOTHING },
		{ ZAS_EMPTY, ZAS_ENTER_EMPTY, ZAS_EMPTY, SAYS_NOTHING },
		{ ZAS_EMPTY, ZAS_ENTER_COVERED, ZAS_COVERED, SAYS_NOTHING },
		{ ZAS_EMPTY, ZAS_LEAF_FOUND, ZAS_EMPTY, SAYS_NOTHING },
		{ ZAS_EMPTY, ZAS_JUDGE, ZAS_IDLE, SAYS_NOTHING },
		{ ZAS_COVERED, ZAS_ENTER_EMPTY, ZAS_EMPTY, SAYS_NOTHING },
		{ ZAS_COVERED, ZAS_ENTER_COVERED, ZAS_COVERED, SAYS_NOTHING },
		{ ZAS_COVERED, ZAS_LEAF_FOUND, ZAS_LEFTOVER, SAYS_NOTHING },
		{ ZAS_COVERED, ZAS_JUDGE, ZAS_IDLE, SAYS_KEPT },
		{ ZAS_LEFTOVER, ZAS_ENTER_EMPTY, ZAS_EMPTY, SAYS_NOTHING },
		{ ZAS_LEFTOVER, ZAS_ENTER_COVERED, ZAS_COVERED, SAYS_NOTHING },
		{ ZAS_LEFTOVER, ZAS_LEAF_FOUND, ZAS_LEFTOVER, SAYS_NOTHING },
		{ ZAS_LEFTOVER, ZAS_JUDGE, ZAS_IDLE, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(zas, rows, ZAS_STATES, ZAS_EVENTS);
}

static void dirty_at_map_table(void **arg)
{
	static const struct row rows[] = {
		{ DAM_IDLE, DAM_MAP, DAM_MAPPED, SAYS_NOTHING },
		{ DAM_IDLE, DAM_MAP_READ, DAM_IDLE, SAYS_NOTHING },
		{ DAM_IDLE, DAM_INVALIDATED, DAM_IDLE, SAYS_NOTHING },
		{ DAM_IDLE, DAM_END_DIRTY, DAM_IDLE, SAYS_NOTHING },
		{ DAM_IDLE, DAM_END_CLEAN, DAM_IDLE, SAYS_NOTHING },
		{ DAM_MAPPED, DAM_MAP, DAM_MAPPED, SAYS_NOTHING },
		{ DAM_MAPPED, DAM_MAP_READ, DAM_IDLE, SAYS_NOTHING },
		{ DAM_MAPPED, DAM_INVALIDATED, DAM_IDLE, SAYS_NOTHING },
		{ DAM_MAPPED, DAM_END_DIRTY, DAM_IDLE, SAYS_KEPT },
		{ DAM_MAPPED, DAM_END_CLEAN, DAM_IDLE, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(dam, rows, DAM_STATES, DAM_EVENTS);
}

static void dirty_through_window_table(void **arg)
{
	static const struct row rows[] = {
		{ DTW_NONE, DTW_LOST_DIRTY, DTW_OWED, SAYS_NOTHING },
		{ DTW_NONE, DTW_DISCARDED, DTW_NONE, SAYS_NOTHING },
		{ DTW_NONE, DTW_END_DIRTY, DTW_NONE, SAYS_NOTHING },
		{ DTW_NONE, DTW_END_CLEAN, DTW_NONE, SAYS_NOTHING },
		{ DTW_OWED, DTW_LOST_DIRTY, DTW_OWED, SAYS_NOTHING },
		{ DTW_OWED, DTW_DISCARDED, DTW_NONE, SAYS_NOTHING },
		{ DTW_OWED, DTW_END_DIRTY, DTW_NONE, SAYS_KEPT },
		{ DTW_OWED, DTW_END_CLEAN, DTW_NONE, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(dtw, rows, DTW_STATES, DTW_EVENTS);
}

static void flushed_at_start_table(void **arg)
{
	static const struct row rows[] = {
		{ FAS_IDLE, FAS_ENTER, FAS_OPEN, SAYS_NOTHING },
		{ FAS_IDLE, FAS_ZAP, FAS_IDLE, SAYS_NOTHING },
		{ FAS_IDLE, FAS_FLUSH, FAS_IDLE, SAYS_NOTHING },
		{ FAS_IDLE, FAS_RETURN, FAS_IDLE, SAYS_NOTHING },
		{ FAS_OPEN, FAS_ENTER, FAS_OPEN, SAYS_NOTHING },
		{ FAS_OPEN, FAS_ZAP, FAS_ZAPPED, SAYS_NOTHING },
		{ FAS_OPEN, FAS_FLUSH, FAS_OPEN, SAYS_NOTHING },
		{ FAS_OPEN, FAS_RETURN, FAS_IDLE, SAYS_NOTHING },
		{ FAS_ZAPPED, FAS_ENTER, FAS_OPEN, SAYS_NOTHING },
		{ FAS_ZAPPED, FAS_ZAP, FAS_ZAPPED, SAYS_NOTHING },
		{ FAS_ZAPPED, FAS_FLUSH, FAS_FLUSHED, SAYS_NOTHING },
		{ FAS_ZAPPED, FAS_RETURN, FAS_IDLE, SAYS_BROKEN },
		{ FAS_FLUSHED, FAS_ENTER, FAS_OPEN, SAYS_NOTHING },
		{ FAS_FLUSHED, FAS_ZAP, FAS_ZAPPED, SAYS_NOTHING },
		{ FAS_FLUSHED, FAS_FLUSH, FAS_FLUSHED, SAYS_NOTHING },
		{ FAS_FLUSHED, FAS_RETURN, FAS_IDLE, SAYS_KEPT },
	};

	(void)arg;
	CHECK_TABLE(fas, rows, FAS_STATES, FAS_EVENTS);
}

static void no_map_in_window_table(void **arg)
{
	static const struct row rows[] = {
		{ NMW_CLOSED, NMW_START, NMW_OPEN, SAYS_NOTHING },
		{ NMW_CLOSED, NMW_MAP, NMW_CLOSED, SAYS_NOTHING },
		{ NMW_CLOSED, NMW_END, NMW_CLOSED, SAYS_NOTHING },
		{ NMW_OPEN, NMW_START, NMW_OPEN, SAYS_NOTHING },
		{ NMW_OPEN, NMW_MAP, NMW_BREACHED, SAYS_BROKEN },
		{ NMW_OPEN, NMW_END, NMW_CLOSED, SAYS_KEPT },
		{ NMW_BREACHED, NMW_START, NMW_OPEN, SAYS_NOTHING },
		{ NMW_BREACHED, NMW_MAP, NMW_BREACHED, SAYS_BROKEN },
		{ NMW_BREACHED, NMW_END, NMW_CLOSED, SAYS_NOTHING },
	};

	(void)arg;
	CHECK_TABLE(nmw, rows, NMW_STATES, NMW_EVENTS);
}

static void windows_balanced_table(void **arg)
{
	static const struct row rows[] = {
		{ WBA_QUIET, WBA_START, WBA_BUSY, SAYS_NOTHING },
		{ WBA_QUIET, WBA_END_OTHERS, WBA_QUIET, SAYS_BROKEN },
		{ WBA_QUIET, WBA_END_ZERO, WBA_QUIET, SAYS_BROKEN },
		{ WBA_QUIET, WBA_END_NONZERO, WBA_QUIET, SAYS_BROKEN },
		{ WBA_QUIET, WBA_DESTROY_ZERO, WBA_QUIET, SAYS_KEPT },
		{ WBA_QUIET, WBA_DESTROY_NONZERO, WBA_QUIET, SAYS_BROKEN },
		{ WBA_BUSY, WBA_START, WBA_BUSY, SAYS_NOTHING },
		{ WBA_BUSY, WBA_END_OTHERS, WBA_BUSY, SAYS_NOTHING },
		{ WBA_BUSY, WBA_END_ZERO, WBA_QUIET, SAYS_KEPT },
		{ WBA_BUSY, WBA_END_NONZERO, WBA_QUIET, SAYS_BROKEN },
		{ WBA_BUSY, WBA_DESTROY_ZERO, WBA_QUIET, SAYS_BROKEN },
		{ WBA_BUSY, WBA_DESTROY_NONZERO, WBA_QUIET, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(wba, rows, WBA_STATES, WBA_EVENTS);
}

static void write_needs_write_table(void **arg)
{
	static const struct row rows[] = {
		{ WNW_ANY, WNW_MAP_READ, WNW_ANY, SAYS_NOTHING },
		{ WNW_ANY, WNW_MAP_WRITABLE, WNW_ANY, SAYS_KEPT },
		{ WNW_ANY, WNW_MAP_READONLY, WNW_ANY, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(wnw, rows, WNW_STATES, WNW_EVENTS);
}

static void same_page_table(void **arg)
{
	static const struct row rows[] = {
		{ SPA_ANY, SPA_MAP_SAME, SPA_ANY, SAYS_KEPT },
		{ SPA_ANY, SPA_MAP_OTHER, SPA_ANY, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(spa, rows, SPA_STATES, SPA_EVENTS);
}

static void level_fits_table(void **arg)
{
	static const struct row rows[] = {
		{ LVF_ANY, LVF_MAP_FITS, LVF_ANY, SAYS_KEPT },
		{ LVF_ANY, LVF_MAP_EXCEEDS, LVF_ANY, SAYS_BROKEN },
		{ LVF_ANY, LVF_MAP_MISALIGNED, LVF_ANY, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(lvf, rows, LVF_STATES, LVF_EVENTS);
}

static void never_secret_table(void **arg)
{
	static const struct row rows[] = {
		{ NSE_ANY, NSE_MAP, NSE_ANY, SAYS_KEPT },
		{ NSE_ANY, NSE_MAP_SECRET, NSE_ANY, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(nse, rows, NSE_STATES, NSE_EVENTS);
}

static void refs_returned_table(void **arg)
{
	static const struct row rows[] = {
		{ RFR_NONE, RFR_LOOKUP, RFR_TAKEN, SAYS_NOTHING },
		{ RFR_NONE, RFR_LOOKUP_NONE, RFR_NONE, SAYS_NOTHING },
		{ RFR_NONE, RFR_END_RETURNED, RFR_NONE, SAYS_NOTHING },
		{ RFR_NONE, RFR_END_MORE, RFR_NONE, SAYS_NOTHING },
		{ RFR_NONE, RFR_SETTLED, RFR_NONE, SAYS_NOTHING },
		{ RFR_NONE, RFR_GONE, RFR_NONE, SAYS_NOTHING },
		{ RFR_NONE, RFR_STAYS, RFR_NONE, SAYS_NOTHING },
		{ RFR_TAKEN, RFR_LOOKUP, RFR_TAKEN, SAYS_NOTHING },
		{ RFR_TAKEN, RFR_LOOKUP_NONE, RFR_TAKEN, SAYS_NOTHING },
		{ RFR_TAKEN, RFR_END_RETURNED, RFR_NONE, SAYS_KEPT },
		{ RFR_TAKEN, RFR_END_MORE, RFR_SUSPECT, SAYS_NOTHING },
		{ RFR_TAKEN, RFR_SETTLED, RFR_TAKEN, SAYS_NOTHING },
		{ RFR_TAKEN, RFR_GONE, RFR_TAKEN, SAYS_NOTHING },
		{ RFR_TAKEN, RFR_STAYS, RFR_TAKEN, SAYS_NOTHING },
		{ RFR_SUSPECT, RFR_LOOKUP, RFR_SUSPECT, SAYS_NOTHING },
		{ RFR_SUSPECT, RFR_LOOKUP_NONE, RFR_SUSPECT, SAYS_NOTHING },
		{ RFR_SUSPECT, RFR_END_RETURNED, RFR_SUSPECT, SAYS_NOTHING },
		{ RFR_SUSPECT, RFR_END_MORE, RFR_SUSPECT, SAYS_NOTHING },
		{ RFR_SUSPECT, RFR_SETTLED, RFR_NONE, SAYS_KEPT },
		{ RFR_SUSPECT, RFR_GONE, RFR_NONE, SAYS_KEPT },
		{ RFR_SUSPECT, RFR_STAYS, RFR_NONE, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(rfr, rows, RFR_STATES, RFR_EVENTS);
}

static void pinned_outside_table(void **arg)
{
	static const struct row rows[] = {
		{ PNO_NONE, PNO_MAP, PNO_HELD, SAYS_NOTHING },
		{ PNO_NONE, PNO_MAP_UNPINNED, PNO_NONE, SAYS_BROKEN },
		{ PNO_NONE, PNO_CLEAN, PNO_NONE, SAYS_NOTHING },
		{ PNO_NONE, PNO_FREED, PNO_NONE, SAYS_NOTHING },
		{ PNO_NONE, PNO_UNMAP_READ, PNO_NONE, SAYS_NOTHING },
		{ PNO_NONE, PNO_UNMAP_DIRTY, PNO_NONE, SAYS_NOTHING },
		{ PNO_NONE, PNO_UNMAP_CLEAN, PNO_NONE, SAYS_NOTHING },
		{ PNO_HELD, PNO_MAP, PNO_HELD, SAYS_NOTHING },
		{ PNO_HELD, PNO_MAP_UNPINNED, PNO_HELD, SAYS_BROKEN },
		{ PNO_HELD, PNO_CLEAN, PNO_CLEANED, SAYS_NOTHING },
		{ PNO_HELD, PNO_FREED, PNO_NONE, SAYS_BROKEN },
		{ PNO_HELD, PNO_UNMAP_READ, PNO_NONE, SAYS_KEPT },
		{ PNO_HELD, PNO_UNMAP_DIRTY, PNO_NONE, SAYS_KEPT },
		{ PNO_HELD, PNO_UNMAP_CLEAN, PNO_NONE, SAYS_BROKEN },
		{ PNO_CLEANED, PNO_MAP, PNO_CLEANED, SAYS_NOTHING },
		{ PNO_CLEANED, PNO_MAP_UNPINNED, PNO_CLEANED, SAYS_BROKEN },
		{ PNO_CLEANED, PNO_CLEAN, PNO_CLEANED, SAYS_NOTHING },
		{ PNO_CLEANED, PNO_FREED, PNO_NONE, SAYS_BROKEN },
		{ PNO_CLEANED, PNO_UNMAP_READ, PNO_NONE, SAYS_KEPT },
		{ PNO_CLEANED, PNO_UNMAP_DIRTY, PNO_NONE, SAYS_KEPT },
		{ PNO_CLEANED, PNO_UNMAP_CLEAN, PNO_NONE, SAYS_BROKEN },
	};

	(void)arg;
	CHECK_TABLE(pno, rows, PNO_STATES, PNO_EVENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dirty_until_notified_table),
		cmocka_unit_test(dirty_at_map_table),
		cmocka_unit_test(notified_before_clean_table),
		cmocka_unit_test(dirty_through_window_table),
		cmocka_unit_test(zapped_at_start_table),
		cmocka_unit_test(flushed_at_start_table),
		cmocka_unit_test(no_map_in_window_table),
		cmocka_unit_test(windows_balanced_table),
		cmocka_unit_test(write_needs_write_table),
		cmocka_unit_test(same_page_table),
		cmocka_unit_test(level_fits_table),
		cmocka_unit_test(never_secret_table),
		cmocka_unit_test(refs_returned_table),
		cmocka_unit_test(pinned_outside_table),
	};

	return cmocka_run_group_tests_name("model tables", tests, NULL, NULL);
}
