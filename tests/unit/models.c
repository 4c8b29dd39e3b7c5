// SPDX-License-Identifier: GPL-2.0-only
/*
 * The models against oracles that keep the history instead of a state: every short sequence of
 * events, and ten million random ones.  MMUSCOPE_SEED chooses others than usual.
 */
#include "models.h"

#include <errno.h>

enum { SEQUENCES = 10000000, LENGTH_MAX = 24, SHORT = 6 };

/*
 * Oracles: what the invariant's sentence says about the last of n events, from all events so far.
 * They look through the history and share nothing with the models.
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

/* The last place before the end of the history where one of two events stands, or -1. */
static int last_of(const int *history, int n, int a, int b)
{
	int i = n - 2;

	while (i >= 0 && history[i] != a && history[i] != b)
		i--;
	return i;
}

static int count(const int *history, int from, int to, int event)
{
	int found = 0;

	for (int i = from; i < to; i++)
		found += history[i] == event;
	return found;
}

/* The first place from "from" on where an event of the set (bit by bit) stands, or n. */
static int first_of(const int *history, int from, int n, unsigned int set)
{
	while (from < n && !(set >> history[from] & 1))
		from++;
	return from;
}

/*
 * Of the installs since the previous end the last one counts, if it is may-write and no invalidation came
 * after it.
 */
static int dam_oracle(const int *history, int n)
{
	int start = last_of(history, n, DAM_END_DIRTY, DAM_END_CLEAN) + 1;
	int install = last_of(history, n, DAM_MAP, DAM_MAP_READ);
	int last = history[n - 1];

	if (last != DAM_END_DIRTY && last != DAM_END_CLEAN)
		return SAYS_NOTHING;
	if (install < start || history[install] != DAM_MAP || count(history, install, n, DAM_INVALIDATED))
		return SAYS_NOTHING;
	return last == DAM_END_DIRTY ? SAYS_KEPT : SAYS_BROKEN;
}

static int wnw_oracle(const int *history, int n)
{
	if (history[n - 1] == WNW_MAP_READ)
		return SAYS_NOTHING;
	return history[n - 1] == WNW_MAP_READONLY ? SAYS_BROKEN : SAYS_KEPT;
}

static int spa_oracle(const int *history, int n)
{
	return history[n - 1] == SPA_MAP_OTHER ? SAYS_BROKEN : SAYS_KEPT;
}

static int lvf_oracle(const int *history, int n)
{
	return history[n - 1] == LVF_MAP_FITS ? SAYS_KEPT : SAYS_BROKEN;
}

/* A window is what lies between two ends; in it a loss counts unless a discard follows it. */
static int dtw_oracle(const int *history, int n)
{
	int window = last_of(history, n, DTW_END_DIRTY, DTW_END_CLEAN) + 1;
	int lost = last_of(history, n, DTW_LOST_DIRTY, DTW_LOST_DIRTY);
	int last = history[n - 1];

	if (last != DTW_END_DIRTY && last != DTW_END_CLEAN)
		return SAYS_NOTHING;
	if (lost < window || count(history, lost, n, DTW_DISCARDED))
		return SAYS_NOTHING;
	return last == DTW_END_DIRTY ? SAYS_KEPT : SAYS_BROKEN;
}

/* From the last enter to the return: is there a zap, and a flush behind the last zap? */
static int fas_oracle(const int *history, int n)
{
	int enter = last_of(history, n, FAS_ENTER, FAS_RETURN);
	int zap = last_of(history, n, FAS_ZAP, FAS_ZAP);

	if (history[n - 1] != FAS_RETURN || enter < 0 || history[enter] != FAS_ENTER || zap < enter)
		return SAYS_NOTHING;
	return count(history, zap, n, FAS_FLUSH) ? SAYS_KEPT : SAYS_BROKEN;
}

static int nmw_oracle(const int *history, int n)
{
	int edge = last_of(history, n, NMW_START, NMW_END);

	/* outside a window */
	if (edge < 0 || history[edge] != NMW_START)
		return SAYS_NOTHING;
	if (history[n - 1] == NMW_MAP)
		return SAYS_BROKEN;
	if (history[n - 1] == NMW_END && !count(history, edge, n, NMW_MAP))
		return SAYS_KEPT;
	return SAYS_NOTHING;
}

