/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference walker beside GUP: from the answers of both to a class (lookup.h).  Pure, and
 * compiled for BPF and, by its tests, natively.  Needs walk.h before it.  docs/walk.md is the text
 * to this code.
 */
#ifndef MMUSCOPE_COMPARE_H
#define MMUSCOPE_COMPARE_H

#include "lookup.h"

/* The leaf does what the call is for.  result: enum walk_result. */
static __always_inline bool walk_finds(int result, const struct leaf *leaf, bool write)
{
	return result == WALK_OK && (!write || pte_writable(leaf->entry));
}

static __always_inline u32 serves_not(u32 why)
{
	switch (why) {
	case WHY_PROT_NONE:
		return SERVES_NOT_PROT_NONE;
	case WHY_SPLIT:
		return SERVES_NOT_SPLIT;
	case WHY_SWAP:
		return SERVES_NOT_SWAP;
	default:
		return SERVES_NOT_MAPPED;
	}
}

/* enum serves.  secret: the page is one of memfd_secret. */
static __always_inline u32 walk_serves(int result, const struct leaf *leaf, bool write, bool secret)
{
	if (result == WALK_TORN)
		return SERVES_NOT_TORN;
	if (result == WALK_NONE)
		return serves_not(leaf->why);
	if (secret)
		return SERVES_NOT_SECRET;
	if (!walk_finds(result, leaf, write))
		return SERVES_NOT_WRITABLE;
	return pte_special(leaf->entry) ? SERVES_NOT_SPECIAL : SERVES;
}

/* a call of hva_to_pfn, its answer, and what is known of the moment */
struct lookup_facts {
	u64 pfn;	/* that GUP gave */
	bool failed;	/* it gave none */
	bool poisoned;	/* because the page is */
	bool write;	/* the call was for writing */
	bool asked;	/* the caller wanted to know whether it may write... */
	bool writable;	/* ...and was told yes */
	bool raced;	/* an invalidation was open at the entry or the exit, or came between */
	bool found;	/* the walk at the entry: did what the call is for */
	bool was_writable;	/* it found a writable leaf */
	bool secret;	/* of memfd_secret: the page that the walk at the exit finds */
	u32 frame;	/* what it is: enum pfn_class, or FRAME_NONE; of failures and special leaves */
};

/* GUP has failed, and the walk finds a leaf that does what the call is for. */
static __always_inline u32 compare_refused(const struct leaf *leaf, const struct lookup_facts *f)
{
	if (f->secret)
		return DIFFER_SECRET;
	if (f->poisoned)
		return DIFFER_POISONED;
	if (pte_special(leaf->entry))
		return DIFFER_SPECIAL;
	return f->found ? DIFFER_REFUSED : DIFFER_RAISED;
}

/* GUP has passed what the walk at the exit refuses, for another reason than a race. */
static __always_inline u32 compare_missing(const struct leaf *leaf, const struct lookup_facts *f)
{
	if (leaf->why != WHY_PROT_NONE)
		return WRONG_MISSING;
	return leaf->pfn == f->pfn ? DIFFER_PROT_NONE : WRONG_PAGE;
}

/* enum compared.  result, leaf: of the walk at the exit. */
static __always_inline u32 walk_compare(int result, const struct leaf *leaf,
					const struct lookup_facts *f)
{
	bool same = result == WALK_OK && leaf->pfn == f->pfn;
	bool finds = walk_finds(result, leaf, f->write);

	if (f->failed && !finds && result != WALK_TORN)
		return AGREE_NONE;
	if (!f->failed && same && !f->asked)
		return AGREE_PAGE;
	if (!f->failed && same && f->writable == pte_writable(leaf->entry))
		return AGREE;
	if (f->raced || result == WALK_TORN)
		return DIFFER_RACED;
	if (f->failed)
		return compare_refused(leaf, f);
	if (result != WALK_OK)
		return compare_missing(leaf, f);
	if (!same)
		return WRONG_PAGE;
	/* GUP may have looked before somebody made the leaf writable: no invalidation announces that */
	return f->writable || f->was_writable ? WRONG_RIGHTS : DIFFER_RAISED;
}

#endif /* MMUSCOPE_COMPARE_H */
