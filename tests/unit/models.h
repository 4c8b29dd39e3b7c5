/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All models of bpf/models behind one prototype, for the tests that go through every one of them.
 */
#ifndef TESTS_UNIT_MODELS_H
#define TESTS_UNIT_MODELS_H

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

#include "unit.h"

typedef struct step (*step_fn)(int state, int event);

#define MODEL(prefix)                                                                              \
	static struct step prefix(int state, int event)                                            \
	{                                                                                          \
		return prefix##_step((enum prefix##_state)state, (enum prefix##_event)event);      \
	}

MODEL(dun)
MODEL(dam)
MODEL(nbc)
MODEL(dtw)
MODEL(zas)
MODEL(fas)
MODEL(nmw)
MODEL(wba)
MODEL(wnw)
MODEL(spa)
MODEL(lvf)
MODEL(nse)
MODEL(rfr)
MODEL(pno)

#endif /* TESTS_UNIT_MODELS_H */
