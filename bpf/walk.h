/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference walker: one lockless, bounded walk of the host's user page tables.  Pure, and
 * compiled for BPF and, by its tests, natively.  docs/walker.md says what it can be trusted with.
 * The including file defines u16 to u64, __always_inline, and
 *   walk_read(how, addr)	reads 8 bytes at a kernel address; 0 for a fault
 *   HOST_DIRECT_MAP	u64: kernel address of physical address 0
 *   HOST_PHYS_MASK	u64: address bits of an entry, 12 to 51 without the encryption bit
 *   HOST_FIVE_LEVELS	the tables have five levels
 *   HOST_SAVED_DIRTY	u64: PTE_SAVED_DIRTY, or 0 on a kernel without it
 * These are no arguments since BPF has no stack to keep them on.
 */
#ifndef MMUSCOPE_WALK_H
#define MMUSCOPE_WALK_H

enum walk_result {
	WALK_OK,
	WALK_NONE,	/* no present leaf; walk_why has the reason */
	WALK_TORN,	/* the tables changed meanwhile */
};

enum walk_why {
	WHY_PRESENT,	/* WALK_OK */
	WHY_ADDRESS,	/* not an address of user space */
	WHY_NO_TABLE,	/* nothing is mapped here, nor near it: an entry above level 1 is empty */
	WHY_EMPTY,	/* nothing is mapped here */
	WHY_PROT_NONE,	/* a leaf that must not be used: PROT_NONE, or NUMA balancing */
	WHY_SPLIT,	/* a huge leaf that is about to be split */
	WHY_SWAP,	/* swapped out, migrating, poisoned, device memory or a marker */
	WHY_NR
};

/* What a walk finds.  Whether it is writable, dirty...: pte_writable(entry) and its like */
struct leaf {
	u64 entry;	/* the last one that was read: the leaf, or what is there instead */
	u64 pfn;	/* of the 4K page at the address, in a huge leaf, too; 0: none */
	u32 level;	/* of the entry: 1 4K, 2 2M, 3 1G; 4 and 5 for WHY_NO_TABLE only */
	u16 why;	/* enum walk_why */
	u16 tries;
};

/* a test may name another architecture's */
#ifndef HOST_PTE
#include "arch/arch.h"
#define HOST_PTE ARCH_HOST_PTE
#endif
#include HOST_PTE

/* the loops over levels have to vanish from the BPF object: they cost more than what is in them */
#ifdef __clang__
#define WALK_UNROLL _Pragma("clang loop unroll(full)")
#else
#define WALK_UNROLL
#endif

/* The compiler is to know nothing of variable x. */
#define WALK_FORGET(x) __asm__ volatile("" : "+r"(x))

/* Address of the entry for va in the table at address table, which is one of the given level. */
static __always_inline u64 walk_slot(u64 table, u64 va, u32 level)
{
	return table + ((va >> (9 * level + 3)) & 511) * 8;
}

/* The way to an entry: addresses and values of those above it, by level; no room for the fifth. */
struct walk_path {
	u64 slot[5];
	u64 seen[5];
};

/* The entry at level 5 leads to the table it led to. */
static __always_inline bool walk_top_holds(u32 how, u64 top, u64 va, const struct walk_path *path)
{
	u64 entry = walk_read(how, walk_slot(top, va, 5));

	return pte_is_table(entry, 5) && pte_table(entry) == (path->slot[4] & ~4095ULL);
}

/*
 * The walk has come to an entry that is no table.  If an entry above it is what it was before that
 * was read then it was so when that was read (unless it changed twice); if all are, they were the
 * way to va at that moment.
 */
static __always_inline int walk_end(u32 how, u64 top, const struct walk_path *path, u32 level,
				    u64 slot, u64 entry, u64 va, struct leaf *out)
{
	u32 up;

	/* before the entries above it are looked at again: what it says of others was so, too */
	entry = pte_of_block(how, slot, entry);
	WALK_UNROLL
	for (up = 2; up <= 4; up++)
		if (up > level && walk_read(how, path->slot[up]) != path->seen[up])
			return WALK_TORN;
	/* or what it needs of va is computed before, and spilled */
	WALK_FORGET(va);
	if (level < 5 && HOST_FIVE_LEVELS && !walk_top_holds(how, top, va, path))
		return WALK_TORN;
	out->entry = entry;
	out->level = level;
	if (!pte_present(entry))
		return WALK_NONE;
	out->pfn = pte_pfn(entry, level, va);
	return WALK_OK;
}

/* Leaves why and tries, and pfn unless WALK_OK, to the caller. */
static __always_inline int walk_down(u32 how, u64 top, u64 va, struct leaf *out)
{
	struct walk_path path;
	u64 table = top, entry, slot;
	u32 level;

	if (HOST_FIVE_LEVELS) {
		slot = walk_slot(table, va, 5);
		entry = walk_read(how, slot);
		if (!pte_is_table(entry, 5))
			return walk_end(how, top, &path, 5, slot, entry, va, out);
		table = pte_table(entry);
	}
	WALK_UNROLL
	for (level = 4; level > 1; level--) {
		path.slot[level] = walk_slot(table, va, level);
		entry = walk_read(how, path.slot[level]);
		if (!pte_is_table(entry, level))
			return walk_end(how, top, &path, level, path.slot[level], entry, va, out);
		path.seen[level] = entry;
		table = pte_table(entry);
	}
	slot = walk_slot(table, va, 1);
	return walk_end(how, top, &path, 1, slot, walk_read(how, slot), va, out);
}

/*
 * Find what maps user address va in the tables whose top is at kernel address top, in one try;
 * walk_read() is told how.  Returns enum walk_result after at most 9 reads, and those of a block.  Fills
 * *out, for WALK_TORN and WHY_ADDRESS with zeros but for tries and why.  Leaves that are not present are
 * WALK_NONE, whatever they hold: neither KVM nor a CPU may use them.
 */
static __always_inline int walk_once(u32 how, u64 top, u64 va, struct leaf *out)
{
	int r;

	*out = (struct leaf){ .why = WHY_ADDRESS };
	if (!pte_user_address(va))
		return WALK_NONE;
	out->why = WHY_PRESENT;
	out->tries = 1;
	r = walk_down(how, top, va, out);
	if (r != WALK_NONE)
		return r;
	out->why = pte_why(out->entry, out->level);
	if (out->why == WHY_PROT_NONE || out->why == WHY_SPLIT)
		out->pfn = pte_absent_pfn(out->entry, out->level, va);
	return WALK_NONE;
}

/* Walk by a function that calls walk_once(); a torn walk is made once more. */
static __always_inline int walk_twice(int (*once)(u64 top, u64 va, struct leaf *out), u64 top,
				      u64 va, struct leaf *out)
{
	int r = once(top, va, out);

	if (r != WALK_TORN)
		return r;
	r = once(top, va, out);
	out->tries = 2;
	return r;
}

#endif /* MMUSCOPE_WALK_H */
