/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a build worse than its baseline?  Rules and two sets of runs to one outcome for each rule.
 * Pure: no I/O, and the same runs give the same outcome (docs/gate.md has the statistics).
 */
#ifndef MMUSCOPE_GATE_H
#define MMUSCOPE_GATE_H

#include "rank.h"
#include "rules.h"
#include "user/store/run.h"

enum gate_value { GATE_PASS, GATE_FAIL, GATE_INCONCLUSIVE };

enum { GATE_WHY = 320 };

/* a set of runs, oldest first */
struct runs {
	struct run *list;
	size_t n;
};

struct outcome {
	const struct rule *rule;
	enum gate_value value;
	size_t nbase;			/* runs that have the number */
	size_t nnew;
	double base;			/* medians, in the rule's unit; NAN: none */
	double new;
	bool has_interval;
	struct interval difference;	/* 99 % */
	struct interval relative;
	bool tested;			/* p is of a test, and adjusted for all rules */
	bool candidate;			/* a test is meant to decide, if there are runs enough */
	double raw_p;
	double p;
	char why[GATE_WHY];		/* what decided, a sentence without its full stop */
};

struct gate {
	struct outcome list[RULES_MAX];
	size_t n;
	enum gate_value value;		/* FAIL if any fails, else INCONCLUSIVE if any is */
	size_t tests;			/* over which the false alarms are shared out */
	double alpha;
};

/*
 * The number that a run has for a rule.  NAN: it has none, because its report has no such part, or
 * there is nothing to divide by.
 */
double gate_measure(const struct rule *r, const struct run *run);

/* history: runs for change points, the newest last; NULL: there is no store. */
void gate_judge(const struct rules *rules, const struct runs *base, const struct runs *new,
		const struct runs *history, struct gate *out);

/* The rule 'invariants not-worse'. */
void gate_verdicts(struct outcome *o, const struct runs *base, const struct runs *new);

/* "pass", "FAIL", "open" */
const char *gate_value_name(enum gate_value v);
/* Relative change, as of the outcome's medians; infinite from 0; NAN: there is none. */
double outcome_change(const struct outcome *o);
/* Are both limits of a rule exceeded by these changes? */
bool rule_exceeded(const struct rule *r, double difference, double relative);

#endif /* MMUSCOPE_GATE_H */
