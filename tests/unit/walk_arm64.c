// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference walker on page tables of arm64 (bpf/arch/arm64/host_pte.h): every kind of entry, CPUs with 48
 * and with 52 bits, random tables against an oracle, blocks of sixteen entries. Values of entries are those
 * that kernels in the lab had.
 */
#include <linux/types.h>

#include "unit.h"

typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

static bool lpa2;
static u64 memstart;

static inline u64 walk_read(u32 how, u64 addr);

#define HOST_DIRECT_MAP (0xfff0000000000000ULL - memstart)
#define HOST_PHYS_MASK (lpa2 ? 0x0003fffffffff000ULL : 0x0000fffffffff000ULL)
#define HOST_FIVE_LEVELS lpa2
#define HOST_SAVED_DIRTY 0
#define HOST_PTE "arch/arm64/host_pte.h"

#include "bpf/walk.h"

#define FIRST_FRAME 0x80000ULL
#define FRAMES 64
#define TABLE 0x003ULL
#define LEAF4K 0x0060000000000f43ULL	/* UXN PXN nG AF SH user, valid, page */
#define LEAF2M 0x0060000000000f41ULL

static u64 frames[FRAMES][512];

static u64 frame_phys(u32 frame)
{
	return (FIRST_FRAME + frame) << 12;
}

/* (pa - memstart) | PAGE_OFFSET, as __phys_to_virt() has it; the walker adds */
static u64 to_virt(u64 phys)
{
	return (phys - memstart) | 0xfff0000000000000ULL;
}

static inline u64 walk_read(u32 how, u64 addr)
{
	(void)how;
	for (u32 f = 0; f < FRAMES; f++)
		if (addr - to_virt(frame_phys(f)) < 4096)
			return frames[f][(addr - to_virt(frame_phys(f))) / 8];
	return 0;
}

static int walk_natively(u64 top, u64 va, struct leaf *out)
{
	return walk_once(0, top, va, out);
}

static int walk(u32 top, u64 va, struct leaf *out)
{
	memset(out, 0xa5, sizeof(*out));
	return walk_twice(walk_natively, to_virt(frame_phys(top)), va, out);
}

static const u64 bytes_of[] = { 0, 1ULL << 12, 1ULL << 21, 1ULL << 30, 1ULL << 39, 1ULL << 48 };

static void way_to(u64 va, u32 level, u64 entry)
{
	u32 levels = lpa2 ? 5 : 4;

	memset(frames, 0, sizeof(frames));
	for (u32 l = levels, frame = 0; l > level; l--, frame++)
		frames[frame][va / bytes_of[l] % 512] = frame_phys(frame + 1) | TABLE;
	frames[levels - level][va / bytes_of[level] % 512] = entry;
}

static void expect(u64 va, int result, u32 level, u64 pfn, u32 why)
{
	struct leaf leaf;

	assert_int_equal(walk(0, va, &leaf), result);
	assert_int_equal(leaf.level, level);
	assert_int_equal(leaf.pfn, pfn);
	assert_int_equal(leaf.why, why);
}

static void use_48_bits(void)
{
	lpa2 = false;
	memstart = 0xfff1000040000000;	/* of a cortex-a76 whose memory begins at 1 GiB */
}

static void use_52_bits(void)
{
	lpa2 = true;
	memstart = 0x40000000;
}

static void the_direct_map_is_that_of_the_kernel(void **state)
{
	(void)state;
	use_48_bits();
	assert_int_equal(pte_table(0x80001000 | TABLE), 0xffff000040001000);
	use_52_bits();
	assert_int_equal(pte_table(0x80001000 | TABLE), 0xfff0000040001000);
	/* moved by KASLR */
	memstart = 0xfff0ae3440000000;
	assert_int_equal(pte_table(0x80001000 | TABLE), to_virt(0x80001000));
}

/* with 52 bits shareability (9:8) is not in the entries */
static u64 in_use(u64 leaf)
{
	return lpa2 ? leaf & ~0x300ULL : leaf;
}

