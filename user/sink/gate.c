// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gate for people: each rule with its numbers, and why for those that do not pass.
 */
#include "gate.h"

#include "user/base/format.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 80, RULE_END = 25, INDENT = 5 };

const char *gate_word(enum gate_value v)
{
	static const char *const words[] = { "PASS", "FAIL", "INCONCLUSIVE" };

	return words[v];
}

const char *gate_number(char buf[CELL_LEN], const struct rule *r, double n)
{
	const char *unit = rule_unit(r);
	char text[FORMAT_LEN];

	if (isnan(n))
		snprintf(buf, CELL_LEN, "-");
	else if (r->measure == MEASURE_SHARE)
		snprintf(buf, CELL_LEN, "%.2f%%", n * 100);
	else if (!strcmp(unit, "seconds") && n < 1e-6)
		snprintf(buf, CELL_LEN, "%.3g ns", n * 1e9);
	else if (!strcmp(unit, "seconds") && n < 1e9)
		snprintf(buf, CELL_LEN, "%s", format_ns(text, (uint64_t)(n * 1e9 + 0.5)));
	else if (!strcmp(unit, "bytes") && fabs(n) < 9e18)
		snprintf(buf, CELL_LEN, "%s", format_bytes(text, (int64_t)n));
	else if (n == floor(n) && fabs(n) < 1e7)
		snprintf(buf, CELL_LEN, "%s", format_count(text, (int64_t)n));
	else
		snprintf(buf, CELL_LEN, fabs(n) < 1e7 && fabs(n) >= 0.01 ? "%.7g" : "%.4g", n);
	return buf;
}

const char *gate_change(char buf[CELL_LEN], double change)
{
	double percent = change * 100;

	if (isnan(change))
		snprintf(buf, CELL_LEN, "-");
	else if (percent >= 1000)
		snprintf(buf, CELL_LEN, ">999%%");
	else if (percent == -INFINITY)
		snprintf(buf, CELL_LEN, "<-999%%");
	else
		snprintf(buf, CELL_LEN, fabs(percent) < 10 ? "%+.2f%%" : "%+.0f%%", percent + 0.0);
	return buf;
}

const char *gate_interval(char buf[CELL_LEN], const struct outcome *o)
{
	char low[CELL_LEN], high[CELL_LEN];

	if (!o->has_interval)
		snprintf(buf, CELL_LEN, "-");
	else
		snprintf(buf, CELL_LEN, "%.20s..%.20s", gate_change(low, o->relative.low),
			 gate_change(high, o->relative.high));
	return buf;
}

/* As short as it was written: 2us, 100, 1.5GiB */
static void limit_amount(char buf[CELL_LEN], const struct rule *r)
{
	static const struct {
		const char *unit;
		const char *suffix;
		double scale;
	} units[] = {
		{"seconds", "s", 1},	{"seconds", "ms", 1e-3},   {"seconds", "us", 1e-6},
		{"seconds", "ns", 0},	{"bytes", "GiB", 1 << 30}, {"bytes", "MiB", 1 << 20},
		{"bytes", "KiB", 1024}, {"bytes", "B", 0},
	};
	const char *unit = rule_unit(r);
	double n = r->absolute;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double scale = units[i].scale > 0	  ? units[i].scale
			       : !strcmp(unit, "seconds") ? 1e-9
							  : 1;

		if (strcmp(units[i].unit, unit) || n < units[i].scale * (1 - 1e-9))
			continue;
		snprintf(buf, CELL_LEN, "%g%s", n / scale, units[i].suffix);
		return;
	}
	snprintf(buf, CELL_LEN, "%g", n);
}

