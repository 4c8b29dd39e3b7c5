/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From counts to verdicts.  Pure: no I/O, no clock.
 */
#ifndef MMUSCOPE_VERDICT_H
#define MMUSCOPE_VERDICT_H

#include "snapshot.h"

enum value {
	HELD,
	VIOLATED,
	INCONCLUSIVE,
	NO_OCCASION,	/* nothing happened that the invariant speaks of; nothing was missed */
};

enum { REASONS_MAX = 48, REASON_LEN = 96 };

struct verdict {
	enum value value;
	uint64_t checked;
	uint64_t violations;
	size_t nreasons;	/* why not HELD, or what was left out */
	char reason[REASONS_MAX][REASON_LEN];
};

const char *value_name(enum value v);
const char *invariant_name(enum invariant i);
const char *invariant_sentence(enum invariant i);
/* Invariant of that name, or -1. */
int invariant_find(const char *name);
/* Stable name of a loss, for machines. */
const char *loss_name(enum loss l);

/*
 * Judge one invariant.  required: the user asked for it by name, so having had no occasion is not good
 * enough and counts as INCONCLUSIVE.
 */
void verdict_of(const struct snapshot *s, enum invariant i, bool required, struct verdict *out);

/*
 * The whole: VIOLATED if any is, else INCONCLUSIVE if any is or none had an occasion, else HELD.
 * selected: bit set of invariants.
 */
enum value verdict_overall(const struct verdict v[INV_NR], unsigned int selected);

#endif /* MMUSCOPE_VERDICT_H */
