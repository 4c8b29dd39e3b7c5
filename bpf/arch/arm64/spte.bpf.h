/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading an entry of arm64's stage 2, which is called an SPTE here as on x86.  The bits are macros of
 * arch/arm64/include/asm/kvm_pgtable.h, the same from 6.12 to 7.x.  Levels count as everywhere here: 1 is 4K,
 * which arm64 calls 3.
 */
#ifndef MMUSCOPE_ARCH_ARM64_SPTE_BPF_H
#define MMUSCOPE_ARCH_ARM64_SPTE_BPF_H

enum {
	HAS_SHADOW_MMU = 0,
	TABLES_BY_RCU = 0,	/* KVM frees them at once, under its lock */
	ADDRESS_SPACES = 1,	/* KVM_MAX_NR_ADDRESS_SPACES */
	S2_VALID = 1 << 0,
	S2_TABLE = 1 << 1,	/* above level 1; at level 1 it is set, too */
	S2_WRITE = 1 << 7,
	S2_ACCESSED = 1 << 10,
};

/* An entry that is locked while it is changed, or has an annotation only, is not valid. */
static __always_inline bool spte_present(u64 spte)
{
	return spte & S2_VALID;
}

static __always_inline bool spte_leaf(u64 spte, u32 level)
{
	return spte_present(spte) && (level == 1 || !(spte & S2_TABLE));
}

static __always_inline bool spte_may_write(u64 spte)
{
	return spte & S2_WRITE;
}

/* May the guest have written through it?  KVM does not let the CPU tell (no DBM in stage 2). */
static __always_inline bool spte_written(u64 spte)
{
	return spte & S2_WRITE;
}

/* With 52-bit addresses (LPA2) bits 51:50 are in 9:8, as in the host's tables. */
static __always_inline u64 spte_pfn(u64 spte)
{
	return (spte & k_physical_mask) >> 12 | (k_five_levels ? (spte & 0x300) << 30 : 0);
}

/*
 * The root is up to sixteen pages in a row, instead of a level above them.  What is called its level holds
 * the size of the guest's address space, too.
 */
enum {
	ROOT_LEVEL = 7,
	ROOT_BITS_SHIFT = 8,
};

static __always_inline bool root_has(u32 level, u32 n)
{
	return (level & ROOT_LEVEL) >= n;
}

static __always_inline bool root_reaches(u32 level, u64 gfn)
{
	return !(gfn >> ((level >> ROOT_BITS_SHIFT) - 12 & 63));
}

static __always_inline u64 root_table(u64 root, u32 level, u64 gfn)
{
	return root + (gfn >> (level & ROOT_LEVEL) * 9 << 12);
}

#endif /* MMUSCOPE_ARCH_ARM64_SPTE_BPF_H */