const char *gate_limit(char buf[CELL_LEN], const struct rule *r)
{
	static const char *const signs[] = {
		[CHECK_WITHIN] = "+-", [CHECK_NOT_ABOVE] = "<+", [CHECK_NOT_BELOW] = ">-",
	};
	char absolute[CELL_LEN];

	if (r->check == CHECK_EXACT || r->check == CHECK_NOT_WORSE || r->check == CHECK_ANY_CHANGE) {
		snprintf(buf, CELL_LEN, "%s",
			 r->check == CHECK_EXACT       ? "exact"
			 : r->check == CHECK_NOT_WORSE ? "no worse"
						       : "none");
		return buf;
	}
	limit_amount(absolute, r);
	if (!r->has_relative)
		snprintf(buf, CELL_LEN, "%s%.32s", signs[r->check], absolute);
	else
		snprintf(buf, CELL_LEN, "%s%g%%%s%.32s", signs[r->check], r->relative * 100,
			 r->has_absolute ? "," : "", r->has_absolute ? absolute : "");
	return buf;
}

void gate_sentence(const struct gate *g, char *buf, size_t size)
{
	size_t n[3] = { 0 };

	for (size_t i = 0; i < g->n; i++)
		n[g->list[i].value]++;
	snprintf(buf, size, "%s: of %zu rule%s %zu passed, %zu failed, %zu cannot be told",
		 gate_word(g->value), g->n, g->n == 1 ? "" : "s", n[GATE_PASS], n[GATE_FAIL],
		 n[GATE_INCONCLUSIVE]);
}

/* Words in lines of at most WIDTH columns, indented but for what the first line has already. */
static void wrap_behind(FILE *f, size_t column, const char *text)
{

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > WIDTH) {
			fputc('\n', f);
			column = 0;
		}
		column += (size_t)fprintf(f, "%*s%.*s", column ? 1 : INDENT, "", (int)len, text);
		text += len + (text[len] == ' ');
	}
	fputc('\n', f);
}

static void wrap(FILE *f, const char *text)
{
	wrap_behind(f, 0, text);
}

/*
 * The rule as it was written, and below it, or beside it if it is short, its numbers: a name that
 * is cut does not tell which rule it was.
 */
static void row(FILE *f, const struct outcome *o)
{
	char base[CELL_LEN], new[CELL_LEN], change[CELL_LEN], interval[CELL_LEN], limit[CELL_LEN];
	size_t column = (size_t)fprintf(f, "%-4s %zu:", gate_value_name(o->value), o->rule->line);

	if (column + 1 + strlen(o->rule->text) <= RULE_END) {
		column += (size_t)fprintf(f, " %s", o->rule->text);
	} else {
		wrap_behind(f, column, o->rule->text);
		column = 0;
	}
	fprintf(f, "%*s %9.9s %9.9s %7.7s %14.14s %.11s\n", (int)(RULE_END - column), "",
		gate_number(base, o->rule, o->base), gate_number(new, o->rule, o->new),
		gate_change(change, outcome_change(o)), gate_interval(interval, o),
		gate_limit(limit, o->rule));
}

static void reason(FILE *f, const struct outcome *o)
{
	char text[GATE_WHY + 128];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), "%s", o->why);
	if (o->tested)
		snprintf(text + len, sizeof(text) - len, " (p %.2g, %zu and %zu runs)", o->p,
			 o->nbase, o->nnew);
	wrap(f, text);
}

void gate_text(FILE *f, const struct gate_report *r)
{
	char text[256];

	gate_sentence(r->gate, text, sizeof(text));
	fprintf(f, "%s\n", text);
	fprintf(f, "BASE: %zu run%s, NEW: %zu run%s; rules: %s\n", r->base->n,
		r->base->n == 1 ? "" : "s", r->new->n, r->new->n == 1 ? "" : "s", r->rules_name);
	for (size_t i = 0; i < r->nallowed; i++)
		wrap(f, r->allowed[i]);
	fprintf(f, "\n%*s %9s %9s %7s %14s %s\n", -RULE_END, "     RULE", "BASE", "NEW", "CHANGE",
		"99% INTERVAL", "LIMIT");
	for (size_t i = 0; i < r->gate->n; i++) {
		const struct outcome *o = &r->gate->list[i];

		row(f, o);
		if (o->value != GATE_PASS || r->verbose)
			reason(f, o);
	}
	if (r->gate->tests)
		fprintf(f,
			"\nof equal builds at most %g%% of comparisons fail by chance (%zu test%s)\n",
			r->gate->alpha * 100, r->gate->tests, r->gate->tests == 1 ? "" : "s");
}
