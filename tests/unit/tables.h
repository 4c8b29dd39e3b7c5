/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables in memory for the tests of the reference walker: frames that stand for physical
 * memory, the read function that the walker is compiled with, and an oracle that finds the same
 * answer in another way.
 */
#ifndef TESTS_UNIT_TABLES_H
#define TESTS_UNIT_TABLES_H

#include <linux/types.h>

#include "unit.h"

typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

/* the running kernel, for the walker */
struct host {
	u64 saved_dirty;
	bool five_levels;
};

static const struct host four = { .saved_dirty = 1ULL << 58 };
static const struct host five = { .saved_dirty = 1ULL << 58, .five_levels = true };
static const struct host *host = &four;

static inline u64 walk_read(u32 how, u64 addr);

#define DIRECT_MAP 0xffff888000000000ULL
#define SME_BIT (1ULL << 47)
#define HOST_DIRECT_MAP DIRECT_MAP
#define HOST_PHYS_MASK (0x000ffffffffff000ULL & ~SME_BIT)
#define HOST_FIVE_LEVELS (host->five_levels)
#define HOST_SAVED_DIRTY (host->saved_dirty)

#include "bpf/walk.h"

#define FIRST_FRAME 0x123400ULL
#define FRAMES 256
#define TABLE_FLAGS 0x67ULL /* _PAGE_TABLE: present, writable, user, accessed, dirty */

static u64 frames[FRAMES][512];
static u64 reads, reading;
static void (*before_read)(void);

static inline u64 frame_phys(u32 frame)
{
	return (FIRST_FRAME + frame) << 12;
}

static inline u64 frame_addr(u32 frame)
{
	return DIRECT_MAP + frame_phys(frame);
}

/* The word at physical address phys; 0 where there is no memory, as for the BPF program. */
static inline u64 word_at(u64 phys)
{
	u64 first = FIRST_FRAME << 12;

	assert_int_equal(phys & 7, 0);
	if (phys < first || phys >= first + sizeof(frames))
		return 0;
	return frames[(phys - first) >> 12][(phys & 4095) / 8];
}

enum { HOW = 0x3a };

static inline u64 walk_read(u32 how, u64 addr)
{
	assert_int_equal(how, HOW);
	reading = addr;
	if (before_read)
		before_read();
	reads++;
	return word_at(addr - DIRECT_MAP);
}

static int walk_natively(u64 top, u64 va, struct leaf *out)
{
	return walk_once(HOW, top, va, out);
}

enum { TOP_LEVEL = 5, READS_MAX = 2 * (5 + 4) };

struct answer {
	int result;
	struct leaf leaf;
};

static inline struct answer walk(const struct host *h, u32 top, u64 va)
{
	struct answer a;

	/* whatever the walker does not fill must not matter */
	memset(&a, 0xa5, sizeof(a));
	host = h;
	reads = 0;
	a.result = walk_twice(walk_natively, frame_addr(top), va, &a.leaf);
	assert_true(reads <= READS_MAX);
	return a;
}

static inline bool same_answer(const struct answer *a, const struct answer *b)
{
	return a->result == b->result && a->leaf.entry == b->leaf.entry &&
	       a->leaf.pfn == b->leaf.pfn && a->leaf.level == b->leaf.level &&
	       a->leaf.why == b->leaf.why;
}

/* ---- the oracle: divisions, and bits by number ---- */

static inline bool has(u64 entry, int bit)
{
	return entry / (1ULL << bit) % 2;
}

static const u64 bytes_of[] = { 0, 1ULL << 12, 1ULL << 21, 1ULL << 30, 1ULL << 39, 1ULL << 48 };

static inline u64 oracle_pfn(u64 entry, u32 level, u64 va)
{
	u64 start = 0;

	for (int bit = 12; bit < 52; bit++) {
		bool inverted = !has(entry, 0);

		if (bit != 47 && (1ULL << bit) >= bytes_of[level] && has(entry, bit) != inverted)
			start += 1ULL << bit;
	}
	return (start + va % bytes_of[level]) / 4096;
}

static inline struct answer oracle_end(u64 entry, u32 level, u64 va)
{
	struct answer a = { WALK_NONE, { .entry = entry, .level = level } };
	bool nothing = true;

	for (int bit = 0; bit < 64; bit++)
		nothing &= bit == 5 || bit == 6 || !has(entry, bit);
	if (has(entry, 0)) {
		a.result = WALK_OK;
		a.leaf.pfn = oracle_pfn(entry, level, va);
		a.leaf.why = WHY_PRESENT;
	} else if (level > 3 || (level > 1 && nothing)) {
		a.leaf.why = WHY_NO_TABLE;
	} else if (nothing) {
		a.leaf.why = WHY_EMPTY;
	} else if (has(entry, 8)) {
		a.leaf.why = WHY_PROT_NONE;
		a.leaf.pfn = oracle_pfn(entry, level, va);
	} else if (level > 1 && has(entry, 7)) {
		a.leaf.why = WHY_SPLIT;
		a.leaf.pfn = oracle_pfn(entry, level, va);
	} else {
		a.leaf.why = WHY_SWAP;
	}
	return a;
}

/* What is true now of va in the tables below frame top. */
static inline struct answer oracle(u32 levels, u32 top, u64 va)
{
	u64 table = frame_phys(top), entry;

	if (va >= bytes_of[levels] * 256)
		return (struct answer){ WALK_NONE, { .why = WHY_ADDRESS } };
	for (u32 level = levels;; level--) {
		entry = word_at(table + va / bytes_of[level] % 512 * 8);
		if (level == 1 || !has(entry, 0) || (level < 4 && has(entry, 7)))
			return oracle_end(entry, level, va);
		table = 0;
		for (int bit = 12; bit < 52; bit++)
			if (bit != 47 && has(entry, bit))
				table += 1ULL << bit;
	}
}

static inline u64 random_word(uint64_t *seed)
{
	return (u64)random_below(seed, 1 << 16) << 48 | (u64)random_below(seed, 1 << 24) << 24 |
	       random_below(seed, 1 << 24);
}

#endif /* TESTS_UNIT_TABLES_H */
