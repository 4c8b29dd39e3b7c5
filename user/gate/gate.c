// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the numbers of two sets of runs to pass, fail or inconclusive.  A rule fails only if the
 * change is beyond both its limits and, where a test decides, significant after Holm's correction
 * over all rules; it passes only if the runs can tell that it is not beyond them.
 */
#include "gate.h"

#include "user/base/format.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_HISTORY = 10 };
#define LEVEL 0.99

const char *gate_value_name(enum gate_value v)
{
	static const char *const names[] = { "pass", "FAIL", "open" };

	return names[v];
}

static void __attribute__((format(printf, 3, 4)))
decide(struct outcome *o, enum gate_value v, const char *fmt, ...)
{
	va_list ap;

	o->value = v;
	va_start(ap, fmt);
	vsnprintf(o->why, sizeof(o->why), fmt, ap);
	va_end(ap);
}

double outcome_change(const struct outcome *o)
{
	if (isnan(o->base) || o->rule->measure == MEASURE_VERDICTS)
		return NAN;
	if (o->new == o->base)
		return 0;
	if (o->base == 0)
		return o->new > 0 ? INFINITY : -INFINITY;
	return (o->new - o->base) / fabs(o->base);
}

static enum direction direction_of(const struct rule *r)
{
	return r->check == CHECK_NOT_ABOVE ? HIGHER : r->check == CHECK_NOT_BELOW ? LOWER : EITHER;
}

/* How far a change goes in the direction that a rule forbids. */
static double harm(const struct rule *r, double change)
{
	switch (direction_of(r)) {
	case HIGHER:
		return change;
	case LOWER:
		return -change;
	default:
		return fabs(change);
	}
}

bool rule_exceeded(const struct rule *r, double difference, double relative)
{
	/* what is equal to a limit but for rounding is within it */
	if (r->has_relative && !(harm(r, relative) > r->relative * (1 + 1e-9) + 1e-12))
		return false;
	if (r->has_absolute && !(harm(r, difference) > r->absolute * (1 + 1e-9)))
		return false;
	return harm(r, difference) > 0;
}

/* Can the true change be beyond the limits, as far as the intervals tell? */
static bool may_exceed(const struct outcome *o)
{
	return rule_exceeded(o->rule, o->difference.high, o->relative.high) ||
	       rule_exceeded(o->rule, o->difference.low, o->relative.low);
}

/* Is it a time, which differs from run to run by nature? */
static bool is_measured(const struct rule *r)
{
	return r->measure == MEASURE_QUANTILE || r->measure == MEASURE_MEAN ||
	       !strcmp(rule_unit(r), "seconds");
}

/* The numbers of a set of runs; false: some run has none, and the rule is decided. */
static bool numbers(struct outcome *o, const struct runs *runs, const char *which, double *v, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < runs->n; i++) {
		double x = gate_measure(o->rule, &runs->list[i]);

		if (!isnan(x))
			v[(*n)++] = x;
	}
	if (*n == runs->n && *n)
		return true;
	decide(o, GATE_INCONCLUSIVE,
	       "%zu of %zu runs of %s have no such number: nothing was counted, or another "
	       "command made the report",
	       runs->n - *n, runs->n, which);
	return false;
}

static bool all_equal(const double *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i] != v[0])
			return false;
	return true;
}

/* The first that differs. */
static double odd_one(const double *v, size_t n, double usual)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] != usual)
			return v[i];
	return usual;
}

static void judge_exact(struct outcome *o, const double *a, const double *b)
{
	if (!all_equal(a, o->nbase))
		decide(o, GATE_INCONCLUSIVE, "it is not the same in all runs of BASE; use 'within'");
	else if (!all_equal(b, o->nnew) || a[0] != b[0])
		decide(o, GATE_FAIL, "it is not what it was: %.15g in BASE, %.15g in NEW (%s)",
		       a[0], odd_one(b, o->nnew, a[0]),
		       *rule_unit(o->rule) ? rule_unit(o->rule) : "a number");
	else
		decide(o, GATE_PASS, "it is the same in all runs");
}

/*
 * Too few runs for a test: decided only if every run of NEW says the same as against every one of
 * BASE.
 */
