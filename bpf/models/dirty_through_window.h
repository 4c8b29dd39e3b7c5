/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dirty-through-window: a folio that lost a may-write SPTE in a window while it was D(h) is still D(h)
 * when the window ends, or its contents were declared given up or copied elsewhere meanwhile.  One
 * instance per page lost in a window.
 */
#ifndef MMUSCOPE_MODEL_DIRTY_THROUGH_WINDOW_H
#define MMUSCOPE_MODEL_DIRTY_THROUGH_WINDOW_H

#include "step.h"

enum dtw_state {
	DTW_NONE,
	DTW_OWED,	/* lost while D(h): the dirty state has to survive the window */
	DTW_STATES,
};

enum dtw_event {
	DTW_LOST_DIRTY,	/* lost, D(h) true */
	/*
	 * Given up: munmap of anonymous memory, MADV_DONTNEED, MADV_FREE, truncate, hole punch.
	 * Copied elsewhere: collapse, copy on write, KSM merge.  The caller counts each reason.
	 */
	DTW_DISCARDED,
	DTW_END_DIRTY,	/* the window ends, D(h) true */
	DTW_END_CLEAN,	/* the window ends, D(h) false */
	DTW_EVENTS,
};

static inline struct step dtw_step(enum dtw_state state, enum dtw_event event)
{
	switch (event) {
	case DTW_LOST_DIRTY:
		return STEP(DTW_OWED, SAYS_NOTHING);
	case DTW_DISCARDED:
		return STEP(DTW_NONE, SAYS_NOTHING);
	case DTW_END_DIRTY:
		return STEP(DTW_NONE, state == DTW_OWED ? SAYS_KEPT : SAYS_NOTHING);
	case DTW_END_CLEAN:
		return STEP(DTW_NONE, state == DTW_OWED ? SAYS_BROKEN : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_DIRTY_THROUGH_WINDOW_H */
