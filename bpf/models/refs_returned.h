/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refs-returned: a lookup under mmu_notifier protection leaves no page reference behind when its fault
 * ends.  One instance per fault; a suspect leaves the fault and is examined later by itself, since a
 * reference too many at the end may be anybody's (a writer, a per-CPU LRU batch, another vCPU).
 */
#ifndef MMUSCOPE_MODEL_REFS_RETURNED_H
#define MMUSCOPE_MODEL_REFS_RETURNED_H

#include "step.h"

enum rfr_state {
	RFR_NONE,
	RFR_TAKEN,	/* a lookup of this fault holds a reference; the page's count is noted */
	RFR_SUSPECT,	/* the fault is over, the count was not back */
	RFR_STATES,
};

enum rfr_event {
	RFR_LOOKUP,		/* a lookup returned with a reference held; its count is noted */
	RFR_LOOKUP_NONE,	/* a lookup that holds none: an error, a page without struct page */
	RFR_END_RETURNED,	/* the fault ends, the count is back */
	RFR_END_MORE,		/* the fault ends, it is not */
	RFR_SETTLED,		/* examined: no reference beyond mappings, caches, private data */
	RFR_GONE,		/* examined: page freed or reused, so every reference was returned */
	RFR_STAYS,		/* examined: a surplus stays though every per-CPU batch was drained */
	RFR_EVENTS,
};

/*
 * KVM calls hva_to_pfn() up to twice in a fault: without waiting, then waiting.  It makes the second
 * call only when the first had no page (RFR_LOOKUP_NONE), so one note a fault is enough.  Should a
 * lookup follow one that held a page, the caller keeps the first note: a reference of the first that
 * is never returned is then a surplus at the end like any other.
 */
static inline struct step rfr_step(enum rfr_state state, enum rfr_event event)
{
	switch (event) {
	case RFR_LOOKUP:
		return STEP(state == RFR_NONE ? RFR_TAKEN : state, SAYS_NOTHING);
	case RFR_END_RETURNED:
		if (state == RFR_TAKEN)
			return STEP(RFR_NONE, SAYS_KEPT);
		return STEP(state, SAYS_NOTHING);
	case RFR_END_MORE:
		return STEP(state == RFR_TAKEN ? RFR_SUSPECT : state, SAYS_NOTHING);
	case RFR_SETTLED:
	case RFR_GONE:
		if (state == RFR_SUSPECT)
			return STEP(RFR_NONE, SAYS_KEPT);
		return STEP(state, SAYS_NOTHING);
	case RFR_STAYS:
		if (state == RFR_SUSPECT)
			return STEP(RFR_NONE, SAYS_BROKEN);
		return STEP(state, SAYS_NOTHING);
	case RFR_LOOKUP_NONE:
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_REFS_RETURNED_H */
