/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block map: which host pages does a guest map may-write, exactly, in 136 bytes per 2 MiB of
 * host memory (68 MiB per TiB).
 *
 * mapped(page) = bit + side count > 0.  A page's first may-write 4K SPTE sets its bit; further ones
 * (two VMs, two memslots, two address spaces) count in the side table.  All updates are single
 * atomic operations that commute, and the side count is signed: a zap whose hook runs before the
 * hook of the install that it undoes (both can hold mmu_lock for read) leaves -1, which the late
 * install then cancels.  2M and 1G SPTEs are counted per block and per GiB.
 */
#ifndef MMUSCOPE_TRACK_BPF_H
#define MMUSCOPE_TRACK_BPF_H

#include "spte.bpf.h"

enum { BLOCK_PAGES = 1 << BLOCK_SHIFT };

static __always_inline struct block *block_of(u32 key)
{
	struct block *b = key < cfg_blocks ? bpf_map_lookup_elem(&blocks, &key) : NULL;

	if (!b)
		lost(LOSS_BLOCK_RANGE);
	return b;
}

/* Change the side count of a page by n. */
static __always_inline void more_add(u64 pfn, s64 n)
{
	u32 key = pfn >> BLOCK_SHIFT;
	struct block_extra *x = bpf_map_lookup_elem(&block_extras, &key);
	s64 *more = bpf_map_lookup_elem(&more_maps, &pfn);

	if (!more) {
		s64 zero = 0;

		/* fails when another CPU was quicker: that one's entry serves */
		bpf_map_update_elem(&more_maps, &pfn, &zero, BPF_NOEXIST);
		more = bpf_map_lookup_elem(&more_maps, &pfn);
	}
	if (!more || !x) {
		lost(LOSS_SIDE_TABLE);
		return;
	}
	__sync_fetch_and_add(more, n);
	x->more = 1;
}

static __always_inline void track_add_4k(struct block *b, u64 pfn)
{
	u64 bit = 1ULL << (pfn & 63);
	u32 word = (pfn >> 6) & 7;

	if (__sync_fetch_and_or(&b->mapped[word], bit) & bit)
		more_add(pfn, 1);
	if (!(b->written[word] & bit))
		__sync_fetch_and_or(&b->written[word], bit);
}

static __always_inline void track_del_4k(struct block *b, u64 pfn)
{
	u64 bit = 1ULL << (pfn & 63);

	/* whether the bit or a side count goes first does not matter: the sum is what counts */
	if (!(__sync_fetch_and_and(&b->mapped[(pfn >> 6) & 7], ~bit) & bit))
		more_add(pfn, -1);
}

static __always_inline void gig_add(u64 pfn, s64 n)
{
	u32 key = pfn >> 18;
	u64 *g = bpf_map_lookup_elem(&gigs, &key);

	if (g)
		__sync_fetch_and_add(g, n);
	else
		lost(LOSS_BLOCK_RANGE);
}

/* The same as track_change(), level 1. */
static __always_inline void track_page(u64 pfn, s32 n)
{
	struct block *b = block_of(pfn >> BLOCK_SHIFT);

	if (b && n > 0)
		track_add_4k(b, pfn);
	else if (b)
		track_del_4k(b, pfn);
}

/* A may-write leaf SPTE of this level for pfn has appeared (n = 1) or gone (n = -1). */
GLOBAL int track_change(u64 pfn, u32 level, s32 n)
{
	u32 key = pfn >> BLOCK_SHIFT;
	struct block_extra *x;
	struct block *b;

	if (level == 1) {
		track_page(pfn, n);
		return 0;
	}
	if (level == 3) {
		gig_add(pfn, n);
		return 0;
	}
	b = block_of(key);
	if (!b)
		return 0;
	x = bpf_map_lookup_elem(&block_extras, &key);
	if (!x)
		return 0;
	__sync_fetch_and_add(&x->huge, n);
	if (n > 0)
		__builtin_memset(b->written, 0xff, sizeof(b->written));
	return 0;
}

/* Does the block map know of a may-write leaf of this level for pfn? */
GLOBAL int track_has(u64 pfn, u32 level)
{
	u32 key = pfn >> (level == 3 ? 18 : BLOCK_SHIFT);
	struct block_extra *x;
	s64 total, *more;
	struct block *b;
	u64 *g;

	if (level == 3) {
		g = bpf_map_lookup_elem(&gigs, &key);
		return g && (s64)*g > 0;
	}
	if (level == 2) {
		x = bpf_map_lookup_elem(&block_extras, &key);
		return x && x->huge > 0;
	}
	b = bpf_map_lookup_elem(&blocks, &key);
	total = b ? (b->mapped[(pfn >> 6) & 7] >> (pfn & 63)) & 1 : 0;
	more = bpf_map_lookup_elem(&more_maps, &pfn);
	return total + (more ? *more : 0) > 0;
}

/* Has a guest been able to write this page since it was last cleaned while nobody could? */
GLOBAL int track_written(u64 pfn)
{
	u32 key = pfn >> BLOCK_SHIFT;
	struct block *b = bpf_map_lookup_elem(&blocks, &key);

	return b && b->written[(pfn >> 6) & 7] >> (pfn & 63) & 1;
}

struct track_split {
	u64 pfn;
	u32 level;		/* of the new, smaller SPTEs */
};

static long track_split_step(u32 i, struct track_split *s)
{
	track_change(s->pfn + (s->level == 2 ? (u64)i << BLOCK_SHIFT : i), s->level, 1);
	return 0;
}

/* A may-write leaf has been replaced by 512 of the next smaller level with the same rights. */
GLOBAL int track_do_split(u64 pfn, u32 level)
{
	struct track_split s = { .pfn = pfn, .level = level - 1 };

	bpf_loop(512, track_split_step, &s, 0);
	return track_change(pfn, level, -1);
}

