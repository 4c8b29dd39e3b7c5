/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference walker (walk.h) for BPF: reads of kernel memory, the running kernel's
 * constants.  KVM disables interrupts for its walk (host_pfn_mapping_level(), mmu.c); a BPF
 * program cannot, so a table may be freed under it: its reads cannot fault, and it says when the
 * tables changed instead of guessing.
 */
#ifndef MMUSCOPE_WALK_BPF_H
#define MMUSCOPE_WALK_BPF_H

#include "maps.bpf.h"

#define HOST_DIRECT_MAP k_page_offset_base
#define HOST_PHYS_MASK k_physical_mask
#define HOST_FIVE_LEVELS k_five_levels
#define HOST_SAVED_DIRTY k_saved_dirty

enum { WALK_BY_PROBE, WALK_BY_CAST };

/* read64(), but which way to read is the caller's, once for all reads; 7 instructions less for each. */
static __always_inline u64 walk_read(u32 how, u64 addr)
{
	u64 v = 0;

	if (how == WALK_BY_CAST)
		return *(u64 *)bpf_rdonly_cast((void *)addr, bpf_core_type_id_kernel(struct timespec64));
	bpf_probe_read_kernel(&v, sizeof(v), (void *)addr);
	return v;
}

#include "walk.h"

/* Kernel address of the table that an entry of a page table of the host or of KVM points to. */
static __always_inline u64 table_of(u64 entry)
{
	return k_page_offset_base + (entry & k_physical_mask);
}

#endif /* MMUSCOPE_WALK_BPF_H */
