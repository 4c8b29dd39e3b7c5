/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The level ledger: takes stock of a memslot, 2M of guest memory after the other.  Counts the leaf SPTEs by
 * their level and by that of the host's page tables under them, and says of those that are smaller why: by
 * asking what KVM asks when it maps (kvm_mmu_hugepage_adjust(), kvm_mmu_max_mapping_level(), mmu.c), in KVM's
 * order.  Runs when user space asks, and costs a fault nothing.
 */
#ifndef MMUSCOPE_LEDGER_BPF_H
#define MMUSCOPE_LEDGER_BPF_H

#include "shadow.bpf.h"
#include "vm.bpf.h"

enum {
	SURVEY_REGIONS = 128,	/* 2M each, in one call: RCU is held over it */
	TABLE_SPTES = 512,
	RMAP_STEPS = 1 << 14,	/* SPTEs of one gfn */
	SLOT_LOG_DIRTY = 1 << 0,	/* KVM_MEM_LOG_DIRTY_PAGES */
	SLOT_GMEM_ONLY = 1 << 17,	/* KVM_MEMSLOT_GMEM_ONLY, include/linux/kvm_host.h; since 6.18 */
	LPAGE_MIXED = 1U << 31,		/* KVM_LPAGE_MIXED_FLAG, mmu.c; since 6.8 */
	ORDER_2M = 9,
	/* what KVM knows of a table of SPTEs that bears on the level of its leaves */
	TABLE_PLAIN = 0,
	TABLE_NX,		/* made instead of a huge leaf, since the guest executes from it */
	TABLE_OF_GUEST,		/* shadows a page table of the guest's */
	TABLE_TOP,		/* hangs from a PAE root, which has no leaves */
	TABLE_KINDS,
	/* 4K leaves on either side of the border between two 2M of the host's, 2M and 1G leaves */
	PART_4K = 0,
	PART_4K_SECOND = 1,
	PART_2M = 2,
	PART_1G = 3,
	PARTS = 4 * TABLE_KINDS,	/* each by kind of table */
};

/* leaves of the region in work that have everything in common that matters */
struct survey_part {
	u64 n;
	u64 large;		/* of them: of a folio of 2M and more */
	u64 gfn;		/* the first */
	u64 spte;
};

struct survey_state {
	u64 slot;
	u64 pgd;
	u64 kvm;
	u64 region;		/* first gfn of the 2M of guest memory in work */
	u64 from;		/* what of it lies in the memslot... */
	u64 to;
	u64 split;		/* ...and from where on it lies in the next 2M of the host */
	u64 next;		/* region to go on with */
	u64 block;		/* 2M of host memory that was looked at last, and... */
	u32 block_large;	/* ...whether it is a folio of 2M and more */
	u32 table_kind;		/* of the shadow page looked at last, whose SPTEs are at... */
	u64 table_at;
	u32 nx_keeps;		/* NX huge pages forbid a larger leaf in the place of any table */
	u32 scratch;
	struct survey_part part[PARTS];
	u64 table[TABLE_SPTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct survey_args);
} surveys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct survey_state);
} survey_states SEC(".maps");

static __always_inline struct survey_args *survey_args(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&surveys, &zero);
}

static __always_inline struct survey_state *survey_state(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&survey_states, &zero);
}

#include ARCH_LIMITS

/* Why are the leaves of this level, in a table of this kind, not one level larger?  enum level_cause */
GLOBAL u32 survey_cause(u32 level, u32 kind, u64 gfn)
{
	struct survey_state *st = survey_state();
	struct survey_args *a = survey_args();

	if (!st || !a || level < 1 || level >= LEVELS)
		return LOW_UNKNOWN;
	/* fault->max_level, FNAME(page_fault): the leaf is as large as the guest's own */
	if (kind == TABLE_OF_GUEST)
		return LOW_GUEST;
	if (kind == TABLE_TOP)
		return LOW_UNPAGED;
	if (a->flags & SLOT_LOG_DIRTY)
		return LOW_DIRTY_LOG;
	if (k_max_level && k_max_level <= level)
		return LOW_CAP;
	return level_limit(st, a, level, kind, gfn);
}

/*
 * Enter n leaves of one level, the first of which maps gfn, all under the same leaf or table of the host's.
 * Returns the host's level, 0 if its tables have nothing to do with it: guest_memfd.
 */
