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

/* A function that is told how to read; the verifier drops the call that this kernel cannot make. */
#define READING(function, ...) \
	(cap_rdonly_cast ? function(WALK_BY_CAST, __VA_ARGS__) : function(WALK_BY_PROBE, __VA_ARGS__))

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

/*
 * The host's page table that was looked for last on this CPU, for programs that run under mmu_lock and ask
 * for an hva that a leaf SPTE maps: who frees or moves the table takes that lock first, to zap the SPTE.  It
 * serves as long as the entry that led to it is the same, which is cleared before the table is freed.  What
 * is found by it is taken only for a confirmation; host_leaf() has the last word.
 */
struct near_table {
	u64 pgd;
	u64 part;		/* hva >> 21; 0: none */
	u64 slot;		/* address of the entry that leads to it */
	u64 seen;		/* that entry */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct near_table);
} near_tables SEC(".maps");

/* Address of the table of 4K entries for hva; 0: there is none. */
GLOBAL u64 near_table_find(u64 pgd, u64 hva)
{
	u64 slot, entry, table = pgd;
	struct near_table *near;
	u32 zero = 0;

	near = bpf_map_lookup_elem(&near_tables, &zero);
	if (!near || !pgd || !pte_user_address(hva))
		return 0;
	near->part = 0;
	if (HOST_FIVE_LEVELS) {
		entry = read64(walk_slot(table, hva, 5));
		if (!pte_is_table(entry, 5))
			return 0;
		table = pte_table(entry);
	}
	entry = read64(walk_slot(table, hva, 4));
	if (!pte_is_table(entry, 4))
		return 0;
	entry = read64(walk_slot(pte_table(entry), hva, 3));
	if (!pte_is_table(entry, 3))
		return 0;
	slot = walk_slot(pte_table(entry), hva, 2);
	entry = read64(slot);
	if (!pte_is_table(entry, 2))
		return 0;
	near->pgd = pgd;
	near->slot = slot;
	near->seen = entry;
	near->part = hva >> 21;
	return pte_table(entry);
}

/* The same, but first the one at hand. */
static __always_inline u64 near_table(u32 how, u64 pgd, u64 hva)
{
	struct near_table *near;
	u32 zero = 0;

	near = bpf_map_lookup_elem(&near_tables, &zero);
	if (near && near->part == hva >> 21 && near->pgd == pgd && walk_read(how, near->slot) == near->seen)
		return pte_table(near->seen);
	return near_table_find(pgd, hva);
}

#endif /* MMUSCOPE_WALK_BPF_H */
