/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts that make a digest, for each other only.
 */
#ifndef MMUSCOPE_DIGEST_PARTS_H
#define MMUSCOPE_DIGEST_PARTS_H

#include "digest.h"

/* digest_time.c: 0 or -ENOMEM */
int time_window(struct digest *d, const struct record_window *w);
void time_snapshot(struct digest *d, uint64_t ns, const json_t *report);
/* The facts are known, among them when there were hooks: the time line begins there. */
void time_begin(struct digest *d);

/* digest_story.c: which violations are to be looked for, then who they were, then what happened. */
int story_begin(struct digest *d);
void story_find(struct digest *d, const struct record_head *r, const struct record_step *s);
void story_collect(struct digest *d, const struct record_head *r, const struct record_step *s);

/* A sentence about what is not as it should be. */
void digest_warn(struct digest *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* enum cause_id of a record; what is not known is CAUSE_UNKNOWN */
static inline enum cause_id window_cause(const struct record_window *w)
{
	return w->cause < CAUSE_NR ? (enum cause_id)w->cause : CAUSE_UNKNOWN;
}

#endif /* MMUSCOPE_DIGEST_PARTS_H */
