/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notified-before-clean: when a folio's dirty flag is cleared, no may-write SPTE maps any of its
 * pages.  One instance per folio; "written" remembers that a guest could write it since it was last
 * cleaned, so that cleaning folios no guest ever saw does not count as having checked something.
 */
#ifndef MMUSCOPE_MODEL_NOTIFIED_BEFORE_CLEAN_H
#define MMUSCOPE_MODEL_NOTIFIED_BEFORE_CLEAN_H

#include "step.h"

enum nbc_state {
	NBC_FOREIGN,	/* no guest could write it since it was last cleaned */
	NBC_WRITTEN,	/* a guest could, no may-write SPTE maps it now */
	NBC_MAPPED,	/* at least one may-write SPTE maps one of its pages */
	NBC_STATES,
};

enum nbc_event {
	NBC_MAP,	/* first may-write SPTE */
	NBC_UNMAP,	/* last may-write SPTE gone */
	NBC_CLEAN,	/* dirty flag cleared */
	NBC_EVENTS,
};

static inline struct step nbc_step(enum nbc_state state, enum nbc_event event)
{
	switch (event) {
	case NBC_MAP:
		return STEP(NBC_MAPPED, SAYS_NOTHING);
	case NBC_UNMAP:
		return STEP(state == NBC_MAPPED ? NBC_WRITTEN : state, SAYS_NOTHING);
	case NBC_CLEAN:
		if (state == NBC_MAPPED)
			return STEP(NBC_MAPPED, SAYS_BROKEN);
		return STEP(NBC_FOREIGN, state == NBC_WRITTEN ? SAYS_KEPT : SAYS_NOTHING);
	default:
		return STEP(state, SAYS_NOTHING);
	}
}

#endif /* MMUSCOPE_MODEL_NOTIFIED_BEFORE_CLEAN_H */
