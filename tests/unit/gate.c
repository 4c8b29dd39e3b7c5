// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate: what runs make of rules, and what is printed of it (tests/golden/gate*; UPDATE_GOLDEN=1
 * renews them, look at the diff).
 */
#include "user/sink/gate.h"
#include "user/judge/verdict.h"

#include "lib/golden.h"
#include "unit.h"

#include <math.h>

enum { RUNS = 40, TEXT_MAX = 1 << 16 };

/* two builds and a store of runs; a test fills what it needs */
static struct {
	struct run base[RUNS], new[RUNS], past[RUNS];
	struct runs b, n, h;
	struct rules rules;
	struct gate gate;
} t;

static int setup(void **arg)
{
	(void)arg;
	memset(&t, 0, sizeof(t));
	t.b.list = t.base;
	t.n.list = t.new;
	t.h.list = t.past;
	return 0;
}

static int teardown(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < RUNS; i++) {
		run_free(&t.base[i]);
		run_free(&t.new[i]);
		run_free(&t.past[i]);
	}
	return 0;
}

static struct run *another(struct runs *runs)
{
	struct run *r = &runs->list[runs->n++];

	snprintf(r->name, sizeof(r->name), "run %zu", runs->n);
	return r;
}

static void put(struct run *r, enum metric m, const char *a, const char *b, double value)
{
	const char *label[] = { a, b };

	assert_int_equal(samples_add_scaled(&r->samples, m, label, value), 0);
	samples_sort(&r->samples);
}

/* A run of so many faults. */
static void add_faults(struct runs *runs, double n)
{
	put(another(runs), METRIC_FAULTS, "1", NULL, n);
}

/* A run of 1,000 windows of so many ns. */
static void add_windows(struct runs *runs, uint64_t ns)
{
	struct run *r = another(runs);
	struct hist h = { .bucket = { [14] = 1000 }, .sum = 1000 * ns };

	assert_int_equal(samples_add_hist(&r->samples, METRIC_WINDOW_TIME, NULL, &h), 0);
}

static void add_verdict(struct run *r, enum invariant i, enum value v)
{
	for (int k = 0; k <= NOT_APPLICABLE; k++)
		put(r, METRIC_INV_VERDICT, invariant_name(i), value_name((enum value)k), (int)v == k);
}

static const struct outcome *judge(const char *text)
{
	struct rules_error error;

	if (rules_parse(text, strlen(text), &t.rules, &error))
		fail_msg("%s: %s", text, error.text);
	gate_judge(&t.rules, &t.b, &t.n, t.h.n ? &t.h : NULL, &t.gate);
	return &t.gate.list[0];
}

static void gives(const char *rule, enum gate_value want, const char *why)
{
	const struct outcome *o = judge(rule);

	if (o->value != want || !strstr(o->why, why))
		fail_msg("%s: %s: %s", rule, gate_word(o->value), o->why);
}

static void near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * fabs(want)))
		fail_msg("%.17g, not %.17g", got, want);
}

static double measured(const char *rule)
{
	struct rules_error error;

	assert_int_equal(rules_parse(rule, strlen(rule), &t.rules, &error), 0);
	return gate_measure(&t.rules.list[0], &t.base[0]);
}

static void what_is_measured(void **arg)
{
	struct hist h = { .bucket = { [0] = 10, [11] = 80, [12] = 10 }, .sum = 150000 };
	struct run *r = another(&t.b);

	(void)arg;
	put(r, METRIC_MAPPED, "1", "2M", 6 << 20);
	put(r, METRIC_MAPPED, "2", "2M", 2 << 20);
	put(r, METRIC_MAPPED, "1", "4K", 2 << 20);
	put(r, METRIC_CAUSE_MAX, "reclaim", NULL, 3);
	put(r, METRIC_CAUSE_MAX, "fork", NULL, 2);
	put(r, METRIC_FAULTS, "1", NULL, 50);
	assert_int_equal(samples_add_hist(&r->samples, METRIC_WINDOW_TIME, NULL, &h), 0);
	near(measured("mmuscope_mapped_bytes exact"), 10 << 20);
	near(measured("mmuscope_mapped_bytes{level=2M} exact"), 8 << 20);
	near(measured("mmuscope_mapped_bytes{vm=1,level=2M} exact"), 6 << 20);
	near(measured("share of mmuscope_mapped_bytes{level=2M} exact"), 0.8);
	near(measured("share of mmuscope_mapped_bytes{level=1G} exact"), 0);
	near(measured("mmuscope_cause_window_max_seconds exact"), 3);
	near(measured("mmuscope_cause_windows_total exact"), 0);
	near(measured("mmuscope_window_duration_seconds_count exact"), 100);
	near(measured("mean of mmuscope_window_duration_seconds exact"), 1.5e-6);
	near(measured("mmuscope_window_duration_seconds_sum per mmuscope_faults_total exact"), 3e-6);
	/*
	 * the 50th of 100 is the 40th of 80 that lie between 1024 and 2048, evenly by their
	 * logarithm
	 */
	near(measured("quantile p50 of mmuscope_window_duration_seconds exact"), 1024e-9 * sqrt(2));
	near(measured("quantile p5 of mmuscope_window_duration_seconds exact"), 0);
	near(measured("quantile p90 of mmuscope_window_duration_seconds exact"), 2048e-9);
	near(measured("quantile p99 of mmuscope_window_duration_seconds exact"), 2048e-9 * pow(2, 0.9));
	assert_true(isnan(measured("mmuscope_late_vms exact")));
	assert_true(isnan(measured("mmuscope_faults_total per mmuscope_cause_windows_total exact")));
	assert_true(isnan(measured("mean of mmuscope_window_pages exact")));
}

