/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * level-fits: a leaf SPTE maps no more than the host leaf under it does, and its pfn and gfn are
 * aligned to its level.  One instance per fault.  The alignment needs no host leaf: it is judged at
 * the install, whatever the host does meanwhile.
 */
#ifndef MMUSCOPE_MODEL_LEVEL_FITS_H
#define MMUSCOPE_MODEL_LEVEL_FITS_H

#include "step.h"

enum lvf_state {
	LVF_IDLE,
	LVF_MAPPED,	/* this fault has installed an aligned leaf SPTE, not invalidated since */
	LVF_STATES,
};

enum lvf_event {
	LVF_MAP,		/* a leaf SPTE installed, pfn and gfn aligned to its level */
	LVF_MAP_MISALIGNED,	/* one whose pfn or gfn is not */
	LVF_INVALIDATED,	/* the host invalidated the gfn since, or a window is open */
	LVF_END_FITS,		/* the fault ends, its level is at most the host leaf's */
	LVF_END_EXCEEDS,	/* the fault ends, its level is above the host leaf's */
	LVF_EVENTS,
};

static inline struct step lvf_step(enum lvf_state state, enum lvf_event event)
{
	switch (event) {
	case LVF_MAP:
		return STEP(LVF_MAPPED, SAYS_NOTHING);
	case LVF_MAP_MISALIGNED:
		/* said once: the end of the fault has nothing to add */
		return STEP(LVF_IDLE, SAYS_BROKEN);
	case LVF_INVALIDATED:
		return STEP(LVF_IDLE, SAYS_NOTHING);
	case LVF_END_FITS:
		return STEP(LVF_IDLE, state == LVF_MAPPED ? SAYS_KEPT : SAYS_NOTHING);
	case LVF_END_EXCEEDS:
		return STEP(LVF_IDLE, state == LVF_MAPPED ? SAYS_BROKEN : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_LEVEL_FITS_H */
