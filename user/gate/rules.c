// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parser of the rules: one pass, word by word; the first mistake ends it.
 *
 *   rule    = "invariants" [NAME {"," NAME}] "not-worse" | "false-alarms" PERCENT
 *           | measure check | "change-point" "last" N "of" measure [check]
 *   measure = ["metric"] SEL ["per" SEL] | "share" "of" SEL | "mean" "of" SEL | "quantile" pQ "of" SEL
 *   SEL     = NAME ["{" LABEL "=" VALUE {"," LABEL "=" VALUE} "}"]
 *   check   = "exact" | ("within" | "not-above" | "not-below") (PERCENT ["and" AMOUNT] | AMOUNT)
 */
#include "rules_read.h"

#include "user/judge/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char rules_builtin[] =
"# what mmuscope gate looks at when it is given no rules\n"
"invariants not-worse\n"
"share of mmuscope_mapped_bytes{level=2M} not-below 0.5%\n"
"share of mmuscope_mapped_bytes{level=1G} not-below 0.5%\n"
"mmuscope_hva_to_pfn_errors_total{error=hwpoison} not-above 0%\n";

static int want_histogram(struct cursor *c, const char *at, const struct selector *s, bool wanted)
{
	const struct metric_info *info = metric_info(s->metric);
	bool is = info->type == HISTOGRAM && s->part == PART_VALUE;

	if (is == wanted)
		return 0;
	if (wanted)
		return rules_wrong(c, at, "%s is no histogram: it has neither mean nor quantiles",
				   info->name);
	return rules_wrong(c, at,
			   "%s is a histogram; say 'mean of', 'quantile p99 of', or %s_count",
			   info->name, info->name);
}

static int parse_of(struct cursor *c, struct rule *r, bool histogram)
{
	const char *at;

	if (expect_word(c, "of"))
		return -EINVAL;
	skip_blanks(c);
	at = c->p;
	return parse_selector(c, &r->a) || want_histogram(c, at, &r->a, histogram) ? -EINVAL : 0;
}

static int parse_quantile(struct cursor *c, struct rule *r)
{
	char text[WORD_LEN], *end;
	const char *at = read_word(c, "", text);

	r->measure = MEASURE_QUANTILE;
	r->quantile = *text == 'p' && text[1] >= '0' && text[1] <= '9'
			      ? strtod(text + 1, &end) / 100
			      : -1;
	if (!(r->quantile > 0 && r->quantile < 1) || *end)
		return rules_wrong(c, at, "a quantile is p50, p99, p99.9 and the like, not '%.40s'",
				   text);
	return parse_of(c, r, true);
}

static int parse_plain(struct cursor *c, struct rule *r)
{
	const char *at;

	skip_blanks(c);
	at = c->p;
	r->measure = MEASURE_VALUE;
	if (parse_selector(c, &r->a) || want_histogram(c, at, &r->a, false))
		return -EINVAL;
	if (!take_word(c, "per"))
		return 0;
	r->measure = MEASURE_RATIO;
	skip_blanks(c);
	at = c->p;
	return parse_selector(c, &r->b) || want_histogram(c, at, &r->b, false) ? -EINVAL : 0;
}

static int parse_measure(struct cursor *c, struct rule *r)
{
	if (take_word(c, "quantile"))
		return parse_quantile(c, r);
	if (take_word(c, "mean")) {
		r->measure = MEASURE_MEAN;
		return parse_of(c, r, true);
	}
	if (take_word(c, "share")) {
		r->measure = MEASURE_SHARE;
		return parse_of(c, r, false);
	}
	take_word(c, "metric");
	return parse_plain(c, r);
}

/* A number and its suffix: 5%, 2us, 3. */
static int parse_amount(struct cursor *c, double *value, char suffix[WORD_LEN])
{
	char text[WORD_LEN], *end;
	const char *at = read_word(c, "", text);

	if (*text < '0' || *text > '9')
		return rules_wrong(c, at, "here a limit is expected: 5%%, 2us, 100; not '%.40s'", text);
	/* no hexadecimal numbers, exponents or the like */
	if (strspn(text, "0123456789.") == 0 || strchr(text, 'x') || strchr(text, 'X'))
		return rules_wrong(c, at, "not a number: '%.40s'", text);
	*value = strtod(text, &end);
	if (!(*value >= 0 && *value <= 1e18))
		return rules_wrong(c, at, "'%.40s' is out of range", text);
	snprintf(suffix, WORD_LEN, "%s", end);
	return 0;
}