static void exact(void **arg)
{
	(void)arg;
	add_faults(&t.b, 100);
	add_faults(&t.n, 100);
	gives("mmuscope_faults_total exact", GATE_PASS, "the same");
	add_faults(&t.n, 101);
	gives("mmuscope_faults_total exact", GATE_FAIL, "not what it was");
	add_faults(&t.b, 101);
	gives("mmuscope_faults_total exact", GATE_INCONCLUSIVE, "use 'within'");
}

/* one run each: a count is compared as it is, a time is not */
static void one_run_each(void **arg)
{
	(void)arg;
	add_faults(&t.b, 1000);
	add_faults(&t.n, 1010);
	gives("mmuscope_faults_total within 1%", GATE_PASS, "without a test");
	gives("mmuscope_faults_total within 0.9%", GATE_FAIL, "without a test");
	gives("mmuscope_faults_total within 0.9% and 10", GATE_PASS, "");
	gives("mmuscope_faults_total within 0.9% and 9", GATE_FAIL, "");
	gives("mmuscope_faults_total within 9", GATE_FAIL, "");
	gives("mmuscope_faults_total not-below 0%", GATE_PASS, "");
	gives("mmuscope_faults_total not-above 0%", GATE_FAIL, "");
	t.b.n = t.n.n = 0;
	add_windows(&t.b, 10000);
	add_windows(&t.n, 10000);
	gives("mean of mmuscope_window_duration_seconds within 5%", GATE_INCONCLUSIVE,
	      "1 and 1 runs are too few for a test at 1% false alarms shared by 1 tests; 5 of each "
	      "are enough");
	assert_int_equal(t.gate.value, GATE_INCONCLUSIVE);
}

static void few_runs_that_differ(void **arg)
{
	(void)arg;
	add_faults(&t.b, 1000);
	add_faults(&t.b, 1030);
	add_faults(&t.n, 1015);
	add_faults(&t.n, 1045);
	gives("mmuscope_faults_total within 2%", GATE_INCONCLUSIVE, "differ among themselves");
	gives("mmuscope_faults_total within 10%", GATE_PASS, "every run");
	gives("mmuscope_late_vms within 10%", GATE_INCONCLUSIVE,
	      "2 of 2 runs of BASE have no such number");
}

static void zero_to_something(void **arg)
{
	(void)arg;
	add_faults(&t.b, 0);
	add_faults(&t.n, 3);
	gives("mmuscope_faults_total not-above 50%", GATE_FAIL, "");
	gives("mmuscope_faults_total not-above 50% and 5", GATE_PASS, "");
	assert_true(isinf(outcome_change(&t.gate.list[0])));
}

/* Ten runs each: means from `from` on, a step apart. */
static void ten_and_ten(uint64_t base, uint64_t new, uint64_t step)
{
	teardown(NULL);
	setup(NULL);
	for (uint64_t i = 0; i < 10; i++) {
		add_windows(&t.b, base + step * i);
		add_windows(&t.n, new + step * ((i * 7) % 10));
	}
}

