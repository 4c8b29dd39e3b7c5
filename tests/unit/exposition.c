// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples as text for scrapers: both forms to the byte, which one is asked for, and how many series there can
 * be.
 */
#include "user/metrics/exposition.h"
#include "user/metrics/series_limit.h"

#include "unit.h"

#include <math.h>

static void put(struct samples *s, enum metric m, const char *a, const char *b, const char *c, double value)
{
	const char *label[METRIC_LABELS] = { a, b, c, "" };

	assert_int_equal(samples_add_scaled(s, m, label, value), 0);
}

static char *written(struct samples *s, enum exposition_form form)
{
	struct text t = { 0 };
	char *text;

	samples_sort(s);
	assert_int_equal(exposition_write(&t, s, form), 0);
	assert_int_equal(exposition_end(&t, form), 0);
	text = strndup(t.data ? t.data : "", t.n);
	text_free(&t);
	return text;
}

static void expect(struct samples *s, enum exposition_form form, const char *wanted)
{
	char *text = written(s, form);

	assert_string_equal(text, wanted);
	free(text);
}

static void both_forms(void **arg)
{
	struct samples s = { 0 };

	(void)arg;
	put(&s, METRIC_OBSERVED, NULL, NULL, NULL, 1.5);
	put(&s, METRIC_VM_INFO, "1", "812", "a\"b\\c\nd", 1);
	put(&s, METRIC_WINDOW_ZAPPED, "1", NULL, NULL, 12345678901234);
	expect(&s, FORM_TEXT,
	       "# HELP mmuscope_observed_seconds how long was observed\n"
	       "# TYPE mmuscope_observed_seconds gauge\n"
	       "mmuscope_observed_seconds 1.5\n"
	       "# HELP mmuscope_vm_info 1; whose VM this is\n"
	       "# TYPE mmuscope_vm_info gauge\n"
	       "mmuscope_vm_info{vm=\"1\",pid=\"812\",comm=\"a\\\"b\\\\c\\nd\",name=\"\"} 1\n"
	       "# HELP mmuscope_windows_zapped_pages_total 4K pages that lost their mapping in windows\n"
	       "# TYPE mmuscope_windows_zapped_pages_total counter\n"
	       "mmuscope_windows_zapped_pages_total{vm=\"1\"} 12345678901234\n");
	expect(&s, FORM_OPENMETRICS,
	       "# HELP mmuscope_observed_seconds how long was observed\n"
	       "# TYPE mmuscope_observed_seconds gauge\n"
	       "# UNIT mmuscope_observed_seconds seconds\n"
	       "mmuscope_observed_seconds 1.5\n"
	       "# HELP mmuscope_vm_info 1; whose VM this is\n"
	       "# TYPE mmuscope_vm_info gauge\n"
	       "mmuscope_vm_info{vm=\"1\",pid=\"812\",comm=\"a\\\"b\\\\c\\nd\",name=\"\"} 1\n"
	       "# HELP mmuscope_windows_zapped_pages 4K pages that lost their mapping in windows\n"
	       "# TYPE mmuscope_windows_zapped_pages counter\n"
	       "# UNIT mmuscope_windows_zapped_pages pages\n"
	       "mmuscope_windows_zapped_pages_total{vm=\"1\"} 12345678901234\n"
	       "# EOF\n");
	samples_free(&s);
}

static void nothing(void **arg)
{
	struct samples s = { 0 };

	(void)arg;
	expect(&s, FORM_TEXT, "");
	expect(&s, FORM_OPENMETRICS, "# EOF\n");
}