struct folio_state {
	u64 pfn;
	u64 pages;
	u64 mapped;		/* out: pages with a may-write SPTE */
	u64 first;		/* out: the first of them */
	u32 written;		/* out: a guest could write it since it was last cleaned */
	u32 pad;
};

/* One page of a folio whose mapping count may be more than its bit says; bpf_loop callback. */
static long folio_page_step(u32 i, struct folio_state *f)
{
	u64 pfn = f->pfn + i;
	u32 key = pfn >> BLOCK_SHIFT;
	struct block *b = bpf_map_lookup_elem(&blocks, &key);
	s64 total, *more;

	if (!b)
		return 1;
	total = (b->mapped[(pfn >> 6) & 7] >> (pfn & 63)) & 1;
	more = bpf_map_lookup_elem(&more_maps, &pfn);
	if (more)
		total += *more;
	if (total > 0) {
		if (!f->mapped)
			f->first = pfn;
		f->mapped++;
	}
	return 0;
}

/* Count the mapped pages of the out->pages pages at out->pfn, which lie in one block. */
GLOBAL int count_mapped(struct folio_state *out)
{
	struct folio_state f;

	if (!out)
		return 0;
	/* a context on the stack, whose counts the verifier does not know: it would count along */
	f = *out;
	bpf_loop(f.pages, folio_page_step, &f, 0);
	out->mapped = f.mapped;
	out->first = f.first;
	return 0;
}

/* Bits of word w (0..7) of a block that belong to pages [first, first + n) of the block. */
GLOBAL u64 word_mask(u32 w, u32 first, u32 n)
{
	u32 low = w * 64, high = low + 64, end = first + n;
	u64 mask = ~0ULL;

	if (first >= high || end <= low)
		return 0;
	if (first > low)
		mask &= ~0ULL << (first & 63);
	if (end < high)
		mask &= ~(~0ULL << (end & 63));
	return mask;
}

/* One block of a folio; bpf_loop callback. */
static long folio_block_step(u32 i, struct folio_state *f)
{
	u32 n = f->pages < BLOCK_PAGES ? f->pages : BLOCK_PAGES;
	u32 first = f->pages < BLOCK_PAGES ? f->pfn & (BLOCK_PAGES - 1) : 0;
	u32 key = (f->pfn >> BLOCK_SHIFT) + i;
	struct block *b = bpf_map_lookup_elem(&blocks, &key);
	struct block_extra *x = bpf_map_lookup_elem(&block_extras, &key);
	struct folio_state part = { .pfn = ((u64)key << BLOCK_SHIFT) + first, .pages = n };
	u64 any = 0, written = 0, mask;

	if (!b || !x)
		return 1;
	for (u32 w = 0; w < 8; w++) {
		mask = word_mask(w, first, n);
		any |= b->mapped[w] & mask;
		written |= b->written[w] & mask;
	}
	if (x->huge > 0) {
		part.mapped = n;
		part.first = part.pfn;
	} else if (any || x->more) {
		count_mapped(&part);
	}
	if (written)
		f->written = 1;
	if (part.mapped) {
		if (!f->mapped)
			f->first = part.first;
		f->mapped += part.mapped;
	} else if (written) {
		/* clean and not mapped: from here on only a new mapping makes it guest-written */
		for (u32 w = 0; w < 8; w++)
			__sync_fetch_and_and(&b->written[w], ~word_mask(w, first, n));
	}
	return 0;
}

/* The same for a folio whose pages are bits of one word of its block. */
static __always_inline void folio_word(struct folio_state *f)
{
	u32 key = f->pfn >> BLOCK_SHIFT, word = (f->pfn >> 6) & 7;
	u64 mask = ~0ULL >> (64 - f->pages) << (f->pfn & 63);
	struct block *b = bpf_map_lookup_elem(&blocks, &key);
	struct block_extra *x = bpf_map_lookup_elem(&block_extras, &key);

	if (!b || !x)
		return;
	f->written = !!(b->written[word] & mask);
	if (x->huge > 0) {
		f->mapped = f->pages;
		f->first = f->pfn;
	} else if (b->mapped[word] & mask || x->more) {
		count_mapped(f);
	}
	if (f->written && !f->mapped)
		__sync_fetch_and_and(&b->written[word], ~mask);
}

/* All blocks of a folio. */
GLOBAL int folio_blocks(struct folio_state *out)
{
	struct folio_state f;

	if (!out)
		return 0;
	f = *out;	/* bpf_loop takes a context on the stack only */
	bpf_loop((f.pages + BLOCK_PAGES - 1) >> BLOCK_SHIFT, folio_block_step, &f, 0);
	*out = f;
	return 0;
}

/*
 * What the block map knows of a folio of out->pages pages at out->pfn whose dirty flag is being cleared.
 * Blocks outside the map (memory added later) are counted as a loss.
 */
GLOBAL int track_clean(struct folio_state *out)
{
	u32 key;
	u64 *g;

	if (!out)
		return 0;
	if ((out->pfn >> BLOCK_SHIFT) >= cfg_blocks) {
		lost(LOSS_BLOCK_RANGE);
		return 0;
	}
	if (out->pages && (out->pfn & 63) + out->pages <= 64)
		folio_word(out);
	else
		folio_blocks(out);
	key = out->pfn >> 18;
	g = bpf_map_lookup_elem(&gigs, &key);
	if (g && (s64)*g > 0) {
		out->first = out->pfn;
		out->mapped = out->pages;
		out->written = 1;
	}
	return 0;
}

#endif /* MMUSCOPE_TRACK_BPF_H */