static void a_test_decides(void **arg)
{
	static const char rule[] = "mean of mmuscope_window_duration_seconds not-above 2% and 100ns";

	(void)arg;
	ten_and_ten(10000, 10000, 5);
	gives(rule, GATE_PASS, "no change beyond");
	assert_true(t.gate.list[0].tested && t.gate.list[0].has_interval);
	ten_and_ten(10000, 10500, 5);
	gives(rule, GATE_FAIL, "not by chance");
	assert_true(t.gate.list[0].p < 0.0001);
	near(outcome_change(&t.gate.list[0]), 0.05 * 10000 / 10022.5);
	/* the other way is an improvement, and 'within' minds that, too */
	gives("mean of mmuscope_window_duration_seconds not-below 2%", GATE_PASS, "");
	gives("mean of mmuscope_window_duration_seconds within 2%", GATE_FAIL, "");
	/* either limit keeps it from failing */
	gives("mean of mmuscope_window_duration_seconds not-above 2% and 1us", GATE_PASS,
	      "it changed, within");
	gives("mean of mmuscope_window_duration_seconds not-above 6% and 100ns", GATE_PASS,
	      "it changed, within");
}

static void scattered_runs_pass_nothing(void **arg)
{
	(void)arg;
	ten_and_ten(10000, 10000, 500);
	gives("mean of mmuscope_window_duration_seconds not-above 2%", GATE_INCONCLUSIVE,
	      "runs of each are needed");
	ten_and_ten(10000, 11000, 500);
	gives("mean of mmuscope_window_duration_seconds not-above 2%", GATE_INCONCLUSIVE,
	      "may be chance");
}

/* what is significant alone need not be among many */
static void many_rules_share_the_false_alarms(void **arg)
{
	static const char rule[] = "mean of mmuscope_window_duration_seconds not-above 2%\n";
	char text[40 * sizeof(rule)] = "";

	(void)arg;
	for (uint64_t i = 0; i < 5; i++) {
		add_windows(&t.b, 10000 + i);
		add_windows(&t.n, 10500 + i);
	}
	gives(rule, GATE_FAIL, "");
	assert_true(t.gate.list[0].p > 0.0039 && t.gate.list[0].p < 0.004);
	for (int i = 0; i < 30; i++)
		strcat(text, rule);
	gives(text, GATE_INCONCLUSIVE, "5 and 5 runs are too few");
	assert_int_equal(t.gate.tests, 30);
	gives("false-alarms 0.1%\nmean of mmuscope_window_duration_seconds not-above 2%",
	      GATE_INCONCLUSIVE, "too few");
}

static void verdicts(void **arg)
{
	struct run *b, *n;

	(void)arg;
	b = another(&t.b);
	n = another(&t.n);
	add_verdict(b, INV_SAME_PAGE, HELD);
	add_verdict(b, INV_NEVER_SECRET, NO_OCCASION);
	add_verdict(n, INV_SAME_PAGE, HELD);
	add_verdict(n, INV_NEVER_SECRET, NOT_APPLICABLE);
	gives("invariants same-page not-worse", GATE_PASS, "none is worse; 1 held");
	gives("invariants same-page, never-secret not-worse", GATE_PASS, "");
	gives("invariants not-worse", GATE_INCONCLUSIVE,
	      "dirty-until-notified was not judged and is not judged");
	n = another(&t.n);
	add_verdict(n, INV_SAME_PAGE, NO_OCCASION);
	gives("invariants same-page not-worse", GATE_PASS, "");
	n = another(&t.n);
	add_verdict(n, INV_SAME_PAGE, INCONCLUSIVE);
	gives("invariants same-page not-worse", GATE_INCONCLUSIVE, "was HELD and is INCONCLUSIVE");
	n = another(&t.n);
	add_verdict(n, INV_SAME_PAGE, VIOLATED);
	gives("invariants same-page not-worse", GATE_FAIL, "same-page was HELD and is VIOLATED");
	b = another(&t.b);
	add_verdict(b, INV_SAME_PAGE, VIOLATED);
	gives("invariants same-page not-worse", GATE_PASS, "VIOLATED in BASE, too");
}

static void no_occasion_where_there_was_one(void **arg)
{
	(void)arg;
	add_verdict(another(&t.b), INV_SAME_PAGE, HELD);
	add_verdict(another(&t.n), INV_SAME_PAGE, NO_OCCASION);
	gives("invariants same-page not-worse", GATE_INCONCLUSIVE, "is NO OCCASION");
}

