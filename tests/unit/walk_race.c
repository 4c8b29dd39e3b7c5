// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference walker while the kernel changes the tables between its reads: it may say that the
 * walk is torn, else its answer was true at one moment of the walk, never a mixture.  What was
 * true at each moment is the oracle's to say, asked after every single change.
 */
#include "tables.h"

#define VA 0x7f123449e000ULL
enum {
	SLOT1 = 0x9e,
	SLOT2 = 0x1a2,
	SLOT3 = 0x48,
	SLOT4 = 0xfe,
	MOMENTS_MAX = 1 << 10,
	STEPS_MAX = 16
};

/* slot of VA in a table, by level */
static const u32 slot_of[] = { 0, SLOT1, SLOT2, SLOT3, SLOT4, 0 };

/* one change of memory: a word, or a frame that is given back */
struct step {
	u32 frame;
	u32 slot;
	u64 value;
	bool freed;
};

static struct {
	uint64_t seed;
	u32 levels;
	u32 table[TOP_LEVEL + 1];	/* frame of VA's table by level; 0: none */
	u32 next_frame;	/* frames are taken in turn: none comes back within a walk */
	u64 next_pfn;	/* no page is mapped twice */
	u32 kept;	/* table that waits for its huge page to be split; 0: none */
	bool keeps;	/* collapsing keeps the table */
	struct step steps[STEPS_MAX];
	u32 nsteps;
	u32 done;
	struct answer moments[MOMENTS_MAX];
	u32 nmoments;
	u64 changes;
	bool quiet;
} w;

static u64 *word(u32 level)
{
	return &frames[w.table[level]][slot_of[level]];
}

static void remember(void)
{
	assert_true(w.nmoments < MOMENTS_MAX);
	w.moments[w.nmoments++] = oracle(w.levels, w.table[w.levels], VA);
}

static void then(u32 frame, u32 slot, u64 value)
{
	assert_true(w.nsteps < STEPS_MAX);
	w.steps[w.nsteps++] = (struct step){ frame, slot, value, false };
}

static void then_free(u32 frame)
{
	assert_true(w.nsteps < STEPS_MAX);
	w.steps[w.nsteps++] = (struct step){ .frame = frame, .freed = true };
}

/* an empty table; nothing points to it yet */
static u32 frame_new(void)
{
	u32 frame = w.next_frame;

	w.next_frame = frame + 1 < FRAMES ? frame + 1 : 2;
	memset(frames[frame], 0, sizeof(frames[frame]));
	return frame;
}

/* The frame's next owner writes what it likes, also what looks like tables and pages. */
static void frame_reuse(u32 frame)
{
	u32 any = random_below(&w.seed, FRAMES);

	for (u32 level = 1; level <= TOP_LEVEL; level++)
		switch (random_below(&w.seed, 4)) {
		case 0:
			frames[frame][slot_of[level]] = random_word(&w.seed);
			break;
		case 1:
			frames[frame][slot_of[level]] = frame_phys(any) | TABLE_FLAGS;
			break;
		case 2:
			frames[frame][slot_of[level]] = random_below(&w.seed, 1 << 20) << 12 | 0xe7;
			break;
		default:
			frames[frame][slot_of[level]] = 0;
		}
}

static u64 new_page(u32 level)
{
	u64 pfn = w.next_pfn += 1ULL << 18;

	return pfn << 12 | (level > 1 ? 0xe7 : 0x67);
}

static u64 absent(u64 entry, u64 flags)
{
	return (~entry & HOST_PHYS_MASK) | flags;
}

/* ---- what the kernel does to VA, each as the list of its writes ---- */

static u64 other_leaf(u64 entry, u32 level)
{
	switch (random_below(&w.seed, 5)) {
	case 0:
		return entry ^ PTE_WRITABLE;
	case 1:
		return entry ^ PTE_DIRTY;
	case 2:
		return absent(entry, level > 1 ? 0x1e0 : 0x160);
	case 3:
		return random_word(&w.seed) << 9 | 2;
	default:
		return new_page(level);
	}
}

static void change_leaf(u32 level)
{
	u64 entry = *word(level);

	if ((entry & PTE_PRESENT) && random_below(&w.seed, 4)) {
		then(w.table[level], slot_of[level], other_leaf(entry, level));
		return;
	}
	then(w.table[level], slot_of[level], 0);
	if (random_below(&w.seed, 2))
		then(w.table[level], slot_of[level], new_page(level));
}

