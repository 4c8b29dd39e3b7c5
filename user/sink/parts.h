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

/* Colour of a verdict and its end; "" unless f is a terminal and NO_COLOR is not set. */
const char *text_colour(FILE *f, enum value v);
const char *text_colour_off(FILE *f, enum value v);
/* A violation: what was expected, what was seen, whose it is. */
void text_story(FILE *f, const struct report *r, const struct told *t);
/* A line for each of at most frames addresses. */
void text_kernel_stack(FILE *f, const struct ksyms *k, const uint64_t *stack, size_t frames);
/* Who changed guest memory: the busiest; with -v all of them. */
void text_causes(FILE *f, const struct report *r);
/* Each VM, with its levels and their ledger where that was asked for. */
void text_vms(FILE *f, const struct report *r, bool levels);
void text_vm_title(FILE *f, const struct vm_row *vm);

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

/* Below the tier fentry (docs/tiers.md): numbers of a VM that are not known become null... */
void json_vm_unknown(json_t *vm, unsigned int unknown);
/* ...and the report says which these are, and what belongs to no VM that can be named. */
void json_reduced(json_t *report, const struct snapshot *s);

#endif /* MMUSCOPE_SINK_PARTS_H */
