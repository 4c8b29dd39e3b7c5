/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * same-page: the pfn in the installed SPTE is the pfn of the host leaf, else the fault had to be
 * retried.  One instance per fault.
 */
#ifndef MMUSCOPE_MODEL_SAME_PAGE_H
#define MMUSCOPE_MODEL_SAME_PAGE_H

#include "step.h"

enum spa_state {
	SPA_IDLE,
	SPA_MAPPED,	/* this fault has installed a leaf SPTE, not invalidated since */
	SPA_STATES,
};

enum spa_event {
	SPA_MAP,		/* a leaf SPTE installed by this fault */
	SPA_INVALIDATED,	/* the host invalidated the gfn since, or a window is open */
	SPA_END_SAME,		/* the fault ends, the host leaf has the same pfn */
	SPA_END_OTHER,		/* the fault ends, it has another pfn, or there is no host leaf */
	SPA_EVENTS,
};

static inline struct step spa_step(enum spa_state state, enum spa_event event)
{
	switch (event) {
	case SPA_MAP:
		return STEP(SPA_MAPPED, SAYS_NOTHING);
	case SPA_INVALIDATED:
		return STEP(SPA_IDLE, SAYS_NOTHING);
	case SPA_END_SAME:
		return STEP(SPA_IDLE, state == SPA_MAPPED ? SAYS_KEPT : SAYS_NOTHING);
	case SPA_END_OTHER:
		return STEP(SPA_IDLE, state == SPA_MAPPED ? SAYS_BROKEN : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_SAME_PAGE_H */
