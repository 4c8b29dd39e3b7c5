/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mmuscope walk counts of each call of hva_to_pfn: would a lockless walk have served it, and
 * is the walk's answer GUP's?  Shared by the BPF programs and user space, as event.h.
 */
#ifndef MMUSCOPE_LOOKUP_H
#define MMUSCOPE_LOOKUP_H

#include "event.h"

/* would a walk at the entry of hva_to_pfn have served the call without GUP?  One for each call */
enum serves {
	SERVES,			/* a present leaf, writable if the call is for writing */
	SERVES_NOT_MAPPED,
	SERVES_NOT_SWAP,	/* swapped out, migrating, poisoned... */
	SERVES_NOT_PROT_NONE,	/* PROT_NONE, or a hint of NUMA balancing */
	SERVES_NOT_WRITABLE,	/* for writing, and read-only: copy on write, a clean file page */
	SERVES_NOT_SECRET,	/* memfd_secret: must never be mapped into a guest */
	SERVES_NOT_SPECIAL,	/* no struct page that may be used: VM_PFNMAP, the zero page */
	SERVES_NOT_SPLIT,	/* a huge leaf that is about to be split */
	SERVES_NOT_TORN,	/* the tables changed during the walk, twice */
	SERVES_NR
};

/* a walk at the exit of hva_to_pfn, compared with GUP's answer; exactly one for each call */
enum compared {
	AGREE,			/* same page, same rights */
	AGREE_PAGE,		/* same page; the caller did not ask for rights */
	AGREE_NONE,		/* GUP fails, and the walk finds nothing that serves the call */
	DIFFER_RACED,		/* KVM was told of an invalidation, or the walk is torn */
	DIFFER_RAISED,		/* mapped, or made writable, after GUP had looked */
	DIFFER_PROT_NONE,	/* GUP passes a leaf that the walk refuses */
	DIFFER_SECRET,		/* here and in the next three GUP refuses: memfd_secret */
	DIFFER_SPECIAL,		/* no struct page that may be used */
	DIFFER_POISONED,
	DIFFER_REFUSED,		/* by the VMA */
	WRONG_PAGE,		/* these must not be: another page */
	WRONG_RIGHTS,		/* the same page with other rights */
	WRONG_MISSING,		/* GUP has a page where the walk finds none */
	COMPARED_NR
};

/* what kind of page frame GUP's answer is (S1, S2 of the mail) */
enum pfn_class {
	PFN_REFCOUNTED,
	PFN_NOT_REFCOUNTED,	/* has a struct page, but hva_to_pfn has taken no reference */
	PFN_RESERVED,		/* PG_reserved; up to 6.12 the zero page, too */
	PFN_NO_PAGE,		/* no struct page */
	PFN_CLASSES
};

/* where a lookup fails there may be no page frame at all */
enum { FRAME_NONE = PFN_CLASSES, FRAME_CLASSES };

/* the kind of mapping in which a lookup fails: by vm_flags, the first that fits */
enum vma_kind {
	VMA_PFNMAP,		/* VM_PFNMAP, with or without VM_IO */
	VMA_MIXEDMAP,
	VMA_IO,			/* VM_IO alone */
	VMA_HUGETLB,
	VMA_PLAIN,		/* none of these */
	VMA_ABSENT,		/* no mapping at this address */
	VMA_UNSEEN,		/* mmap_lock was taken: nothing could be read */
	VMA_KINDS
};

enum { LOOKUP_READ, LOOKUP_WRITE, LOOKUP_KINDS };

/* of one VM; counters only */
struct walk_counts {
	__u64 serves[LOOKUP_KINDS][SERVES_NR][BACKING_NR];	/* at the entry */
	__u64 served_level[LOOKUP_KINDS][LEVELS][BACKING_NR];	/* of the leaves that serve */
	__u64 found_level[LEVELS][BACKING_NR];			/* of the leaves found at the exit */
	__u64 compared[COMPARED_NR];
	__u64 pfns[PFN_CLASSES];
	__u64 special[LEVELS][PFN_CLASSES];	/* of the leaves found at the exit: PFNMAP, zero page */
	__u64 failed[FRAME_CLASSES][VMA_KINDS];	/* by what the leaf maps, and what it lies in */
	__u64 unasked[LOOKUP_KINDS];	/* calls that did not ask whether they may write */
	__u64 pinned;			/* calls that keep the page pinned (kvm_follow_pfn.pin) */
	__u64 pinned_served;		/* of them: the walk would have found the page */
	__u64 unmatched;		/* exits without an entry: begun before us, or skipped */
};

_Static_assert(sizeof(struct walk_counts) ==
	       8 * (BACKING_NR * (LOOKUP_KINDS * (SERVES_NR + LEVELS) + LEVELS) + COMPARED_NR +
		    PFN_CLASSES + LEVELS * PFN_CLASSES + FRAME_CLASSES * VMA_KINDS + LOOKUP_KINDS + 3),
	       "walk_counts has a hole");

#endif /* MMUSCOPE_LOOKUP_H */