static void leaves_are_found_at_their_level(void **state)
{
	const u64 va = 0xffff8c863000;

	(void)state;
	for (int bits = 48; bits <= 52; bits += 4) {
		if (bits == 48)
			use_48_bits();
		else
			use_52_bits();
		way_to(va, 1, 0x55555000 | in_use(LEAF4K));
		expect(va, WALK_OK, 1, 0x55555, WHY_PRESENT);
		way_to(va, 2, 0x55400000 | in_use(LEAF2M));
		expect(va, WALK_OK, 2, 0x55463, WHY_PRESENT);
		way_to(va, 3, 0x40000000 | in_use(LEAF2M));
		expect(va, WALK_OK, 3, 0x40000 + 0xc863, WHY_PRESENT);
		way_to(va, 1, 0);
		expect(va, WALK_NONE, 1, 0, WHY_EMPTY);
		way_to(va, 2, 0);
		expect(va, WALK_NONE, 2, 0, WHY_NO_TABLE);
		way_to(va, 4, 0);
		expect(va, WALK_NONE, 4, 0, WHY_NO_TABLE);
		/* swapped out: type 3 */
		way_to(va, 1, 0x123450000 | 3 << 6);
		expect(va, WALK_NONE, 1, 0, WHY_SWAP);
		assert_int_equal(pte_swap_type(0x123450000 | 3 << 6), 3);
		/* PROT_NONE keeps the address; so does a huge leaf in the moment before it is split */
		way_to(va, 1, 0x55555000 | in_use(0x0060000000000f80));
		expect(va, WALK_NONE, 1, 0x55555, WHY_PROT_NONE);
		way_to(va, 2, 0x55400000 | in_use(0x0060000000000f80));
		expect(va, WALK_NONE, 2, 0x55463, WHY_PROT_NONE);
		way_to(va, 2, 0x55400000 | (in_use(LEAF2M) & ~1ULL));
		expect(va, WALK_NONE, 2, 0x55463, WHY_SPLIT);
	}
}

static void addresses_have_48_or_52_bits(void **state)
{
	(void)state;
	use_48_bits();
	way_to(0xfffffffff000, 1, 0x55555000 | LEAF4K);
	expect(0xffffffffffff, WALK_OK, 1, 0x55555, WHY_PRESENT);
	expect(0x1000000000000, WALK_NONE, 0, 0, WHY_ADDRESS);
	/* bits 9:8 are shareability: no part of an address */
	way_to(0x1000, 1, 0x55555000 | LEAF4K);
	expect(0x1000, WALK_OK, 1, 0x55555, WHY_PRESENT);
	use_52_bits();
	way_to(0xfffffffffffff, 1, 0x55555000 | (LEAF4K & ~0x300ULL));
	expect(0xfffffffffffff, WALK_OK, 1, 0x55555, WHY_PRESENT);
	expect(0x10000000000000, WALK_NONE, 0, 0, WHY_ADDRESS);
	/* bits 49:48 in their place, 51:50 in bits 9:8 */
	way_to(0x1000, 1, 0x0003000055555000 | LEAF4K);
	expect(0x1000, WALK_OK, 1, 0xf000055555, WHY_PRESENT);
}

static void what_an_entry_says(void **state)
{
	/* as the lab's kernels had them: a page that was only read of a memfd, by KVM for writing */
	const u64 clean = 0x0068000000000fc3;

	(void)state;
	assert_true(pte_writable(clean));
	assert_false(pte_dirty(clean));
	assert_true(pte_accessed(clean));
	assert_true(pte_dirty(clean & ~(u64)PTE_RDONLY));
	assert_true(pte_dirty(clean | PTE_SW_DIRTY));
	/* write-protected, and dirty from before */
	assert_true(pte_dirty((clean & ~PTE_WRITE) | PTE_SW_DIRTY));
	assert_false(pte_writable((clean & ~PTE_WRITE) | PTE_SW_DIRTY));
	/* not writable and not RDONLY is no sign of a write */
	assert_false(pte_dirty(clean & ~PTE_WRITE & ~(u64)PTE_RDONLY));
	assert_false(pte_accessed(clean & ~(u64)PTE_ACCESSED));
	assert_true(pte_special(clean | PTE_SPECIAL));
	assert_false(pte_special(clean));
}

static void a_block_says_what_any_of_its_entries_says(void **state)
{
	const u64 clean = 0x0068000000000bc3 | PTE_CONT;	/* not accessed */
	u64 slot = to_virt(frame_phys(3)) + 37 * 8, e;

	(void)state;
	use_48_bits();
	slot = to_virt(frame_phys(3)) + 37 * 8;
	memset(frames, 0, sizeof(frames));
	for (u32 i = 32; i < 48; i++)
		frames[3][i] = clean;
	e = pte_of_block(0, slot, clean);
	assert_int_equal(e, clean);
	frames[3][32] |= PTE_ACCESSED;
	e = pte_of_block(0, slot, clean);
	assert_true(pte_accessed(e));
	assert_false(pte_dirty(e));
	frames[3][47] &= ~(u64)PTE_RDONLY;
	assert_true(pte_dirty(pte_of_block(0, slot, clean)));
	/* neighbours of the block, and entries that are none, are not asked */
	frames[3][47] = clean;
	frames[3][48] = frames[3][31] = (clean | PTE_ACCESSED) & ~(u64)PTE_RDONLY;
	frames[3][40] = 0x123450000 | PTE_SW_DIRTY;
	assert_false(pte_dirty(pte_of_block(0, slot, clean)));
	frames[3][32] = clean & ~PTE_CONT;
	assert_false(pte_accessed(pte_of_block(0, slot, clean)));
	assert_int_equal(pte_of_block(0, slot, clean & ~PTE_CONT), clean & ~PTE_CONT);
}