static int parse_absolute(struct cursor *c, struct rule *r, const char *at, double value,
			  const char *suffix)
{
	static const struct {
		const char *suffix;
		const char *unit;
		double scale;
	} units[] = {
		{ "ns", "seconds", 1e-9 }, { "us", "seconds", 1e-6 }, { "ms", "seconds", 1e-3 },
		{ "s", "seconds", 1 }, { "B", "bytes", 1 }, { "KiB", "bytes", 1024 },
		{ "MiB", "bytes", 1 << 20 }, { "GiB", "bytes", 1 << 30 },
		{ "", "pages", 1 }, { "", "", 1 },
	};
	const char *unit = rule_unit(r);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].unit, unit) || strcmp(units[i].suffix, suffix))
			continue;
		r->has_absolute = true;
		r->absolute = value * units[i].scale;
		return 0;
	}
	if (!strcmp(unit, "seconds"))
		return rules_wrong(c, at, "this is a time: its limit ends in ns, us, ms or s");
	if (!strcmp(unit, "bytes"))
		return rules_wrong(c, at, "these are bytes: their limit ends in B, KiB, MiB or GiB");
	return rules_wrong(c, at, "this is a plain number: its limit has no unit, unlike '%.20s'",
			   suffix);
}

static int parse_limit(struct cursor *c, struct rule *r)
{
	char suffix[WORD_LEN];
	const char *at;
	double value;

	skip_blanks(c);
	at = c->p;
	if (parse_amount(c, &value, suffix))
		return -EINVAL;
	if (strcmp(suffix, "%"))
		return parse_absolute(c, r, at, value, suffix);
	r->has_relative = true;
	r->relative = value / 100;
	if (!take_word(c, "and"))
		return 0;
	skip_blanks(c);
	at = c->p;
	if (parse_amount(c, &value, suffix))
		return -EINVAL;
	if (!strcmp(suffix, "%"))
		return rules_wrong(c, at,
				   "after 'and' there is a limit that is no percentage: 2us, 100");
	return parse_absolute(c, r, at, value, suffix);
}

static int parse_check(struct cursor *c, struct rule *r)
{
	static const struct {
		const char *word;
		enum check check;
	} checks[] = {
		{ "exact", CHECK_EXACT }, { "within", CHECK_WITHIN }, { "not-above", CHECK_NOT_ABOVE },
		{ "not-below", CHECK_NOT_BELOW },
	};

	if (r->last && at_end(c)) {
		r->check = CHECK_ANY_CHANGE;
		return 0;
	}
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (!take_word(c, checks[i].word))
			continue;
		r->check = checks[i].check;
		if (r->check != CHECK_EXACT)
			return parse_limit(c, r);
		return r->last ? rules_wrong(c, c->p,
					     "a change point is 'within', 'not-above' or "
					     "'not-below' a limit")
			       : 0;
	}
	skip_blanks(c);
	return rules_wrong(c, c->p, "here 'exact', 'within', 'not-above' or 'not-below' is expected");
}

static int parse_change_point(struct cursor *c, struct rule *r)
{
	char text[WORD_LEN], *end;
	const char *at;
	unsigned long n;

	if (expect_word(c, "last"))
		return -EINVAL;
	at = read_word(c, "", text);
	n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	if (n < 10 || n > 1000 || *end)
		return rules_wrong(
			c, at,
			"a change point is looked for among the last 10 to 1000 runs, not '%.40s'",
			text);
	r->last = n;
	return expect_word(c, "of") || parse_measure(c, r) || parse_check(c, r) ? -EINVAL : 0;
}

