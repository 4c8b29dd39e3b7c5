/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * write-needs-write: a may-write SPTE is installed only while the host leaf is writable (copy on write
 * stays safe).  Every install is judged for itself, under mmu_lock.
 */
#ifndef MMUSCOPE_MODEL_WRITE_NEEDS_WRITE_H
#define MMUSCOPE_MODEL_WRITE_NEEDS_WRITE_H

#include "step.h"

enum wnw_state {
	WNW_ANY,
	WNW_STATES,
};

enum wnw_event {
	WNW_MAP_READ,		/* an SPTE installed that is not may-write */
	WNW_MAP_WRITABLE,	/* a may-write one; the host leaf is writable */
	WNW_MAP_READONLY,	/* a may-write one; the host leaf is not */
	WNW_EVENTS,
};

static inline struct step wnw_step(enum wnw_state state, enum wnw_event event)
{
	switch (event) {
	case WNW_MAP_WRITABLE:
		return STEP(WNW_ANY, SAYS_KEPT);
	case WNW_MAP_READONLY:
		return STEP(WNW_ANY, SAYS_BROKEN);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_WRITE_NEEDS_WRITE_H */
