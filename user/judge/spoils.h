/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Short names for sets of invariants, for the tables that say what spoils what.
 */
#ifndef MMUSCOPE_SPOILS_H
#define MMUSCOPE_SPOILS_H

#include "bpf/event.h"

enum spoils {
	DUN = 1 << INV_DIRTY_UNTIL_NOTIFIED,
	DAM = 1 << INV_DIRTY_AT_MAP,
	NBC = 1 << INV_NOTIFIED_BEFORE_CLEAN,
	DTW = 1 << INV_DIRTY_THROUGH_WINDOW,
	ZAS = 1 << INV_ZAPPED_AT_START,
	FAS = 1 << INV_FLUSHED_AT_START,
	NMW = 1 << INV_NO_MAP_IN_WINDOW,
	WBA = 1 << INV_WINDOWS_BALANCED,
	WNW = 1 << INV_WRITE_NEEDS_WRITE,
	SPA = 1 << INV_SAME_PAGE,
	LVF = 1 << INV_LEVEL_FITS,
	NSE = 1 << INV_NEVER_SECRET,
	RFR = 1 << INV_REFS_RETURNED,
	PNO = 1 << INV_PINNED_OUTSIDE,
	ALL = (1 << INV_NR) - 1,
	WINDOWS = DTW | ZAS | FAS | NMW | WBA,
	FAULTS = DAM | WNW | SPA | LVF | RFR,
};

#endif /* MMUSCOPE_SPOILS_H */
