/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The models of bpf/models natively, behind one table: what each answers to each event in each state.
 */
#ifndef MMUSCOPE_MODEL_H
#define MMUSCOPE_MODEL_H

#include "bpf/event.h"
#include "bpf/models/step.h"

enum {
	MODEL_STATES = 8,
	MODEL_EVENTS = 16,
	MODEL_START = 0,	/* state of every model's new instance */
};

struct models {
	struct step step[INV_NR][MODEL_STATES][MODEL_EVENTS];
};

/* Ask every model everything. */
void models_fill(struct models *m);
/* Number of events of a model; events from there on say nothing. */
unsigned int model_events(enum invariant i);

#endif /* MMUSCOPE_MODEL_H */
