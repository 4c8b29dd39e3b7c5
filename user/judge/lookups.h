/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of mmuscope walk: their names, sums, and what they come to.  Pure.
 */
#ifndef MMUSCOPE_LOOKUPS_H
#define MMUSCOPE_LOOKUPS_H

#include "user/session/snapshot.h"

/* For machines; and for a person, at most 41 columns. */
const char *serves_name(enum serves s);
const char *serves_text(enum serves s);
const char *compared_name(enum compared c);
const char *compared_text(enum compared c);
/* enum pfn_class, or FRAME_NONE */
const char *frame_name(unsigned int c);
const char *frame_text(unsigned int c);
const char *vma_kind_name(enum vma_kind k);
const char *vma_kind_text(enum vma_kind k);

/* dst += src, field by field. */
void walk_add(struct walk_counts *dst, const struct walk_counts *src);
/* All VMs, those that no row is kept of included. */
void walk_total(const struct snapshot *s, struct walk_counts *out);

/* what the counters come to; calls that are not over at the end are not among the compared */
struct walk_sum {
	uint64_t calls[LOOKUP_KINDS];
	uint64_t served[LOOKUP_KINDS];
	uint64_t compared;
	uint64_t agreed;
	uint64_t wrong;		/* what must not be */
};

struct walk_sum walk_sum(const struct walk_counts *c);

/* Has anything been missed that could matter to walk? */
bool walk_missed(const struct snapshot *s);

#endif /* MMUSCOPE_LOOKUPS_H */
