/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parts of reports that have files of their own.
 */
#ifndef MMUSCOPE_SINK_PARTS_H
#define MMUSCOPE_SINK_PARTS_H

#include "user/judge/candidate.h"
#include "user/judge/lookups.h"
#include "report.h"

#include <jansson.h>

/* mmuscope walk in a sentence; at most size bytes. */
void text_walk_sentence(const struct snapshot *s, char *buf, size_t size);
/* What mmuscope walk counted of a VM, or of all. */
void text_lookups(FILE *f, const struct report *r, const struct walk_counts *w,
		  const struct vm_counts *c);
/* The same; NULL when out of memory. */
json_t *json_lookups(const struct report *r, const struct walk_counts *w);
/* mmuscope walk --candidate: verdicts, classes and stories; as JSON: NULL when out of memory. */
void text_candidate(FILE *f, const struct candidate_report *r);
json_t *json_candidate(const struct candidate_report *r);

/* The same for mmuscope walk --payoff. */
void text_payoff_sentence(const struct snapshot *s, char *buf, size_t size);
void text_payoff(FILE *f, const struct snapshot *s);
json_t *json_payoff(const struct snapshot *s);

#endif /* MMUSCOPE_SINK_PARTS_H */
