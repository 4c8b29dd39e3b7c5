/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking into KVM's own page tables (TDP MMU): which leaf SPTEs exist for a range of gfns.  Used to
 * judge zapped-at-start, to find who maps a pfn, and to count what is mapped.  The tables are read
 * without a lock; they are freed after an RCU grace period (tdp_mmu_free_sp_rcu_callback(), tdp_mmu.c),
 * and BPF programs run inside an RCU read-side section.
 */
#ifndef MMUSCOPE_SCAN_BPF_H
#define MMUSCOPE_SCAN_BPF_H

#include "slots.bpf.h"
#include "spte.bpf.h"
#include "walk.bpf.h"

#include ARCH_ROOTS

enum {
	SCAN_STEPS_WINDOW = 1 << 14,	/* of up to 64 SPTEs each: bounds the work in a hook */
	SCAN_STEPS_CALL = 1 << 20,	/* in a program that user space runs */
};

struct scan {
	u64 root;		/* kernel address of the root table */
	u64 gfn;
	u64 end;
	u64 want_pfn;
	u64 leaves[LEVELS];
	u64 found_gfn;
	u64 found_spte;
	u32 found_level;
	u32 found;
	u32 level;		/* of the root */
	u32 by_pfn;		/* count only leaves that map want_pfn */
	u32 only_root;		/* number of the one root to look through, or ALL_ROOTS */
	u32 inside;		/* leaves that reach beyond [begin, end) do not count */
	u32 larger;		/* out: such leaves */
	u64 begin;
	u32 roots;		/* out: roots of the address space */
};

/* Take note of a leaf that the scan has come to. */
GLOBAL int scan_leaf(struct scan *s, u64 spte, u32 level, u64 gfn)
{
	u64 base;

	if (!s || level < 1 || level > LEVELS)
		return 0;
	base = gfn & ~(level_pages(level) - 1);

	if (s->by_pfn) {
		u64 pfn = spte_pfn(spte) & ~(level_pages(level) - 1);

		if (s->want_pfn < pfn || s->want_pfn >= pfn + level_pages(level))
			return 0;
		gfn = base + (s->want_pfn - pfn);
	}
	if (s->inside && (base < s->begin || base + level_pages(level) > s->end)) {
		s->larger++;
		return 0;
	}
	if (!s->found) {
		s->found_gfn = gfn;
		s->found_spte = spte;
		s->found_level = level;
	}
	s->found++;
	if (level == 1)
		s->leaves[0]++;
	else if (level == 2)
		s->leaves[1]++;
	else
		s->leaves[2]++;
	return 0;
}

/* Go down one level at s->gfn.  True: *table is the next table; false: s->gfn has moved on. */
static __always_inline bool scan_down(struct scan *s, u64 *table, u32 level)
{
	u32 shift = (level - 1) * 9;
	u64 spte = read64(*table + ((s->gfn >> shift) & 511) * 8);

	if (spte_present(spte) && !spte_leaf(spte, level)) {
		*table = table_of(spte);
		return true;
	}
	if (level <= 3 && spte_leaf(spte, level))
		scan_leaf(s, spte, level, s->gfn);
	s->gfn = ((s->gfn >> shift) + 1) << shift;
	return false;
}

struct chunk_scan {
	struct scan *s;
	u64 *chunk;
	u64 first;		/* gfn of the chunk's first SPTE */
};

/* One SPTE of a chunk; bpf_loop callback: a plain loop the verifier would follow 64 times. */
static long scan_entry(u32 k, struct chunk_scan *c)
{
	u64 spte, gfn = c->first + k;

	if (k >= SCAN_CHUNK)
		return 1;
	spte = c->chunk[k];
	if (spte_present(spte))
		scan_leaf(c->s, spte, 1, gfn);
	return 0;
}

/* n <= 64 SPTEs that lie at the address `from`; the first is of the gfn `first`. */
GLOBAL int scan_entries(struct scan *s, u64 from, u64 first, u32 n)
{
	struct chunk_scan c = { .s = s, .first = first };
	struct task_state *t;

	asm volatile("" : "+r"(n));	/* older verifiers forget the bound of a copy */
	if (!s || n > SCAN_CHUNK)
		return 1;
	t = task_scratch();
	if (!t)
		return 1;
	c.chunk = t->chunk;
	if (bpf_probe_read_kernel(t->chunk, n * 8, (void *)from)) {
		lost(LOSS_RACED);
		task_state_rest(t, 0);
		return 1;
	}
	bpf_loop(n, scan_entry, &c, 0);
	task_state_rest(t, 0);
	return 0;
}

/* Look at up to 64 SPTEs of a leaf table, those of s->gfn on; moves s->gfn.  0, or 1 to give up. */
static __always_inline int scan_chunk(struct scan *s, u64 table)
{
	u64 first = s->gfn, next = (first | (SCAN_CHUNK - 1)) + 1, spte;
	u64 from = table + (first & 511) * 8;

	if (next > s->end)
		next = s->end;
	if (next - first > 1) {
		if (scan_entries(s, from, first, next - first))
			return 1;
		s->gfn = next;
		return 0;
	}
	/* most windows are of one page */
	spte = read64(from);
	if (spte_present(spte))
		scan_leaf(s, spte, 1, first);
	s->gfn = next;
	return 0;
}

/* One chunk of a leaf table, or one empty stretch above it; bpf_loop callback. */
static long scan_step(u32 i, struct scan *s)
{
	u64 table = s->root;

	if (s->gfn >= s->end)
		return 1;
	if (!root_reaches(s->level, s->gfn)) {
		s->gfn = s->end;
		return 1;
	}
	table = root_table(table, s->level, s->gfn);
	if ((root_has(s->level, 5) && !scan_down(s, &table, 5)) ||
	    (root_has(s->level, 4) && !scan_down(s, &table, 4)) ||
	    (root_has(s->level, 3) && !scan_down(s, &table, 3)) || !scan_down(s, &table, 2))
		return 0;
	return scan_chunk(s, table) ? 1 : 0;
}

