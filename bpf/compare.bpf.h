/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuscope walk: the reference walker at the entry of hva_to_pfn, where it stands for a lookup
 * without GUP, and at its exit, where it is compared with what GUP said.  compare.h has the classes.
 */
#ifndef MMUSCOPE_COMPARE_BPF_H
#define MMUSCOPE_COMPARE_BPF_H

#include "window.bpf.h"

#include "compare.h"

/* KVM_PFN_ERR_*: include/linux/kvm_host.h; the error bits of a kvm_pfn_t are 52..63 */
#define PFN_ERROR_MASK (0xfffULL << 52)

enum {
	PFN_ERR_HWPOISON = 1,
	FOLL_WRITE = 1,		/* include/linux/mm_types.h */
	/* include/linux/mm.h: the same bits from 6.1 to 7.x, where they are no macros any more */
	VM_PFNMAP = 1 << 10,
	VM_IO = 1 << 14,
	VM_HUGETLB = 1 << 22,
	VM_MIXEDMAP = 1 << 28,
	ENOENT = 2,
};

/* This CPU's copy of the walk counters of a VM. */
static __always_inline struct walk_counts *walks_of(u32 vm)
{
	u32 key = vm * COUNT_SHARDS + (bpf_get_smp_processor_id() & (COUNT_SHARDS - 1));

	return bpf_map_lookup_elem(&vm_walks, &key);
}

/* Backing of the page that a walk has found, even one that it must not use. */
static __always_inline u64 leaf_mapping(const struct leaf *leaf)
{
	return leaf->pfn ? folio_mapping_word(pfn_head(leaf->pfn)) : 0;
}

/*
 * n, if it is below limit, else 0: the verifier must see the test, which the compiler leaves out
 * where it can tell by itself.
 */
static __always_inline u32 below(u32 n, u32 limit)
{
	WALK_FORGET(n);
	return n < limit ? n : 0;
}

/* Count what the walk at the entry says. */
GLOBAL int lookup_count(u32 vm, u32 kind, u32 says, u32 level, u32 backing)
{
	struct walk_counts *c = walks_of(vm);

	kind = below(kind, LOOKUP_KINDS);
	backing = below(backing, BACKING_NR);
	COUNT(c, serves[kind][below(says, SERVES_NR)][backing], 1);
	if (says == SERVES)
		COUNT(c, served_level[kind][below(level - 1, LEVELS)][backing], 1);
	return 0;
}

/* hva_to_pfn is entered: would the walk do?  pin: the caller keeps the page. */
GLOBAL int lookup_begin(u64 hva, u32 write, u32 pin)
{
	struct leaf leaf = {};
	struct walk_counts *c;
	struct vm_info *vm;
	struct lookup *l;
	u32 index, says;
	u64 mapping;
	int r;

	if (!cfg_walk || !enabled)
		return 0;
	index = task_vm();
	vm = bpf_map_lookup_elem(&vms, &index);
	if (!index || !vm)
		return 0;
	l = bpf_task_storage_get(&lookups, bpf_get_current_task_btf(), 0,
				 BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!l) {
		lost(LOSS_TASK_STATE);
		return 0;
	}
	l->seq = kvm_invalidate_seq(vm->kvm);
	r = walk_twice(host_walk, vm->pgd, hva, &leaf);
	mapping = leaf_mapping(&leaf);
	says = walk_serves(r, &leaf, write, mapping_is_secret(mapping));
	l->hva = hva;
	l->vm = index;
	l->write = write;
	l->found = walk_finds(r, &leaf, write);
	l->writable = walk_finds(r, &leaf, true);
	lookup_count(index, write ? LOOKUP_WRITE : LOOKUP_READ, says, leaf.level, backing_of(mapping));
	c = walks_of(index);
	if (c && pin) {
		COUNT(c, pinned, 1);
		COUNT(c, pinned_served, says == SERVES);
	}
	return 0;
}

/* enum pfn_class, by what the page frame is, whoever may hold it. */
GLOBAL u32 frame_class(u64 pfn)
{
	u32 why = page_reason(pfn);

	if (why == PAGE_NO_PAGE)
		return PFN_NO_PAGE;
	if (why == PAGE_RESERVED)
		return PFN_RESERVED;
	return page_refs(pfn_head(pfn)) > 0 ? PFN_REFCOUNTED : PFN_NOT_REFCOUNTED;
}

/* enum pfn_class.  held: hva_to_pfn said that it has taken a reference; it does so from 6.13 on. */
static __always_inline u32 pfn_class(u64 pfn, u32 held)
{
	bool says = bpf_core_type_exists(struct kvm_follow_pfn);
	u32 class;

	if (says && held)
		return PFN_REFCOUNTED;
	class = frame_class(pfn);
	return says && class == PFN_REFCOUNTED ? PFN_NOT_REFCOUNTED : class;
}

