/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shadow MMU (tdp_mmu=0, npt=0, nested guests).  Its leaf SPTEs are all on their memslot's reverse map:
 * __rmap_add() sees every new one with its value already in place, mmu_spte_clear_track_bits() every one
 * that goes, mmu_spte_update() changes of rights (mmu.c, 6.1 to 7.x).
 */
#ifndef MMUSCOPE_SHADOW_BPF_H
#define MMUSCOPE_SHADOW_BPF_H

#include "page.bpf.h"
#include "scan.bpf.h"

struct shadow_spte {
	u64 gfn;
	u32 level;
	u32 as_id;
	u32 ok;
	u32 pad;
};

/* struct kvm_mmu_page of the page that an SPTE lies in: sptep_to_sp(), mmu/spte.h. */
static __always_inline u64 sptep_page(u64 sptep)
{
	u64 page = k_vmemmap_base + ((sptep - k_page_offset_base) >> 12) * bpf_core_type_size(struct page);

	return FIELD64(page, struct page, private);
}

/* gfn, level and address space of an SPTE of the shadow MMU: kvm_mmu_page_get_gfn(), mmu.c. */
GLOBAL int shadow_spte(u64 sptep, struct shadow_spte *out)
{
	u64 sp = sptep_page(sptep), translation;
	u32 index = (sptep >> 3) & 511, role;

	if (!out)
		return 0;
	out->ok = 0;
	if (!sp)
		return 0;
	role = FIELD32(sp, struct kvm_mmu_page, role.word);
	out->level = role & ROLE_LEVEL;
	out->as_id = role >> ROLE_AS_SHIFT;
	if (out->level < 1 || out->level > LEVELS)
		return 0;
	translation = FIELD64(sp, struct kvm_mmu_page, shadowed_translation);
	if (translation)
		out->gfn = read64(translation + index * 8) >> 12;
	else
		out->gfn = FIELD64(sp, struct kvm_mmu_page, gfn) +
			   ((u64)index << ((out->level - 1) * 9));
	out->gfn &= ~(level_pages(out->level) - 1);
	out->ok = 1;
	return 0;
}

#endif /* MMUSCOPE_SHADOW_BPF_H */