/* The walk says so, too, of 64K in 4K entries and of 32M in those of 2M. */
static void a_walk_knows_of_blocks(void **state)
{
	const u64 clean = 0x0068000000000bc3 | PTE_CONT;
	struct leaf leaf;

	(void)state;
	use_48_bits();
	memset(frames, 0, sizeof(frames));
	frames[0][0] = frame_phys(1) | TABLE;
	frames[1][0] = frame_phys(2) | TABLE;
	frames[2][0] = frame_phys(3) | TABLE;
	for (u32 i = 0; i < 16; i++) {
		frames[3][i] = clean | frame_phys(16 + i);
		frames[2][16 + i] = (clean & ~(u64)PTE_TABLE) | (0x100000000ULL + ((u64)i << 21));
	}
	for (u32 level = 1; level <= 2; level++) {
		u64 *block = level == 1 ? frames[3] : &frames[2][16];
		u64 va = level == 1 ? 7 << 12 : (16 + 7) << 21;

		assert_int_equal(walk_natively(to_virt(frame_phys(0)), va, &leaf), WALK_OK);
		assert_int_equal(leaf.level, level);
		assert_int_equal(leaf.entry, block[7]);
		assert_false(pte_dirty(leaf.entry));
		block[12] = (block[12] | PTE_ACCESSED) & ~(u64)PTE_RDONLY;
		assert_int_equal(walk_natively(to_virt(frame_phys(0)), va, &leaf), WALK_OK);
		assert_true(pte_dirty(leaf.entry) && pte_accessed(leaf.entry));
		assert_int_equal(leaf.pfn, pte_pfn(block[7], level, va));
	}
}

/* ---- the oracle: divisions, and bits by number ---- */

static bool has(u64 entry, int bit)
{
	return entry / (1ULL << bit) % 2;
}

static u64 oracle_phys(u64 entry, u32 level)
{
	u64 phys = 0;

	for (int bit = 12; bit < (lpa2 ? 50 : 48); bit++)
		if ((1ULL << bit) >= bytes_of[level] && has(entry, bit))
			phys += 1ULL << bit;
	if (lpa2)
		phys += has(entry, 8) * (1ULL << 50) + has(entry, 9) * (1ULL << 51);
	return phys;
}

static u64 oracle(u64 va, u32 *level)
{
	u64 phys = frame_phys(0), entry;

	for (*level = lpa2 ? 5 : 4;; --*level) {
		entry = 0;
		for (u32 f = 0; f < FRAMES; f++)
			if (phys == frame_phys(f))
				entry = frames[f][va / bytes_of[*level] % 512];
		if (*level == 1 || !has(entry, 0) || !has(entry, 1))
			return entry;
		phys = oracle_phys(entry, 1);
	}
}

static void random_tables_agree_with_the_oracle(void **state)
{
	uint64_t seed = 0x5eed;
	u64 found = 0;

	(void)state;
	for (int round = 0; round < 40000; round++) {
		u64 va, entry;
		struct leaf leaf;
		u32 level;
		int result;

		if (round % 2)
			use_52_bits();
		else
			use_48_bits();
		va = ((u64)random_below(&seed, 1 << 16) << 32 | (u64)random_below(&seed, 1 << 30) << 2) &
		     ((1ULL << (lpa2 ? 52 : 48)) - 1);
		level = 1 + random_below(&seed, 3);
		entry = (u64)random_below(&seed, 1 << 16) << 48 | (u64)random_below(&seed, 1 << 24) << 24 |
			random_below(&seed, 1 << 24);
		way_to(va, level, entry);
		result = walk(0, va, &leaf);
		entry = oracle(va, &level);
		/* a block with this one entry: what makes that dirty is said of all by one bit */
		if (has(entry, 0) && has(entry, 52) && has(entry, 51) && !has(entry, 7) && !has(entry, 55))
			entry += 1ULL << 55;
		assert_int_equal(leaf.entry, entry);
		assert_int_equal(leaf.level, level);
		assert_int_equal(result, has(entry, 0) ? WALK_OK : WALK_NONE);
		if (result == WALK_OK) {
			assert_int_equal(leaf.pfn, (oracle_phys(entry, level) + va % bytes_of[level]) / 4096);
			found++;
		}
	}
	assert_in_range(found, 10000, 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_direct_map_is_that_of_the_kernel),
		cmocka_unit_test(leaves_are_found_at_their_level),
		cmocka_unit_test(addresses_have_48_or_52_bits),
		cmocka_unit_test(what_an_entry_says),
		cmocka_unit_test(a_block_says_what_any_of_its_entries_says),
		cmocka_unit_test(a_walk_knows_of_blocks),
		cmocka_unit_test(random_tables_agree_with_the_oracle),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
