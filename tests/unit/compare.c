// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference walker beside GUP (bpf/compare.h): every class by an example, the whole table, and
 * what must be true of all of it.
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

enum walked {
	FINDS_SAME, FINDS_OTHER, FINDS_NONE, FINDS_PROT_NONE, FINDS_PROT_NONE_OTHER, FINDS_TORN,
	WALKED_NR
};
enum gup { GIVES_WRITABLE, GIVES_READABLE, GIVES_UNASKED, GUP_FAILS, GUP_POISONED, GUP_NR };
enum entry { LEAF_RO, LEAF_RW, LEAF_RO_SPECIAL, LEAF_RW_SPECIAL, LEAF_NR };

static u32 compare(enum walked w, enum gup g, enum entry e, const struct lookup_facts *more)
{
	static const u64 entries[] = { P, P | W, P | S, P | W | S };
	struct leaf leaf = { .entry = entries[e], .pfn = 0x1234, .level = 1 };
	struct lookup_facts f = *more;
	int result = w <= FINDS_OTHER ? WALK_OK : WALK_NONE;

	f.pfn = w == FINDS_OTHER || w == FINDS_PROT_NONE_OTHER ? 0x1235 : 0x1234;
	f.failed = g >= GUP_FAILS;
	f.poisoned = g == GUP_POISONED;
	f.asked = g != GIVES_UNASKED;
	f.writable = g == GIVES_WRITABLE;
	if (f.failed)
		f.pfn = 0x7ffULL << 52;
	if (w == FINDS_TORN)
		result = WALK_TORN;
	if (w == FINDS_NONE)
		leaf = (struct leaf){ .level = 1, .why = WHY_EMPTY };
	if (w == FINDS_PROT_NONE || w == FINDS_PROT_NONE_OTHER)
		leaf.why = WHY_PROT_NONE;
	return walk_compare(result, &leaf, &f);
}

