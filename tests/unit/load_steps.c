// SPDX-License-Identifier: GPL-2.0-only
/*
 * The step language of mmuscope-load, the tables written in it, and the guess at mistyped names.
 */
#include "../../load/nearest.h"
#include "../../load/scenario.h"
#include "../../load/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *line, struct step *steps, size_t *n, struct why *why)
{
	*why = (struct why){ STATUS_OK, "" };
	return steps_parse(line, steps, n, why);
}

static void reads_kind_vm_and_part(void **state)
{
	struct step steps[STEPS_MAX];
	struct why why;
	size_t n;

	(void)state;
	assert_int_equal(parse("write, punch:1/3 check@1:0/7", steps, &n, &why), 0);
	assert_int_equal(n, 3);
	assert_string_equal(steps[0].kind->name, "write");
	assert_int_equal(steps[0].parts, 0);
	assert_string_equal(steps[1].kind->name, "punch");
	assert_int_equal(steps[1].part, 1);
	assert_int_equal(steps[1].parts, 3);
	assert_string_equal(steps[2].kind->name, "check");
	assert_int_equal(steps[2].vm, 1);
	assert_int_equal(steps[2].parts, 7);
}

static void formats_what_it_read(void **state)
{
	static const char *const words[] = { "write", "check@1", "punch:0/3", "write@1:2/5" };
	struct step steps[STEPS_MAX];
	struct why why;
	char text[48];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(parse(words[i], steps, &n, &why), 0);
		step_format(&steps[0], text, sizeof(text));
		assert_string_equal(text, words[i]);
	}
}

static void refuses_bad_lines_and_quotes_them(void **state)
{
	static const char *const bad[] = {
		"wirte", "write:", "write:1", "write:1/", "write:3/3", "write:0/0", "write@",
		"write@9", "write@1x", "write:1/3x", "write:-1/3", "write:0/99999999999999999999",
		"a-name-that-is-longer-than-any-step-could-ever-be",
	};
	struct step steps[STEPS_MAX];
	struct why why;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], steps, &n, &why), STATUS_ERROR);
		assert_non_null(strstr(why.text, bad[i]));
		assert_non_null(strchr(why.text, '\n'));
	}
	assert_int_equal(parse("", steps, &n, &why), STATUS_ERROR);
	assert_int_equal(parse(" , ", steps, &n, &why), STATUS_ERROR);
}

static void refuses_more_steps_than_fit(void **state)
{
	char line[STEPS_MAX * 6 + 16] = "";
	struct step steps[STEPS_MAX];
	struct why why;
	size_t n;

	(void)state;
	for (int i = 0; i < STEPS_MAX; i++)
		strcat(line, "touch ");
	assert_int_equal(parse(line, steps, &n, &why), 0);
	assert_int_equal(n, STEPS_MAX);
	strcat(line, "touch");
	assert_int_equal(parse(line, steps, &n, &why), STATUS_ERROR);
}

static void every_scenario_can_be_read(void **state)
{
	struct step steps[STEPS_MAX];
	struct why why;
	size_t n;

	(void)state;
	for (size_t i = 0; i < nscenarios; i++) {
		const struct scenario *s = &scenarios[i];

		assert_non_null(backing_find(s->backing));
		assert_int_equal(parse(s->steps, steps, &n, &why), 0);
		assert_true(strlen(s->text) > 0);
		for (size_t k = 0; k < n; k++)
			assert_true(steps[k].vm < (s->vms ? s->vms : 1) + s->two_slots);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(s->name, scenarios[k].name);
	}
}

static void needs_come_from_backing_and_steps(void **state)
{
	(void)state;
	assert_int_equal(scenario_needs(scenario_find("anon-4k")), 0);
	assert_int_equal(scenario_needs(scenario_find("file-msync")), NEED_FS);
	assert_int_equal(scenario_needs(scenario_find("reclaim")),
			 NEED_ROOT | NEED_SWAP | NEED_CGROUP);
	assert_int_equal(scenario_needs(scenario_find("collapse")), NEED_THP);
	assert_int_equal(scenario_needs(scenario_find("nested")), NEED_NESTED);
	assert_int_equal(scenario_needs(scenario_find("smm")), NEED_SMM);
}

static void hugetlb_is_a_short_name(void **state)
{
	(void)state;
	assert_ptr_equal(scenario_find("hugetlb"), scenario_find("hugetlb-2m"));
	assert_ptr_equal(backing_find("hugetlb"), backing_find("hugetlb-2m"));
	assert_null(scenario_find("huge"));
	assert_null(backing_find(""));
}

static void guesses_only_near_names(void **state)
{
	(void)state;
	assert_string_equal(nearest_name("anon4k", scenario_name), "anon-4k");
	assert_string_equal(nearest_name("file-mysnc", scenario_name), "file-msync");
	assert_string_equal(nearest_name("dirty-lgo", scenario_name), "dirty-log");
	assert_null(nearest_name("zzzzzzzz", scenario_name));
	assert_null(nearest_name("", scenario_name));
	assert_null(nearest_name("a-name-that-is-much-longer-than-the-limit-of-names",
				 scenario_name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_kind_vm_and_part),
		cmocka_unit_test(formats_what_it_read),
		cmocka_unit_test(refuses_bad_lines_and_quotes_them),
		cmocka_unit_test(refuses_more_steps_than_fit),
		cmocka_unit_test(every_scenario_can_be_read),
		cmocka_unit_test(needs_come_from_backing_and_steps),
		cmocka_unit_test(hugetlb_is_a_short_name),
		cmocka_unit_test(guesses_only_near_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
