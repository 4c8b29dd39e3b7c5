/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mmuscope walk --payoff has timed, and what it comes to: medians with their uncertainty, and what a
 * lookup by one walk of the page tables would save.  Pure.
 */
#ifndef MMUSCOPE_PAYOFF_USER_H
#define MMUSCOPE_PAYOFF_USER_H

#include "user/session/snapshot.h"

#include "bpf/payoff.h"

/* what the programs cost by themselves, ns: medians of the calibration's runs */
struct payoff_costs {
	uint64_t runs;
	uint64_t clock;		/* reading the clock */
	uint64_t inside;	/* between the readings of an entry and an exit, besides the function */
	uint64_t pair;		/* an entry and an exit program, all but what is between readings of one */
	uint64_t entry;		/* an entry program alone, outside of its readings */
	uint64_t known;		/* what KNOWN_STEPS instructions were measured to take */
};

struct payoff_cell {
	struct payoff_key key;
	struct time_hist hist;
};

struct payoff {
	struct payoff_costs costs;
	struct payoff_cell *cells;
	size_t ncells;
	uint64_t switched;	/* faults and lookups that the task was scheduled away in: left out */
	uint64_t pinned;	/* lookups that pin the page: left out */
	uint64_t unmatched;	/* entries without an exit, or the other way round */
	uint64_t full;		/* left out for want of a row */
	uint64_t probes_ns;	/* by which faults took longer for our programs */
};

/* A time in ns as it was measured: the median, and the 95% interval for it by order statistics. */
struct estimate {
	uint64_t n;		/* 0: not measured, and all others are 0 */
	double median;
	double low;
	double high;
	double mean;
};

/* What the walk of the new lookup is taken to cost. */
enum payoff_walk {
	WALK_OURS,		/* what ours took, which reads by a BPF program, and twice */
	WALK_NATIVE,		/* what KVM's own level lookup took, which walks the same tables */
	WALK_FREE,		/* nothing: more cannot be saved */
	PAYOFF_WALKS,
};

/* all parts of the calls that are alike */
struct payoff_row {
	struct payoff_key key;	/* part is 0 */
	struct estimate part[PAYOFF_PARTS];
	bool judged;		/* saved is known */
	double saved[PAYOFF_WALKS];	/* ns a call; negative: it costs */
	double error;		/* half of the 95% interval */
};

struct payoff_sum {
	uint64_t faults;
	double faults_ns;	/* that all faults took */
	double saved_ns[PAYOFF_WALKS];	/* of it, had every lookup for writing been made by the walk first */
	double error_ns;	/* half of the 95% interval */
	uint64_t served;	/* lookups for writing that the walk serves... */
	uint64_t writes;	/* ...of so many */
};

struct payoff_result {
	/* in the order of their keys: faults before others, for writing first */
	struct payoff_row *rows;
	size_t n;
	struct estimate native;	/* the level lookup that took longest: one that did walk, by 4K */
	struct payoff_sum sum;
};

void payoff_free(struct payoff *p);

/* Median of n values; 0 for none.  Sorts them. */
uint64_t payoff_median(uint64_t *values, size_t n);
/* dst += src */
void payoff_add_hist(struct time_hist *dst, const struct time_hist *src);
struct estimate payoff_estimate(const struct time_hist *h);

/* What it comes to; without memory, no rows.  payoff_result_free() afterwards. */
void payoff_judge(const struct payoff *p, struct payoff_result *out);
void payoff_result_free(struct payoff_result *r);

/* Has anything been missed that could matter? */
bool payoff_missed(const struct snapshot *s);

const char *payoff_walk_name(enum payoff_walk w);
const char *payoff_part_name(enum payoff_part p);
const char *payoff_from_name(enum payoff_from f);
const char *payoff_path_name(enum payoff_path p);
const char *payoff_before_name(enum payoff_before b);

#endif /* MMUSCOPE_PAYOFF_USER_H */