/* Look through one root from s->gfn on.  GLOBAL, or the verifier would follow it once for each root. */
GLOBAL int scan_root(struct scan *out, u32 steps)
{
	struct scan s;

	if (!out)
		return 0;
	/* most ranges lie in one chunk */
	if (scan_step(0, out) || out->gfn >= out->end)
		return out->gfn >= out->end;
	s = *out;	/* bpf_loop takes a context on the stack only */
	bpf_loop(steps, scan_step, &s, 0);
	*out = s;
	return s.gfn >= s.end;
}

/*
 * Look through [out->gfn, out->end) of every TDP root of address space as_id.  Returns 0 if the range was
 * too large for `steps` or the list too long.
 */
GLOBAL int scan_roots(struct scan *out, u64 kvm, u32 as_id, u32 steps)
{
	struct roots r = {};
	int complete = 1;
	u64 start;

	if (!out)
		return 0;
	start = out->gfn;
	roots_begin(&r, kvm);
	for (u32 i = 0; i < ROOTS_MAX; i++) {
		if (roots_over(&r) || !roots_next(&r))
			break;
		if (r.role >> ROLE_AS_SHIFT != as_id ||
		    (out->only_root != ALL_ROOTS && out->only_root != out->roots++))
			continue;
		out->root = r.table;
		out->level = r.role & ROLE_LEVEL;
		out->gfn = start;
		if (!scan_root(out, steps))
			complete = 0;
	}
	return roots_seen(&r) && complete;
}

struct rmap_scan {
	u64 heads;		/* address of the reverse map's heads of one level */
	u64 index;
	u64 end;
	u64 spte;		/* out: the first SPTE found */
	u64 found_index;
	u32 found;
	u32 pad;
};

enum {
	RMAP_MANY = 1 << 0,	/* kvm_rmap_head.val points to a pte_list_desc, not to an SPTE */
	RMAP_BITS = 3,		/* and bit 1 is a lock from 6.15 on */
	PTE_LIST_COUNT = 8,	/* offset of pte_list_desc.spte_count, 6.1 to 7.x */
	PTE_LIST_SPTES = 16,	/* of .sptes */
};

/* Take note of a head that is not empty. */
GLOBAL int rmap_hit(struct rmap_scan *r, u64 val, u64 index)
{
	if (!r || !(val & ~(u64)RMAP_BITS) || index >= r->end)
		return 0;
	if (!r->found) {
		r->found_index = index;
		r->spte = val & RMAP_MANY ? read64((val & ~(u64)RMAP_BITS) + PTE_LIST_SPTES) :
					    val & ~(u64)RMAP_BITS;
	}
	r->found++;
	return 0;
}

struct chunk_rmap {
	struct rmap_scan *r;
	u64 *chunk;
	u64 first;
};

static long rmap_entry(u32 k, struct chunk_rmap *c)
{
	if (k >= SCAN_CHUNK)
		return 1;
	if (c->chunk[k])
		rmap_hit(c->r, c->chunk[k], c->first + k);
	return 0;
}

/* Up to 64 heads of a reverse map. */
GLOBAL int rmap_chunk(struct rmap_scan *r)
{
	struct chunk_rmap c = { .r = r };
	struct task_state *t;
	u64 first;

	if (!r || r->index >= r->end)
		return 1;
	t = task_scratch();
	first = r->index;
	if (!t)
		return 1;
	if (bpf_probe_read_kernel(t->chunk, sizeof(t->chunk), (void *)(r->heads + first * 8))) {
		lost(LOSS_RACED);
		task_state_rest(t, 0);
		return 1;
	}
	c.chunk = t->chunk;
	c.first = first;
	bpf_loop(SCAN_CHUNK, rmap_entry, &c, 0);
	task_state_rest(t, 0);
	r->index = first + SCAN_CHUNK;
	return 0;
}

static long rmap_step(u32 i, struct rmap_scan *r)
{
	return rmap_chunk(r) ? 1 : 0;
}

/*
 * Look through the reverse maps of a memslot: SPTEs of the shadow MMU that map gfns of the span.  A VM that
 * never used that MMU has none (kvm_memslots_have_rmaps(), mmu.c).
 */
GLOBAL int scan_rmaps(struct scan *s, struct span *span)
{
	u64 slot, gfn, end, base;

	if (!s || !span)
		return 0;
	slot = span->slot;
	base = span->base_gfn;
	for (u32 level = 1; level <= LEVELS; level++) {
		u32 shift = (level - 1) * 9;
		struct rmap_scan r = {};

		r.heads = read64(slot + bpf_core_field_offset(struct kvm_memory_slot, arch.rmap) +
				 (level - 1) * 8);
		if (!r.heads)
			return 0;
		/* huge leaves only where they lie inside the span altogether */
		gfn = (span->gfn + level_pages(level) - 1) >> shift;
		end = span->end >> shift;
		r.index = gfn - (base >> shift);
		r.end = end - (base >> shift);
		if (gfn >= end)
			continue;
		bpf_loop(SCAN_STEPS_WINDOW, rmap_step, &r, 0);
		if (r.index < r.end)
			lost(LOSS_SCAN_STEPS);
		if (!r.found)
			continue;
		if (!s->found) {
			s->found_gfn = ((base >> shift) + r.found_index) << shift;
			s->found_spte = read64(r.spte);
			s->found_level = level;
		}
		s->found += r.found;
	}
	return 0;
}

#endif /* MMUSCOPE_SCAN_BPF_H */