static void judge_as_it_is(struct outcome *o, const double *a, const double *b)
{
	size_t beyond = 0, pairs = o->nbase * o->nnew;

	for (size_t i = 0; i < o->nbase; i++)
		for (size_t j = 0; j < o->nnew; j++) {
			struct outcome pair = { .rule = o->rule, .base = a[i], .new = b[j] };

			beyond += rule_exceeded(o->rule, b[j] - a[i], outcome_change(&pair));
		}
	if (beyond == pairs)
		decide(o, GATE_FAIL,
		       "beyond the limit in every run; compared as they are, without a test");
	else if (!beyond)
		decide(o, GATE_PASS,
		       "within the limit in every run; compared as they are, without a test");
	else
		decide(o, GATE_INCONCLUSIVE,
		       "the runs differ among themselves by more than the limit; more runs let a "
		       "test decide");
}

/* Runs of each side that could decide, seeing how much they scatter. */
static size_t runs_needed(const struct outcome *o)
{
	double width = (o->relative.high - o->relative.low) / 2, limit = o->rule->relative;
	double room = limit - harm(o->rule, outcome_change(o)), n = (double)(o->nbase + o->nnew) / 2;

	if (o->rule->has_absolute && !o->rule->has_relative) {
		width = (o->difference.high - o->difference.low) / 2;
		room = o->rule->absolute - harm(o->rule, o->new - o->base);
	}
	if (!(width > 0) || isinf(width) || !(room > 0))
		return 0;
	n *= (width / room) * (width / room);
	return n < 1e6 ? (size_t)ceil(n) : 0;
}

static void judge_scattered(struct outcome *o)
{
	size_t need = runs_needed(o);
	char n[FORMAT_LEN];

	if (rule_exceeded(o->rule, o->new - o->base, outcome_change(o)))
		decide(o, GATE_INCONCLUSIVE,
		       "beyond the limit, but that may be chance; run more often");
	else if (need)
		decide(o, GATE_INCONCLUSIVE,
		       "the runs scatter too much to tell that it is within the limit; about %s runs "
		       "of each are needed",
		       format_count(n, (int64_t)need));
	else
		decide(o, GATE_INCONCLUSIVE,
		       "the runs scatter too much to tell that it is within the limit; run more often, "
		       "or widen the limit");
}

/* What a test says, when all p are known. */
static void judge_tested(struct outcome *o, double alpha)
{
	bool beyond = rule_exceeded(o->rule, o->new - o->base, outcome_change(o));

	if (o->p <= alpha && beyond)
		decide(o, GATE_FAIL, "beyond the limit, and not by chance");
	else if (may_exceed(o))
		judge_scattered(o);
	else if (o->p <= alpha)
		decide(o, GATE_PASS, "it changed, within the limit");
	else
		decide(o, GATE_PASS, "no change beyond the limit");
}

/* Numbers of both sides: what needs no test is decided here, the others get a p. */
static void compare(struct outcome *o, const struct runs *base, const struct runs *new, double *a,
		    double *b)
{
	enum direction d = direction_of(o->rule);

	if (!numbers(o, base, "BASE", a, &o->nbase) || !numbers(o, new, "NEW", b, &o->nnew))
		return;
	o->base = rank_median(a, o->nbase);
	o->new = rank_median(b, o->nnew);
	if (o->rule->check == CHECK_EXACT) {
		judge_exact(o, a, b);
		return;
	}
	o->candidate = true;
	o->raw_p = rank_test(a, o->nbase, b, o->nnew, d);
	o->has_interval = o->nbase > 1 && o->nnew > 1 &&
			  !rank_bootstrap(a, o->nbase, b, o->nnew, LEVEL, &o->difference, &o->relative);
	/* decided by every pair, if the runs turn out to be too few */
	judge_as_it_is(o, a, b);
}

/* How many runs of each side could give so small a p. */
static size_t runs_for(double alpha, enum direction d)
{
	size_t n = 2;

	while (n < 100 && rank_smallest_p(n, n, d) > alpha)
		n++;
	return n;
}

