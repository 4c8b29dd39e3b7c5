/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dirty-until-notified: when KVM's invalidate start returns, every folio that lost in it a may-write
 * leaf SPTE through which the guest may have written is D(h).  One instance per lost SPTE.
 *
 * D(h) = PG_dirty of the folio's head, or the dirty bit of the host leaf at hva h.  A mark that KVM
 * itself makes between the loss and the return counts (up to 6.12 handle_changed_spte makes one).
 */
#ifndef MMUSCOPE_MODEL_DIRTY_UNTIL_NOTIFIED_H
#define MMUSCOPE_MODEL_DIRTY_UNTIL_NOTIFIED_H

#include "step.h"

enum dun_state {
	DUN_QUIET,	/* nothing owed */
	DUN_OWED,	/* lost while not D(h): somebody has to mark it before the start returns */
	DUN_STATES,
};

enum dun_event {
	DUN_LOST_UNWRITTEN,	/* lost; the guest cannot have written through it */
	DUN_LOST_DIRTY,		/* lost, D(h) true */
	DUN_LOST_CLEAN,		/* lost, D(h) false */
	DUN_MARKED,		/* D(h) has become true */
	DUN_RETURNED,		/* the start returned (outside a window: the zap is over) */
	DUN_EVENTS,
};

static inline struct step dun_step(enum dun_state state, enum dun_event event)
{
	switch (event) {
	case DUN_LOST_DIRTY:
		/* an older debt is not paid by another page's dirty flag */
		return state == DUN_OWED ? STEP(DUN_OWED, SAYS_NOTHING) : STEP(DUN_QUIET, SAYS_KEPT);
	case DUN_LOST_CLEAN:
		return STEP(DUN_OWED, SAYS_NOTHING);
	case DUN_MARKED:
		return STEP(DUN_QUIET, state == DUN_OWED ? SAYS_KEPT : SAYS_NOTHING);
	case DUN_RETURNED:
		return STEP(DUN_QUIET, state == DUN_OWED ? SAYS_BROKEN : SAYS_NOTHING);
	case DUN_LOST_UNWRITTEN:
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_DIRTY_UNTIL_NOTIFIED_H */