static void every_class_by_an_example(void **state)
{
	static const struct lookup_facts plain = { .write = false }, writing = { .write = true },
		raced = { .raced = true }, secret = { .write = true, .secret = true },
		found = { .found = true }, was = { .was_writable = true };
	static const struct {
		enum walked walk;
		enum gup gup;
		enum entry leaf;
		const struct lookup_facts *facts;
		u32 class;
	} rows[] = {
		{ FINDS_SAME, GIVES_WRITABLE, LEAF_RW, &writing, AGREE },
		{ FINDS_SAME, GIVES_READABLE, LEAF_RO, &plain, AGREE },
		{ FINDS_SAME, GIVES_WRITABLE, LEAF_RW, &plain, AGREE },
		/* the zero page; memory of a device */
		{ FINDS_SAME, GIVES_READABLE, LEAF_RO_SPECIAL, &plain, AGREE },
		{ FINDS_SAME, GIVES_WRITABLE, LEAF_RW_SPECIAL, &writing, AGREE },
		{ FINDS_SAME, GIVES_UNASKED, LEAF_RO, &plain, AGREE_PAGE },
		{ FINDS_SAME, GIVES_UNASKED, LEAF_RW, &writing, AGREE_PAGE },
		{ FINDS_NONE, GUP_FAILS, LEAF_RO, &raced, AGREE_NONE },
		{ FINDS_PROT_NONE, GUP_FAILS, LEAF_RO, &plain, AGREE_NONE },
		/* a VMA that must not be written, and a page to be read in it */
		{ FINDS_SAME, GUP_FAILS, LEAF_RO, &writing, AGREE_NONE },
		{ FINDS_OTHER, GIVES_WRITABLE, LEAF_RW, &raced, DIFFER_RACED },
		{ FINDS_SAME, GIVES_WRITABLE, LEAF_RO, &raced, DIFFER_RACED },
		{ FINDS_NONE, GIVES_WRITABLE, LEAF_RO, &raced, DIFFER_RACED },
		{ FINDS_TORN, GIVES_WRITABLE, LEAF_RO, &plain, DIFFER_RACED },
		{ FINDS_TORN, GUP_FAILS, LEAF_RO, &plain, DIFFER_RACED },
		{ FINDS_SAME, GUP_FAILS, LEAF_RO, &plain, DIFFER_RAISED },
		{ FINDS_SAME, GIVES_READABLE, LEAF_RW, &plain, DIFFER_RAISED },
		{ FINDS_PROT_NONE, GIVES_READABLE, LEAF_RO, &plain, DIFFER_PROT_NONE },
		{ FINDS_SAME, GUP_FAILS, LEAF_RW, &secret, DIFFER_SECRET },
		{ FINDS_SAME, GUP_FAILS, LEAF_RW_SPECIAL, &writing, DIFFER_SPECIAL },
		{ FINDS_SAME, GUP_POISONED, LEAF_RW, &found, DIFFER_POISONED },
		{ FINDS_SAME, GUP_FAILS, LEAF_RO, &found, DIFFER_REFUSED },
		{ FINDS_OTHER, GIVES_WRITABLE, LEAF_RW, &plain, WRONG_PAGE },
		{ FINDS_OTHER, GIVES_UNASKED, LEAF_RW, &plain, WRONG_PAGE },
		{ FINDS_PROT_NONE_OTHER, GIVES_READABLE, LEAF_RO, &plain, WRONG_PAGE },
		{ FINDS_SAME, GIVES_WRITABLE, LEAF_RO, &plain, WRONG_RIGHTS },
		{ FINDS_SAME, GIVES_READABLE, LEAF_RW, &was, WRONG_RIGHTS },
		{ FINDS_NONE, GIVES_READABLE, LEAF_RO, &plain, WRONG_MISSING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		u32 class = compare(rows[i].walk, rows[i].gup, rows[i].leaf, rows[i].facts);

		if (class != rows[i].class)
			fail_msg("row %zu: class %u, not %u", i, class, rows[i].class);
	}
}

/* GUP refuses what the walk finds, and nothing raced. */
static u32 refusal(enum gup g, bool special, const struct lookup_facts *f)
{
	if (f->secret)
		return DIFFER_SECRET;
	if (g == GUP_POISONED)
		return DIFFER_POISONED;
	if (special)
		return DIFFER_SPECIAL;
	return f->found ? DIFFER_REFUSED : DIFFER_RAISED;
}

/* The same in another way. */
static u32 oracle_class(enum walked w, enum gup g, enum entry e, const struct lookup_facts *f)
{
	bool writable = e == LEAF_RW || e == LEAF_RW_SPECIAL, special = e >= LEAF_RO_SPECIAL;
	bool present = w == FINDS_SAME || w == FINDS_OTHER, fails = g >= GUP_FAILS;
	static const u32 absent[WALKED_NR] = {
		[FINDS_OTHER] = WRONG_PAGE, [FINDS_NONE] = WRONG_MISSING,
		[FINDS_PROT_NONE] = DIFFER_PROT_NONE, [FINDS_PROT_NONE_OTHER] = WRONG_PAGE,
	};

	if (fails && w != FINDS_TORN && (!present || (f->write && !writable)))
		return AGREE_NONE;
	if (w == FINDS_SAME && g == GIVES_UNASKED)
		return AGREE_PAGE;
	if (w == FINDS_SAME && !fails && (g == GIVES_WRITABLE) == writable)
		return AGREE;
	if (w == FINDS_TORN || f->raced)
		return DIFFER_RACED;
	if (fails)
		return refusal(g, special, f);
	if (w == FINDS_SAME)
		return g == GIVES_READABLE && !f->was_writable ? DIFFER_RAISED : WRONG_RIGHTS;
	return absent[w];
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

		if (class >= COMPARED_NR || class != oracle_class(w, g, e, &f))
			fail_msg("walk %d, GUP %d, leaf %d, facts %d: class %u", w, g, e, n % 32,
				 class);
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