GLOBAL u32 survey_add(u32 level, u32 kind, u64 gfn, u64 spte, u64 n)
{
	struct survey_state *st = survey_state();
	struct survey_args *a = survey_args();
	struct leaf leaf = {};
	u64 *leaves;
	bool same = false;
	u32 host = 0, cause, at;

	if (!st || !a || level < 1 || level > LEVELS)
		return 0;
	if (!(a->flags & SLOT_GMEM_ONLY) &&
	    host_leaf(st->pgd, a->uaddr + ((gfn - a->base_gfn) << 12), &leaf) == WALK_OK) {
		host = leaf.level;
		same = !((leaf.pfn ^ spte_pfn(spte)) & ~(level_pages(level) - 1));
	}
	if (host > LEVELS || (!same && a->flags & SLOT_GMEM))
		host = 0;
	/* the compiler knows that it fits, and the verifier has to be shown */
	at = (level - 1) * HOST_LEVELS + host;
	barrier_var(at);
	if (at >= LEVELS * HOST_LEVELS)
		return 0;
	leaves = &a->leaves[0][0];
	leaves[at] += n;
	a->backings |= 1U << (backing_of(folio_mapping_word(pfn_head(spte_pfn(spte)))) & 31);
	if (host <= level)
		return host;
	cause = same ? survey_cause(level, kind, gfn) : LOW_UNKNOWN;
	barrier_var(cause);
	if (cause < LOW_NR)
		a->lost[cause] += n * level_pages(level);
	return host;
}

/* Is the page of a folio of 2M and more? */
static __always_inline bool page_large(struct survey_state *st, u64 pfn)
{
	u64 head;

	if (st->block == pfn >> ORDER_2M)
		return st->block_large;
	head = pfn_head(pfn);
	st->block_large = folio_order(head, page_flags(head)) >= ORDER_2M;
	/* of smaller folios there are many in a block */
	st->block = st->block_large ? pfn >> ORDER_2M : ~0ULL;
	return st->block_large;
}

/* Count a leaf of the region. */
static __always_inline void survey_leaf(struct survey_state *st, u32 level, u32 kind, u64 gfn, u64 spte,
					bool folios)
{
	u32 i = gfn >= st->split ? PART_4K_SECOND : PART_4K;
	struct survey_part *p;

	if (level > 1)
		i = level;	/* PART_2M, PART_1G */
	i = i * TABLE_KINDS + (kind & (TABLE_KINDS - 1));
	barrier_var(i);
	p = &st->part[i & (PARTS - 1)];
	if (!p->n) {
		p->gfn = gfn;
		p->spte = spte;
	}
	p->n++;
	if (folios && level == 1 && page_large(st, spte_pfn(spte)))
		p->large++;
}

struct survey_table {
	u32 kind;
	u32 folios;
};

/* One SPTE of a leaf table; bpf_loop callback. */
static long survey_entry(u32 k, struct survey_table *t)
{
	struct survey_state *st = survey_state();
	u64 gfn;

	if (!st || k >= TABLE_SPTES)
		return 1;
	gfn = st->region + k;
	if (spte_present(st->table[k]) && gfn >= st->from && gfn < st->to)
		survey_leaf(st, 1, t->kind, gfn, st->table[k], t->folios);
	return 0;
}

/*
 * The kind of the shadow MMU's table whose struct kvm_mmu_page is at sp.  Without nested paging a guest that
 * has no paging on gets a PAE root with four tables of 2M entries: nonpaging_page_fault() and
 * mmu_alloc_direct_roots(), mmu.c.  All other roots of this kind have a larger level or shadow the guest's.
 */
static __always_inline u32 shadow_table_kind(u64 sp, u32 level)
{
	if (!role_direct(sp))
		return TABLE_OF_GUEST;
	if (level == 2 && FIELD32(sp, struct kvm_mmu_page, root_count))
		return TABLE_TOP;
	return sp_nx_disallowed(sp) ? TABLE_NX : TABLE_PLAIN;
}

/*
 * Look through the region in the tables of one TDP root.  A larger leaf is entered where it begins; no
 * memslot begins inside one.  Moves st->next down to where this root has something to look at again.
 */
