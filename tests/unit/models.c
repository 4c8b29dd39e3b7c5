// SPDX-License-Identifier: GPL-2.0-only
/*
 * The models: the whole state x event table as literals, and random sequences against oracles that
 * keep the history instead of a state.
 */
#include "bpf/models/dirty_until_notified.h"
#include "bpf/models/notified_before_clean.h"
#include "bpf/models/zapped_at_start.h"

#include "unit.h"

enum { SEQUENCES = 400000, LENGTH_MAX = 24 };

struct row {
	int state;
	int event;
	int next;
	int says;
};

static struct step dun(int state, int event)
{
	return dun_step((enum dun_state)state, (enum dun_event)event);
}

static struct step nbc(int state, int event)
{
	return nbc_step((enum nbc_state)state, (enum nbc_event)event);
}

static struct step zas(int state, int event)
{
	return zas_step((enum zas_state)state, (enum zas_event)event);
}

static void check_table(struct step (*step)(int, int), const struct row *rows, size_t n, size_t cells)
{
	unsigned int seen = 0;

	assert_int_equal(n, cells);
	for (size_t i = 0; i < n; i++) {
		struct step s = step(rows[i].state, rows[i].event);

		if (s.next != rows[i].next || s.says != rows[i].says)
			fail_msg("state %d event %d: next %d says %d, not %d %d", rows[i].state,
				 rows[i].event, s.next, s.says, rows[i].next, rows[i].says);
		seen |= 1u << (rows[i].state * 8 + rows[i].event);
	}
	assert_int_equal(__builtin_popcount(seen), (int)cells);
}

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
	check_table(dun, rows, sizeof(rows) / sizeof(rows[0]), DUN_STATES * DUN_EVENTS);
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
	check_table(nbc, rows, sizeof(rows) / sizeof(rows[0]), NBC_STATES * NBC_EVENTS);
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
	check_table(zas, rows, sizeof(rows) / sizeof(rows[0]), ZAS_STATES * ZAS_EVENTS);
}

/*
 * Oracles: what the invariant's sentence says about the last event, from all events so far.  They
 * look backwards through the history and share nothing with the models.
 */

/* A page lost while clean is owed until somebody marks it or the start returns. */
static int dun_oracle(const int *history, int n)
{
	bool owed = false;

	for (int i = n - 2; i >= 0; i--) {
		if (history[i] == DUN_MARKED || history[i] == DUN_RETURNED)
			break;
		owed |= history[i] == DUN_LOST_CLEAN;
	}
	switch (history[n - 1]) {
	case DUN_LOST_DIRTY:
		return owed ? SAYS_NOTHING : SAYS_KEPT;
	case DUN_MARKED:
		return owed ? SAYS_KEPT : SAYS_NOTHING;
	case DUN_RETURNED:
		return owed ? SAYS_BROKEN : SAYS_NOTHING;
	default:
		return SAYS_NOTHING;
	}
}

/* Broken: the last of map and unmap was a map.  Kept: a map since the last clean, all undone. */
static int nbc_oracle(const int *history, int n)
{
	int last = -1;
	bool written = false;

	if (history[n - 1] != NBC_CLEAN)
		return SAYS_NOTHING;
	for (int i = n - 2; i >= 0 && last < 0; i--)
		if (history[i] != NBC_CLEAN)
			last = history[i];
	if (last == NBC_MAP)
		return SAYS_BROKEN;
	/* an unmap that undid a map after the last clean, or undid one that a clean had found mapped */
	for (int i = n - 2; i >= 0 && history[i] != NBC_CLEAN; i--) {
		bool before = false;

		if (history[i] != NBC_UNMAP)
			continue;
		for (int k = i - 1; k >= 0; k--) {
			if (history[k] == NBC_CLEAN)
				continue;
			before = history[k] == NBC_MAP;
			break;
		}
		written |= before;
	}
	return written ? SAYS_KEPT : SAYS_NOTHING;
}

/* Only what happened since the last enter counts, and an enter only until it is judged. */
static int zas_oracle(const int *history, int n)
{
	bool found = false;

	if (history[n - 1] != ZAS_JUDGE)
		return SAYS_NOTHING;
	for (int i = n - 2; i >= 0; i--) {
		switch (history[i]) {
		case ZAS_LEAF_FOUND:
			found = true;
			break;
		case ZAS_ENTER_COVERED:
			return found ? SAYS_BROKEN : SAYS_KEPT;
		default:
			return SAYS_NOTHING;
		}
	}
	return SAYS_NOTHING;
}

static void random_sequences(struct step (*step)(int, int), int (*oracle)(const int *, int), int first,
			     uint32_t events)
{
	unsigned long said[3] = { 0 };
	uint64_t seed = 0x9e3779b97f4a7c15;

	for (int s = 0; s < SEQUENCES; s++) {
		int history[LENGTH_MAX];
		int n = 1 + (int)random_below(&seed, LENGTH_MAX), state = first;

		for (int i = 0; i < n; i++) {
			struct step got;

			history[i] = (int)random_below(&seed, events);
			got = step(state, history[i]);
			if (got.says != oracle(history, i + 1))
				fail_msg("sequence %d, event %d: model %d, oracle %d", s, i, got.says,
					 oracle(history, i + 1));
			said[got.says]++;
			state = got.next;
		}
	}
	/* a test that never saw a violation has not tested */
	for (int i = 0; i < 3; i++)
		assert_true(said[i] > SEQUENCES / 10);
}

static void dirty_until_notified_random(void **arg)
{
	(void)arg;
	random_sequences(dun, dun_oracle, DUN_QUIET, DUN_EVENTS);
}

static void notified_before_clean_random(void **arg)
{
	(void)arg;
	random_sequences(nbc, nbc_oracle, NBC_FOREIGN, NBC_EVENTS);
}

static void zapped_at_start_random(void **arg)
{
	(void)arg;
	random_sequences(zas, zas_oracle, ZAS_IDLE, ZAS_EVENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dirty_until_notified_table),
		cmocka_unit_test(notified_before_clean_table),
		cmocka_unit_test(zapped_at_start_table),
		cmocka_unit_test(dirty_until_notified_random),
		cmocka_unit_test(notified_before_clean_random),
		cmocka_unit_test(zapped_at_start_random),
	};

	return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
