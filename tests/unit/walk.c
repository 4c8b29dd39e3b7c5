// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference walker (bpf/walk.h) on tables that stand still: every kind of entry at every
 * level, the edges of leaves and of user space, random tables against the oracle, and memory that
 * holds anything.
 */
#include "tables.h"

/* One way down: top, ..., the table of level 1, in frames 0 to 4, and entry in the table of its level. */
static void way_to(const struct host *h, u64 va, u32 level, u64 entry)
{
	u32 levels = h->five_levels ? 5 : 4;

	memset(frames, 0, sizeof(frames));
	for (u32 l = levels, frame = 0; l > level; l--, frame++)
		frames[frame][va / bytes_of[l] % 512] = frame_phys(frame + 1) | TABLE_FLAGS;
	frames[levels - level][va / bytes_of[level] % 512] = entry;
}

static void expect(const struct host *h, u64 va, int result, u32 level, u64 pfn, u32 why)
{
	struct answer a = walk(h, 0, va), o = oracle(h->five_levels ? 5 : 4, 0, va);

	assert_int_equal(a.result, result);
	assert_int_equal(a.leaf.level, level);
	assert_int_equal(a.leaf.pfn, pfn);
	assert_int_equal(a.leaf.why, why);
	assert_true(same_answer(&a, &o));
	assert_int_equal(a.leaf.tries, why == WHY_ADDRESS ? 0 : 1);
}

static void a_leaf_is_found_at_its_level(void **state)
{
	const u64 va = 0x7f123449e000;

	(void)state;
	way_to(&four, va, 1, 0x55555025);
	expect(&four, va, WALK_OK, 1, 0x55555, WHY_PRESENT);
	assert_int_equal(reads, 7);
	way_to(&four, va, 2, 0x55400000 | 0xe7);
	expect(&four, va, WALK_OK, 2, 0x5549e, WHY_PRESENT);
	assert_int_equal(reads, 5);
	way_to(&four, va, 3, 0x40000000 | 0xe7);
	expect(&four, va, WALK_OK, 3, 0x40000 + 0x3449e, WHY_PRESENT);
	assert_int_equal(reads, 3);
	way_to(&five, 0xffee7f123449e000 & 0xffffffffffffff, 1, 0x55555025);
	expect(&five, 0xffee7f123449e000 & 0xffffffffffffff, WALK_OK, 1, 0x55555, WHY_PRESENT);
	assert_int_equal(reads, 9);
	way_to(&five, va, 2, 0x55400000 | 0xe7);
	expect(&five, va, WALK_OK, 2, 0x5549e, WHY_PRESENT);
}

static void every_page_of_a_leaf_has_its_own_pfn(void **state)
{
	const u64 gib = 0x7f0040000000, pmd = 0x7f0040200000;

	(void)state;
	way_to(&four, gib, 3, 0x180000000 | 0xe7);
	expect(&four, gib, WALK_OK, 3, 0x180000, WHY_PRESENT);
	expect(&four, gib + 0xfff, WALK_OK, 3, 0x180000, WHY_PRESENT);
	expect(&four, gib + 0x1000, WALK_OK, 3, 0x180001, WHY_PRESENT);
	expect(&four, gib + 0x3fffffff, WALK_OK, 3, 0x1bffff, WHY_PRESENT);
	expect(&four, gib + 0x40000000, WALK_NONE, 3, 0, WHY_NO_TABLE);
	expect(&four, gib - 1, WALK_NONE, 3, 0, WHY_NO_TABLE);
	way_to(&four, pmd, 2, 0x180200000 | 0xe7);
	expect(&four, pmd, WALK_OK, 2, 0x180200, WHY_PRESENT);
	expect(&four, pmd + 0x1fffff, WALK_OK, 2, 0x1803ff, WHY_PRESENT);
	expect(&four, pmd + 0x200000, WALK_NONE, 2, 0, WHY_NO_TABLE);
	way_to(&four, pmd, 1, 0x180200067);
	expect(&four, pmd + 0xfff, WALK_OK, 1, 0x180200, WHY_PRESENT);
	expect(&four, pmd + 0x1000, WALK_NONE, 1, 0, WHY_EMPTY);
}

