/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zapped-at-start: when KVM's invalidate start returns, no leaf SPTE maps an hva of the range.  One
 * instance per window and VM.  What is found is read from KVM's page tables themselves after the
 * return, not from what we believe to have been installed: a zap that was skipped cannot hide.
 */
#ifndef MMUSCOPE_MODEL_ZAPPED_AT_START_H
#define MMUSCOPE_MODEL_ZAPPED_AT_START_H

#include "step.h"

enum zas_state {
	ZAS_IDLE,
	ZAS_EMPTY,	/* start entered, the range covers no guest memory */
	ZAS_COVERED,	/* start entered, the range covers guest memory */
	ZAS_LEFTOVER,	/* a leaf SPTE of the range was found after the return */
	ZAS_STATES,
};

enum zas_event {
	ZAS_ENTER_EMPTY,
	ZAS_ENTER_COVERED,
	ZAS_LEAF_FOUND,
	ZAS_JUDGE,	/* the range has been looked through */
	ZAS_EVENTS,
};

static inline struct step zas_step(enum zas_state state, enum zas_event event)
{
	switch (event) {
	case ZAS_ENTER_EMPTY:
		return STEP(ZAS_EMPTY, SAYS_NOTHING);
	case ZAS_ENTER_COVERED:
		return STEP(ZAS_COVERED, SAYS_NOTHING);
	case ZAS_LEAF_FOUND:
		return STEP(state == ZAS_COVERED ? ZAS_LEFTOVER : state, SAYS_NOTHING);
	case ZAS_JUDGE:
		if (state == ZAS_LEFTOVER)
			return STEP(ZAS_IDLE, SAYS_BROKEN);
		return STEP(ZAS_IDLE, state == ZAS_COVERED ? SAYS_KEPT : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_ZAPPED_AT_START_H */
