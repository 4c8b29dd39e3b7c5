// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mmuscope walk --candidate prints, compared with tests/golden/ (UPDATE_GOLDEN=1 renews it; look at
 * the diff).  Run from the top of the tree, as tests/run does.
 */
#include "user/sink/report.h"

#include "lib/golden.h"
#include "unit.h"

#include <jansson.h>

static struct candidate_story stories[2] = {
	{
		.e = {
			.hva = 0x7f52c1fff000,
			.said = { .pfn = 0x11f3ff, .level = 1, .found = 1, .writable = 1 },
			.before = { .pfn = 0x11f3ff, .level = 2, .found = 1, .writable = 1 },
			.after = { .pfn = 0x11f3ff, .level = 2, .found = 1, .writable = 1 },
			.judged = GUILTY_LEVEL, .what = SAID_PFN | SAID_LEVEL | SAID_RIGHTS | ASKED_WRITE,
			.backing = BACKING_ANON, .pid = 812, .tid = 815, .comm = "CPU 0/KVM",
		},
		.since_start_ns = 1500000000,
		.vma = "rw-p anonymous",
	}, {
		.e = {
			.hva = 0x7f52c1fff000,
			.said = { .pfn = 0x11f3ff, .found = 1 },
			.before = { .why = 6 },
			.after = { .why = 3 },
			.judged = GUILTY_MISSING, .what = SAID_PFN, .backing = BACKING_NONE, .pid = 812,
			.tid = 812, .comm = "qemu-system-x86",
		},
		.since_start_ns = 2500000000,
		.vma = "not known: the process has ended",
	},
};

static void build(struct candidate_report *c)
{
	*c = (struct candidate_report){
		.function = "candidate_lookup", .spec = "candidate_lookup(hva=arg1,pfn=*arg2)", .how = "fexit",
		.counts = { .calls = 5000, .answers = 4000, .pages = 4000 },
		.stories = stories, .nstories = 2,
	};
	for (int j = 0; j < JUDGED_NR; j++)
		c->counts.judged[j][j % BACKING_NR] = (uint64_t)(j + 1) * 10;
	c->counts.level[0][BACKING_ANON] = 3000;
	c->counts.level[1][BACKING_HUGETLB] = 1000;
}

static struct report report_of(const struct candidate_report *c)
{
	static struct snapshot s = { .seconds_ns = 61500000000 };

	return (struct report){
		.command = "walk", .kernel = "6.12.117+deb13-cloud-amd64", .machine = "x86_64",
		.tier = "fentry", .snapshot = &s, .walk = true, .candidate = c, .dirty_bit = -1,
		.command_status = -1,
	};
}

static void check_text(const struct candidate_report *c, const char *name)
{
	struct report r = report_of(c);

	golden_report(name, text_walk, &r);
}

static void violated(void **state)
{
	struct candidate_report c;

	(void)state;
	build(&c);
	check_text(&c, "candidate-violated.txt");
}

static void inconclusive(void **state)
{
	struct candidate_report c;

	(void)state;
	build(&c);
	for (int j = JUDGED_GUILTY; j < JUDGED_NR; j++)
		memset(c.counts.judged[j], 0, sizeof(c.counts.judged[j]));
	c.nstories = 0;
	c.missed_runs = 1;
	c.counts.unfinished = 2;
	c.counts.no_mm = 3;
	check_text(&c, "candidate-inconclusive.txt");
	c.missed_runs = c.counts.unfinished = c.counts.no_mm = 0;
	check_text(&c, "candidate-held.txt");
}

static void json_has_all_of_it(void **state)
{
	const json_t *o, *story, *judged;
	struct candidate_report c;
	struct report r;
	json_t *all;

	(void)state;
	build(&c);
	r = report_of(&c);
	all = json_read_back(&r);
	o = json_object_get(all, "candidate");
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "verdict")), "VIOLATED");
	judged = json_object_get(o, "judged");
	for (int j = 0; j < JUDGED_NR; j++) {
		const json_t *row = json_object_get(judged, judged_name(j));

		assert_int_equal(json_integer_value(json_object_get(row, backing_name(j % BACKING_NR))),
				 (j + 1) * 10);
	}
	story = json_array_get(json_object_get(o, "violations"), 0);
	assert_string_equal(json_string_value(json_object_get(story, "hva")), "0x7f52c1fff000");
	assert_string_equal(json_string_value(json_object_get(story, "reason")), "level");
	assert_string_equal(json_string_value(json_object_get(json_object_get(story, "said"), "level")), "4K");
	story = json_array_get(json_object_get(o, "violations"), 1);
	assert_null(json_object_get(json_object_get(story, "said"), "level"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(story, "tables"), "why")), "empty");
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(violated),
		cmocka_unit_test(inconclusive),
		cmocka_unit_test(json_has_all_of_it),
	};

	return cmocka_run_group_tests_name("sinks_candidate", tests, NULL, NULL);
}
