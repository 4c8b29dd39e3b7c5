// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules' parser: what it understands, and what it says about the rest.
 */
#include "user/gate/rules.h"

#include "unit.h"

#include <errno.h>

static struct rules rules;
static struct rules_error error;

static int parse(const char *text)
{
	return rules_parse(text, strlen(text), &rules, &error);
}

/* The one rule of a text. */
static const struct rule *one(const char *text)
{
	if (parse(text))
		fail_msg("'%s': line %zu, column %zu: %s", text, error.line, error.column, error.text);
	assert_int_equal(rules.n, 1);
	return &rules.list[0];
}

static void near(double got, double want)
{
	if (!(got > want * (1 - 1e-12) && got < want * (1 + 1e-12)))
		fail_msg("%.17g, not %.17g", got, want);
}

static void the_builtin_rules(void **arg)
{
	(void)arg;
	assert_int_equal(parse(rules_builtin), 0);
	assert_int_equal(rules.n, 4);
	near(rules.alpha, 0.01);
	assert_int_equal(rules.list[0].measure, MEASURE_VERDICTS);
	assert_int_equal(rules.list[0].line, 2);
	assert_int_equal(rules.list[0].invariants, (1u << INV_NR) - 1);
}

static void measures(void **arg)
{
	const struct rule *r;

	(void)arg;
	r = one("metric mmuscope_faults_total exact");
	assert_int_equal(r->measure, MEASURE_VALUE);
	assert_int_equal(r->a.metric, METRIC_FAULTS);
	assert_int_equal(r->check, CHECK_EXACT);
	r = one("mmuscope_cause_windows_total{cause=\"copy on write\"} per mmuscope_mapped_bytes "
		"within 5%");
	assert_int_equal(r->measure, MEASURE_RATIO);
	assert_string_equal(r->a.match[0].value, "copy on write");
	assert_int_equal(r->b.metric, METRIC_MAPPED);
	assert_true(r->has_relative && !r->has_absolute);
	near(r->relative, 0.05);
	r = one("quantile p99.9 of mmuscope_window_duration_seconds not-above 5% and 2us");
	assert_int_equal(r->measure, MEASURE_QUANTILE);
	near(r->quantile, 0.999);
	near(r->absolute, 2e-6);
	r = one("mean of mmuscope_cause_window_duration_seconds{cause=reclaim} not-above 1.5ms");
	assert_int_equal(r->measure, MEASURE_MEAN);
	assert_true(!r->has_relative && r->has_absolute);
	near(r->absolute, 1.5e-3);
	r = one("share of mmuscope_mapped_bytes{level=2M,vm=3} not-below 0.5%");
	assert_int_equal(r->measure, MEASURE_SHARE);
	assert_int_equal(r->a.matches, 2);
	assert_int_equal(r->check, CHECK_NOT_BELOW);
	r = one("mmuscope_mapped_bytes within 1% and 4MiB");
	near(r->absolute, 4 << 20);
	r = one("mmuscope_window_duration_seconds_count within 100");
	assert_int_equal(r->a.part, PART_COUNT);
	near(r->absolute, 100);
	r = one("mmuscope_window_duration_seconds_sum within 10ms");
	assert_int_equal(r->a.part, PART_SUM);
	r = one("change-point last 30 of share of mmuscope_mapped_bytes{level=2M}");
	assert_int_equal(r->last, 30);
	assert_int_equal(r->check, CHECK_ANY_CHANGE);
	assert_int_equal(r->measure, MEASURE_SHARE);
	r = one("change-point last 30 of mmuscope_faults_total within 3%");
	assert_int_equal(r->check, CHECK_WITHIN);
	r = one("invariants zapped-at-start, same-page not-worse");
	assert_int_equal(r->invariants, 1u << INV_ZAPPED_AT_START | 1u << INV_SAME_PAGE);
}

static void lines_and_blanks(void **arg)
{
	(void)arg;
	assert_int_equal(parse("\n# a comment\r\n\t \n  invariants\tnot-worse  # and "
			       "another\r\nfalse-alarms 0.5%\n"
			       "mmuscope_faults_total   exact"),
			 0);
	assert_int_equal(rules.n, 2);
	assert_int_equal(rules.list[0].line, 4);
	assert_int_equal(rules.list[1].line, 6);
	assert_string_equal(rules.list[0].text, "invariants not-worse");
	assert_string_equal(rules.list[1].text, "mmuscope_faults_total exact");
	near(rules.alpha, 0.005);
}

