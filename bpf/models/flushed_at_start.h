/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flushed-at-start: when KVM's invalidate start returns after zapping anything, the VM's remote TLBs
 * were flushed since the last zap.  One instance per window and VM.
 */
#ifndef MMUSCOPE_MODEL_FLUSHED_AT_START_H
#define MMUSCOPE_MODEL_FLUSHED_AT_START_H

#include "step.h"

enum fas_state {
	FAS_IDLE,	/* not inside KVM's start: zaps and flushes are somebody else's */
	FAS_OPEN,	/* start entered, nothing zapped */
	FAS_ZAPPED,	/* zapped, not flushed since: a vCPU may still use the translation */
	FAS_FLUSHED,	/* zapped, flushed since the last zap */
	FAS_STATES,
};

enum fas_event {
	FAS_ENTER,
	FAS_ZAP,
	FAS_FLUSH,
	FAS_RETURN,
	FAS_EVENTS,
};

static inline struct step fas_step(enum fas_state state, enum fas_event event)
{
	switch (event) {
	case FAS_ENTER:
		return STEP(FAS_OPEN, SAYS_NOTHING);
	case FAS_ZAP:
		return STEP(state == FAS_IDLE ? FAS_IDLE : FAS_ZAPPED, SAYS_NOTHING);
	case FAS_FLUSH:
		return STEP(state == FAS_ZAPPED ? FAS_FLUSHED : state, SAYS_NOTHING);
	case FAS_RETURN:
		if (state == FAS_ZAPPED)
			return STEP(FAS_IDLE, SAYS_BROKEN);
		return STEP(FAS_IDLE, state == FAS_FLUSHED ? SAYS_KEPT : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_FLUSHED_AT_START_H */
