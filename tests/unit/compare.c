// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference walker beside GUP (bpf/compare.h): every class by an example, the whole table, and what
 * must be true of all of it.
 */
#include "tables.h"

#include "bpf/compare.h"

enum { W = PTE_WRITABLE, S = PTE_SPECIAL, P = PTE_PRESENT };

/* ---- before: would the walk have served the call? ---- */

static void every_call_has_one_reason(void **state)
{
	static const struct {
		int result;
		u32 why;
		u64 entry;
		u32 read, write;	/* enum serves, of such a call */
	} rows[] = {
		{ WALK_OK, WHY_PRESENT, P | W, SERVES, SERVES },
		{ WALK_OK, WHY_PRESENT, P, SERVES, SERVES_NOT_WRITABLE },
		{ WALK_OK, WHY_PRESENT, P | W | S, SERVES_NOT_SPECIAL, SERVES_NOT_SPECIAL },
		{ WALK_OK, WHY_PRESENT, P | S, SERVES_NOT_SPECIAL, SERVES_NOT_WRITABLE },
		/* a shadow stack: GUP does not write to it either */
		{ WALK_OK, WHY_PRESENT, P | PTE_DIRTY, SERVES, SERVES_NOT_WRITABLE },
		{ WALK_NONE, WHY_ADDRESS, 0, SERVES_NOT_MAPPED, SERVES_NOT_MAPPED },
		{ WALK_NONE, WHY_NO_TABLE, 0, SERVES_NOT_MAPPED, SERVES_NOT_MAPPED },
		{ WALK_NONE, WHY_EMPTY, 0, SERVES_NOT_MAPPED, SERVES_NOT_MAPPED },
		{ WALK_NONE, WHY_PROT_NONE, W, SERVES_NOT_PROT_NONE, SERVES_NOT_PROT_NONE },
		{ WALK_NONE, WHY_SPLIT, W, SERVES_NOT_SPLIT, SERVES_NOT_SPLIT },
		{ WALK_NONE, WHY_SWAP, W, SERVES_NOT_SWAP, SERVES_NOT_SWAP },
		{ WALK_TORN, WHY_PRESENT, 0, SERVES_NOT_TORN, SERVES_NOT_TORN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leaf leaf = { .why = rows[i].why, .entry = rows[i].entry, .level = 1 };
		bool found = rows[i].result == WALK_OK;

		assert_int_equal(walk_serves(rows[i].result, &leaf, false, false), rows[i].read);
		assert_int_equal(walk_serves(rows[i].result, &leaf, true, false), rows[i].write);
		/* a page of memfd_secret is none to be had, whatever else is said of it */
		assert_int_equal(walk_serves(rows[i].result, &leaf, false, true),
				 found ? SERVES_NOT_SECRET : rows[i].read);
		assert_int_equal(walk_serves(rows[i].result, &leaf, true, true),
				 found ? SERVES_NOT_SECRET : rows[i].write);
	}
}

/* ---- after: is the walk's answer GUP's? ---- */

enum walked { FINDS_SAME, FINDS_OTHER, FINDS_NONE, FINDS_PROT_NONE, FINDS_PROT_NONE_OTHER, FINDS_TORN, WALKED_NR };
enum gup { GIVES_WRITABLE, GIVES_READABLE, GIVES_UNASKED, GUP_FAILS, GUP_POISONED, GUP_NR };
enum entry { LEAF_RO, LEAF_RW, LEAF_RO_SPECIAL, LEAF_RW_SPECIAL, LEAF_NR };

static u32 compare(enum walked w, enum gup g, enum entry e, const struct lookup_facts *more)
{
	static const u64 entries[] = { P, P | W, P | S, P | W | S };
	struct leaf leaf = { .entry = entries[e], .pfn = 0x1234, .level = 1 };
	struct lookup_facts f = *more;
	int result = w == FINDS_TORN ? WALK_TORN : w <= FINDS_OTHER ? WALK_OK : WALK_NONE;

	f.pfn = w == FINDS_OTHER || w == FINDS_PROT_NONE_OTHER ? 0x1235 : 0x1234;
	f.failed = g >= GUP_FAILS;
	f.poisoned = g == GUP_POISONED;
	f.asked = g != GIVES_UNASKED;
	f.writable = g == GIVES_WRITABLE;
	if (f.failed)
		f.pfn = 0x7ffULL << 52;
	if (w == FINDS_NONE)
		leaf = (struct leaf){ .level = 1, .why = WHY_EMPTY };
	if (w == FINDS_PROT_NONE || w == FINDS_PROT_NONE_OTHER)
		leaf.why = WHY_PROT_NONE;
	return walk_compare(result, &leaf, &f);
}

#define FACTS(...) (&(struct lookup_facts){ __VA_ARGS__ })

static void every_class_by_an_example(void **state)
{
	(void)state;
	assert_int_equal(compare(FINDS_SAME, GIVES_WRITABLE, LEAF_RW, FACTS(.write = true)), AGREE);
	assert_int_equal(compare(FINDS_SAME, GIVES_READABLE, LEAF_RO, FACTS()), AGREE);
	assert_int_equal(compare(FINDS_SAME, GIVES_WRITABLE, LEAF_RW, FACTS()), AGREE);
	/* the zero page; memory of a device */
	assert_int_equal(compare(FINDS_SAME, GIVES_READABLE, LEAF_RO_SPECIAL, FACTS()), AGREE);
	assert_int_equal(compare(FINDS_SAME, GIVES_WRITABLE, LEAF_RW_SPECIAL, FACTS(.write = true)), AGREE);
	assert_int_equal(compare(FINDS_SAME, GIVES_UNASKED, LEAF_RO, FACTS()), AGREE_PAGE);
	assert_int_equal(compare(FINDS_SAME, GIVES_UNASKED, LEAF_RW, FACTS(.write = true)), AGREE_PAGE);
	assert_int_equal(compare(FINDS_NONE, GUP_FAILS, LEAF_RO, FACTS(.raced = true)), AGREE_NONE);
	assert_int_equal(compare(FINDS_PROT_NONE, GUP_FAILS, LEAF_RO, FACTS()), AGREE_NONE);
	/* a VMA that must not be written, and a page to be read in it */
	assert_int_equal(compare(FINDS_SAME, GUP_FAILS, LEAF_RO, FACTS(.write = true)), AGREE_NONE);
	assert_int_equal(compare(FINDS_OTHER, GIVES_WRITABLE, LEAF_RW, FACTS(.raced = true)), DIFFER_RACED);
	assert_int_equal(compare(FINDS_SAME, GIVES_WRITABLE, LEAF_RO, FACTS(.raced = true)), DIFFER_RACED);
	assert_int_equal(compare(FINDS_NONE, GIVES_WRITABLE, LEAF_RO, FACTS(.raced = true)), DIFFER_RACED);
	assert_int_equal(compare(FINDS_TORN, GIVES_WRITABLE, LEAF_RO, FACTS()), DIFFER_RACED);
	assert_int_equal(compare(FINDS_TORN, GUP_FAILS, LEAF_RO, FACTS()), DIFFER_RACED);
	assert_int_equal(compare(FINDS_SAME, GUP_FAILS, LEAF_RO, FACTS()), DIFFER_RAISED);
	assert_int_equal(compare(FINDS_SAME, GIVES_READABLE, LEAF_RW, FACTS()), DIFFER_RAISED);
	assert_int_equal(compare(FINDS_PROT_NONE, GIVES_READABLE, LEAF_RO, FACTS()), DIFFER_PROT_NONE);
	assert_int_equal(compare(FINDS_SAME, GUP_FAILS, LEAF_RW, FACTS(.write = true, .secret = true)),
			 DIFFER_SECRET);
	assert_int_equal(compare(FINDS_SAME, GUP_FAILS, LEAF_RW_SPECIAL, FACTS(.write = true)), DIFFER_SPECIAL);
	assert_int_equal(compare(FINDS_SAME, GUP_POISONED, LEAF_RW, FACTS(.found = true)), DIFFER_POISONED);
	assert_int_equal(compare(FINDS_SAME, GUP_FAILS, LEAF_RO, FACTS(.found = true)), DIFFER_REFUSED);
	assert_int_equal(compare(FINDS_OTHER, GIVES_WRITABLE, LEAF_RW, FACTS()), WRONG_PAGE);
	assert_int_equal(compare(FINDS_OTHER, GIVES_UNASKED, LEAF_RW, FACTS()), WRONG_PAGE);
	assert_int_equal(compare(FINDS_PROT_NONE_OTHER, GIVES_READABLE, LEAF_RO, FACTS()), WRONG_PAGE);
	assert_int_equal(compare(FINDS_SAME, GIVES_WRITABLE, LEAF_RO, FACTS()), WRONG_RIGHTS);
	assert_int_equal(compare(FINDS_SAME, GIVES_READABLE, LEAF_RW, FACTS(.was_writable = true)),
			 WRONG_RIGHTS);
	assert_int_equal(compare(FINDS_NONE, GIVES_READABLE, LEAF_RO, FACTS()), WRONG_MISSING);
}

/* The same in another way: what may be said at all, as a set of classes. */
static u32 allowed(enum walked w, enum gup g, enum entry e, const struct lookup_facts *f)
{
	bool writable = e == LEAF_RW || e == LEAF_RW_SPECIAL, special = e >= LEAF_RO_SPECIAL;
	bool present = w == FINDS_SAME || w == FINDS_OTHER, fails = g >= GUP_FAILS;
	u32 rights = 1 << WRONG_RIGHTS;

	if (fails && w != FINDS_TORN && (!present || (f->write && !writable)))
		return 1 << AGREE_NONE;
	if (w == FINDS_SAME && g == GIVES_UNASKED)
		return 1 << AGREE_PAGE;
	if (w == FINDS_SAME && !fails && (g == GIVES_WRITABLE) == writable)
		return 1 << AGREE;
	if (w == FINDS_TORN || f->raced)
		return 1 << DIFFER_RACED;
	if (fails)
		return f->secret ? 1 << DIFFER_SECRET : g == GUP_POISONED ? 1 << DIFFER_POISONED :
		       special ? 1 << DIFFER_SPECIAL : f->found ? 1 << DIFFER_REFUSED : 1 << DIFFER_RAISED;
	if (w == FINDS_SAME)
		return g == GIVES_READABLE && !f->was_writable ? 1 << DIFFER_RAISED : rights;
	if (w == FINDS_OTHER || w == FINDS_PROT_NONE_OTHER)
		return 1 << WRONG_PAGE;
	return w == FINDS_PROT_NONE ? 1 << DIFFER_PROT_NONE : 1 << WRONG_MISSING;
}

static void the_whole_table(void **state)
{
	u32 seen = 0;

	(void)state;
	for (int n = 0; n < WALKED_NR * GUP_NR * LEAF_NR * 32; n++) {
		struct lookup_facts f = {
			.write = n & 1, .raced = n & 2, .found = n & 4, .was_writable = n & 8,
			.secret = n & 16,
		};
		int rest = n / 32;
		enum walked w = rest % WALKED_NR;
		enum gup g = rest / WALKED_NR % GUP_NR;
		enum entry e = rest / WALKED_NR / GUP_NR;
		u32 class = compare(w, g, e, &f);

		if (class >= COMPARED_NR || allowed(w, g, e, &f) != 1U << class)
			fail_msg("walk %d, GUP %d, leaf %d, facts %d: class %u", w, g, e, n % 32, class);
		seen |= 1U << class;
		/* a race excuses everything, and nothing that is agreed upon needs an excuse */
		f.raced = true;
		assert_true(compare(w, g, e, &f) == (class <= AGREE_NONE ? class : DIFFER_RACED));
	}
	assert_int_equal(seen, (1U << COMPARED_NR) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_has_one_reason),
		cmocka_unit_test(every_class_by_an_example),
		cmocka_unit_test(the_whole_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