static int parse_invariants(struct cursor *c, struct rule *r)
{
	char name[WORD_LEN];
	const char *at;

	r->measure = MEASURE_VERDICTS;
	r->check = CHECK_NOT_WORSE;
	if (take_word(c, "not-worse")) {
		r->invariants = (1u << INV_NR) - 1;
		return 0;
	}
	do {
		int i;

		at = read_word(c, ",", name);
		i = invariant_find(name);
		if (i < 0)
			return rules_wrong(c, at,
					   "here 'not-worse' or an invariant is expected "
					   "(docs/invariants.md)");
		r->invariants |= 1u << i;
	} while (take_char(c, ','));
	return expect_word(c, "not-worse");
}

static int parse_false_alarms(struct cursor *c, struct rules *out)
{
	char suffix[WORD_LEN];
	const char *at;
	double value;

	skip_blanks(c);
	at = c->p;
	if (parse_amount(c, &value, suffix))
		return -EINVAL;
	if (strcmp(suffix, "%") || value < 0.1 || value > 10)
		return rules_wrong(c, at, "the rate of false alarms is 0.1%% to 10%%");
	out->alpha = value / 100;
	return at_end(c) ? 0 : rules_wrong(c, c->p, "nothing is expected here");
}

/* The line with its blanks made one, for people. */
static void keep_text(const struct cursor *c, struct rule *r)
{
	size_t n = 0;

	for (const char *p = c->start; p < c->end && n + 1 < RULE_LEN; p++) {
		bool gap = is_blank(*p);

		if (gap && (!n || r->text[n - 1] == ' '))
			continue;
		r->text[n++] = gap ? ' ' : *p >= ' ' && *p <= '~' ? *p : '?';
	}
	while (n && r->text[n - 1] == ' ')
		n--;
	r->text[n] = '\0';
}

static int parse_line(struct cursor *c, struct rules *out, size_t line)
{
	struct rule *r = &out->list[out->n];
	int err;

	if (at_end(c))
		return 0;
	if (take_word(c, "false-alarms"))
		return parse_false_alarms(c, out);
	if (out->n == RULES_MAX)
		return rules_wrong(c, c->p, "there are more than %d rules; make two files of them",
				   RULES_MAX);
	*r = (struct rule){ .line = line };
	if (take_word(c, "invariants"))
		err = parse_invariants(c, r);
	else if (take_word(c, "change-point"))
		err = parse_change_point(c, r);
	else
		err = parse_measure(c, r) || parse_check(c, r) ? -EINVAL : 0;
	if (!err && !at_end(c))
		err = rules_wrong(c, c->p, "nothing more is expected here");
	keep_text(c, r);
	out->n += !err;
	return err;
}

int rules_parse(const char *text, size_t len, struct rules *out, struct rules_error *error)
{
	const char *end = text + len;

	out->n = 0;
	out->alpha = 0.01;
	*error = (struct rules_error){ .line = 1, .column = 1 };
	if (len > RULES_TEXT_MAX) {
		snprintf(error->text, sizeof(error->text), "rules have at most %d bytes",
			 RULES_TEXT_MAX);
		return -EINVAL;
	}
	for (const char *p = text; p < end; error->line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		struct cursor c = { .start = p, .p = p, .end = stop ? stop : end, .error = error };

		if (parse_line(&c, out, error->line))
			return -EINVAL;
		p = stop ? stop + 1 : end;
	}
	if (out->n)
		return 0;
	snprintf(error->text, sizeof(error->text),
		 "there is no rule in it; 'invariants not-worse' is one");
	return -EINVAL;
}

static const char *unit_of(const struct selector *s)
{
	return s->part == PART_COUNT ? "" : metric_info(s->metric)->unit;
}

const char *rule_unit(const struct rule *r)
{
	switch (r->measure) {
	case MEASURE_VALUE:
	case MEASURE_QUANTILE:
	case MEASURE_MEAN:
		return unit_of(&r->a);
	case MEASURE_RATIO:
		/* bytes per bytes are none */
		return strcmp(unit_of(&r->a), unit_of(&r->b)) ? unit_of(&r->a) : "";
	default:
		return "";
	}
}
