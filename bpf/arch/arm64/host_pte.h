/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of the host's page tables on arm64 with 4K pages: what one says at its level.  Pure; walk.h can
 * include it in the place of x86's.  The bits are macros of arch/arm64/include/asm/pgtable-hwdef.h and
 * pgtable-prot.h and so not in BTF.  Levels count as everywhere here: 1 is 4K, which arm64 calls 3.
 *   HOST_DIRECT_MAP	PAGE_OFFSET - memstart_addr, modulo 2^64: right on CPUs with 48 and with 52 bits
 *   HOST_FIVE_LEVELS	52-bit addresses (LPA2): five levels, and an address's bits 51:50 in bits 9:8
 *   HOST_PHYS_MASK	bits 12 to 47, or with LPA2 12 to 49
 */
#ifndef MMUSCOPE_ARCH_ARM64_HOST_PTE_H
#define MMUSCOPE_ARCH_ARM64_HOST_PTE_H

enum {
	PTE_VALID = 1 << 0,
	PTE_TABLE = 1 << 1,	/* above level 1; at level 1 it is set, too */
	PTE_USER = 1 << 6,
	PTE_RDONLY = 1 << 7,
	PTE_ACCESSED = 1 << 10,
	PTE_PRESENT_INVALID = 1 << 11,	/* without PTE_VALID (6.11); with it, nG */
	CONT_ENTRIES = 16,
};

#define PTE_WRITE (1ULL << 51)		/* DBM, too: the CPU may clear PTE_RDONLY when it is written */
#define PTE_CONT (1ULL << 52)
#define PTE_UXN (1ULL << 54)
#define PTE_SW_DIRTY (1ULL << 55)
#define PTE_SPECIAL (1ULL << 56)
#define PTE_DEVMAP (1ULL << 57)		/* up to 6.16; nothing sets it since */

static __always_inline bool pte_user_address(u64 va)
{
	return !(va >> 48) || (HOST_FIVE_LEVELS && !(va >> 52));
}

static __always_inline bool pte_is_table(u64 entry, u32 level)
{
	return level > 1 && (entry & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

static __always_inline u64 pte_phys(u64 entry)
{
	return (entry & HOST_PHYS_MASK) | (HOST_FIVE_LEVELS ? (entry & 0x300) << 42 : 0);
}

static __always_inline u64 pte_table(u64 entry)
{
	return HOST_DIRECT_MAP + pte_phys(entry);
}

static __always_inline bool pte_present(u64 entry)
{
	return entry & PTE_VALID;
}

static __always_inline u64 pte_pfn(u64 entry, u32 level, u64 va)
{
	u64 inside = (1ULL << 9 * (level - 1)) - 1;

	return (pte_phys(entry) >> 12 & ~inside) | (va >> 12 & inside);
}

/* nothing is inverted here */
static __always_inline u64 pte_absent_pfn(u64 entry, u32 level, u64 va)
{
	return pte_pfn(entry, level, va);
}

static __always_inline u32 pte_why(u64 entry, u32 level)
{
	if (!entry)
		return level == 1 ? WHY_EMPTY : WHY_NO_TABLE;
	if (level > 3)
		return WHY_NO_TABLE;
	if (!(entry & PTE_PRESENT_INVALID))
		return WHY_SWAP;
	/* pte_protnone(): neither read nor executed by users; else pmd_mkinvalid(), before a split */
	if (level == 1 || (!(entry & PTE_USER) && entry & PTE_UXN))
		return WHY_PROT_NONE;
	return WHY_SPLIT;
}

/* Clean writable pages are PTE_RDONLY, too, until the CPU or a fault makes them dirty. */
static __always_inline bool pte_writable(u64 entry)
{
	return entry & PTE_WRITE;
}

static __always_inline bool pte_dirty(u64 entry)
{
	return entry & PTE_SW_DIRTY || (entry & PTE_WRITE && !(entry & PTE_RDONLY));
}

static __always_inline bool pte_accessed(u64 entry)
{
	return entry & PTE_ACCESSED;
}

/* All three at once, of an entry that is none of the rare ones. */
static __always_inline bool pte_used(u64 entry)
{
	return !(~entry & (PTE_VALID | PTE_ACCESSED)) && pte_dirty(entry);
}

static __always_inline bool pte_special(u64 entry)
{
	return entry & PTE_SPECIAL;
}

static __always_inline bool pte_devmap(u64 entry)
{
	return entry & PTE_DEVMAP;
}

/* a leaf that must not be used still has its rights, and its bits */
static __always_inline bool pte_prot_none(u64 entry)
{
	return (entry & (PTE_VALID | PTE_PRESENT_INVALID)) == PTE_PRESENT_INVALID;
}

/* What the CPU sets, or clears, by itself; PTE_SW_DIRTY stands for another of the block's entries. */
static __always_inline u64 pte_own_bits(void)
{
	return PTE_ACCESSED | PTE_RDONLY | PTE_SW_DIRTY;
}

static __always_inline u32 pte_swap_type(u64 entry)
{
	return entry >> 6 & 31;
}

/*
 * Sixteen entries that map a contiguous block are one to the CPU, which notes in any of them that the block
 * was accessed or written (contpte_ptep_get()): the entry at address slot with what all of them say.  Blocks
 * of huge leaves (PTE_CONT at level 2), which hugetlb has, are the same.
 */
static __always_inline u64 pte_of_block(u32 how, u64 slot, u64 entry)
{
	u64 first = slot & ~(CONT_ENTRIES * 8ULL - 1);
	u64 one;
	u32 i;

	if (!(entry & PTE_VALID) || !(entry & PTE_CONT))
		return entry;
	for (i = 0; i < CONT_ENTRIES; i++) {
		one = walk_read(how, first + i * 8);
		/* one that is gone meanwhile, or of another block by now, says nothing of ours */
		if (!(one & PTE_VALID) || !(one & PTE_CONT))
			continue;
		entry |= one & PTE_ACCESSED;
		if (pte_dirty(one))
			entry |= PTE_SW_DIRTY;
	}
	return entry;
}

#endif /* MMUSCOPE_ARCH_ARM64_HOST_PTE_H */