/* fault in: a table below an empty entry, filled before it is linked or after */
static void make_table(u32 level)
{
	u32 frame = frame_new();

	if (random_below(&w.seed, 2))
		frames[frame][slot_of[level - 1]] = new_page(level - 1);
	then(w.table[level], slot_of[level], frame_phys(frame) | TABLE_FLAGS);
	w.table[level - 1] = frame;
}

/* munmap: entries first, then tables from below, each freed once nothing points to it */
static void unmap_below(u32 level)
{
	for (u32 l = 1; l < level; l++)
		if (w.table[l])
			then(w.table[l], slot_of[l], 0);
	then(w.table[level], slot_of[level], 0);
	for (u32 l = 1; l < level; l++) {
		if (w.table[l])
			then_free(w.table[l]);
		w.table[l] = 0;
	}
}

/* mremap, or the end of a shared hugetlb table: what is below lives on for somebody else's address */
static void move_away(u32 level)
{
	u32 l = 1 + random_below(&w.seed, level - 1);

	then(w.table[level], slot_of[level], 0);
	if (w.table[l])
		then(w.table[l], slot_of[l], new_page(l < 3 ? l : 3));
	for (l = 1; l < level; l++)
		w.table[l] = 0;
}

/* khugepaged: the table is emptied once nobody can reach it, and given back or kept for the split */
static void collapse(void)
{
	then(w.table[2], SLOT2, 0);
	then(w.table[1], SLOT1, 0);
	if (w.keeps)
		w.kept = w.table[1];
	else
		then_free(w.table[1]);
	then(w.table[2], SLOT2, new_page(2));
	w.table[1] = 0;
}

static void split(void)
{
	u64 entry = *word(2),
	    pages = (entry & PTE_PRESENT ? entry : ~entry) & HOST_PHYS_MASK & ~0x1fffffULL;
	u32 frame = w.kept ? w.kept : frame_new();

	then(w.table[2], SLOT2, absent(pages, 0xe6));
	then(frame, SLOT1, pages | SLOT1 << 12 | 0x67);
	then(w.table[2], SLOT2, frame_phys(frame) | TABLE_FLAGS);
	w.table[1] = frame;
	w.kept = 0;
}

static void change_level_2(void)
{
	if (*word(2) & PTE_PRESENT && random_below(&w.seed, 2)) {
		split();
		return;
	}
	/* a huge page that goes away takes its table along */
	if (w.kept)
		then_free(w.kept);
	w.kept = 0;
	if (*word(2))
		then(w.table[2], SLOT2, 0);
	else if (random_below(&w.seed, 2))
		make_table(2);
	else
		then(w.table[2], SLOT2, new_page(2));
}

static void decide(void)
{
	u32 level = w.levels, deed = random_below(&w.seed, 8);

	w.nsteps = w.done = 0;
	while (level > 1 && w.table[level - 1])
		level--;
	if (level < w.levels && deed == 0 && !w.kept) {
		unmap_below(level + 1 + random_below(&w.seed, w.levels - level));
	} else if (level < w.levels && deed == 1 && !w.kept) {
		move_away(level + 1 + random_below(&w.seed, w.levels - level));
	} else if (level == 1) {
		if (deed < 5)
			change_leaf(1);
		else
			collapse();
	} else if (level == 2) {
		change_level_2();
	} else if (level == 3 && deed > 5) {
		change_leaf(3);
	} else if (*word(level)) {
		then(w.table[level], slot_of[level], 0);
	} else {
		make_table(level);
	}
}

static void change(void)
{
	const struct step *s;

	if (w.done == w.nsteps)
		decide();
	s = &w.steps[w.done++];
	if (s->freed)
		frame_reuse(s->frame);
	else
		frames[s->frame][s->slot] = s->value;
	w.changes++;
	remember();
}

/* mostly nothing happens between two reads; sometimes a lot does */
static void changes(void)
{
	u32 n = random_below(&w.seed, 8) ? 0 : random_below(&w.seed, 12);

	while (!w.quiet && n--)
		change();
}

static void world_new(u32 levels, bool keeps, uint64_t seed)
{
	memset(frames, 0, sizeof(frames));
	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.levels = levels;
	w.keeps = keeps;
	w.table[levels] = 1;
	w.next_frame = 2;
	before_read = changes;
}

static bool was_true(const struct answer *a)
{
	for (u32 i = 0; i < w.nmoments; i++)
		if (same_answer(a, &w.moments[i]))
			return true;
	return false;
}

