/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every sink is given, and the sinks.  A sink writes to a FILE and sees neither libbpf nor the
 * kernel.
 */
#ifndef MMUSCOPE_REPORT_H
#define MMUSCOPE_REPORT_H

#include "user/judge/candidate.h"
#include "user/judge/claims.h"
#include "user/host/ksyms.h"
#include "user/judge/verdict.h"

#include <jansson.h>
#include <stdio.h>

struct told {
	struct event_violation e;
	char vm_name[128];	/* of vm_name_tell(), or "unknown..." */
	char cause[96];
	int64_t since_start_ns;
};

/* what a live session had said of an invariant */
struct live_verdict {
	bool known;
	char value[16];
	uint64_t checked;
	uint64_t violations;
};

/* the recording that a report is about */
struct recorded {
	const char *path;
	const char *version;		/* of the mmuscope that recorded it, "?" */
	uint64_t parts;			/* files read */
	uint64_t records;
	uint64_t steps;
	uint64_t from_ns;		/* of its time, judged from here... */
	uint64_t to_ns;			/* ...to here; 0: to its end */
	uint32_t vm;			/* judged alone; 0: all */
	const struct live_verdict *live;	/* INV_NR of them; NULL: not to be compared */
};

struct report {
	const char *command;		/* "check", "levels", "walk", "record", "judge" */
	const char *kernel;		/* release */
	const char *machine;
	const char *host;		/* its name; NULL: not to be told */
	char *const *workload;		/* what ran meanwhile, argv; NULL: nothing of ours */
	const char *tier;
	const struct snapshot *snapshot;
	const struct verdict *verdicts;	/* INV_NR of them; NULL: none were judged */
	unsigned int selected;		/* bit set of invariants to show */
	enum value overall;
	const struct claim_result *claims;	/* CLAIM_NR of them; NULL: not asked for */
	const struct told *told;
	size_t ntold;
	const struct cause_list *causes;	/* NULL: not known */
	const struct ksyms *ksyms;	/* NULL: stacks have no names */
	bool walk;			/* the walker beside GUP was asked for */
	const struct candidate_report *candidate;	/* NULL: none was judged */
	bool tells_pins;		/* this kernel says which lookups pin the page */
	bool stacks;			/* show those of causes */
	const struct recorded *recorded;	/* NULL: it was live */
	bool compact;			/* JSON without line ends */
	bool verbose;			/* all reasons, all causes */
	int dirty_bit;			/* PG_dirty of this kernel, -1: unknown */
	int command_status;		/* -1: there was none */
};

/* A sentence over as many lines of 80 columns as it needs, indented. */
void text_wrapped(FILE *f, int indent, const char *text);
/* Why a VM has no level ledger; NULL: it has one. */
const char *ledger_missing(const struct vm_row *vm);
/* The level ledger of a VM; verbose: by memslot too.  As JSON: only where stock was taken. */
void text_ledger(FILE *f, const struct vm_row *vm, bool verbose);
json_t *ledger_json(const struct vm_row *vm);

void text_check(FILE *f, const struct report *r);
void text_judge(FILE *f, const struct report *r);
void text_levels(FILE *f, const struct report *r);
void text_walk(FILE *f, const struct report *r);
/* One versioned JSON object; NULL: out of memory. */
json_t *json_of_report(const struct report *r);
/* The same, written.  0, -ENOMEM or -EIO. */
int json_report(FILE *f, const struct report *r);

/*
 * Open what -o names (NULL: stdout) for writing; a regular file appears only when output_close has
 * written everything.  NULL after having reported the reason.
 */
struct output;
struct output *output_open(const char *path);
FILE *output_file(struct output *o);
/* 0, or -1 after having reported what could not be written. */
int output_close(struct output *o);

#endif /* MMUSCOPE_REPORT_H */
