/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a report is made of: a recording of any length, boiled down to series of a bounded number of
 * points, sums, and the last word of the recorder.  Knows no output.
 */
#ifndef MMUSCOPE_DIGEST_H
#define MMUSCOPE_DIGEST_H

#include "user/judge/cause.h"
#include "user/recording/recording.h"

#include <jansson.h>

enum {
	DIGEST_BINS = 240,	/* of the time line, at most */
	DIGEST_POINTS = 480,	/* snapshots that are kept, at most */
	DIGEST_VMS = 16,	/* VMs with a series of their own; the others are in the sum only */
	DIGEST_WARNINGS = 24,
	DIGEST_MOMENTS = 512,	/* losses and gaps that are kept */
	DIGEST_STORIES = 64,
	STORY_STEPS = 48,	/* the last ones of an object */
	PAGE_BUCKETS = 32,
};

/* What a snapshot says of one VM, or of all. */
struct point_vm {
	bool known;			/* the VM is in the snapshot */
	double mapped[LEVELS];		/* bytes now; NAN: not known */
	double faults;
	double retries;
	double installed;
	double zapped;
	double lost[LOW_NR];		/* bytes mapped smaller than the host does */
};

struct point {
	uint64_t ns;
	struct point_vm vm[1 + DIGEST_VMS];	/* 0: all; others as in digest.vms */
};

struct digest_vm {
	uint32_t id;
	uint32_t pid;
	char comm[COMM_LEN + 1];
};

/* Windows of one cause in one stretch of time. */
struct cell {
	uint32_t windows;
	uint32_t ns_bucket[CAUSE_BUCKETS];	/* hist_bucket(ns) - CAUSE_BUCKET_LOW */
};

struct cause_sum {
	uint64_t windows;
	uint64_t ns;
	uint64_t ns_max;
	uint64_t pages;
	uint64_t retries;
	uint64_t ns_bucket[CAUSE_BUCKETS];
};

struct bins {
	uint64_t width_ns;
	size_t n;		/* used: the last one with something in it + 1 */
	struct cell (*cells)[CAUSE_NR];
	uint32_t (*pages)[PAGE_BUCKETS];	/* windows by hist_bucket(pages) */
};

/* A loss or a gap, when it became known. */
struct moment {
	uint64_t ns;
	uint64_t n;
	bool gap;
	char name[32];
};

/* Of a row of the same event the first and the last are kept. */
struct story_step {
	uint64_t ns;
	uint64_t more;		/* that came before it, since the one before it */
	struct record_step step;
};

/* The events that led to a violation: those of the model's instance that broke the invariant. */
struct story {
	int invariant;
	uint32_t vm;
	uint64_t ns;		/* of the violation, CLOCK_MONOTONIC */
	uint64_t gfn;
	uint64_t pfn;
	uint64_t object;
	bool gfn_known;
	bool found;		/* object is known, by a step at step_ns */
	uint64_t step_ns;
	uint64_t all_steps;	/* that there were */
	size_t nsteps;		/* of them: kept, but for the oldest */
	struct story_step steps[STORY_STEPS];	/* a ring: step k is at k % STORY_STEPS */
};

/* Windows with one cause and one stack. */
struct fold {
	uint64_t key;		/* (cause << 32 | stack) + 1; 0: free */
	uint64_t windows;
	uint64_t ns;
	uint64_t pages;
};

struct digest {
	int fd;
	struct recording_health health;
	bool header_known;
	struct recording_head head;
	json_t *facts;		/* NULL: not known */
	json_t *meta;		/* NULL: none */
	json_t *last;		/* the last snapshot; NULL: there was none */
	uint64_t last_at;	/* its time */
	bool has_verdict;	/* last is the final one, of a run that judged */
	uint64_t first_ns;	/* of the time line */
	uint64_t last_ns;
	uint64_t types[32];	/* records by type */

	struct point *points;
	size_t npoints;
	uint64_t snapshots;	/* that there were */
	uint64_t stride;	/* of them: every so many-th is a point */
	bool newest_is_extra;	/* the last point is none of those */
	struct digest_vm vms[DIGEST_VMS];
	size_t nvms;
	uint64_t vms_over;

	struct bins bins;
	struct cause_sum causes[CAUSE_NR];
	struct fold *folds;
	size_t nfolds;
	size_t folds_size;

	char **stacks;		/* by id */
	size_t nstacks;

	json_t *losses;		/* name to count, as last said */
	struct moment moments[DIGEST_MOMENTS];
	size_t nmoments;
	uint64_t moments_over;
	json_t *notes;

	struct story *stories;
	size_t nstories;

	char *warnings[DIGEST_WARNINGS];	/* what is not as it should be, whole sentences */
	size_t nwarnings;
	uint64_t warnings_over;
};

/*
 * Read a recording whole, "-": stdin.  0, or negative errno after having reported it; what
 * is only damaged is read as far as it goes, and warnings say so.
 */
int digest_read(const char *path, struct digest **result);
void digest_free(struct digest *d);
/* For whom sums are not enough: all records once more.  0, or negative errno of reading or of fn. */
typedef int digest_visit_fn(void *arg, const struct record_head *r, const void *body);
int digest_visit(struct digest *d, digest_visit_fn *fn, void *arg);

/* JSON of a record, made printable; NULL: it is none, and *e says why, or there is no memory. */
json_t *digest_object(const char *text, size_t size, json_error_t *e);

/* Is all there that was recorded, and was everything recorded that happened? */
bool digest_is_complete(const struct digest *d);
/* "": not known */
const char *digest_stack(const struct digest *d, uint32_t id);
/* Seconds since the beginning of the time line. */
double digest_seconds(const struct digest *d, uint64_t ns);
/* Text at a path "host.kernel" of the last snapshot, or else of the facts; fallback: nothing there. */
const char *digest_text(const struct digest *d, const char *path, const char *fallback);
/* Step i of those that are kept, oldest first; NULL: there are not so many. */
const struct story_step *story_step(const struct story *s, size_t i);
/* The first of the last n that are kept, and how many steps there were before it. */
size_t story_first(const struct story *s, size_t n, uint64_t *before);
/* What happened in a step, in a few words. */
const char *step_text(const struct record_step *s);
/* The name of a VM: "VM 3 (qemu-system-x86 812)". */
const char *digest_vm_name(const struct digest *d, uint32_t vm, char *buf, size_t size);

#endif /* MMUSCOPE_DIGEST_H */
