/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Late attach: the block map learns what a VM had mapped before we came, while the VM goes on running.
 *
 * A cursor moves over the VM's gfns (of one address space, then the other), one leaf table of 512 gfns at
 * a time.  A change of an SPTE behind the cursor is applied to the block map by its hook; one ahead of it is
 * not, since the walk will come by and see its result; one in the table being looked at is not, and makes
 * the walk look again.  The hook sets bit 0 of the cursor in the same atomic operation with which it
 * learns where the cursor stands, and the walk moves the cursor by compare-and-swap: either the hook
 * sees the cursor behind itself, or the walk sees that it was disturbed.  SPTEs are written before their
 * hook runs, so nothing falls between.
 */
#ifndef MMUSCOPE_ADOPT_BPF_H
#define MMUSCOPE_ADOPT_BPF_H

#include "window.bpf.h"

#define ADOPT_GFN_END (1ULL << 40)

/* Where a gfn lies on the walk: address spaces one after another. */
static __always_inline u64 adopt_place(u32 as_id, u64 gfn)
{
	return as_id * ADOPT_GFN_END + gfn;
}

/* Is this change not to be applied to the block map: the walk has yet to come by? */
static __always_inline bool adopt_ahead(u32 index, u32 as_id, u64 gfn, u32 level)
{
	struct vm_state *st = vm_state(index);
	u64 place = adopt_place(as_id, gfn), end = place + level_pages(level), word;

	if (!st)
		return false;
	word = st->adopt;
	if (end <= word >> 1)
		return false;
	word = __sync_fetch_and_or(&st->adopt, 1);
	if (place < word >> 1 && end > word >> 1)
		st->adopt_spoiled = 1;	/* a 1G leaf, some of whose 2M the walk has been over */
	return place >= word >> 1;
}

struct adopt {
	u64 root;
	u64 leaves;
	u64 differ;
	u64 gfn;		/* audit: where the walk is */
	u32 vm;
	u32 level;
	u32 as_id;
	u32 audit;
	u64 by_level[LEVELS];
};

/* A may-write leaf that the walk has come to: into the block map, or compared with it. */
GLOBAL int adopt_leaf(struct adopt *a, u64 spte, u32 level)
{
	if (!a || level < 1 || level > LEVELS)
		return 0;
	if (!a->audit) {
		if (level == 1)
			a->by_level[0]++;
		else if (level == 2)
			a->by_level[1]++;
		else
			a->by_level[2]++;
	}
	if (!spte_may_write(spte))
		return 0;
	a->leaves++;
	if (!a->audit)
		track_change(spte_pfn(spte), level, 1);
	else if (!track_has(spte_pfn(spte), level))
		a->differ++;
	return 0;
}

static long adopt_entry(u32 i, struct adopt *a)
{
	u32 zero = 0;
	u64 *table = bpf_map_lookup_elem(&adopt_table, &zero), spte;

	if (!table || i >= 512)
		return 1;
	spte = table[i];
	if (spte_present(spte))
		adopt_leaf(a, spte, 1);
	return 0;
}

/* The walk has finished looking at [from, to): move the cursor, unless something changed there. */
static __always_inline bool adopt_advance(struct adopt *a, struct vm_state *st, u64 from, u64 to)
{
	if (a->audit) {
		a->gfn = to;
		return true;
	}
	from = adopt_place(a->as_id, from) << 1;
	to = adopt_place(a->as_id, to) << 1;
	return __sync_val_compare_and_swap(&st->adopt, from, to) == from;
}

/* One leaf table, huge leaf or empty stretch; bpf_loop callback. */
static long adopt_step(u32 i, struct adopt *a)
{
	u32 vm = a->vm, zero = 0, level;
	struct vm_state *st = vm_state(vm);
	u64 table = a->root, gfn, spte = 0, next;
	void *copy = bpf_map_lookup_elem(&adopt_table, &zero);

	if (!st || !copy)
		return 1;
	if (a->audit) {
		gfn = a->gfn;
	} else {
		gfn = (st->adopt >> 1) - adopt_place(a->as_id, 0);
		if (gfn >= ADOPT_GFN_END)
			return 1;
		/* a full barrier: what is read of the page tables from here on is newer than this */
		__sync_lock_test_and_set(&st->adopt, adopt_place(a->as_id, gfn) << 1);
	}
	if (gfn >= ADOPT_GFN_END)
		return 1;
	if (a->level < 5 && gfn >= GFN_END_4) {
		adopt_advance(a, st, gfn, ADOPT_GFN_END);
		return 0;
	}
	for (level = 5; level >= 2; level--) {
		u32 shift = (level - 1) * 9;

		if (level > a->level)
			continue;
		spte = read64(table + ((gfn >> shift) & 511) * 8);
		if (!spte_present(spte) || (level <= 3 && (spte & SPTE_HUGE))) {
			next = ((gfn >> shift) + 1) << shift;
			if (!adopt_advance(a, st, gfn, next))
				return 0;
			/* a leaf that came after the walk had passed its beginning is its hook's */
			if (spte_leaf(spte, level) && !(gfn & (level_pages(level) - 1)))
				adopt_leaf(a, spte, level);
			return 0;
		}
		table = table_of(spte);
	}
	if (bpf_probe_read_kernel(copy, 4096, (void *)table))
		return 1;
	if (!adopt_advance(a, st, gfn, (gfn | 511) + 1))
		return 0;
	bpf_loop(512, adopt_entry, a, 0);
	return 0;
}

enum { ADOPT_STEPS = 1 << 16 };

/* The only root of an address space, and its level; more than one cannot be adopted now. */
GLOBAL int adopt_root(u64 kvm, u32 as_id, struct adopt *a)
{
	struct roots r = {};
	int n = 0;

	if (!a)
		return 0;
	roots_begin(&r, kvm);
	for (u32 i = 0; i < ROOTS_MAX; i++) {
		if (!roots_next(&r))
			break;
		if (r.role >> ROLE_AS_SHIFT != as_id)
			continue;
		a->root = r.table;
		a->level = r.role & ROLE_LEVEL;
		n++;
	}
	return n;
}

#endif /* MMUSCOPE_ADOPT_BPF_H */