/* where it is wrong, and a piece of what is said about it */
static void mistakes(void **arg)
{
	static const struct {
		const char *text;
		size_t line, column;
		const char *says;
	} bad[] = {
		{"", 1, 1, "no rule"},
		{"# nothing\n\n", 3, 1, "no rule"},
		{"mmuscope_fault_total exact", 1, 1, "no metric 'mmuscope_fault_total'"},
		{"invariants not-worse\n  mean of mmuscope_faults_total exact", 2, 11,
		 "no histogram"},
		{"mmuscope_window_duration_seconds exact", 1, 1, "is a histogram; say 'mean of'"},
		{"mmuscope_faults_total_count exact", 1, 1, "no metric"},
		{"mmuscope_faults_total", 1, 22, "'within'"},
		{"mmuscope_faults_total above 5%", 1, 23, "'within'"},
		{"mmuscope_faults_total within", 1, 29, "limit is expected"},
		{"mmuscope_faults_total within 5us", 1, 30, "no unit"},
		{"mmuscope_faults_total within -5%", 1, 30, "limit is expected"},
		{"mmuscope_faults_total within 0x5%", 1, 30, "not a number"},
		{"mmuscope_faults_total within 5% and 5%", 1, 37, "no percentage"},
		{"mmuscope_faults_total within 5% or 5", 1, 33, "nothing more"},
		{"mmuscope_observed_seconds within 5", 1, 34, "ends in ns, us, ms or s"},
		{"mmuscope_mapped_bytes within 5", 1, 30, "KiB"},
		{"mmuscope_mapped_bytes{size=2M} exact", 1, 23, "no label 'size'"},
		{"mmuscope_mapped_bytes{level=2m} exact", 1, 29, "there are: 4K, 2M, 1G"},
		{"mmuscope_mapped_bytes{level} exact", 1, 28, "'='"},
		{"mmuscope_mapped_bytes{level=2M exact", 1, 32, "'}'"},
		{"mmuscope_mapped_bytes{level=2M,level=4K} exact", 1, 32, "twice"},
		{"mmuscope_mapped_bytes{level=\"2M} exact", 1, 29, "never closed"},
		{"mmuscope_mapped_bytes{vm=} exact", 1, 26, "1 to 63"},
		{"quantile 99 of mmuscope_window_duration_seconds exact", 1, 10, "p50"},
		{"quantile p100 of mmuscope_window_duration_seconds exact", 1, 10, "p50"},
		{"quantile p99 mmuscope_window_duration_seconds exact", 1, 14, "'of'"},
		{"change-point last 5 of mmuscope_faults_total", 1, 19, "10 to 1000"},
		{"change-point last 30 of mmuscope_faults_total exact", 1, 52, "change point"},
		{"invariants not-better", 1, 12, "not-worse"},
		{"invariants same-page", 1, 21, "'not-worse'"},
		{"false-alarms 50%", 1, 14, "0.1% to 10%"},
		{"metric", 1, 7, "name of a metric"},
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].text), -EINVAL);
		if (error.line != bad[i].line || error.column != bad[i].column ||
		    !strstr(error.text, bad[i].says))
			fail_msg("'%s': line %zu, column %zu: %s", bad[i].text, error.line,
				 error.column, error.text);
	}
}

static void limits_of_the_parser(void **arg)
{
	static char text[RULES_TEXT_MAX + 2];
	size_t len = 0;

	(void)arg;
	for (int i = 0; i <= RULES_MAX; i++)
		len += (size_t)sprintf(text + len, "invariants not-worse\n");
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(error.line, RULES_MAX + 1);
	memset(text, ' ', sizeof(text) - 1);
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(strstr(error.text, "at most"));
	/* a NUL is a byte like any other that is not expected */
	assert_int_equal(rules_parse("invariants\0 not-worse", 21, &rules, &error), -EINVAL);
	assert_int_equal(rules_parse(NULL, 0, &rules, &error), -EINVAL);
}

/* Anything may be read, and never beyond its end (the sanitizers look). */
static void any_bytes(void **arg)
{
	static const char *const words[] = {
		"metric ",
		"mmuscope_mapped_bytes",
		"{",
		"}",
		"level",
		"=",
		"2M",
		"\"",
		",",
		" within ",
		"5%",
		" and ",
		"1us",
		"\n",
		"# ",
		"invariants ",
		"not-worse",
		"quantile ",
		"p99 ",
		"of ",
		"change-point ",
		"last ",
		"30 ",
		"share ",
		"mmuscope_window_duration_seconds",
		"_sum",
		"\xff",
		"mean ",
		"exact",
		"per ",
	};
	uint64_t seed = 11;

	(void)arg;
	for (int i = 0; i < 20000; i++) {
		char text[256];
		size_t len = 0, n = random_below(&seed, 12);
		char *copy;

		for (size_t k = 0; k < n; k++)
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s",
				words[random_below(&seed, sizeof(words) / sizeof(words[0]))]);
		copy = malloc(len + 1);
		memcpy(copy, text, len);
		if (rules_parse(copy, len, &rules, &error))
			assert_true(error.line && error.column && *error.text);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_builtin_rules),
		cmocka_unit_test(measures),
		cmocka_unit_test(lines_and_blanks),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(limits_of_the_parser),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
