// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block map (bpf/track.bpf.h), compiled natively over arrays in place of BPF maps, against a slow
 * oracle that counts mappings page by page: millions of random installs, zaps, splits and cleanings,
 * among them zaps whose hook runs before the hook of their install.
 */
#include "unit.h"

/* in place of the headers that only make sense for BPF */
#define MMUSCOPE_SPTE_BPF_H
#define GLOBAL static
#define BPF_NOEXIST 1

#include "bpf/block.h"
#include "bpf/event.h"

typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

enum { BLOCKS = 6, PAGES = BLOCKS * 512, MORE_MAX = PAGES };

static struct block blocks[BLOCKS];
static struct block_extra block_extras[BLOCKS];
static u64 gigs[1];
static s64 more_maps[PAGES];
static bool more_there[PAGES];
static __u64 losses[LOSS_NR];
static u32 cfg_blocks = BLOCKS;
static size_t more_room = MORE_MAX, more_used;

static void lost(enum loss what)
{
	losses[what]++;
}

static void *lookup(void *map, const void *key)
{
	u64 n = map == (void *)more_maps ? *(const u64 *)key : *(const u32 *)key;

	if (map == (void *)blocks)
		return n < BLOCKS ? &blocks[n] : NULL;
	if (map == (void *)block_extras)
		return n < BLOCKS ? &block_extras[n] : NULL;
	if (map == (void *)gigs)
		return n < 1 ? &gigs[n] : NULL;
	return n < PAGES && more_there[n] ? &more_maps[n] : NULL;
}

static long insert(void *map, const void *key, const void *value)
{
	u64 n = *(const u64 *)key;

	assert_ptr_equal(map, more_maps);
	if (n >= PAGES || more_there[n] || more_used == more_room)
		return -1;
	more_used++;
	more_there[n] = true;
	more_maps[n] = *(const s64 *)value;
	return 0;
}

typedef long (*loop_fn)(u32 i, void *ctx);

static long loop(u64 n, loop_fn fn, void *ctx)
{
	u64 i;

	for (i = 0; i < n; i++)
		if (fn((u32)i, ctx))
			return (long)i + 1;
	return (long)i;
}

#define bpf_map_lookup_elem(map, key) lookup(*(map), key)
#define bpf_map_update_elem(map, key, value, flags) insert(*(map), key, value)
#define bpf_loop(n, fn, ctx, flags) loop(n, (loop_fn)(void *)(fn), ctx)

#include "bpf/track.bpf.h"

/* the oracle: one number a page, and nothing clever */
static int maps_4k[PAGES];
static int maps_2m[BLOCKS];
static bool was_written[PAGES];

static void reset(void)
{
	memset(blocks, 0, sizeof(blocks));
	memset(block_extras, 0, sizeof(block_extras));
	memset(gigs, 0, sizeof(gigs));
	memset(more_there, 0, sizeof(more_there));
	memset(losses, 0, sizeof(losses));
	memset(maps_4k, 0, sizeof(maps_4k));
	memset(maps_2m, 0, sizeof(maps_2m));
	memset(was_written, 0, sizeof(was_written));
	more_used = 0;
	more_room = MORE_MAX;
}

static bool page_mapped(u64 pfn)
{
	return maps_4k[pfn] > 0 || maps_2m[pfn / 512] > 0;
}

static void add_4k(u64 pfn)
{
	track_change(pfn, 1, 1);
	maps_4k[pfn]++;
	was_written[pfn] = true;
}

static void del_4k(u64 pfn)
{
	track_change(pfn, 1, -1);
	maps_4k[pfn]--;
}

static void add_2m(u64 block)
{
	track_change(block * 512, 2, 1);
	maps_2m[block]++;
	for (u64 p = block * 512; p < block * 512 + 512; p++)
		was_written[p] = true;
}

static void split_2m(u64 block)
{
	track_do_split(block * 512, 2);
	maps_2m[block]--;
	for (u64 p = block * 512; p < block * 512 + 512; p++) {
		maps_4k[p]++;
		was_written[p] = true;
	}
}

/* Clean a folio and compare what the block map says with the oracle. */
static void clean(u64 pfn, u64 pages)
{
	struct folio_state f = { .pfn = pfn, .pages = pages };
	u64 mapped = 0, first = 0;
	bool written = false;

	for (u64 p = pfn; p < pfn + pages; p++) {
		written |= was_written[p];
		if (page_mapped(p) && !mapped++)
			first = p;
	}
	track_clean(&f);
	assert_int_equal(f.mapped, mapped);
	assert_int_equal(f.written, written);
	if (mapped)
		assert_int_equal(f.first, first);
	/* a block of the folio without a mapping has been cleaned */
	for (u64 start = pfn; start < pfn + pages; start = (start / 512 + 1) * 512) {
		u64 end = (start / 512 + 1) * 512 < pfn + pages ? (start / 512 + 1) * 512 : pfn + pages;
		bool any = false;

		for (u64 p = start; p < end; p++)
			any |= page_mapped(p);
		for (u64 p = start; !any && p < end; p++)
			was_written[p] = false;
	}
}