static long vma_kind_found(struct task_struct *task, struct vm_area_struct *vma, u32 *kind)
{
	u64 flags = vma->vm_flags;

	if (flags & VM_PFNMAP)
		*kind = VMA_PFNMAP;
	else if (flags & VM_MIXEDMAP)
		*kind = VMA_MIXEDMAP;
	else if (flags & VM_IO)
		*kind = VMA_IO;
	else
		*kind = flags & VM_HUGETLB ? VMA_HUGETLB : VMA_PLAIN;
	return 0;
}

/*
 * enum vma_kind of the current task's mapping at hva.  Takes mmap_lock if it is free at once, so not for
 * hooks that run under it: hva_to_pfn() has dropped it when it returns (virt/kvm/kvm_main.c).
 */
GLOBAL u32 vma_kind(u64 hva)
{
	u32 kind = VMA_UNSEEN;
	long err = bpf_find_vma(bpf_get_current_task_btf(), hva, vma_kind_found, &kind, 0);

	return err == -ENOENT ? VMA_ABSENT : kind;
}

/*
 * A lookup has failed where the leaf maps a frame of this class.  Failures are rare: here time is no
 * matter.
 */
GLOBAL int lookup_failed(u32 vm, u32 frame, u64 hva)
{
	struct walk_counts *c = walks_of(vm);

	frame = below(frame, FRAME_CLASSES);
	COUNT(c, failed[frame][below(vma_kind(hva), VMA_KINDS)], 1);
	return 0;
}

/* The walk at the exit: what the tables say now.  Completes f, and counts the level. */
GLOBAL u32 lookup_compare(u32 index, struct lookup_facts *f, u64 hva, u64 seq)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct walk_counts *c = walks_of(index);
	struct leaf leaf = {};
	u32 level, backing;
	u64 mapping;
	int r;

	if (!vm || !f)
		return DIFFER_RACED;
	r = walk_twice(host_walk, vm->pgd, hva, &leaf);
	/* after the walk: what it has not found may just have been taken away, as announced before */
	f->raced = kvm_in_progress(vm->kvm) || kvm_invalidate_seq(vm->kvm) != seq;
	mapping = leaf_mapping(&leaf);
	f->secret = r == WALK_OK && mapping_is_secret(mapping);
	backing = below(backing_of(mapping), BACKING_NR);
	level = below(leaf.level - 1, LEVELS);
	if (r == WALK_OK)
		COUNT(c, found_level[level][backing], 1);
	if (r == WALK_OK && (f->failed || pte_special(leaf.entry)))
		f->frame = frame_class(leaf.pfn);
	if (r == WALK_OK && pte_special(leaf.entry))
		COUNT(c, special[level][below(f->frame, PFN_CLASSES)], 1);
	return walk_compare(r, &leaf, f);
}

/*
 * hva_to_pfn has returned pfn.  writable: address of the bool in which it has told whether the
 * caller may write, 0 if it was not asked to.  held: as for pfn_class().
 */
GLOBAL int lookup_end(u64 hva, u64 pfn, u64 writable, u32 held)
{
	struct lookup_facts f = { .pfn = pfn, .frame = FRAME_NONE };
	struct walk_counts *c;
	struct lookup *l;
	u32 index, class, kind;
	u64 seq;

	if (!cfg_walk)
		return 0;
	l = bpf_task_storage_get(&lookups, bpf_get_current_task_btf(), 0, 0);
	index = l && l->hva == hva ? l->vm : 0;
	c = walks_of(index ? index : task_vm());
	if (!c)
		return 0;
	if (!l || !index) {
		COUNT(c, unmatched, 1);
		return 0;
	}
	l->hva = 0;
	seq = l->seq;
	f.write = l->write;
	f.found = l->found;
	f.was_writable = l->writable;
	f.failed = pfn & PFN_ERROR_MASK;
	f.poisoned = f.failed && (pfn & ~PFN_ERROR_MASK) == PFN_ERR_HWPOISON;
	f.asked = writable;
	f.writable = writable && (read32(writable) & 0xff);
	kind = below(f.write ? LOOKUP_WRITE : LOOKUP_READ, LOOKUP_KINDS);
	if (!writable)
		COUNT(c, unasked[kind], 1);
	class = below(lookup_compare(index, &f, hva, seq), COMPARED_NR);
	COUNT(c, compared[class], 1);
	if (f.failed)
		return lookup_failed(index, f.frame, hva);
	class = below(pfn_class(pfn, held), PFN_CLASSES);
	COUNT(c, pfns[class], 1);
	return 0;
}

#endif /* MMUSCOPE_COMPARE_BPF_H */
