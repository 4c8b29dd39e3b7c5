// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table is faster than fourteen functions behind pointers, and says the same: models are pure.
 */
#include "model.h"

#include "bpf/models/dirty_at_map.h"
#include "bpf/models/dirty_through_window.h"
#include "bpf/models/dirty_until_notified.h"
#include "bpf/models/flushed_at_start.h"
#include "bpf/models/level_fits.h"
#include "bpf/models/never_secret.h"
#include "bpf/models/no_map_in_window.h"
#include "bpf/models/notified_before_clean.h"
#include "bpf/models/pinned_outside.h"
#include "bpf/models/refs_returned.h"
#include "bpf/models/same_page.h"
#include "bpf/models/windows_balanced.h"
#include "bpf/models/write_needs_write.h"
#include "bpf/models/zapped_at_start.h"

#define MODEL(prefix, PREFIX, start)									\
	static struct step prefix(unsigned int state, unsigned int event)				\
	{												\
		return prefix##_step((enum prefix##_state)state, (enum prefix##_event)event);		\
	}												\
	_Static_assert((int)start == (int)MODEL_START && (int)PREFIX##_STATES <= (int)MODEL_STATES &&	\
		       (int)PREFIX##_EVENTS <= (int)MODEL_EVENTS, #prefix " fits the table");

MODEL(dun, DUN, DUN_QUIET)
MODEL(dam, DAM, DAM_IDLE)
MODEL(nbc, NBC, NBC_FOREIGN)
MODEL(dtw, DTW, DTW_NONE)
MODEL(zas, ZAS, ZAS_IDLE)
MODEL(fas, FAS, FAS_IDLE)
MODEL(nmw, NMW, NMW_CLOSED)
MODEL(wba, WBA, WBA_QUIET)
MODEL(wnw, WNW, WNW_ANY)
MODEL(spa, SPA, SPA_ANY)
MODEL(lvf, LVF, LVF_ANY)
MODEL(nse, NSE, NSE_ANY)
MODEL(rfr, RFR, RFR_NONE)
MODEL(pno, PNO, PNO_NONE)

static const struct {
	struct step (*step)(unsigned int state, unsigned int event);
	unsigned int states;
	unsigned int events;
} list[INV_NR] = {
	[INV_DIRTY_UNTIL_NOTIFIED] = { dun, DUN_STATES, DUN_EVENTS },
	[INV_DIRTY_AT_MAP] = { dam, DAM_STATES, DAM_EVENTS },
	[INV_NOTIFIED_BEFORE_CLEAN] = { nbc, NBC_STATES, NBC_EVENTS },
	[INV_DIRTY_THROUGH_WINDOW] = { dtw, DTW_STATES, DTW_EVENTS },
	[INV_ZAPPED_AT_START] = { zas, ZAS_STATES, ZAS_EVENTS },
	[INV_FLUSHED_AT_START] = { fas, FAS_STATES, FAS_EVENTS },
	[INV_NO_MAP_IN_WINDOW] = { nmw, NMW_STATES, NMW_EVENTS },
	[INV_WINDOWS_BALANCED] = { wba, WBA_STATES, WBA_EVENTS },
	[INV_WRITE_NEEDS_WRITE] = { wnw, WNW_STATES, WNW_EVENTS },
	[INV_SAME_PAGE] = { spa, SPA_STATES, SPA_EVENTS },
	[INV_LEVEL_FITS] = { lvf, LVF_STATES, LVF_EVENTS },
	[INV_NEVER_SECRET] = { nse, NSE_STATES, NSE_EVENTS },
	[INV_REFS_RETURNED] = { rfr, RFR_STATES, RFR_EVENTS },
	[INV_PINNED_OUTSIDE] = { pno, PNO_STATES, PNO_EVENTS },
};

void models_fill(struct models *m)
{
	for (unsigned int i = 0; i < INV_NR; i++)
		for (unsigned int s = 0; s < MODEL_STATES; s++)
			for (unsigned int e = 0; e < MODEL_EVENTS; e++)
				m->step[i][s][e] = s < list[i].states && e < list[i].events ?
						   list[i].step(s, e) : STEP((unsigned char)s, SAYS_NOTHING);
}

unsigned int model_events(enum invariant i)
{
	return list[i].events;
}