/* the sum of a histogram's buckets is its count; all of them are there whatever was seen */
static void histogram(void **arg)
{
	struct hist h = { .sum = 3000 };
	struct samples s = { 0 };
	char *text;

	(void)arg;
	h.bucket[0] = 1;
	h.bucket[11] = 2;
	h.bucket[63] = 4;
	assert_int_equal(samples_add_hist(&s, METRIC_WINDOW_TIME, NULL, &h), 0);
	text = written(&s, FORM_TEXT);
	assert_non_null(strstr(text, "mmuscope_window_duration_seconds_bucket{le=\"1.023e-06\"} 1\n"));
	assert_non_null(strstr(text, "mmuscope_window_duration_seconds_bucket{le=\"2.047e-06\"} 3\n"));
	assert_non_null(strstr(text, "mmuscope_window_duration_seconds_bucket{le=\"17.179869183\"} 3\n"));
	assert_non_null(strstr(text, "_bucket{le=\"+Inf\"} 7\nmmuscope_window_duration_seconds_count 7\n"));
	assert_non_null(strstr(text, "mmuscope_window_duration_seconds_sum 3e-06\n"));
	free(text);
	samples_free(&s);
	assert_int_equal(samples_add_hist(&s, METRIC_WINDOW_PAGES, NULL, &h), 0);
	text = written(&s, FORM_OPENMETRICS);
	assert_non_null(strstr(text, "mmuscope_window_pages_bucket{le=\"1.0\"} 1\n"));
	free(text);
	samples_free(&s);
}

