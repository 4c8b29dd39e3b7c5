/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * never-secret: no SPTE ever maps a folio of memfd_secret.  Every install is judged for itself; the
 * one state is there so that this model looks like all others.
 */
#ifndef MMUSCOPE_MODEL_NEVER_SECRET_H
#define MMUSCOPE_MODEL_NEVER_SECRET_H

#include "step.h"

enum nse_state {
	NSE_ANY,
	NSE_STATES,
};

enum nse_event {
	NSE_MAP,	/* a leaf SPTE installed, its folio is not secret */
	NSE_MAP_SECRET,	/* a leaf SPTE installed, its folio belongs to a memfd_secret */
	NSE_EVENTS,
};

static inline struct step nse_step(enum nse_state state, enum nse_event event)
{
	switch (event) {
	case NSE_MAP:
		return STEP(NSE_ANY, SAYS_KEPT);
	case NSE_MAP_SECRET:
		return STEP(NSE_ANY, SAYS_BROKEN);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_NEVER_SECRET_H */
