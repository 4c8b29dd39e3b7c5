/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinned-outside: a page that KVM uses outside mmu_notifiers (kvm_vcpu_map) is held until its release,
 * and is dirty after it if it could be written.  One instance per mapping, from map to unmap.  That it
 * was cleaned while held is allowed, and remembered: the caller counts those that its release dirties.
 */
#ifndef MMUSCOPE_MODEL_PINNED_OUTSIDE_H
#define MMUSCOPE_MODEL_PINNED_OUTSIDE_H

#include "step.h"

enum pno_state {
	PNO_NONE,
	PNO_HELD,
	PNO_CLEANED,	/* held, and its folio was cleaned meanwhile */
	PNO_STATES,
};

enum pno_event {
	PNO_MAP,		/* kvm_vcpu_map took a page and holds it */
	PNO_MAP_UNPINNED,	/* it took one and does not */
	PNO_CLEAN,		/* the folio's dirty flag was cleared */
	PNO_FREED,		/* before the release: its count is 0, or it is another page */
	PNO_UNMAP_READ,		/* released, could not be written */
	PNO_UNMAP_DIRTY,	/* released, could be written, folio dirty afterwards */
	PNO_UNMAP_CLEAN,	/* released, could be written, folio not dirty afterwards */
	PNO_EVENTS,
};

static inline struct step pno_step(enum pno_state state, enum pno_event event)
{
	switch (event) {
	case PNO_MAP:
		return STEP(state == PNO_NONE ? PNO_HELD : state, SAYS_NOTHING);
	case PNO_MAP_UNPINNED:
		return STEP(state, SAYS_BROKEN);
	case PNO_CLEAN:
		return STEP(state == PNO_HELD ? PNO_CLEANED : state, SAYS_NOTHING);
	case PNO_UNMAP_READ:
	case PNO_UNMAP_DIRTY:
		return STEP(PNO_NONE, state == PNO_NONE ? SAYS_NOTHING : SAYS_KEPT);
	case PNO_FREED:
	case PNO_UNMAP_CLEAN:
		return STEP(PNO_NONE, state == PNO_NONE ? SAYS_NOTHING : SAYS_BROKEN);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_PINNED_OUTSIDE_H */
