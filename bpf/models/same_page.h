/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * same-page: the pfn in an installed SPTE is the pfn of the host leaf, else the fault had to be retried.
 * Every install is judged for itself, under mmu_lock.
 */
#ifndef MMUSCOPE_MODEL_SAME_PAGE_H
#define MMUSCOPE_MODEL_SAME_PAGE_H

#include "step.h"

enum spa_state {
	SPA_ANY,
	SPA_STATES,
};

enum spa_event {
	SPA_MAP_SAME,	/* a leaf SPTE installed, the host leaf maps its pfn */
	SPA_MAP_OTHER,	/* the host leaf maps another page, or there is none */
	SPA_EVENTS,
};

static inline struct step spa_step(enum spa_state state, enum spa_event event)
{
	switch (event) {
	case SPA_MAP_SAME:
		return STEP(SPA_ANY, SAYS_KEPT);
	case SPA_MAP_OTHER:
		return STEP(SPA_ANY, SAYS_BROKEN);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_SAME_PAGE_H */
