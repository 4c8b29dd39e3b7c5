/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading an SPTE, which is the architecture's to do, and what a change of one is.
 */
#ifndef MMUSCOPE_SPTE_BPF_H
#define MMUSCOPE_SPTE_BPF_H

#include "arch/arch.h"
#include "maps.bpf.h"

#include ARCH_SPTE

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