static bool was_none(void)
{
	for (u32 i = 0; i < w.nmoments; i++)
		if (w.moments[i].result == WALK_NONE)
			return true;
	return false;
}

struct score {
	u64 result[3];
	u64 level[TOP_LEVEL + 1];
	u64 moved;	/* the truth at the end was not the answer any more, or not yet at the start */
	u64 retried;
};

static void race(const struct host *h, bool keeps, int walks, struct score *score)
{
	world_new(h->five_levels ? 5 : 4, keeps, 314 + h->five_levels);
	for (int i = 0; i < walks; i++) {
		struct answer a;
		bool ok;

		/* from anywhere in the middle of a deed */
		w.nmoments = 0;
		for (u32 n = random_below(&w.seed, 4); n; n--)
			change();
		w.nmoments = 0;
		remember();
		a = walk(h, w.table[w.levels], VA);
		score->result[a.result]++;
		score->retried += a.leaf.tries == 2 && a.result != WALK_TORN;
		if (a.result == WALK_TORN)
			continue;
		score->level[a.leaf.level]++;
		score->moved += !same_answer(&a, &w.moments[0]);
		ok = was_true(&a) || (keeps && a.result == WALK_NONE && was_none());
		if (!ok)
			fail_msg(
				"walk %d: %d, level %u, entry %#llx was true at none of %u moments",
				i, a.result, a.leaf.level, a.leaf.entry, w.nmoments);
	}
}

static void score_check(const struct score *s)
{
	assert_true(s->result[WALK_OK] > 10000 && s->result[WALK_NONE] > 10000);
	assert_true(s->result[WALK_TORN] > 1000 && s->retried > 1000 && s->moved > 10000);
	for (u32 level = 1; level <= 4; level++)
		assert_true(s->level[level] > 1000);
}

static void an_answer_was_true_at_a_moment_of_the_walk(void **state)
{
	struct score s = { 0 };

	(void)state;
	race(&four, false, 300000, &s);
	score_check(&s);
	memset(&s, 0, sizeof(s));
	race(&five, false, 300000, &s);
	score_check(&s);
}

/*
 * A table that is kept while its huge page lives may come back to where it was: the one thing that
 * an entry read twice does not show.  A leaf that was found was there all the same, and where none
 * was found there was a moment without one.
 */
static void a_table_that_comes_back_does_not_lie(void **state)
{
	struct score s = { 0 };

	(void)state;
	race(&four, true, 300000, &s);
	score_check(&s);
}

static u32 tables_gone;

/* the table of level 1 is replaced when the walk has come to it */
static void replace_table(void)
{
	if (!tables_gone || reading != frame_addr(w.table[1]) + SLOT1 * 8)
		return;
	tables_gone--;
	w.table[1] = frame_new();
	*word(1) = new_page(1);
	*word(2) = frame_phys(w.table[1]) | TABLE_FLAGS;
}

static void a_torn_walk_is_tried_once_more(void **state)
{
	struct answer a;

	(void)state;
	world_new(4, false, 1);
	before_read = NULL;
	for (u32 level = 4; level > 1; level--) {
		make_table(level);
		frames[w.steps[0].frame][w.steps[0].slot] = w.steps[0].value;
		w.nsteps = 0;
	}
	*word(1) = 0x55555067;
	tables_gone = 0;
	before_read = replace_table;
	a = walk(&four, 1, VA);
	assert_int_equal(a.result, WALK_OK);
	assert_int_equal(a.leaf.tries, 1);
	assert_int_equal(a.leaf.pfn, 0x55555);
	tables_gone = 1;
	a = walk(&four, 1, VA);
	assert_int_equal(a.result, WALK_OK);
	assert_int_equal(a.leaf.tries, 2);
	assert_int_equal(a.leaf.entry, *word(1));
	tables_gone = 100;
	a = walk(&four, 1, VA);
	assert_int_equal(a.result, WALK_TORN);
	assert_int_equal(a.leaf.tries, 2);
	assert_int_equal(a.leaf.entry, 0);
	assert_int_equal(a.leaf.level, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_torn_walk_is_tried_once_more),
		cmocka_unit_test(an_answer_was_true_at_a_moment_of_the_walk),
		cmocka_unit_test(a_table_that_comes_back_does_not_lie),
	};

	return cmocka_run_group_tests_name("walk_race", tests, NULL, NULL);
}