static void numbers(void **arg)
{
	static const struct {
		double value;
		const char *text;
	} list[] = {
		{ 0, "0" }, { 60000000000 * 1e-9, "60" }, { 0.1, "0.1" }, { 1e300, "1e+300" }, { -3, "-3" },
		{ 9007199254740991, "9007199254740991" }, { INFINITY, "+Inf" }, { -INFINITY, "-Inf" }, { NAN, "NaN" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct samples s = { 0 };
		char wanted[64], *text;

		put(&s, METRIC_OBSERVED, NULL, NULL, NULL, list[i].value);
		snprintf(wanted, sizeof(wanted), "mmuscope_observed_seconds %s\n", list[i].text);
		text = written(&s, FORM_TEXT);
		assert_non_null(strstr(text, wanted));
		free(text);
		samples_free(&s);
	}
}

static void accept_header(void **arg)
{
	static const struct {
		const char *accept;
		enum exposition_form form;
	} list[] = {
		{ NULL, FORM_TEXT },
		{ "", FORM_TEXT },
		{ "*/*", FORM_TEXT },
		{ "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", FORM_TEXT },
		{ "application/openmetrics-text", FORM_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0", FORM_OPENMETRICS },
		{ "Application/OpenMetrics-Text ; version=0.0.1", FORM_OPENMETRICS },
		{ "application/openmetrics-text;version=2.0.0", FORM_TEXT },
		/* as Prometheus asks */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", FORM_OPENMETRICS },
		{ "text/plain;version=0.0.4,application/openmetrics-text;q=0.5", FORM_TEXT },
		{ "application/openmetrics-text;q=0", FORM_TEXT },
		{ "application/openmetrics-textual", FORM_TEXT },
		{ ";;,,;q=;=,application/openmetrics-text;;q", FORM_OPENMETRICS },
		{ "application/openmetrics-text;q=", FORM_TEXT },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (exposition_choose(list[i].accept) != list[i].form)
			fail_msg("'%s' gives the other form", list[i].accept);
}

static void put_vms(struct samples *s, int n)
{
	char vm[16];

	for (int i = 1; i <= n; i++) {
		snprintf(vm, sizeof(vm), "%d", i);
		put(s, METRIC_FAULTS, vm, NULL, NULL, 10);
		put(s, METRIC_MAPPED, vm, "4K", NULL, 4096);
		put(s, METRIC_VM_LATE, vm, NULL, NULL, i == n);
	}
}

static double value_of(const struct samples *s, enum metric m, const char *a, const char *b)
{
	const char *label[METRIC_LABELS] = { a, b };
	const struct sample *one = samples_get(s, m, label);

	return one ? one->value : -1;
}

static void limit(void **arg)
{
	struct samples s = { 0 };
	struct folded folded;

	(void)arg;
	put(&s, METRIC_OBSERVED, NULL, NULL, NULL, 1);
	put_vms(&s, 30);
	samples_sort(&s);
	series_limit(&s, 30, &folded);
	assert_int_equal(folded.all, 0);
	series_limit(&s, 20, &folded);
	assert_int_equal(folded.all, 30);
	assert_int_equal(folded.n[METRIC_FAULTS], 10);
	/* the first ones stay, sums stay, of a peak the largest counts */
	assert_float_equal(value_of(&s, METRIC_FAULTS, "20", NULL), 10, 0);
	assert_float_equal(value_of(&s, METRIC_FAULTS, "21", NULL), -1, 0);
	assert_float_equal(value_of(&s, METRIC_FAULTS, "other", NULL), 100, 0);
	assert_float_equal(value_of(&s, METRIC_MAPPED, "other", "4K"), 40960, 0);
	assert_float_equal(value_of(&s, METRIC_VM_LATE, "other", NULL), 1, 0);
	assert_float_equal(value_of(&s, METRIC_OBSERVED, NULL, NULL), 1, 0);
	assert_int_equal(s.n, 1 + 3 * 21);
	samples_free(&s);
}

static void retire(void **arg)
{
	struct vm_set ended = { 0 };
	struct samples s = { 0 };

	(void)arg;
	put_vms(&s, 5);
	put(&s, METRIC_OBSERVED, NULL, NULL, NULL, 1);
	samples_sort(&s);
	vm_set_add(&ended, 2);
	vm_set_add(&ended, 4);
	vm_set_add(&ended, 1 << 20);
	series_retire(&s, &ended);
	assert_float_equal(value_of(&s, METRIC_FAULTS, "ended", NULL), 20, 0);
	assert_float_equal(value_of(&s, METRIC_FAULTS, "2", NULL), -1, 0);
	assert_float_equal(value_of(&s, METRIC_FAULTS, "3", NULL), 10, 0);
	assert_float_equal(value_of(&s, METRIC_MAPPED, "4", "4K"), -1, 0);
	assert_float_equal(value_of(&s, METRIC_MAPPED, "ended", "4K"), -1, 0);
	assert_float_equal(value_of(&s, METRIC_OBSERVED, NULL, NULL), 1, 0);
	assert_true(vm_set_has(&ended, 4) && !vm_set_has(&ended, 1 << 20) && !vm_set_has(&ended, 3));
	samples_free(&s);
}

/* Numbers in their order and texts in theirs, as strverscmp() has it; what is there twice is added up. */
static void order(void **arg)
{
	static const char letters[] = "0019ab-.";
	uint64_t seed = 7;
	struct samples s = { 0 };
	double sum = 0;

	(void)arg;
	for (int i = 0; i < 5000; i++) {
		char text[8] = "", other[8] = "";

		for (uint64_t n = random_below(&seed, sizeof(text)); n; n--)
			text[n - 1] = letters[random_below(&seed, sizeof(letters) - 1)];
		snprintf(other, sizeof(other), "%d", (int)random_below(&seed, 120));
		put(&s, i % 2 ? METRIC_MAPPED : METRIC_INSTALLED, other, text, NULL, 1);
	}
	samples_sort(&s);
	for (size_t i = 0; i < s.n; i++) {
		const struct sample *x = &s.list[i ? i - 1 : 0], *y = &s.list[i];

		sum += y->value;
		if (i && x->metric == y->metric)
			assert_true(strverscmp(x->label[0], y->label[0]) < 0 ||
				    (!strcmp(x->label[0], y->label[0]) &&
				     strverscmp(x->label[1], y->label[1]) < 0));
		assert_true(x->metric <= y->metric);
		assert_ptr_equal(samples_get(&s, y->metric, y->label), y);
	}
	assert_true(s.n < 5000 && sum == 5000);
	samples_free(&s);
}

/* OpenMetrics: counters end in _total, a unit is the end of the name, names are clean and differ */
static void table_is_sound(void **arg)
{
	(void)arg;
	for (int m = 0; m < METRIC_NR; m++) {
		const struct metric_info *info = metric_info((enum metric)m);
		size_t len = strlen(info->name), unit = strlen(info->unit);
		bool total = len > 6 && !strcmp(info->name + len - 6, "_total");

		if (total != (info->type == COUNTER))
			fail_msg("%s: _total and a counter belong together", info->name);
		len -= total ? 6 : 0;
		if (unit && (len <= unit || strncmp(info->name + len - unit, info->unit, unit)))
			fail_msg("%s does not end in its unit %s", info->name, info->unit);
		if (strspn(info->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(info->name))
			fail_msg("%s: not a clean name", info->name);
		assert_int_equal(metric_find(info->name), m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms), cmocka_unit_test(nothing), cmocka_unit_test(histogram),
		cmocka_unit_test(numbers), cmocka_unit_test(accept_header), cmocka_unit_test(limit),
		cmocka_unit_test(retire), cmocka_unit_test(order), cmocka_unit_test(table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