/* Open: a start with nothing after it that closes the last window. */
static int wba_oracle(const int *history, int n)
{
	int start = last_of(history, n, WBA_START, WBA_START);
	int last = history[n - 1];
	bool open = start >= 0 && first_of(history, start, n - 1,
					   1u << WBA_END_ZERO | 1u << WBA_END_NONZERO |
					   1u << WBA_DESTROY_ZERO | 1u << WBA_DESTROY_NONZERO) == n - 1;

	switch (last) {
	case WBA_START:
		return SAYS_NOTHING;
	case WBA_END_OTHERS:
		return open ? SAYS_NOTHING : SAYS_BROKEN;
	case WBA_END_ZERO:
		return open ? SAYS_KEPT : SAYS_BROKEN;
	case WBA_DESTROY_ZERO:
		return open ? SAYS_BROKEN : SAYS_KEPT;
	default:
		return SAYS_BROKEN;
	}
}

static int nse_oracle(const int *history, int n)
{
	return history[n - 1] == NSE_MAP_SECRET ? SAYS_BROKEN : SAYS_KEPT;
}

/*
 * Cuts the history into lives: the first lookup that holds a page, the end of its fault, and for a
 * suspect the first examination after that.  The verdict is what closes a life.
 */
static int rfr_oracle(const int *history, int n)
{
	int i = 0;

	while (true) {
		i = first_of(history, i, n, 1u << RFR_LOOKUP);
		i = first_of(history, i, n, 1u << RFR_END_RETURNED | 1u << RFR_END_MORE);
		if (i < n && history[i] == RFR_END_MORE)
			i = first_of(history, i, n,
				     1u << RFR_SETTLED | 1u << RFR_GONE | 1u << RFR_STAYS);
		if (i >= n - 1)
			break;
		i++;
	}
	if (i == n)
		return SAYS_NOTHING;
	return history[i] == RFR_STAYS ? SAYS_BROKEN : SAYS_KEPT;
}

/* Where the mapping that is held before the last event was made, or -1. */
static int pno_held_since(const int *history, int n)
{
	int i = 0;

	while (true) {
		int map = first_of(history, i, n - 1, 1u << PNO_MAP);

		i = first_of(history, map, n - 1,
			     1u << PNO_FREED | 1u << PNO_UNMAP_READ | 1u << PNO_UNMAP_DIRTY |
			     1u << PNO_UNMAP_CLEAN);
		if (i == n - 1)
			return map < n - 1 ? map : -1;
		i++;
	}
}

static int pno_oracle(const int *history, int n)
{
	int last = history[n - 1];

	if (last == PNO_MAP_UNPINNED)
		return SAYS_BROKEN;
	if (last == PNO_MAP || last == PNO_CLEAN || pno_held_since(history, n) < 0)
		return SAYS_NOTHING;
	return last == PNO_FREED || last == PNO_UNMAP_CLEAN ? SAYS_BROKEN : SAYS_KEPT;
}

/* The counter of pages dirtied at their release after a cleaning reads this off the state. */
static bool pno_cleaned(const int *history, int n)
{
	int map = pno_held_since(history, n);

	return map >= 0 && count(history, map, n - 1, PNO_CLEAN);
}

