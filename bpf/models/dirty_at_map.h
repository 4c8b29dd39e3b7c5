/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dirty-at-map: when a fault ends that installed a may-write SPTE, D(h) holds.  One instance per fault.
 * Judged at the end, not at the install: KVM's own mark comes between the two.  An invariant where KVM
 * does not mark at the zap; where it does, the same steps measure a claim.
 */
#ifndef MMUSCOPE_MODEL_DIRTY_AT_MAP_H
#define MMUSCOPE_MODEL_DIRTY_AT_MAP_H

#include "step.h"

enum dam_state {
	DAM_IDLE,
	DAM_MAPPED,	/* this fault has installed a may-write SPTE, not invalidated since */
	DAM_STATES,
};

enum dam_event {
	DAM_MAP,		/* a may-write SPTE installed by this fault */
	DAM_MAP_READ,		/* one that is not may-write */
	DAM_INVALIDATED,	/* the host invalidated the gfn since, or a window is open */
	DAM_END_DIRTY,		/* the fault ends, D(h) true */
	DAM_END_CLEAN,		/* the fault ends, D(h) false */
	DAM_EVENTS,
};

static inline struct step dam_step(enum dam_state state, enum dam_event event)
{
	switch (event) {
	case DAM_MAP:
		return STEP(DAM_MAPPED, SAYS_NOTHING);
	case DAM_MAP_READ:
		/* the last install counts: nothing can be written through a read-only one */
	case DAM_INVALIDATED:
		/* what the zap owes then is dirty-until-notified's to judge */
		return STEP(DAM_IDLE, SAYS_NOTHING);
	case DAM_END_DIRTY:
		return STEP(DAM_IDLE, state == DAM_MAPPED ? SAYS_KEPT : SAYS_NOTHING);
	case DAM_END_CLEAN:
		return STEP(DAM_IDLE, state == DAM_MAPPED ? SAYS_BROKEN : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_DIRTY_AT_MAP_H */
