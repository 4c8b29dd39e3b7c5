/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference walker: one lockless, bounded walk of the host user page tables (x86-64, 4 or 5
 * levels).  KVM itself disables interrupts for its walk (host_pfn_mapping_level(), mmu.c); a BPF
 * program cannot, so a table may be freed under it: reads cannot fault, and the entry above the leaf
 * is read again at the end; if it changed the walk says so instead of guessing.
 */
#ifndef MMUSCOPE_WALK_BPF_H
#define MMUSCOPE_WALK_BPF_H

#include "maps.bpf.h"

enum {
	PTE_PRESENT = 1 << 0,
	PTE_WRITABLE = 1 << 1,
	PTE_ACCESSED = 1 << 5,
	PTE_DIRTY = 1 << 6,
	PTE_PSE = 1 << 7,
	PTE_PROTNONE = 1 << 8,	/* _PAGE_BIT_PROTNONE, without PTE_PRESENT */
};
/* _PAGE_BIT_SAVED_DIRTY: dirty kept for a write-protected entry (fca4d413c5be, 6.6); unused before */
#define PTE_SAVED_DIRTY (1ULL << 58)

enum walk_result {
	WALK_OK,
	WALK_NONE,	/* no present leaf */
	WALK_TORN,	/* the tables changed meanwhile */
};

struct leaf {
	u64 entry;
	u64 pfn;	/* of the 4K page at the address, also inside a huge leaf */
	u32 level;
	u32 pad;
};

static __always_inline u64 table_of(u64 entry)
{
	return k_page_offset_base + (entry & k_physical_mask & ~0xfffULL);
}

static __always_inline u64 walk_entry(u64 table, u64 va, u32 shift)
{
	return read64(table + ((va >> shift) & 511) * 8);
}

/*
 * Find the leaf that maps user address va in the tables at pgd (kernel address).  Returns enum
 * walk_result; *out is filled for WALK_OK; for WALK_NONE its entry is that of the last table, or 0.
 * Entries that are PROT_NONE count as not present: their pfn is inverted (L1TF) and neither KVM nor
 * the CPU may use them.
 */
static __always_inline int host_walk(u64 pgd, u64 va, struct leaf *out)
{
	u64 table = pgd, upper, entry;

	if (k_five_levels) {
		entry = walk_entry(table, va, 48);
		if (!(entry & PTE_PRESENT))
			return WALK_NONE;
		table = table_of(entry);
	}
	entry = walk_entry(table, va, 39);
	if (!(entry & PTE_PRESENT))
		return WALK_NONE;
	table = table_of(entry);

	entry = walk_entry(table, va, 30);
	if (!(entry & PTE_PRESENT))
		return WALK_NONE;
	if (entry & PTE_PSE) {
		out->entry = entry;
		out->level = 3;
		out->pfn = ((entry & k_physical_mask & ~0x3fffffffULL) >> 12) + ((va >> 12) & 0x3ffff);
		return WALK_OK;
	}
	table = table_of(entry);

	entry = walk_entry(table, va, 21);
	if (!(entry & PTE_PRESENT))
		return WALK_NONE;
	if (entry & PTE_PSE) {
		out->entry = entry;
		out->level = 2;
		out->pfn = ((entry & k_physical_mask & ~0x1fffffULL) >> 12) + ((va >> 12) & 0x1ff);
		return WALK_OK;
	}
	upper = entry;
	entry = walk_entry(table_of(upper), va, 12);
	if (walk_entry(table, va, 21) != upper)
		return WALK_TORN;
	/* also if it is not present: what it holds instead tells where the page went */
	out->entry = entry;
	if (!(entry & PTE_PRESENT))
		return WALK_NONE;
	out->level = 1;
	out->pfn = (entry & k_physical_mask) >> 12;
	return WALK_OK;
}

#endif /* MMUSCOPE_WALK_BPF_H */
