/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What doctor finds out, and what follows from it for every invariant and command.
 */
#ifndef MMUSCOPE_DOCTOR_H
#define MMUSCOPE_DOCTOR_H

#include "user/session/session.h"

enum { WORKS_MAX = INV_NR + 16 };

enum works_state { WORKS, WORKS_REDUCED, WORKS_NOT };

struct works {
	const char *name;	/* of an invariant, or what a command does */
	enum works_state state;
	char why[320];		/* it does not, or not all of it; "" */
};

struct doctor {
	struct tiers tiers;
	enum tier best;
	struct session *session;	/* NULL: hooks were not tried */
	struct works works[WORKS_MAX];
	size_t nworks;
};

/* Look, and try the hooks.  The exit code of doctor. */
int doctor_look(struct doctor *d);
/* What follows from tiers, best and session; doctor_look() has done it. */
void doctor_conclude(struct doctor *d);
/* Hooks that were attached. */
int doctor_attached(const struct doctor *d);
/* Names of all that a tier misses, "a, b".  How many. */
int doctor_missing(const struct doctor *d, enum tier t, char *buf, size_t size);
/* "yes", "reduced", "no" */
const char *works_name(enum works_state s);
void doctor_free(struct doctor *d);

#endif /* MMUSCOPE_DOCTOR_H */
