/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel knows of a page: flags, references, what is behind it.  All by address of the
 * folio's head page.
 */
#ifndef MMUSCOPE_PAGE_BPF_H
#define MMUSCOPE_PAGE_BPF_H

#include "walk.bpf.h"

enum {
	S_DAX = 1 << 13,		/* include/linux/fs.h */
	FOLIO_ORDER_MAX = 18,		/* 1 GiB */
	MAPPING_ANON = 1 << 0,		/* PAGE_MAPPING_ANON, FOLIO_MAPPING_ANON */
	MAPPING_KSM = 3,		/* PAGE_MAPPING_KSM, FOLIO_MAPPING_KSM: one bit more */
	PIN_BIAS = 1 << 10,		/* GUP_PIN_COUNTING_BIAS, include/linux/mm.h */
};

static __always_inline u64 pfn_page(u64 pfn)
{
	return k_vmemmap_base + pfn * bpf_core_type_size(struct page);
}

static __always_inline u64 page_pfn(u64 page)
{
	return (page - k_vmemmap_base) / bpf_core_type_size(struct page);
}

static __always_inline u64 pfn_head(u64 pfn)
{
	return page_head(pfn_page(pfn));
}

static __always_inline s32 page_refs(u64 head)
{
	return (s32)read32(head + bpf_core_field_offset(struct page, _refcount.counter));
}

static __always_inline u64 folio_mapping_word(u64 head)
{
	return FIELD64(head, struct folio, mapping);
}

/* The same four for what is so frequent that it decides once how to read (walk_read()). */
static __always_inline u64 pfn_head_by(u32 how, u64 pfn)
{
	u64 page = pfn_page(pfn), info;

	if (bpf_core_field_exists(struct page, compound_info)) {
		info = walk_read(how, page + bpf_core_field_offset(struct page, compound_info));
		return info & 1 ? page & info : page;
	}
	info = walk_read(how, page + bpf_core_field_offset(struct page___pre_v7, compound_head));
	return info & 1 ? info - 1 : page;
}

static __always_inline u64 page_flags_by(u32 how, u64 page)
{
	if (bpf_core_field_exists(struct page___pre_v6_18, flags))
		return walk_read(how, page + bpf_core_field_offset(struct page___pre_v6_18, flags));
	return walk_read(how, page + bpf_core_field_offset(struct page, flags.f));
}

static __always_inline s32 page_refs_by(u32 how, u64 head)
{
	return (s32)walk_read(how, head + bpf_core_field_offset(struct page, _refcount.counter));
}

static __always_inline u64 folio_mapping_by(u32 how, u64 head)
{
	return walk_read(how, head + bpf_core_field_offset(struct folio, mapping));
}

enum { KIND_BACKING = 15, KIND_SECRET = 16 };

/*
 * enum backing, by folio->mapping, and KIND_SECRET for memfd_secret (mm/secretmem.c: secretmem_aops).
 * GLOBAL, or the verifier would follow what comes after once for each.
 */
GLOBAL u32 mapping_kind(u64 mapping)
{
	u64 ops;

	if (!mapping)
		return BACKING_NONE;
	if (mapping & MAPPING_ANON)
		return (mapping & MAPPING_KSM) == MAPPING_KSM ? BACKING_KSM : BACKING_ANON;
	if (mapping & MAPPING_KSM)
		return BACKING_NONE;	/* a driver's movable page */
	ops = FIELD64(mapping, struct address_space, a_ops);
	if (ops == k_shmem_aops)
		return BACKING_SHMEM;
	if (ops == k_hugetlb_aops)
		return BACKING_HUGETLB;
	return ops && ops == k_secret_aops ? BACKING_FILE | KIND_SECRET : BACKING_FILE;
}

/* The same; most memory of guests is anonymous, and needs no call. */
static __always_inline u32 mapping_kind_usual(u64 mapping)
{
	return (mapping & MAPPING_KSM) == MAPPING_ANON ? BACKING_ANON : mapping_kind(mapping);
}

static __always_inline u32 backing_of(u64 mapping)
{
	return mapping_kind(mapping) & KIND_BACKING;
}

static __always_inline bool mapping_is_secret(u64 mapping)
{
	return mapping_kind(mapping) & KIND_SECRET;
}

/* Dirty by its host leaf: hardware bit, or the one kept for write-protected entries. */
static __always_inline bool leaf_dirty(u64 entry)
{
	return pte_dirty(entry);
}

/*
 * walk_once() as callers want it: for WALK_NONE leaf->entry is that of the last table or of a huge
 * PROT_NONE leaf, else 0.  There are two copies of it: the verifier drops the one that reads as this
 * kernel cannot.
 */
GLOBAL int host_walk(u64 pgd, u64 hva, struct leaf *leaf)
{
	int r;

	if (!leaf)
		return WALK_NONE;
	if (cap_rdonly_cast)
		r = walk_once(WALK_BY_CAST, pgd, hva, leaf);
	else
		r = walk_once(WALK_BY_PROBE, pgd, hva, leaf);
	if (r == WALK_NONE && leaf->level > 1 && leaf->why != WHY_PROT_NONE)
		leaf->entry = 0;
	return r;
}

/* Look up the host leaf at hva: enum walk_result.  A walk that stayed torn is counted. */
static __always_inline int host_leaf(u64 pgd, u64 hva, struct leaf *leaf)
{
	int r;

	if (!hva || !pgd) {
		*leaf = (struct leaf){ .why = WHY_ADDRESS };
		return WALK_NONE;
	}
	r = walk_twice(host_walk, pgd, hva, leaf);
	if (r == WALK_TORN)
		lost(LOSS_RACED);
	return r;
}

/* References of a small page that its mappings, the page or swap cache and private data explain. */
static __always_inline s32 page_explained_by(u32 how, u64 head, u64 flags, u64 mapping)
{
	s32 n = (s32)walk_read(how, head + bpf_core_field_offset(struct page, _mapcount.counter)) + 1;

	n += !(mapping & MAPPING_ANON) || (flags & PAGE_FLAG(swapcache));
	return n + !!(flags & PAGE_FLAG(private));
}

GLOBAL int page_explained(u64 head, u64 flags, u64 mapping)
{
	return READING(page_explained_by, head, flags, mapping);
}

/* Why a page that looks not dirty cannot be judged: enum page_reason. */
GLOBAL u32 page_reason(u64 pfn)
{
	u64 page = pfn_page(pfn), probe, head, mapping, host;
	u32 iflags;

	if (bpf_probe_read_kernel(&probe, sizeof(probe), (void *)page))
		return PAGE_NO_PAGE;
	head = page_head(page);
	if (page_flags(head) & PAGE_FLAG(reserved))
		return PAGE_RESERVED;
	mapping = folio_mapping_word(head);
	if (!mapping || (mapping & MAPPING_KSM))
		return PAGE_REASONS;
	host = FIELD64(mapping, struct address_space, host);
	iflags = FIELD32(host, struct inode, i_flags);
	return iflags & S_DAX ? PAGE_DAX : PAGE_REASONS;
}

#endif /* MMUSCOPE_PAGE_BPF_H */
