/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * level-fits: a leaf SPTE maps no more than the host leaf under it does, and its pfn and gfn are aligned to
 * its level.  Every install is judged for itself, under mmu_lock.
 */
#ifndef MMUSCOPE_MODEL_LEVEL_FITS_H
#define MMUSCOPE_MODEL_LEVEL_FITS_H

#include "step.h"

enum lvf_state {
	LVF_ANY,
	LVF_STATES,
};

enum lvf_event {
	LVF_MAP_FITS,		/* a leaf SPTE installed, its level is at most the host leaf's */
	LVF_MAP_EXCEEDS,	/* its level is above the host leaf's */
	LVF_MAP_MISALIGNED,	/* its pfn or gfn is not aligned to its level */
	LVF_EVENTS,
};

static inline struct step lvf_step(enum lvf_state state, enum lvf_event event)
{
	switch (event) {
	case LVF_MAP_FITS:
		return STEP(LVF_ANY, SAYS_KEPT);
	case LVF_MAP_EXCEEDS:
	case LVF_MAP_MISALIGNED:
		return STEP(LVF_ANY, SAYS_BROKEN);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_LEVEL_FITS_H */
