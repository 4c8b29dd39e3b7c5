/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The named scenarios: one row each.
 */
#ifndef LOAD_SCENARIO_H
#define LOAD_SCENARIO_H

#include "backing.h"
#include "guest.h"
#include "step.h"

struct scenario {
	const char *name;
	const char *text;
	const char *backing;
	const char *steps;
	unsigned int vcpus;	/* when the user names no number; 0: one */
	unsigned int slots;	/* memslots that share the pages; 0: one */
	unsigned int vms;	/* that share the memory; 0: one */
	uint32_t slot_flags;
	bool own_vms;		/* its step makes the VMs, for memory of several backings */
	enum guest_mode mode;
	bool two_slots;		/* the memory is in the guest twice: "@1" is the second memslot */
	size_t gpa_shift;	/* bytes that the slot's gpa is off the 2M alignment of its hva */
};

extern const struct scenario scenarios[];
extern const size_t nscenarios;

const struct scenario *scenario_find(const char *name);
const char *scenario_name(size_t i);	/* NULL past the end */

/* What the backing and all steps need of the host. */
unsigned int scenario_needs(const struct scenario *s);

#endif
