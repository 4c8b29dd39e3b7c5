/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs that never were, as steps of a recording: every model is given instances that it keeps, or breaks, in
 * every way that a recorder can tell, many of them at a time.
 */
#ifndef TESTS_LIB_STEPS_H
#define TESTS_LIB_STEPS_H

#include "bpf/event.h"
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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEPS_NS 1000000000ULL	/* of the first step; each later one is 180 ns behind the one before */

enum { SCRIPT_EVENTS = 6, STEPS_VMS = 2 };

/* the events of one instance */
struct script {
	enum invariant invariant;
	unsigned int n;
	uint8_t events[SCRIPT_EVENTS];
};

extern const struct script sound_scripts[], broken_scripts[];
extern const size_t nsound, nbroken;

/* Instances that are under way, each at some place of its script. */
struct steps;

/* A run that goes through the scripts so many times, `open` instances at a time.  NULL: out of memory. */
struct steps *steps_begin(const struct script *scripts, size_t n, size_t times, size_t open);
/* The next step and its time.  False: there is none. */
bool steps_next(struct steps *s, uint64_t *ns, struct record_step *step);
void steps_end(struct steps *s);

/*
 * A lossless recording of these scripts as mmuscope record writes it, of at least so many steps.  0 or
 * negative errno.
 */
int steps_record(const char *path, const struct script *scripts, size_t n, size_t steps, size_t open);

#endif /* TESTS_LIB_STEPS_H */
