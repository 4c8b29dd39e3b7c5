/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeps KVM from mapping larger on arm64: fault_supports_stage2_huge_mapping(), arch/arm64/kvm/mmu.c.
 */
#ifndef MMUSCOPE_ARCH_ARM64_LIMITS_BPF_H
#define MMUSCOPE_ARCH_ARM64_LIMITS_BPF_H

static __always_inline u32 level_limit(struct survey_state *st, struct survey_args *a, u32 level, u32 kind,
				       u64 gfn)
{
	u64 mask = (1ULL << level * 9) - 1;

	(void)st;
	(void)kind;
	/* the edges of a memslot that is misaligned are no reason of their own */
	if ((a->base_gfn ^ (a->uaddr >> 12)) & mask)
		return LOW_MISALIGNED;
	if ((gfn & ~mask) < a->base_gfn || (gfn | mask) >= a->base_gfn + a->npages)
		return LOW_EDGE;
	return LOW_OLD;
}

/* nothing is known of a table */
static __always_inline u32 table_kind(u64 table)
{
	(void)table;
	return TABLE_PLAIN;
}

#endif /* MMUSCOPE_ARCH_ARM64_LIMITS_BPF_H */
