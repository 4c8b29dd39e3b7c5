/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of the host's page tables on x86-64: what one says at its level.  Pure; walk.h includes it.
 * The bits are macros of arch/x86/include/asm/pgtable_types.h and so not in BTF; docs/walker.md names
 * the sources.  Another architecture has a file like this one: the same functions, other bits.
 */
#ifndef MMUSCOPE_ARCH_X86_HOST_PTE_H
#define MMUSCOPE_ARCH_X86_HOST_PTE_H

enum {
	PTE_PRESENT = 1 << 0,
	PTE_WRITABLE = 1 << 1,
	PTE_ACCESSED = 1 << 5,
	PTE_DIRTY = 1 << 6,
	PTE_PSE = 1 << 7,	/* a leaf, at levels 2 and 3; of the memory type (PAT) at level 1 */
	PTE_PROTNONE = 1 << 8,	/* _PAGE_BIT_PROTNONE, without PTE_PRESENT; with it, GLOBAL */
	PTE_SPECIAL = 1 << 9,	/* no struct page to be used; at level 2 and 3, too (6.12) */
};

/*
 * Two software bits have moved.  fca4d413c5be ("x86/mm: Introduce _PAGE_SAVED_DIRTY", 6.6) keeps
 * the dirty bit of write-protected entries in bit 58, and moved DEVMAP from there to 57.  Since
 * d438d2734170 ("mm: remove devmap related functions and page table bits", 6.17) nothing sets bit
 * 57.  Last lab kernel with DEVMAP in 58: 6.1; with DEVMAP in 57: 6.12.
 */
#define PTE_SAVED_DIRTY (1ULL << 58)
#define PTE_DEVMAP (1ULL << 57)
#define PTE_DEVMAP_PRE_V6_6 (1ULL << 58)

/* The lower half of the canonical addresses. */
static __always_inline bool pte_user_address(u64 va)
{
	return !(va >> 47) || (HOST_FIVE_LEVELS && !(va >> 56));
}

/* The entry points to another table. */
static __always_inline bool pte_is_table(u64 entry, u32 level)
{
	/* PSE must be 0 at levels 4 and 5, but nobody acts upon it */
	u64 leaf = level == 2 || level == 3 ? PTE_PSE : 0;

	return level > 1 && (entry & (PTE_PRESENT | leaf)) == PTE_PRESENT;
}

/* Kernel address of the table that an entry points to. */
static __always_inline u64 pte_table(u64 entry)
{
	return HOST_DIRECT_MAP + (entry & HOST_PHYS_MASK);
}

static __always_inline bool pte_present(u64 entry)
{
	return entry & PTE_PRESENT;
}

/* Frame number of the 4K page at va, which a leaf at level maps.  Bit 12 of a huge leaf is PAT's. */
static __always_inline u64 pte_pfn(u64 entry, u32 level, u64 va)
{
	u64 inside = (1ULL << 9 * (level - 1)) - 1;

	return ((entry & HOST_PHYS_MASK) >> 12 & ~inside) | (va >> 12 & inside);
}

/* Frame number in a leaf that is not present: inverted against L1TF (__pte_needs_invert()). */
static __always_inline u64 pte_absent_pfn(u64 entry, u32 level, u64 va)
{
	return pte_pfn(~entry, level, va);
}

/* Why an entry is not present. */
static __always_inline u32 pte_why(u64 entry, u32 level)
{
	/* these two may be set by mistake in an entry that is none (_PAGE_KNL_ERRATUM_MASK) */
	if (!(entry & ~(u64)(PTE_ACCESSED | PTE_DIRTY)))
		return level == 1 ? WHY_EMPTY : WHY_NO_TABLE;
	if (level > 3)
		return WHY_NO_TABLE;
	if (entry & PTE_PROTNONE)
		return WHY_PROT_NONE;
	/* pmd_mkinvalid(): the moment before a split */
	if (level > 1 && (entry & PTE_PSE))
		return WHY_SPLIT;
	return WHY_SWAP;
}

/*
 * A write through GUP is allowed.  The encoding of a shadow stack (WRITABLE clear, DIRTY set) is
 * writable to pte_write() but not to GUP (__pte_access_permitted()), so not here.
 */
static __always_inline bool pte_writable(u64 entry)
{
	return entry & PTE_WRITABLE;
}

static __always_inline bool pte_dirty(u64 entry)
{
	return entry & (PTE_DIRTY | HOST_SAVED_DIRTY);
}

static __always_inline bool pte_accessed(u64 entry)
{
	return entry & PTE_ACCESSED;
}

/* All three at once, of an entry that is none of the rare ones. */
static __always_inline bool pte_used(u64 entry)
{
	return !(~entry & (PTE_PRESENT | PTE_DIRTY | PTE_ACCESSED));
}

static __always_inline bool pte_special(u64 entry)
{
	return entry & PTE_SPECIAL;
}

static __always_inline bool pte_devmap(u64 entry)
{
	return entry & (HOST_SAVED_DIRTY ? PTE_DEVMAP : PTE_DEVMAP_PRE_V6_6);
}

/* a leaf that must not be used still has its rights, and its bits */
static __always_inline bool pte_prot_none(u64 entry)
{
	return entry & PTE_PROTNONE;
}

/* What the CPU sets by itself. */
static __always_inline u64 pte_own_bits(void)
{
	return PTE_ACCESSED | PTE_DIRTY | HOST_SAVED_DIRTY;
}

/*
 * Type of an entry that is WHY_SWAP.  Below 22 it is a swap file on every kernel; the last of the
 * 32 types are for migration, poisoned pages, device memory and markers, how many depends on the
 * configuration.
 */
static __always_inline u32 pte_swap_type(u64 entry)
{
	return entry >> 59;
}

/* Every entry speaks for itself. */
static __always_inline u64 pte_of_block(u32 how, u64 slot, u64 entry)
{
	(void)how;
	(void)slot;
	return entry;
}

#endif /* MMUSCOPE_ARCH_X86_HOST_PTE_H */