static void only_user_addresses_are_walked(void **state)
{
	(void)state;
	way_to(&four, 0x7fffffffffff, 1, 0x7000067);
	expect(&four, 0x7fffffffffff, WALK_OK, 1, 0x7000, WHY_PRESENT);
	expect(&four, 0x800000000000, WALK_NONE, 0, 0, WHY_ADDRESS);
	expect(&four, 0xffff888000000000, WALK_NONE, 0, 0, WHY_ADDRESS);	/* KVM_HVA_ERR_BAD */
	expect(&four, 0xffffffffffffffff, WALK_NONE, 0, 0, WHY_ADDRESS);
	assert_int_equal(reads, 0);
	/* an alias of the page above in the 9 bits of each index */
	expect(&four, 0x1007fffffffffff, WALK_NONE, 0, 0, WHY_ADDRESS);
	way_to(&four, 0, 1, 0x7000067);
	expect(&four, 0, WALK_OK, 1, 0x7000, WHY_PRESENT);
	way_to(&five, 0xffffffffffffff, 1, 0x7000067);
	expect(&five, 0xffffffffffffff, WALK_OK, 1, 0x7000, WHY_PRESENT);
	expect(&five, 0x100000000000000, WALK_NONE, 0, 0, WHY_ADDRESS);
	expect(&five, 0xff11000000000000, WALK_NONE, 0, 0, WHY_ADDRESS);
	way_to(&five, 0x800000000000, 1, 0x7000067);
	expect(&five, 0x800000000000, WALK_OK, 1, 0x7000, WHY_PRESENT);
}

static void bits_beside_the_address_are_masked(void **state)
{
	/* NX, protection key 15, bits 57 and 58, bits 52 to 56, SME; PAT, which is bit 12 of a huge leaf */
	const u64 high = 0xfff0000000000000 | SME_BIT, va = 0x7f123449e000;

	(void)state;
	way_to(&four, va, 1, 0x55555fff | high);
	expect(&four, va, WALK_OK, 1, 0x55555, WHY_PRESENT);
	way_to(&four, va, 2, 0x55401fff | high);
	expect(&four, va, WALK_OK, 2, 0x5549e, WHY_PRESENT);
	way_to(&four, va, 3, 0x40001fff | high);
	expect(&four, va, WALK_OK, 3, 0x40000 + 0x3449e, WHY_PRESENT);
	/* reserved bits between PAT and the address */
	way_to(&four, va, 2, 0x555ff0e7);
	expect(&four, va, WALK_OK, 2, 0x5549e, WHY_PRESENT);
	/* the highest address; and entries of tables */
	way_to(&four, va, 1, 0x000ffffffffff067);
	expect(&four, va, WALK_OK, 1, 0xf7ffffffff, WHY_PRESENT);
	way_to(&five, va, 1, 0x55555067);
	for (u32 frame = 0; frame < 4; frame++)
		for (int i = 0; i < 512; i++)
			if (frames[frame][i])
				frames[frame][i] |= high;
	expect(&five, va, WALK_OK, 1, 0x55555, WHY_PRESENT);
}