GLOBAL int survey_root(u64 table, u32 root_level, u32 folios)
{
	struct survey_table t = { .folios = folios };
	struct survey_state *st = survey_state();
	u64 spte = 0, next, gfn, at = 0;

	if (!st)
		return 0;
	gfn = st->region;
	table = root_table(table, root_level, gfn);
	for (u32 level = 5; level >= 2; level--) {
		u32 shift = (level - 1) * 9;

		if (!root_has(root_level, level))
			continue;
		at = table + ((gfn >> shift) & 511) * 8;
		spte = read64(at);
		if (!spte_present(spte) || (level <= 3 && spte_leaf(spte, level))) {
			if (spte_leaf(spte, level) && !(gfn & (level_pages(level) - 1)) && gfn == st->from)
				survey_leaf(st, level, table_kind(table), gfn, spte, false);
			next = ((gfn >> shift) + 1) << shift;
			if (next < st->next)
				st->next = next;
			return 0;
		}
		table = table_of(spte);
	}
	st->next = gfn + TABLE_SPTES;
	if (bpf_probe_read_kernel(st->table, sizeof(st->table), (void *)table) ||
	    (!TABLES_BY_RCU && read64(at) != spte)) {
		lost(LOSS_RACED);
		return 0;
	}
	t.kind = table_kind(table);
	bpf_loop(TABLE_SPTES, survey_entry, &t, 0);
	return 0;
}

/* An SPTE of the shadow MMU. */
GLOBAL int survey_sptep(u64 sptep, u32 level, u64 gfn, u32 folios)
{
	struct survey_state *st = survey_state();
	u64 spte = read64(sptep);

	if (!st || !spte_leaf(spte, level))
		return 0;
	if (st->table_at != sptep >> 12) {
		st->table_kind = shadow_table_kind(sptep_page(sptep), level);
		st->table_at = sptep >> 12;
	}
	survey_leaf(st, level, st->table_kind, gfn, spte, folios);
	return 0;
}

struct survey_rmap {
	u64 desc;		/* struct pte_list_desc */
	u64 gfn;
	u32 i;
	u32 n;			/* SPTEs of desc */
	u32 level;
	u32 folios;
};

/* One SPTE of many for a gfn; bpf_loop callback. */
static long survey_rmap_step(u32 k, struct survey_rmap *r)
{
	if (r->i >= r->n) {
		r->desc = read64(r->desc);	/* .more */
		if (!r->desc)
			return 1;
		r->n = read32(r->desc + PTE_LIST_COUNT);
		r->i = 0;
		return 0;
	}
	survey_sptep(read64(r->desc + PTE_LIST_SPTES + r->i * 8), r->level, r->gfn, r->folios);
	r->i++;
	return 0;
}

/* A head of a reverse map: see rmap_hit(). */
GLOBAL int survey_rmap(u64 val, u32 level, u64 gfn, u32 folios)
{
	struct survey_rmap r = { .gfn = gfn, .level = level, .folios = folios };
	struct survey_state *st = survey_state();

	if (!st)
		return 0;
	if (!(val & RMAP_MANY))
		return val & ~(u64)RMAP_BITS ? survey_sptep(val & ~(u64)RMAP_BITS, level, gfn, folios) : 0;
	r.desc = val & ~(u64)RMAP_BITS;
	r.i = unknown(&st->scratch, 0);
	r.n = read32(r.desc + PTE_LIST_COUNT);
	bpf_loop(RMAP_STEPS, survey_rmap_step, &r, 0);
	return 0;
}

static long survey_rmap_entry(u32 k, struct survey_table *t)
{
	struct survey_state *st = survey_state();

	if (!st || k >= TABLE_SPTES || st->from + k >= st->to)
		return 1;
	if (st->table[k])
		survey_rmap(st->table[k], 1, st->from + k, t->folios);
	return 0;
}

/* The region's leaves that are the shadow MMU's: all are on the memslot's reverse maps, if it has some. */
GLOBAL int survey_rmaps(u32 folios)
{
	struct survey_state *st = survey_state();
	struct survey_args *a = survey_args();
	struct survey_table t = { .folios = folios };
	u64 heads[LEVELS], n;

	if (!st || !a || bpf_probe_read_kernel(heads, sizeof(heads), (void *)(st->slot +
					       bpf_core_field_offset(struct kvm_memory_slot, arch.rmap))))
		return 0;
	if (!heads[0])
		return 0;
	st->next = st->region + TABLE_SPTES;
	n = st->to - st->from;
	if (n > TABLE_SPTES ||
	    bpf_probe_read_kernel(st->table, n * 8, (void *)(heads[0] + (st->from - a->base_gfn) * 8))) {
		lost(LOSS_RACED);
		return 0;
	}
	bpf_loop(TABLE_SPTES, survey_rmap_entry, &t, 0);
	for (u32 level = 2; level <= LEVELS; level++) {
		u32 shift = (level - 1) * 9;

		if (!heads[level - 1] || st->from & (level_pages(level) - 1))
			continue;
		survey_rmap(read64(heads[level - 1] + ((st->from >> shift) - (a->base_gfn >> shift)) * 8),
			    level, st->from, folios);
	}
	return 0;
}