/* When it is known among how many tests the false alarms are shared out. */
static void finish(struct outcome *o, const struct gate *g)
{
	enum direction d = direction_of(o->rule);
	double share = g->alpha / (double)g->tests;

	if (o->rule->last || !o->candidate)
		return;
	if (rank_smallest_p(o->nbase, o->nnew, d) <= share && o->has_interval) {
		o->tested = true;
		judge_tested(o, g->alpha);
	} else if (is_measured(o->rule)) {
		decide(o, GATE_INCONCLUSIVE,
		       "%zu and %zu runs are too few for a test at %g%% false alarms shared by %zu "
		       "tests; %zu of each are enough",
		       o->nbase, o->nnew, g->alpha * 100, g->tests, runs_for(share, d));
	}
}

static const struct run *run_at(const struct runs *history, const struct rule *r, size_t at)
{
	size_t first = history->n > r->last ? history->n - r->last : 0;

	return &history->list[first + at];
}

static void look_for_change(struct outcome *o, const struct runs *history)
{
	struct runs last = { 0 };
	struct change_point c;
	size_t first, n;
	double *v;

	if (!history) {
		decide(o, GATE_INCONCLUSIVE, "there is no store to look into; name it by --store");
		return;
	}
	first = history->n > o->rule->last ? history->n - o->rule->last : 0;
	last = (struct runs){ history->list + first, history->n - first };
	if (last.n < MIN_HISTORY) {
		decide(o, GATE_INCONCLUSIVE, "the store has %zu runs like these, and %d are needed",
		       last.n, MIN_HISTORY);
		return;
	}
	v = calloc(last.n, sizeof(*v));
	if (!v || !numbers(o, &last, "the store", v, &n) || rank_change_point(v, n, &c)) {
		free(v);
		return;
	}
	o->base = c.before;
	o->new = c.after;
	o->nbase = c.at;
	o->nnew = n - c.at;
	o->candidate = o->tested = true;
	o->raw_p = c.p;
	free(v);
}

static void judge_change(struct outcome *o, const struct runs *history, double alpha)
{
	bool beyond = o->rule->check == CHECK_ANY_CHANGE ||
		      rule_exceeded(o->rule, o->new - o->base, outcome_change(o));

	if (!o->rule->last || !o->tested)
		return;
	if (o->p <= alpha && beyond)
		decide(o, GATE_FAIL, "it changed with %s", run_at(history, o->rule, o->nbase)->name);
	else if (o->p <= alpha)
		decide(o, GATE_PASS, "it changed with %s, within the limit",
		       run_at(history, o->rule, o->nbase)->name);
	else
		decide(o, GATE_PASS, "no change among %zu runs", o->nbase + o->nnew);
}

/* rank_holm over those that are tests. */
static void adjust(struct gate *g)
{
	double p[RULES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].candidate)
			p[n++] = g->list[i].raw_p;
	g->tests = n;
	rank_holm(p, n);
	n = 0;
	for (size_t i = 0; i < g->n; i++)
		g->list[i].p = g->list[i].candidate ? p[n++] : NAN;
}

void gate_judge(const struct rules *rules, const struct runs *base, const struct runs *new,
		const struct runs *history, struct gate *out)
{
	double *a = calloc(base->n + 1, sizeof(*a)), *b = calloc(new->n + 1, sizeof(*b));

	*out = (struct gate){ .n = rules->n, .alpha = rules->alpha };
	for (size_t i = 0; i < rules->n; i++) {
		struct outcome *o = &out->list[i];

		*o = (struct outcome){ .rule = &rules->list[i], .base = NAN, .new = NAN, .p = NAN };
		decide(o, GATE_INCONCLUSIVE, "out of memory");
		if (o->rule->measure == MEASURE_VERDICTS)
			gate_verdicts(o, base, new);
		else if (o->rule->last)
			look_for_change(o, history);
		else if (a && b)
			compare(o, base, new, a, b);
	}
	adjust(out);
	for (size_t i = 0; i < out->n; i++) {
		struct outcome *o = &out->list[i];

		finish(o, out);
		judge_change(o, history, out->alpha);
		if (o->value == GATE_FAIL || (o->value == GATE_INCONCLUSIVE && out->value == GATE_PASS))
			out->value = o->value;
	}
	free(a);
	free(b);
}
