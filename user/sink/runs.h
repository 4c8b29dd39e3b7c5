/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of the store on a terminal and for machines.
 */
#ifndef MMUSCOPE_SINK_RUNS_H
#define MMUSCOPE_SINK_RUNS_H

#include "user/gate/gate.h"

#include <stdio.h>

/* A line for each. */
void runs_text(FILE *f, const struct runs *runs);
/* All of one: what was run where, and its samples. */
void run_text(FILE *f, const struct run *r);
/* One versioned JSON object; samples as far as the runs have them.  0 or -ENOMEM. */
int runs_json(FILE *f, const struct runs *runs);

#endif /* MMUSCOPE_SINK_RUNS_H */