/* Set up the region that gfn lies in. */
static __always_inline void survey_region(struct survey_state *st, struct survey_args *a)
{
	u64 end = a->base_gfn + a->npages, hva;

	st->region = a->gfn & ~(u64)(TABLE_SPTES - 1);
	st->from = a->gfn;
	st->to = st->region + TABLE_SPTES < end ? st->region + TABLE_SPTES : end;
	hva = a->uaddr + ((a->gfn - a->base_gfn) << 12);
	st->split = a->gfn + TABLE_SPTES - ((hva >> 12) & (TABLE_SPTES - 1));
	st->next = end;
	__builtin_memset(st->part, 0, sizeof(st->part));
}

/* Enter what has been counted in the region. */
static __always_inline void survey_parts(struct survey_state *st, struct survey_args *a)
{
	for (u32 i = 0; i < PARTS; i++) {
		struct survey_part *p = &st->part[i];
		u32 level = i / TABLE_KINDS, host;

		if (!p->n)
			continue;
		host = survey_add(level > 1 ? level : 1, i & (TABLE_KINDS - 1), p->gfn, p->spte, p->n);
		if (host == 1)
			a->promised += p->large;
	}
}

/* One region; bpf_loop callback. */
static long survey_step(u32 k, u32 *folios)
{
	struct survey_state *st = survey_state();
	struct survey_args *a = survey_args();
	struct roots r = {};

	if (!st || !a || a->gfn >= a->base_gfn + a->npages)
		return 1;
	survey_region(st, a);
	roots_begin(&r, st->kvm);
	for (u32 i = 0; i < ROOTS_MAX; i++) {
		if (!roots_next(&r))
			break;
		if (r.role >> ROLE_AS_SHIFT == a->as_id)
			survey_root(r.table, r.role & ROLE_LEVEL, *folios);
	}
	if (HAS_SHADOW_MMU)
		survey_rmaps(*folios);
	survey_parts(st, a);
	a->gfn = st->next < a->base_gfn + a->npages ? st->next : a->base_gfn + a->npages;
	return 0;
}

static __always_inline void survey_begin(struct survey_args *a, struct survey_state *st, u64 slot)
{
	a->base_gfn = FIELD64(slot, struct kvm_memory_slot, base_gfn);
	a->npages = FIELD64(slot, struct kvm_memory_slot, npages);
	a->uaddr = FIELD64(slot, struct kvm_memory_slot, userspace_addr);
	a->flags = FIELD32(slot, struct kvm_memory_slot, flags);
	a->id = FIELD32(slot, struct kvm_memory_slot, id) & 0xffff;
	if (a->gfn < a->base_gfn)
		a->gfn = a->base_gfn;
	a->backings = 0;
	a->promised = 0;
	__builtin_memset(a->leaves, 0, sizeof(a->leaves));
	__builtin_memset(a->lost, 0, sizeof(a->lost));
	st->slot = slot;
	st->nx_keeps = nx_keeps_any_table() && k_nx_huge_pages && read32(k_nx_huge_pages) &&
		       !(FIELD32(st->kvm, struct kvm, arch.disable_nx_huge_pages) & 0xff);
	st->block = ~0ULL;
	st->table_at = ~0ULL;
}

/*
 * Take stock of a part of a memslot; request and answer lie in the map `surveys`.  Not a syscall program:
 * those may sleep, so KVM could free its tables under them.  This one runs inside an RCU read-side section.
 */
SEC("raw_tp")
int survey_slot(void *ctx)
{
	struct survey_state *st = survey_state();
	struct survey_args *a = survey_args();
	struct vm_info *vm;
	u32 index, folios;
	u64 slot;

	if (!st || !a)
		return 0;
	index = a->vm;
	vm = bpf_map_lookup_elem(&vms, &index);
	a->found = 0;
	if (!vm || !vm->kvm)
		return 0;
	st->kvm = vm->kvm;
	st->pgd = vm->pgd;
	slot = slot_from(st->kvm, a->as_id, a->gfn);
	if (!slot)
		return 0;
	survey_begin(a, st, slot);
	a->found = 1;
	folios = a->folios;
	bpf_loop(SURVEY_REGIONS, survey_step, &folios, 0);
	return 0;
}

#endif /* MMUSCOPE_LEDGER_BPF_H */
