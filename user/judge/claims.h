/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is said about KVM and the primary MMU that need not be so: claims, and the evidence of a run for
 * or against them.  No verdict, no exit code: a refuted claim is knowledge, not a bug.  Pure.
 */
#ifndef MMUSCOPE_CLAIMS_H
#define MMUSCOPE_CLAIMS_H

#include "cause.h"
#include "verdict.h"

enum claim {
	CLAIM_MAP_DIRTIES,
	CLAIM_ZAP_MARK_UNNEEDED,
	CLAIM_ZAP_ACCESSED_UNNEEDED,
	CLAIM_NR,
};

enum claim_value {
	CONFIRMED,	/* evidence for it, none against, nothing missed */
	REFUTED,	/* evidence against it, whatever was missed */
	NO_EVIDENCE,	/* it had no occasion */
	UNDECIDED,	/* none against it, but something was missed, or cannot be told */
};

enum { CLAIM_CAUSES = 48, CLAIM_TEXT = 512 };

/* evidence of one cause */
struct claim_cause {
	char name[CAUSE_LEN];
	enum page_fate fate;
	uint64_t agrees[BACKING_NR];
	uint64_t against[BACKING_NR];
};

struct claim_result {
	enum claim_value value;
	uint64_t agrees[BACKING_NR];
	uint64_t against[BACKING_NR];
	uint64_t seen;			/* all evidence, either way */
	uint64_t refuting;		/* of it, what refutes */
	size_t ncauses;			/* most evidence against it first */
	struct claim_cause causes[CLAIM_CAUSES];
	char answer[CLAIM_TEXT];	/* one or two sentences on this kernel in this run */
	struct remarks missed;
};

const char *claim_name(enum claim c);
/* What is claimed. */
const char *claim_sentence(enum claim c);
const char *claim_value_name(enum claim_value v);
const char *backing_name(enum backing b);

/* Weigh a run's evidence.  causes: of the same snapshot. */
void claim_weigh(const struct snapshot *s, const struct cause_list *causes, enum claim c,
		 struct claim_result *out);
/* "shmem 4,096, anon 3": what is not zero of a row by backing, most first. */
const char *backings_text(const uint64_t n[BACKING_NR], char *buf, size_t size);

#endif /* MMUSCOPE_CLAIMS_H */
