/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of a gate: a small text, one rule a line (docs/gate.md).  Pure: from text to
 * structures, or to an error with its place and its remedy.
 */
#ifndef MMUSCOPE_RULES_H
#define MMUSCOPE_RULES_H

#include "user/metrics/metrics.h"

enum { RULES_MAX = 128, RULE_LEN = 240, RULE_VALUE_LEN = 64, RULES_TEXT_MAX = 1 << 20 };

/* what of a metric: its number, or of a histogram one of the two that belong to it */
enum part { PART_VALUE, PART_COUNT, PART_SUM };

/* NAME{label=value,...}: all samples with these labels, added up */
struct selector {
	enum metric metric;
	enum part part;
	int matches;
	struct {
		int label;	/* index in the metric's labels */
		char value[RULE_VALUE_LEN];
	} match[METRIC_LABELS];
};

/* the number that a run has for a rule */
enum measure {
	MEASURE_VERDICTS,	/* no number: invariants */
	MEASURE_VALUE,
	MEASURE_RATIO,		/* a per b */
	MEASURE_SHARE,		/* of all samples of its metric */
	MEASURE_QUANTILE,
	MEASURE_MEAN,
};

enum check {
	CHECK_NOT_WORSE,	/* verdicts only */
	CHECK_EXACT,
	CHECK_WITHIN,
	CHECK_NOT_ABOVE,
	CHECK_NOT_BELOW,
	CHECK_ANY_CHANGE,	/* of a change point without a limit */
};

struct rule {
	size_t line;
	char text[RULE_LEN];	/* as written, blanks made one */
	enum measure measure;
	struct selector a;
	struct selector b;	/* of a ratio */
	double quantile;	/* 0..1 */
	size_t last;		/* change point over so many runs; 0: a comparison of two builds */
	enum check check;
	bool has_relative;
	bool has_absolute;
	double relative;	/* 0.05: 5% */
	double absolute;	/* in the measure's unit */
	unsigned int invariants;	/* bit set */
};

struct rules {
	size_t n;
	double alpha;		/* false alarms allowed to all rules together */
	struct rule list[RULES_MAX];
};

struct rules_error {
	size_t line;
	size_t column;		/* from 1, in bytes */
	char text[256];		/* what is wrong, and what would be right; no full stop */
};

/* The rules that hold without a file. */
extern const char rules_builtin[];

/* 0, or -EINVAL and *error is filled.  text need not end with a NUL, and may be anything. */
int rules_parse(const char *text, size_t len, struct rules *out, struct rules_error *error);

/* Unit of what a rule measures: "seconds", "bytes", "pages", "" */
const char *rule_unit(const struct rule *r);

#endif /* MMUSCOPE_RULES_H */
