/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading an SPTE (x86): is it a leaf, may the guest write through it, may it have done so.  The bit
 * positions here are the same from 6.1 to 7.x (arch/x86/kvm/mmu/spte.h); those that moved are read
 * from KVM's own variables at start.
 */
#ifndef MMUSCOPE_SPTE_BPF_H
#define MMUSCOPE_SPTE_BPF_H

#include "maps.bpf.h"

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

/* 4K pages that a leaf of this level maps */
static __always_inline u64 level_pages(u32 level)
{
	return 1ULL << ((level - 1) * 9);
}

/* a change of a leaf SPTE: see change.bpf.h */
struct change {
	u64 kvm;
	u64 gfn;
	u64 old;
	u64 new;
	u32 vm;
	u32 as_id;
	u32 level;
	u32 marked;		/* KVM's own mark, if it makes one, is already made */
};

#endif /* MMUSCOPE_SPTE_BPF_H */