static void kinds_of_absent_entries(void **state)
{
	static const struct {
		u64 entry;
		u32 why[6];	/* by level */
	} kinds[] = {
		{ 0, { 0, WHY_EMPTY, WHY_NO_TABLE, WHY_NO_TABLE, WHY_NO_TABLE, WHY_NO_TABLE } },
		/* accessed and dirty, set by the erratum */
		{ 0x60, { 0, WHY_EMPTY, WHY_NO_TABLE, WHY_NO_TABLE, WHY_NO_TABLE, WHY_NO_TABLE } },
		/* PROT_NONE: of 0x55555000, inverted; a huge leaf has PSE, too */
		{ 0x800fffffaaaaa160,
		  { 0, WHY_PROT_NONE, WHY_PROT_NONE, WHY_PROT_NONE, WHY_NO_TABLE, WHY_NO_TABLE } },
		{ 0x800fffffaaaaa1e0,
		  { 0, WHY_PROT_NONE, WHY_PROT_NONE, WHY_PROT_NONE, WHY_NO_TABLE, WHY_NO_TABLE } },
		/* invalidated for a split */
		{ 0x800fffffaaa000e6,
		  { 0, WHY_SWAP, WHY_SPLIT, WHY_SPLIT, WHY_NO_TABLE, WHY_NO_TABLE } },
		/* type 3, offset 0x1234, soft-dirty */
		{ 0x1fffffffffdb9602,
		  { 0, WHY_SWAP, WHY_SWAP, WHY_SWAP, WHY_NO_TABLE, WHY_NO_TABLE } },
		/* the same of types 22, 26 and 31, which are no swap files on some kernels */
		{ 0xb7ffffffffdb9600,
		  { 0, WHY_SWAP, WHY_SWAP, WHY_SWAP, WHY_NO_TABLE, WHY_NO_TABLE } },
		{ 0xd7ffffffffdb9600,
		  { 0, WHY_SWAP, WHY_SWAP, WHY_SWAP, WHY_NO_TABLE, WHY_NO_TABLE } },
		{ 0xffffffffffdb9600,
		  { 0, WHY_SWAP, WHY_SWAP, WHY_SWAP, WHY_NO_TABLE, WHY_NO_TABLE } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		for (u32 level = 1; level <= 5; level++) {
			struct answer a, o;

			way_to(&five, 0x7f123449e000, level, kinds[i].entry);
			a = walk(&five, 0, 0x7f123449e000);
			o = oracle(5, 0, 0x7f123449e000);
			assert_int_equal(a.result, WALK_NONE);
			assert_int_equal(a.leaf.why, kinds[i].why[level]);
			assert_int_equal(a.leaf.entry, kinds[i].entry);
			assert_int_equal(a.leaf.level, level);
			assert_true(same_answer(&a, &o));
		}
	way_to(&four, 0x7f123449e000, 1, 0x800fffffaaaaa160 & ~SME_BIT);
	expect(&four, 0x7f123449e000, WALK_NONE, 1, 0x55555, WHY_PROT_NONE);
	way_to(&four, 0x7f123449e000, 2, 0x800fffffaaa001e0 & ~SME_BIT);
	expect(&four, 0x7f123449e000, WALK_NONE, 2, 0x5549e, WHY_PROT_NONE);
	way_to(&four, 0x7f123449e000, 2, 0x800fffffaaa000e6 & ~SME_BIT);
	expect(&four, 0x7f123449e000, WALK_NONE, 2, 0x5549e, WHY_SPLIT);
}

static void bits_of_a_leaf(void **state)
{
	/* before 6.6 bit 58 was DEVMAP */
	static const struct host old = { .saved_dirty = 0 };
	const u64 bit57 = 1ULL << 57, bit58 = 1ULL << 58;

	(void)state;
	host = &four;
	assert_true(pte_writable(0x67));
	assert_false(pte_writable(0x65));	/* with dirty set: a shadow stack */
	assert_true(pte_dirty(0x65));
	assert_false(pte_dirty(0x27));
	assert_true(pte_dirty(0x25 | bit58));
	assert_false(pte_dirty(0x25 | bit57));
	assert_true(pte_devmap(0x25 | bit57));
	assert_false(pte_devmap(0x25 | bit58));
	host = &old;
	assert_true(pte_dirty(0x65));
	assert_false(pte_dirty(0x25 | bit58));
	assert_true(pte_devmap(0x25 | bit58));
	assert_false(pte_devmap(0x25 | bit57));
	assert_true(pte_accessed(0x25));
	assert_false(pte_accessed(0x47));
	assert_true(pte_special(0x225));
	assert_false(pte_special(0xdff));
	assert_int_equal(pte_swap_type(0x1fffffffffdb9602), 3);
	assert_int_equal(pte_swap_type(0xb7ffffffffdb9600), 22);
	assert_int_equal(pte_swap_type(0xffffffffffdb9602), 31);
}

/* ---- at random ---- */

static u64 random_entry(uint64_t *seed)
{
	u64 junk = random_word(seed), frame = frame_phys(random_below(seed, FRAMES));

	switch (random_below(seed, 16)) {
	case 0:
		return 0;
	case 1: /* a leaf of level 2 or 3 */
		return (junk & 0xfff0ffffffe01000) | 0xe7;
	case 2:
		return (junk & 0xfff0fffffffff000) | 0x167;
	case 3: /* about to be split */
		return (junk & 0xfff0ffffffe00000) | 0xe6;
	case 4: /* swap */
		return junk << 9 | 2;
	case 5:
		return junk;
	case 6: /* a table where there is no memory */
		return (junk & 0xfffffffff000) | TABLE_FLAGS;
	case 7:
		return frame | (junk & (0xfff0000000000000 | SME_BIT)) | TABLE_FLAGS;
	default:
		return frame | TABLE_FLAGS;
	}
}

static void random_tables_against_the_oracle(void **state)
{
	enum { SETS = 60, WALKS = 20000 };
	uint64_t seed = 20240314;
	u64 seen[WHY_NR][TOP_LEVEL + 1] = { 0 };

	(void)state;
	for (int set = 0; set < SETS; set++) {
		const struct host *h = set & 1 ? &five : &four;
		u32 levels = set & 1 ? 5 : 4;

		for (int f = 0; f < FRAMES; f++)
			for (int i = 0; i < 512; i++)
				frames[f][i] = random_entry(&seed);
		for (int i = 0; i < WALKS; i++) {
			u64 va = random_word(&seed) % (bytes_of[levels] * 256 + (i & 1));
			u32 top = random_below(&seed, FRAMES);
			struct answer a = walk(h, top, va), o = oracle(levels, top, va);

			if (!same_answer(&a, &o))
				fail_msg("set %d walk %d: va %#llx: %d %#llx, not %d %#llx", set, i,
					 va, a.result, a.leaf.entry, o.result, o.leaf.entry);
			seen[a.leaf.why][a.leaf.level]++;
		}
	}
	for (u32 level = 1; level <= 3; level++) {
		assert_true(seen[WHY_PRESENT][level] > 1000);
		assert_true(seen[WHY_PROT_NONE][level] > 100);
		assert_true(seen[WHY_SWAP][level] > 1000);
		assert_true(level == 1 || seen[WHY_SPLIT][level] > 1000);
	}
}

static uint64_t noise;

static void make_noise(void)
{
	u32 f = random_below(&noise, FRAMES), i = random_below(&noise, 512);

	frames[f][i] = i & 1 ? random_entry(&noise) : random_word(&noise);
}

/* walk() and word_at() assert that reads are few and aligned */
static void memory_that_holds_anything(void **state)
{
	u64 results[3] = { 0 };

	(void)state;
	noise = 7;
	for (int f = 0; f < FRAMES; f++)
		for (int i = 0; i < 512; i++)
			frames[f][i] = i & 1 ? random_entry(&noise) : random_word(&noise);
	before_read = make_noise;
	for (int i = 0; i < 300000; i++) {
		const struct host *h = i & 1 ? &five : &four;
		/* any address, of a table too, as long as it is one of a table: of a page */
		u64 top = i & 2 ? random_word(&noise) & ~4095ULL
				: frame_addr(random_below(&noise, FRAMES));
		struct leaf leaf;
		int r;

		reads = 0;
		host = h;
		r = walk_twice(walk_natively, top, random_word(&noise) >> random_below(&noise, 30),
			       &leaf);
		assert_true(reads <= READS_MAX);
		assert_in_range(r, WALK_OK, WALK_TORN);
		assert_true(leaf.level <= 5 && leaf.why < WHY_NR && leaf.tries <= 2);
		assert_true(leaf.pfn < 1ULL << 40);
		results[r]++;
	}
	before_read = NULL;
	assert_true(results[WALK_OK] && results[WALK_NONE]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_is_found_at_its_level),
		cmocka_unit_test(every_page_of_a_leaf_has_its_own_pfn),
		cmocka_unit_test(only_user_addresses_are_walked),
		cmocka_unit_test(bits_beside_the_address_are_masked),
		cmocka_unit_test(kinds_of_absent_entries),
		cmocka_unit_test(bits_of_a_leaf),
		cmocka_unit_test(random_tables_against_the_oracle),
		cmocka_unit_test(memory_that_holds_anything),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
