/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * no-map-in-window: from the return of KVM's invalidate start to the matching end, no leaf SPTE of the
 * range is installed.  One instance per window and VM.
 */
#ifndef MMUSCOPE_MODEL_NO_MAP_IN_WINDOW_H
#define MMUSCOPE_MODEL_NO_MAP_IN_WINDOW_H

#include "step.h"

enum nmw_state {
	NMW_CLOSED,
	NMW_OPEN,
	NMW_BREACHED,	/* open, and something was installed: its end vouches for nothing */
	NMW_STATES,
};

enum nmw_event {
	NMW_START,	/* KVM's start returned */
	NMW_MAP,	/* a leaf SPTE of the range was installed */
	NMW_END,	/* the matching end is entered */
	NMW_EVENTS,
};

static inline struct step nmw_step(enum nmw_state state, enum nmw_event event)
{
	switch (event) {
	case NMW_START:
		return STEP(NMW_OPEN, SAYS_NOTHING);
	case NMW_MAP:
		if (state == NMW_CLOSED)
			return STEP(NMW_CLOSED, SAYS_NOTHING);
		return STEP(NMW_BREACHED, SAYS_BROKEN);
	case NMW_END:
		return STEP(NMW_CLOSED, state == NMW_OPEN ? SAYS_KEPT : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_NO_MAP_IN_WINDOW_H */
