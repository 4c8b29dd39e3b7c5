/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a live view shows of one moment: a report, of a session or out of a recording, boiled down to fixed
 * types; and what happened between two of them, per second.  Pure: no I/O, no clock.
 */
#ifndef MMUSCOPE_NUMBERS_H
#define MMUSCOPE_NUMBERS_H

#include "user/base/format.h"
#include "user/judge/ledger.h"
#include "user/session/snapshot.h"
#include "user/judge/verdict.h"

#include <jansson.h>

enum { NUMBERS_TEXT = 192, NUMBERS_STATES = NOT_APPLICABLE + 2, VERDICT_UNKNOWN = NOT_APPLICABLE + 1 };

struct slot_numbers {
	uint32_t as_id;
	uint32_t id;
	uint32_t flags;			/* KVM_MEM_x */
	uint64_t base_gfn;
	uint64_t size;			/* bytes, as all below */
	uint64_t mapped[LEVELS];
	uint64_t lost;
	uint64_t lost_by[LOW_NR];
	char backings[NUMBERS_TEXT];	/* "anon, ksm" */
};

struct vm_numbers {
	uint32_t id;
	uint32_t pid;
	uint64_t born_ns;		/* 0: not known; with id and pid who it is */
	char name[VM_NAME_LEN];		/* of the VM, or of its process */
	char comm[FORMAT_LEN];
	bool late;
	bool ended;
	unsigned int verdict;		/* enum value, or VERDICT_UNKNOWN: it is not judged */
	int64_t mapped[LEVELS];		/* bytes; -1: not known */
	int64_t host[HOST_LEVELS];	/* bytes of it, by the host's level; -1: not known */
	int64_t lost;			/* bytes mapped smaller than the host does; -1: not known */
	uint64_t lost_by[LOW_NR];
	uint64_t faults;		/* that ended; where nothing is judged: lookups */
	uint64_t retries;
	uint64_t windows;
	uint64_t zapped;		/* 4K pages, in windows */
	bool no_faults;			/* these are not known (docs/tiers.md) */
	bool no_windows;
	bool no_zapped;
	uint64_t violations;
	bool timed;			/* lookup_ns is known */
	struct hist lookup_ns;
	struct slot_numbers *slots;
	size_t nslots;
};

/* who opened windows, and in which VM */
struct initiator_numbers {
	uint32_t vm;
	uint32_t pid;
	uint32_t tid;
	char cause[FORMAT_LEN];
	char comm[FORMAT_LEN];
	uint64_t windows;
	uint64_t ns;			/* their durations */
};

struct violation_numbers {
	uint32_t vm;			/* 0: not known */
	uint64_t since_start_ns;
	char invariant[FORMAT_LEN];
	char cause[FORMAT_LEN];
	char comm[FORMAT_LEN];
	char gfn[FORMAT_LEN];		/* "0x40011"; "": not known */
	char level[FORMAT_LEN];
};

struct numbers {
	uint64_t observed_ns;		/* since the run began */
	char kernel[NUMBERS_TEXT];
	char host[NUMBERS_TEXT];	/* "": not told */
	char tier[NUMBERS_TEXT];
	bool checking;
	bool reduced;			/* below the tier fentry, and of all VMs these are not known: */
	bool no_faults, no_windows, no_zapped;
	unsigned int verdict;		/* of all, as of a VM */
	char why[NUMBERS_TEXT];		/* the first reason of a verdict that is not HELD; "": none */
	unsigned int judged[NUMBERS_STATES];	/* invariants by verdict */
	uint64_t lost_records;		/* sum of all losses */
	struct vm_numbers *vms;
	size_t nvms;
	struct initiator_numbers *initiators;
	size_t ninitiators;
	struct violation_numbers *violations;
	size_t nviolations;
};

/* Read a report (--json, or a snapshot of a recording).  0, -EINVAL: it is none, -ENOMEM. */
int numbers_read(const json_t *report, struct numbers *out);
void numbers_free(struct numbers *n);

/* ---- what happened between two of them ---- */

struct initiator_rate {
	const struct initiator_numbers *who;
	double windows;			/* a second */
};

struct vm_rates {
	const struct vm_numbers *vm;
	double faults;			/* a second, as all below */
	double retries;
	double windows;
	double zapped;
	struct hist lookup_ns;		/* of this time */
	uint64_t lookups;		/* timed ones, of this time */
	uint64_t p50_ns;		/* upper edges of their buckets; 0: there was none */
	uint64_t p99_ns;
	enum level_cause lost_cause;	/* of most lost bytes; LOW_NR: nothing is lost */
	struct initiator_rate main;	/* of most windows; who is NULL: there was none */
};

struct rates {
	const struct numbers *now;
	double seconds;			/* between the two */
	struct vm_rates *vms;		/* as in now->vms */
	size_t nvms;
	struct initiator_rate *initiators;	/* as in now->initiators */
	struct vm_rates total;		/* of all VMs that live, and what those that ended did in this time */
	uint64_t total_mapped[LEVELS];
	uint64_t total_lost;
	size_t unknown_stock;		/* VMs that live and of which it is not known what they have mapped */
	size_t nended;
};

/*
 * now less before.  before NULL: all since the run began.  A VM that was not there before began at zero.
 * Both must outlive the result.  0 or -ENOMEM.
 */
int rates_of(const struct numbers *before, const struct numbers *now, struct rates *out);
void rates_free(struct rates *r);

/* Is it the same VM?  Its number is given to another one once it is gone. */
bool vm_is(const struct vm_numbers *a, const struct vm_numbers *b);

#endif /* MMUSCOPE_NUMBERS_H */
