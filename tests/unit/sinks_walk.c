// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mmuscope walk prints, compared with tests/golden/ (UPDATE_GOLDEN=1 renews it; look at the
 * diff), and what it comes to.  Run from the top of the tree, as tests/run does.
 */
#include "user/judge/lookups.h"
#include "user/sink/report.h"

#include "lib/golden.h"
#include "unit.h"

#include <jansson.h>

/* Everything has a number of its own: n, n + 1... */
static void fill(struct walk_counts *w, uint64_t n)
{
	uint64_t *p = (uint64_t *)w;

	for (size_t i = 0; i < sizeof(*w) / sizeof(*p); i++)
		p[i] = n + i;
}

static struct vm_lookups lookups[2];

/* Two VMs: one has seen everything that there is, the other one cold page and one warm one. */
static void build(struct snapshot *s, struct report *r)
{
	struct walk_counts *warm = &lookups[1].walk;
	struct vm_row *row;

	memset(s, 0, sizeof(*s));
	memset(lookups, 0, sizeof(lookups));
	row = snapshot_add_vm(s);
	row->info = (struct vm_info){ .index = 1, .pid = 4194304, .comm = "qemu-system-x86" };
	for (int i = 0; i < HVA_NR; i++)
		row->counts.hva[i] = 1000 + (uint64_t)i;
	fill(&lookups[0].walk, 1000);
	row->lookups = &lookups[0];
	row = snapshot_add_vm(s);
	row->info = (struct vm_info){ .index = 3, .pid = 812, .comm = "mmuscope-load" };
	row->gone = true;
	row->counts.hva[HVA_CALLS] = 2;
	row->lookups = &lookups[1];
	warm->serves[LOOKUP_WRITE][SERVES_NOT_MAPPED][BACKING_NONE] = 1;
	warm->serves[LOOKUP_READ][SERVES][BACKING_ANON] = 1;
	warm->served_level[LOOKUP_READ][1][BACKING_ANON] = 1;
	warm->found_level[1][BACKING_ANON] = 2;
	warm->compared[AGREE] = 2;
	warm->pfns[PFN_REFCOUNTED] = 2;
	s->seconds_ns = 61500000000;
	*r = (struct report){
		.command = "walk",
		.kernel = "6.12.117+deb13-cloud-amd64",
		.machine = "x86_64",
		.tier = "fentry",
		.snapshot = s,
		.walk = true,
		.tells_pins = true,
		.dirty_bit = -1,
		.command_status = -1,
	};
}

static void everything(void **arg)
{
	struct snapshot s;
	struct report r;

	(void)arg;
	build(&s, &r);
	golden_report("walk-wrong.txt", text_walk, &r);
	snapshot_free(&s);
}

/* no bug, and a kernel that does not tell who keeps the page */
static void agreed(void **arg)
{
	struct snapshot s;
	struct report r;

	(void)arg;
	build(&s, &r);
	memset(&lookups[0], 0, sizeof(lookups[0]));
	lookups[1].walk.unasked[LOOKUP_WRITE] = 1;
	s.missed_runs = 7;
	r.tells_pins = false;
	golden_report("walk-agreed.txt", text_walk, &r);
	snapshot_free(&s);
}

static void nothing_seen(void **arg)
{
	struct snapshot s = { .vms = NULL };
	struct report r = {
		.command = "walk", .kernel = "6.1", .machine = "x86_64", .tier = "fentry",
		.snapshot = &s, .walk = true,
	};

	(void)arg;
	golden_report("walk-nothing.txt", text_walk, &r);
}

static json_int_t number(const json_t *o, const char *a, const char *b, const char *c)
{
	const json_t *found = json_object_get(o, a);

	found = b ? json_object_get(found, b) : found;
	found = c ? json_object_get(found, c) : found;
	assert_true(json_is_integer(found));
	return json_integer_value(found);
}

static void json_has_all_numbers(void **arg)
{
	struct snapshot s;
	struct report r;
	const struct walk_counts *w;
	const json_t *walk;
	json_t *o;

	(void)arg;
	build(&s, &r);
	o = json_read_back(&r);
	walk = json_object_get(json_array_get(json_object_get(o, "vms"), 0), "walk");
	assert_non_null(walk);
	w = &lookups[0].walk;
	for (int i = 0; i < COMPARED_NR; i++)
		assert_int_equal(number(walk, "compared", compared_name(i), NULL), w->compared[i]);
	for (int i = 0; i < PFN_CLASSES; i++)
		assert_int_equal(number(walk, "pfns", frame_name((unsigned int)i), NULL), w->pfns[i]);
	for (int i = 0; i < SERVES_NR; i++) {
		const json_t *before = json_object_get(json_object_get(walk, "write"), "before");

		for (int b = 0; b < BACKING_NR; b++)
			assert_int_equal(number(before, serves_name(i), backing_name(b), NULL),
					 w->serves[LOOKUP_WRITE][i][b]);
	}
	for (int l = 0; l < LEVELS; l++)
		for (int b = 0; b < BACKING_NR; b++)
			assert_int_equal(number(walk, "found_level", level_name(l), backing_name(b)),
					 w->found_level[l][b]);
	for (int l = 0; l < LEVELS; l++)
		for (unsigned int p = 0; p < PFN_CLASSES; p++)
			assert_int_equal(number(walk, "special_level", level_name(l), frame_name(p)),
					 w->special[l][p]);
	for (unsigned int p = 0; p < FRAME_CLASSES; p++)
		for (int v = 0; v < VMA_KINDS; v++)
			assert_int_equal(number(walk, "failed", frame_name(p), vma_kind_name(v)),
					 w->failed[p][v]);
	assert_int_equal(number(walk, "pinned", NULL, NULL), w->pinned);
	walk = json_object_get(o, "walk");
	assert_int_equal(number(walk, "compared", "same", NULL), w->compared[AGREE] + 2);
	assert_int_equal(number(walk, "read", "served", NULL), walk_sum(w).served[LOOKUP_READ] + 1);
	json_decref(o);
	snapshot_free(&s);
}

static void sums_and_what_was_missed(void **arg)
{
	struct walk_counts w = { .compared = { 0 } };
	struct snapshot s = { .vms = NULL };

	(void)arg;
	for (int i = 0; i < COMPARED_NR; i++)
		w.compared[i] = 1ULL << i;
	assert_int_equal(walk_sum(&w).compared, 0x1fff);
	assert_int_equal(walk_sum(&w).agreed, 0x7);
	assert_int_equal(walk_sum(&w).wrong, 0x1c00);
	assert_false(walk_missed(&s));
	/* a hook that walk has no need of */
	s.missed[HOOK_WINDOW_START] = 1;
	s.losses[LOSS_RACED] = 1;
	assert_false(walk_missed(&s));
	s.missed[HOOK_HVA_ASK] = 1;
	assert_true(walk_missed(&s));
	s.missed[HOOK_HVA_ASK] = 0;
	s.losses[LOSS_TASK_STATE] = 1;
	assert_true(walk_missed(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(agreed),
		cmocka_unit_test(nothing_seen),
		cmocka_unit_test(json_has_all_numbers),
		cmocka_unit_test(sums_and_what_was_missed),
	};

	return cmocka_run_group_tests_name("sinks_walk", tests, NULL, NULL);
}
