/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The models over steps that come from a recording, or from a test: counts and violations, in the shape of
 * a session's snapshot.  Pure: no I/O.
 */
#ifndef MMUSCOPE_USER_JUDGE_H
#define MMUSCOPE_USER_JUDGE_H

#include "user/sink/report.h"
#include "user/session/snapshot.h"

struct judge;

struct judge_options {
	uint32_t vm;		/* only this VM's steps, and those of no known VM; 0: all */
	uint64_t from_ns;	/* count only what happened from here... */
	uint64_t to_ns;		/* ...to here; models are fed in any case */
	size_t stories;		/* violations that are kept */
};

/* NULL: out of memory. */
struct judge *judge_new(const struct judge_options *o);
void judge_free(struct judge *j);
/* The time range: may be set until the first step. */
void judge_range(struct judge *j, uint64_t from_ns, uint64_t to_ns);

/* This step will be fed soon: what it needs may come into the cache meanwhile. */
void judge_expect(const struct judge *j, const struct record_step *s);
/* Feed one step.  False: out of memory, or an invariant that this build does not know. */
bool judge_step(struct judge *j, uint64_t ns, const struct record_step *s);
void judge_window(struct judge *j, const struct record_window *w);
/* A VM is there (info: what is known of it), or gone (NULL).  False: out of memory. */
bool judge_vm(struct judge *j, uint64_t ns, uint32_t vm, const struct vm_info *info);

/* All counts so far; the judge's, and changed by its caller as it likes. */
struct snapshot *judge_snapshot(struct judge *j);
/* The violations that are kept. */
struct told *judge_told(struct judge *j, size_t *n);
/* Instances that have begun and not ended. */
size_t judge_open(const struct judge *j);

#endif /* MMUSCOPE_USER_JUDGE_H */