static const struct model {
	const char *name;
	step_fn step;
	int (*oracle)(const int *history, int n);
	uint32_t events;
	int marked;		/* a state that callers look at, and when it is due */
	bool (*marked_when)(const int *history, int n);
	bool always_says;
} models[] = {
#define ROW(name_, prefix, events_, ...) \
	{ .name = name_, .step = prefix, .oracle = prefix##_oracle, .events = events_, ##__VA_ARGS__ }
	ROW("dirty-until-notified", dun, DUN_EVENTS),
	ROW("dirty-at-map", dam, DAM_EVENTS),
	ROW("notified-before-clean", nbc, NBC_EVENTS),
	ROW("dirty-through-window", dtw, DTW_EVENTS),
	ROW("zapped-at-start", zas, ZAS_EVENTS),
	ROW("flushed-at-start", fas, FAS_EVENTS),
	ROW("no-map-in-window", nmw, NMW_EVENTS),
	ROW("windows-balanced", wba, WBA_EVENTS),
	ROW("write-needs-write", wnw, WNW_EVENTS),
	ROW("same-page", spa, SPA_EVENTS, .always_says = true),
	ROW("level-fits", lvf, LVF_EVENTS, .always_says = true),
	ROW("never-secret", nse, NSE_EVENTS, .always_says = true),
	ROW("refs-returned", rfr, RFR_EVENTS),
	ROW("pinned-outside", pno, PNO_EVENTS, .marked = PNO_CLEANED, .marked_when = pno_cleaned),
#undef ROW
};

enum { MODELS = sizeof(models) / sizeof(models[0]) };

static void complain(const struct model *m, const int *history, int n, struct step got)
{
	print_error("%s, events", m->name);
	for (int i = 0; i < n; i++)
		print_error(" %d", history[i]);
	fail_msg("the model goes to %d and says %d, the oracle says %d", got.next, got.says,
		 m->oracle(history, n));
}

/* Takes the last of n events; returns the next state. */
static int compare(const struct model *m, const int *history, int n, int state, unsigned long *said)
{
	struct step got = m->step(state, history[n - 1]);

	if (got.says != m->oracle(history, n))
		complain(m, history, n, got);
	if (m->marked_when && (state == m->marked) != m->marked_when(history, n))
		complain(m, history, n, got);
	said[got.says]++;
	return got.next;
}

/* All sequences of SHORT events, counted through like a number with a digit for each event. */
static void every_short_sequence(void **arg)
{
	unsigned long sequences = 0;

	(void)arg;
	for (const struct model *m = models; m < models + MODELS; m++) {
		int history[SHORT] = { 0 };
		int digit;

		do {
			unsigned long said[3] = { 0 };
			int state = 0;

			for (int n = 1; n <= SHORT; n++)
				state = compare(m, history, n, state, said);
			sequences++;
			for (digit = SHORT - 1; digit >= 0; digit--) {
				if (++history[digit] < (int)m->events)
					break;
				history[digit] = 0;
			}
		} while (digit >= 0);
	}
	print_message("%lu sequences, all of %d events: no difference\n", sequences, SHORT);
}

static uint64_t seed_of_run(void)
{
	const char *text = getenv("MMUSCOPE_SEED");
	unsigned long long seed = 0x9e3779b97f4a7c15;
	char *end;

	if (!text)
		return seed;
	errno = 0;
	seed = strtoull(text, &end, 0);
	if (errno || end == text || *end || !seed)
		fail_msg("MMUSCOPE_SEED='%s' is no seed: give a number from 1 to 2^64-1", text);
	return seed;
}

static void random_sequences(void **arg)
{
	uint64_t seed = seed_of_run(), random = seed;
	unsigned long events = 0;
	int left = SEQUENCES;

	(void)arg;
	/* first, so that a failure can be repeated */
	print_message("MMUSCOPE_SEED=0x%llx\n", (unsigned long long)seed);
	for (int k = 0; k < MODELS; k++) {
		const struct model *m = &models[k];
		unsigned long said[3] = { 0 };
		int share = left / (MODELS - k);

		for (int s = 0; s < share; s++) {
			int history[LENGTH_MAX];
			int n = 1 + (int)random_below(&random, LENGTH_MAX), state = 0;

			for (int i = 0; i < n; i++) {
				history[i] = (int)random_below(&random, m->events);
				state = compare(m, history, i + 1, state, said);
			}
			events += (unsigned long)n;
		}
		left -= share;
		/* a test that never saw a violation has not tested; the rarest comes in 9% of sequences */
		assert_true(said[SAYS_KEPT] > (unsigned long)share / 20);
		assert_true(said[SAYS_BROKEN] > (unsigned long)share / 20);
		assert_int_equal(said[SAYS_NOTHING] == 0, m->always_says);
	}
	assert_int_equal(left, 0);
	print_message("%d random sequences, %lu events: no difference\n", SEQUENCES, events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_sequence),
		cmocka_unit_test(random_sequences),
	};

	return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
