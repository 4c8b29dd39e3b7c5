/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading an SPTE of x86: is it a leaf, may the guest write through it, may it have done so.  The bit
 * positions here are the same from 6.1 to 7.x (arch/x86/kvm/mmu/spte.h); those that moved are read
 * from KVM's own variables at start.
 */
#ifndef MMUSCOPE_ARCH_X86_SPTE_BPF_H
#define MMUSCOPE_ARCH_X86_SPTE_BPF_H

enum {
	HAS_SHADOW_MMU = 1,
	TABLES_BY_RCU = 1,	/* KVM frees its page tables after a grace period */
	ADDRESS_SPACES = 2,	/* KVM_MAX_NR_ADDRESS_SPACES: system management mode has one of its own */
};

enum {
	SPTE_MMU_PRESENT = 1 << 11,
	SPTE_WRITABLE = 1 << 1,
	SPTE_HUGE = 1 << 7,
};

static __always_inline bool spte_present(u64 spte)
{
	return spte & SPTE_MMU_PRESENT;
}

static __always_inline bool spte_leaf(u64 spte, u32 level)
{
	return spte_present(spte) && (level == 1 || (spte & SPTE_HUGE));
}

/* Writable, or MMU-writable: fast_page_fault() may set the bit without a lock or a hook. */
static __always_inline bool spte_may_write(u64 spte)
{
	return spte & (SPTE_WRITABLE | k_mmu_writable_mask);
}

/* May the guest have written through it?  make_spte() sets the dirty bit together with W. */
static __always_inline bool spte_written(u64 spte)
{
	if (k_ad_disabled || !k_dirty_mask)
		return spte & SPTE_WRITABLE;
	return spte & k_dirty_mask;
}

static __always_inline u64 spte_pfn(u64 spte)
{
	return (spte & k_physical_mask) >> 12;
}

/* a root of 4 levels reaches so far; behind that its index would begin again at 0 */
#define GFN_END_4 (1ULL << 36)

/* Does a root of this level have tables of level n? */
static __always_inline bool root_has(u32 level, u32 n)
{
	return n <= 4 || level >= n;
}

static __always_inline bool root_reaches(u32 level, u64 gfn)
{
	return level >= 5 || gfn < GFN_END_4;
}

/* The part of a root that has the entry for gfn: it is one page. */
static __always_inline u64 root_table(u64 root, u32 level, u64 gfn)
{
	(void)level;
	(void)gfn;
	return root;
}

#endif /* MMUSCOPE_ARCH_X86_SPTE_BPF_H */
