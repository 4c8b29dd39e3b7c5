/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * write-needs-write: a may-write SPTE is installed only while the host's own leaf is writable, or a
 * guest would write into a page that somebody shares copy-on-write.  One instance per fault.
 */
#ifndef MMUSCOPE_MODEL_WRITE_NEEDS_WRITE_H
#define MMUSCOPE_MODEL_WRITE_NEEDS_WRITE_H

#include "step.h"

enum wnw_state {
	WNW_IDLE,
	WNW_MAPPED,	/* this fault has installed a may-write SPTE, not invalidated since */
	WNW_STATES,
};

enum wnw_event {
	WNW_MAP,		/* a may-write SPTE installed by this fault */
	WNW_MAP_READ,		/* one that is not may-write */
	WNW_INVALIDATED,	/* the host invalidated the gfn since, or a window is open */
	WNW_END_WRITABLE,	/* the fault ends, the host leaf is writable */
	WNW_END_READONLY,	/* the fault ends, it is not */
	WNW_EVENTS,
};

static inline struct step wnw_step(enum wnw_state state, enum wnw_event event)
{
	switch (event) {
	case WNW_MAP:
		return STEP(WNW_MAPPED, SAYS_NOTHING);
	case WNW_MAP_READ:
		/* the last install counts */
	case WNW_INVALIDATED:
		/* a host leaf write-protected since then says nothing about the install */
		return STEP(WNW_IDLE, SAYS_NOTHING);
	case WNW_END_WRITABLE:
		return STEP(WNW_IDLE, state == WNW_MAPPED ? SAYS_KEPT : SAYS_NOTHING);
	case WNW_END_READONLY:
		return STEP(WNW_IDLE, state == WNW_MAPPED ? SAYS_BROKEN : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_WRITE_NEEDS_WRITE_H */
