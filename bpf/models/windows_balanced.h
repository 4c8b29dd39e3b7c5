/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * windows-balanced: every start has its end, and when the last window of a VM has ended KVM's count of
 * invalidations in progress is 0 again.  One instance per VM.  How many windows are open is the
 * caller's to know (it has a table of them); KVM's own count is only compared where that says none.
 */
#ifndef MMUSCOPE_MODEL_WINDOWS_BALANCED_H
#define MMUSCOPE_MODEL_WINDOWS_BALANCED_H

#include "step.h"

enum wba_state {
	WBA_QUIET,	/* no window open */
	WBA_BUSY,	/* at least one */
	WBA_STATES,
};

enum wba_event {
	WBA_START,
	WBA_END_OTHERS,		/* an end, other windows are still open */
	WBA_END_ZERO,		/* the last end, KVM's count is 0 */
	WBA_END_NONZERO,	/* the last end, KVM's count is not 0 */
	WBA_DESTROY_ZERO,	/* the VM is destroyed, KVM's count is 0 */
	WBA_DESTROY_NONZERO,	/* the VM is destroyed, KVM's count is not 0 */
	WBA_EVENTS,
};

static inline struct step wba_step(enum wba_state state, enum wba_event event)
{
	switch (event) {
	case WBA_START:
		return STEP(WBA_BUSY, SAYS_NOTHING);
	case WBA_END_OTHERS:
		/* quiet: an end without a start */
		return STEP(state, state == WBA_BUSY ? SAYS_NOTHING : SAYS_BROKEN);
	case WBA_END_ZERO:
		return STEP(WBA_QUIET, state == WBA_BUSY ? SAYS_KEPT : SAYS_BROKEN);
	case WBA_DESTROY_ZERO:
		/* busy: a start without an end */
		return STEP(WBA_QUIET, state == WBA_QUIET ? SAYS_KEPT : SAYS_BROKEN);
	case WBA_END_NONZERO:
	case WBA_DESTROY_NONZERO:
		return STEP(WBA_QUIET, SAYS_BROKEN);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_WINDOWS_BALANCED_H */
