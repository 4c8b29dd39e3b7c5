/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The answer of a candidate for the new lookup against two walks of the reference walker: a class
 * (candidate.h).  Pure, and compiled for BPF and, by its tests, natively.  Needs walk.h before
 * it.  docs/candidate.md is the text to this code.
 */
#ifndef MMUSCOPE_JUDGE_H
#define MMUSCOPE_JUDGE_H

#include "candidate.h"

/* a call, and what is known of the moment */
struct candidate_facts {
	u64 pfn;
	u32 level;
	bool answered;
	bool has_pfn, has_level, has_rights;	/* what the answer says something of */
	bool writable;
	bool write;		/* the caller wants to write */
	bool secret;		/* the page that was handed out is one of memfd_secret */
	bool raced;		/* an invalidation was open at the entry or the exit, or came between */
};

static __always_inline bool judged_wrong(u32 judged)
{
	return judged >= JUDGED_GUILTY;
}

/* The candidate has no answer. */
static __always_inline u32 judge_refusal(const struct candidate_walk *w, const struct candidate_facts *f)
{
	if (w->result != WALK_OK || (f->write && !pte_writable(w->entry)))
		return JUDGED_NONE;
	if (w->secret)
		return JUDGED_SECRET;
	return pte_special(w->entry) ? JUDGED_SPECIAL : JUDGED_GAVE_UP;
}

/* The call against one walk, as if nothing else could be true. */
static __always_inline u32 judge_by(const struct candidate_walk *w, const struct candidate_facts *f)
{
	bool writable = pte_writable(w->entry);

	if (!f->answered)
		return judge_refusal(w, f);
	if (w->result != WALK_OK)
		return w->why == WHY_PROT_NONE ? GUILTY_PROT_NONE : GUILTY_MISSING;
	if (f->has_pfn && f->pfn != w->pfn)
		return GUILTY_PAGE;
	if (f->has_level && f->level != w->level)
		return GUILTY_LEVEL;
	if (f->has_rights && f->writable && !writable)
		return GUILTY_WRITABLE;
	if (f->write && !writable)
		return GUILTY_WRITE;
	return f->has_rights && !f->writable && writable ? GUILTY_READ_ONLY : JUDGED_SAME;
}

/* Have the tables changed between the walks?  What the CPU sets by itself does not count. */
static __always_inline bool walks_differ(const struct candidate_walk *a, const struct candidate_walk *b)
{
	u64 own = pte_own_bits();

	return a->result == WALK_TORN || b->result == WALK_TORN || a->result != b->result ||
	       a->level != b->level || (a->entry & ~own) != (b->entry & ~own);
}

/* enum judged.  before, after: the walks at the entry and at the exit of the call. */
static __always_inline u32 judge(const struct candidate_walk *before, const struct candidate_walk *after,
				 const struct candidate_facts *f)
{
	bool raced = f->raced || walks_differ(before, after);
	u32 says = judge_by(after, f);

	/* right or not: the page itself is one that nobody may have */
	if (f->answered && f->secret && (after->secret || !raced))
		return GUILTY_SECRET;
	if (after->result != WALK_TORN && !judged_wrong(says))
		return says;
	if (before->result != WALK_TORN && !judged_wrong(judge_by(before, f)))
		return JUDGED_BEFORE;
	return raced ? JUDGED_RACED : says;
}

#endif /* MMUSCOPE_JUDGE_H */