static void a_change_point(void **arg)
{
	static const char rule[] = "change-point last 30 of mmuscope_faults_total";

	(void)arg;
	gives(rule, GATE_INCONCLUSIVE, "--store");
	for (int i = 0; i < 9; i++)
		add_faults(&t.h, 1000 + i % 3);
	gives(rule, GATE_INCONCLUSIVE, "has 9 runs like these, and 10 are needed");
	for (int i = 0; i < 13; i++)
		add_faults(&t.h, 1000 + i % 3);
	gives(rule, GATE_PASS, "no change among 22 runs");
	for (int i = 0; i < 8; i++)
		add_faults(&t.h, 1010 + i % 3);
	gives(rule, GATE_FAIL, "it changed with run 23");
	gives("change-point last 30 of mmuscope_faults_total within 5%", GATE_PASS, "within the limit");
	gives("change-point last 30 of mmuscope_faults_total not-below 0.5%", GATE_PASS, "");
}

/* FAIL before INCONCLUSIVE before PASS */
static void the_whole(void **arg)
{
	(void)arg;
	add_faults(&t.b, 10);
	add_faults(&t.n, 20);
	judge("mmuscope_faults_total within 1000%");
	assert_int_equal(t.gate.value, GATE_PASS);
	judge("mmuscope_faults_total within 1000%\nmmuscope_late_vms exact");
	assert_int_equal(t.gate.value, GATE_INCONCLUSIVE);
	judge("mmuscope_faults_total exact\nmmuscope_late_vms exact");
	assert_int_equal(t.gate.value, GATE_FAIL);
}

static const char *print(void (*sink)(FILE *f, const struct gate_report *r),
			 const struct gate_report *r)
{
	static char text[TEXT_MAX];
	FILE *f = fmemopen(text, sizeof(text), "w");

	assert_non_null(f);
	sink(f, r);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void json(FILE *f, const struct gate_report *r)
{
	assert_int_equal(gate_json(f, r), 0);
}

/* one of each outcome, in every form */
static void outputs(void **arg)
{
	struct gate_report r = {
		.gate = &t.gate,
		.base = &t.b,
		.new = &t.n,
		.base_name = "base",
		.new_name = "a<b>&\"c\"",
		.rules_name = "gate.rules",
		.nallowed = 1,
		.allowed = {"compared although the kernel differs: 6.12 and 6.18|x"}};

	(void)arg;
	ten_and_ten(10000, 10500, 5);
	for (size_t i = 0; i < 10; i++) {
		put(&t.base[i], METRIC_MAPPED, "1", "2M", 1 << 30);
		put(&t.new[i], METRIC_MAPPED, "1", "2M", 1 << 30);
		put(&t.base[i], METRIC_FAULTS, "1", NULL, 1234567);
		put(&t.new[i], METRIC_FAULTS, "1", NULL, 1234567 + (double)(i % 2));
		add_verdict(&t.base[i], INV_SAME_PAGE, HELD);
		add_verdict(&t.new[i], INV_SAME_PAGE, VIOLATED);
	}
	judge("# rules\ninvariants same-page not-worse\nmean of mmuscope_window_duration_seconds "
	      "not-above 2% and 100ns\n"
	      "quantile p99 of mmuscope_window_duration_seconds within 10% and 2us\n"
	      "mmuscope_mapped_bytes{level=2M} not-below 0.5%\nshare of "
	      "mmuscope_mapped_bytes{level=\"2M\"} exact\n"
	      "mmuscope_faults_total exact\nmmuscope_faults_total within 3\nmmuscope_late_vms exact\n"
	      "change-point last 30 of mmuscope_faults_total\n"
	      "mmuscope_window_duration_seconds_sum per mmuscope_faults_total within 100ns\n");
	fits_80_columns(print(gate_text, &r));
	golden_compare("gate.txt", print(gate_text, &r));
	r.verbose = true;
	fits_80_columns(print(gate_text, &r));
	golden_compare("gate-verbose.txt", print(gate_text, &r));
	golden_compare("gate.xml", print(gate_junit, &r));
	golden_compare("gate.md", print(gate_markdown, &r));
	golden_compare("gate.json", print(json, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_measured, setup, teardown),
		cmocka_unit_test_setup_teardown(exact, setup, teardown),
		cmocka_unit_test_setup_teardown(one_run_each, setup, teardown),
		cmocka_unit_test_setup_teardown(few_runs_that_differ, setup, teardown),
		cmocka_unit_test_setup_teardown(zero_to_something, setup, teardown),
		cmocka_unit_test_setup_teardown(a_test_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(scattered_runs_pass_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(many_rules_share_the_false_alarms, setup, teardown),
		cmocka_unit_test_setup_teardown(verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(no_occasion_where_there_was_one, setup, teardown),
		cmocka_unit_test_setup_teardown(a_change_point, setup, teardown),
		cmocka_unit_test_setup_teardown(the_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(outputs, setup, teardown),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
