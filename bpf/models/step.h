/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every model answers to an event: the next state, and whether the invariant was looked at and
 * found kept or broken.  Models are pure: no helpers, no maps; the same text is compiled into the BPF
 * programs and natively into judge and the unit tests.
 */
#ifndef MMUSCOPE_MODEL_STEP_H
#define MMUSCOPE_MODEL_STEP_H

enum says {
	SAYS_NOTHING,
	SAYS_KEPT,
	SAYS_BROKEN,
};

struct step {
	unsigned char next;	/* state after the event */
	unsigned char says;	/* enum says */
};

#define STEP(next_, says_) ((struct step){ .next = (next_), .says = (says_) })

#endif /* MMUSCOPE_MODEL_STEP_H */
