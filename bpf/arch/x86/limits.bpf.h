/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeps KVM from mapping larger on x86.
 */
#ifndef MMUSCOPE_ARCH_X86_LIMITS_BPF_H
#define MMUSCOPE_ARCH_X86_LIMITS_BPF_H

/* What disallows a larger page in lpage_info: kvm_alloc_memslot_metadata(), x86.c, and its users. */
static __always_inline u32 disallowed_cause(struct survey_args *a, u64 gfn, u64 mask, u32 disallow)
{
	/* the edges of a memslot that is misaligned are no reason of their own */
	if ((a->base_gfn ^ (a->uaddr >> 12)) & mask)
		return LOW_MISALIGNED;
	if ((gfn & ~mask) < a->base_gfn || (gfn | mask) >= a->base_gfn + a->npages)
		return LOW_EDGE;
	return disallow & LPAGE_MIXED ? LOW_MIXED : LOW_TRACKED;
}

static __always_inline u32 level_limit(struct survey_state *st, struct survey_args *a, u32 level, u32 kind,
				       u64 gfn)
{
	u32 shift = level * 9, disallow;
	u64 mask = (1ULL << shift) - 1, info;

	info = read64(st->slot + bpf_core_field_offset(struct kvm_memory_slot, arch.lpage_info) +
		      (level - 1) * 8);
	info += ((gfn >> shift) - (a->base_gfn >> shift)) * bpf_core_type_size(struct kvm_lpage_info);
	if (bpf_probe_read_kernel(&disallow, sizeof(disallow), (void *)info))
		return LOW_UNKNOWN;
	if (disallow)
		return disallowed_cause(a, gfn, mask, disallow);
	return kind == TABLE_NX || st->nx_keeps ? LOW_NX : LOW_OLD;
}

static __always_inline u32 table_kind(u64 table)
{
	return sp_nx_disallowed(sptep_page(table)) ? TABLE_NX : TABLE_PLAIN;
}

#endif /* MMUSCOPE_ARCH_X86_LIMITS_BPF_H */
