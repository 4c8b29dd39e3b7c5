/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays and a hash in place of BPF maps, so that the block map and the adoption walk (bpf/track.bpf.h,
 * bpf/adopt.bpf.h) compile natively, for a host of any size.
 */
#ifndef TESTS_LIB_NATIVE_H
#define TESTS_LIB_NATIVE_H

#include "bpf/block.h"
#include "bpf/event.h"

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* in place of the headers that only make sense for BPF */
#define MMUSCOPE_MAPS_BPF_H
#define MMUSCOPE_WINDOW_BPF_H
#define GLOBAL static __attribute__((noinline, unused))
#define BPF_NOEXIST 1

typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

enum { PAGE = 4096, SIDE_TABLE = 65536 };	/* the latter as in user/session/session.c */

/* on AMD NPT; a table's address is one of this process */
static const u64 k_mmu_writable_mask = 1ULL << 58, k_dirty_mask = 1 << 6;
static const u64 k_physical_mask = 0xffffffffff000;
static const u32 k_ad_disabled;

static struct block *blocks;
static struct block_extra *block_extras;
static u64 *gigs;
static u64 losses[LOSS_NR];
static u32 cfg_blocks;
static u64 ngigs;

/* the side table: open addressing, key + 1 so that 0 is a free place */
static struct more {
	u64 key;
	s64 more;
} more_maps[4 * SIDE_TABLE];
static u32 more_used;

/* the leaf table that adoption looks at, its words, and the only VM */
static u64 adopt_table[512];
static u64 adopt_words[2 * ADOPT_CHUNK_WORDS];
static struct vm_info vms;

static inline void lost(enum loss what)
{
	losses[what]++;
}

static inline s64 *more_place(u64 pfn, bool make)
{
	u64 i = pfn * 0x9e3779b97f4a7c15ULL >> 46;

	_Static_assert(4 * SIDE_TABLE == 1 << 18, "18 bits of the hash are the place");
	for (; more_maps[i].key; i = (i + 1) % (4 * SIDE_TABLE))
		if (more_maps[i].key == pfn + 1)
			return &more_maps[i].more;
	if (!make || more_used == SIDE_TABLE)
		return NULL;
	more_used++;
	more_maps[i].key = pfn + 1;
	return &more_maps[i].more;
}

static inline void *lookup_blocks(const u32 *key)
{
	return *key < cfg_blocks ? &blocks[*key] : NULL;
}

static inline void *lookup_block_extras(const u32 *key)
{
	return *key < cfg_blocks ? &block_extras[*key] : NULL;
}

static inline void *lookup_gigs(const u32 *key)
{
	return *key < ngigs ? &gigs[*key] : NULL;
}

static inline void *lookup_more_maps(const u64 *key)
{
	return more_place(*key, false);
}

static inline void *lookup_adopt_table(const u32 *key)
{
	return *key ? NULL : adopt_table;
}

static inline void *lookup_adopt_words(const u32 *key)
{
	return *key < 2 * ADOPT_CHUNK_WORDS ? &adopt_words[*key] : NULL;
}

static inline void *lookup_vms(const u32 *key)
{
	(void)key;
	return &vms;
}

static inline long insert(const u64 *key, const s64 *value)
{
	(void)value;
	return more_place(*key, true) ? 0 : -1;
}

typedef long (*loop_fn)(u32 i, void *ctx);

static inline long loop(u64 n, loop_fn fn, void *ctx)
{
	u64 i;

	for (i = 0; i < n; i++)
		if (fn((u32)i, ctx))
			return (long)i + 1;
	return (long)i;
}

#define bpf_map_lookup_elem(map, key)			\
	_Generic((map), struct block **: lookup_blocks,	\
		 struct block_extra **: lookup_block_extras,	\
		 u64 **: lookup_gigs, struct more(*)[4 * SIDE_TABLE]: lookup_more_maps,	\
		 u64(*)[512]: lookup_adopt_table, struct vm_info *: lookup_vms,	\
		 u64(*)[2 * ADOPT_CHUNK_WORDS]: lookup_adopt_words)(key)
#define bpf_map_update_elem(map, key, value, flags) insert(key, value)
#define bpf_loop(n, fn, ctx, flags) loop(n, (loop_fn)(void *)(fn), ctx)

static inline double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Zeros that take memory once they are written to. */
static inline void *zeros(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	if (p == MAP_FAILED)
		err(1, "%zu bytes", bytes);
	return p;
}

#endif /* TESTS_LIB_NATIVE_H */