static void random_operation(uint64_t *seed)
{
	/* few pages, so that the same ones are met again and again */
	u64 pfn = random_below(seed, BLOCKS) * 512ULL + random_below(seed, 24) * 21;
	u64 block = random_below(seed, BLOCKS);
	u32 order;

	switch (random_below(seed, 8)) {
	case 0:
	case 1:
		if (maps_4k[pfn] < 5)
			add_4k(pfn);
		break;
	case 2:
		if (maps_4k[pfn] > 0)
			del_4k(pfn);
		break;
	case 3:
		/* another CPU's zap of it is seen before its install */
		del_4k(pfn);
		add_4k(pfn);
		break;
	case 4:
		if (maps_2m[block] < 2)
			add_2m(block);
		break;
	case 5:
		if (maps_2m[block] > 0) {
			track_change(block * 512, 2, -1);
			maps_2m[block]--;
		}
		break;
	case 6:
		/* rarely, and with its pages going again, or all would be mapped soon */
		if (maps_2m[block] > 0 && !random_below(seed, 50)) {
			split_2m(block);
			for (u64 p = block * 512; p < block * 512 + 512; p++)
				del_4k(p);
		}
		break;
	default:
		assert_int_equal(track_has(pfn, 1), maps_4k[pfn] > 0);
		assert_int_equal(track_has(block * 512, 2), maps_2m[block] > 0);
		order = random_below(seed, 12);
		pfn &= ~((1ULL << order) - 1);
		if (pfn + (1ULL << order) <= PAGES)
			clean(pfn, 1ULL << order);
	}
}

static void agrees_with_the_oracle(void **arg)
{
	uint64_t seed = 20261123;

	(void)arg;
	for (int run = 0; run < 40; run++) {
		reset();
		for (int i = 0; i < 5000; i++)
			random_operation(&seed);
		for (u64 p = 0; p < PAGES; p++)
			clean(p, 1);
		for (int l = 0; l < LOSS_NR; l++)
			assert_int_equal(losses[l], 0);
	}
}

static void a_page_mapped_three_times_stays_mapped_until_the_last(void **arg)
{
	struct folio_state f = { .pfn = 700, .pages = 1 };

	(void)arg;
	reset();
	for (int i = 0; i < 3; i++)
		add_4k(700);
	for (int i = 0; i < 3; i++) {
		f = (struct folio_state){ .pfn = 700, .pages = 1 };
		track_clean(&f);
		assert_int_equal(f.mapped, 1);
		del_4k(700);
	}
	assert_true(track_written(700));
	assert_false(track_written(701));
	f = (struct folio_state){ .pfn = 700, .pages = 1 };
	track_clean(&f);
	/* cleaned while nobody could write it */
	assert_false(track_written(700));
	assert_int_equal(f.mapped, 0);
	assert_int_equal(f.written, 1);
}

static void a_neighbour_is_another_page(void **arg)
{
	struct folio_state f = { .pfn = 512, .pages = 8 };

	(void)arg;
	reset();
	add_4k(511);
	add_4k(520);
	track_clean(&f);
	assert_int_equal(f.mapped, 0);
	assert_int_equal(f.written, 0);
}

static void one_gigabyte_covers_its_folio(void **arg)
{
	struct folio_state f = { .pfn = 1024, .pages = 512 };

	(void)arg;
	reset();
	assert_int_equal(track_has(0, 3), 0);
	track_change(0, 3, 1);
	assert_int_equal(track_has(5, 3), 1);
	track_clean(&f);
	assert_int_equal(f.mapped, 512);
	assert_int_equal(f.written, 1);
	track_change(0, 3, -1);
	f = (struct folio_state){ .pfn = 1024, .pages = 512 };
	track_clean(&f);
	assert_int_equal(f.mapped, 0);
}

static void what_does_not_fit_is_counted(void **arg)
{
	struct folio_state f = { .pfn = PAGES, .pages = 1 };

	(void)arg;
	reset();
	track_change(PAGES + 5, 1, 1);
	assert_int_equal(losses[LOSS_BLOCK_RANGE], 1);
	track_clean(&f);
	assert_int_equal(losses[LOSS_BLOCK_RANGE], 2);
	track_change(1ULL << 18, 3, 1);
	assert_int_equal(losses[LOSS_BLOCK_RANGE], 3);
	more_room = 1;
	add_4k(9);
	add_4k(9);
	assert_int_equal(losses[LOSS_SIDE_TABLE], 0);
	add_4k(10);
	add_4k(10);
	assert_int_equal(losses[LOSS_SIDE_TABLE], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_oracle),
		cmocka_unit_test(a_page_mapped_three_times_stays_mapped_until_the_last),
		cmocka_unit_test(a_neighbour_is_another_page),
		cmocka_unit_test(one_gigabyte_covers_its_folio),
		cmocka_unit_test(what_does_not_fit_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
