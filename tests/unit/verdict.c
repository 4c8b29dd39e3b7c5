// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of judging.  Which loss spoils which invariant is written out here once more, so that a
 * change of user/losses.def has to be meant.
 */
#include "user/verdict.h"

#include "unit.h"

enum {
	DUN = 1 << INV_DIRTY_UNTIL_NOTIFIED,
	NBC = 1 << INV_NOTIFIED_BEFORE_CLEAN,
	ZAS = 1 << INV_ZAPPED_AT_START,
	DTW = 1 << INV_DIRTY_THROUGH_WINDOW,
	NMW = 1 << INV_NO_MAP_IN_WINDOW,
	FAS = 1 << INV_FLUSHED_AT_START,
	WBA = 1 << INV_WINDOWS_BALANCED,
	RFR = 1 << INV_REFS_RETURNED,
	ALL = (1 << INV_NR) - 1,
};

/* every invariant checked 7 times, one VM, nothing missed */
static void clean(struct snapshot *s)
{
	struct vm_row *row;

	memset(s, 0, sizeof(*s));
	row = snapshot_add_vm(s);
	assert_non_null(row);
	for (int i = 0; i < INV_NR; i++)
		row->counts.checked[i] = 7;
	s->checking = true;
}

static void held_when_checked_and_nothing_missed(void **arg)
{
	struct snapshot s;
	struct verdict v[INV_NR];

	(void)arg;
	clean(&s);
	for (int i = 0; i < INV_NR; i++) {
		verdict_of(&s, i, false, &v[i]);
		assert_int_equal(v[i].value, HELD);
		assert_int_equal(v[i].checked, 7);
		assert_int_equal(v[i].nreasons, 0);
	}
	assert_int_equal(verdict_overall(v, ALL), HELD);
	snapshot_free(&s);
}

static void every_loss_spoils_what_it_must(void **arg)
{
	static const struct {
		unsigned int spoils;
		const char *name;
	} expected[LOSS_NR] = {
		[LOSS_EVENT] = { ALL, "event" },
		[LOSS_VM_TABLE] = { ALL, "vm-table" },
		[LOSS_TASK_STATE] = { ALL, "task-state" },
		[LOSS_WINDOW_DEPTH] = { ZAS | DTW | NMW | FAS | WBA, "window-depth" },
		[LOSS_SLOT_SPANS] = { ZAS | NMW, "slot-spans" },
		[LOSS_SLOT_LOOKUP] = { DUN | DTW, "slot-lookup" },
		[LOSS_SCAN_STEPS] = { ZAS, "scan-steps" },
		[LOSS_BLOCK_RANGE] = { NBC, "block-range" },
		[LOSS_SIDE_TABLE] = { NBC, "side-table" },
		[LOSS_RACED] = { DUN | ZAS | DTW, "raced" },
		[LOSS_OPEN_WINDOWS] = { NMW, "open-windows" },
		[LOSS_CAUSES] = { 0, "causes" },
		[LOSS_SUSPECTS] = { RFR, "suspects" },
		[LOSS_ADOPTION] = { DUN | NBC | ZAS | DTW, "adoption" },
		[LOSS_AUDIT] = { NBC, "audit" },
	};

	(void)arg;
	for (int l = 0; l < LOSS_NR; l++) {
		assert_non_null(expected[l].name);
		assert_string_equal(loss_name(l), expected[l].name);
		for (int i = 0; i < INV_NR; i++) {
			bool spoiled = expected[l].spoils & (1u << i);
			struct snapshot s;
			struct verdict v;

			clean(&s);
			s.losses[l] = 3;
			verdict_of(&s, i, false, &v);
			if (v.value != (spoiled ? INCONCLUSIVE : HELD))
				fail_msg("loss %s makes %s %s", loss_name(l), invariant_name(i),
					 value_name(v.value));
			assert_int_equal(v.nreasons, spoiled ? 1 : 0);
			if (spoiled)
				assert_memory_equal(v.reason[0], "3 ", 2);
			snapshot_free(&s);
		}
	}
}

static void what_spoils_everything(void **arg)
{
	(void)arg;
	for (int which = 0; which < 3; which++) {
		struct snapshot s;
		struct verdict v;

		clean(&s);
		*(which == 0 ? &s.missed[HOOK_SPTE_CHANGE] : which == 1 ? &s.late_vms : &s.unbalanced_vms) = 1;
		for (int i = 0; i < INV_NR; i++) {
			verdict_of(&s, i, false, &v);
			assert_int_equal(v.value, INCONCLUSIVE);
			assert_int_equal(v.nreasons, 1);
			/* nor does having checked nothing excuse it */
			s.vms[0].counts.checked[i] = 0;
			verdict_of(&s, i, false, &v);
			assert_int_equal(v.value, INCONCLUSIVE);
		}
		snapshot_free(&s);
	}
}

static void violated_wins_over_every_loss(void **arg)
{
	struct snapshot s;
	struct verdict v[INV_NR];

	(void)arg;
	clean(&s);
	for (int l = 0; l < LOSS_NR; l++)
		s.losses[l] = 1;
	s.missed_runs = s.late_vms = s.unbalanced_vms = 1;
	s.host.violated[INV_NOTIFIED_BEFORE_CLEAN] = 2;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, true, &v[i]);
	assert_int_equal(v[INV_NOTIFIED_BEFORE_CLEAN].value, VIOLATED);
	assert_int_equal(v[INV_NOTIFIED_BEFORE_CLEAN].violations, 2);
	assert_int_equal(v[INV_ZAPPED_AT_START].value, INCONCLUSIVE);
	assert_int_equal(verdict_overall(v, ALL), VIOLATED);
	/* what was not asked for does not count */
	assert_int_equal(verdict_overall(v, ZAS), INCONCLUSIVE);
	snapshot_free(&s);
}

static void no_occasion(void **arg)
{
	struct snapshot s;
	struct verdict v[INV_NR];

	(void)arg;
	clean(&s);
	s.vms[0].counts.checked[INV_NOTIFIED_BEFORE_CLEAN] = 0;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, false, &v[i]);
	assert_int_equal(v[INV_NOTIFIED_BEFORE_CLEAN].value, NO_OCCASION);
	assert_int_equal(v[INV_NOTIFIED_BEFORE_CLEAN].nreasons, 1);
	assert_int_equal(verdict_overall(v, ALL), HELD);
	/* asked for by name: not good enough */
	verdict_of(&s, INV_NOTIFIED_BEFORE_CLEAN, true, &v[INV_NOTIFIED_BEFORE_CLEAN]);
	assert_int_equal(v[INV_NOTIFIED_BEFORE_CLEAN].value, INCONCLUSIVE);
	assert_int_equal(verdict_overall(v, ALL), INCONCLUSIVE);
	/* nothing at all happened: never HELD */
	memset(s.vms[0].counts.checked, 0, sizeof(s.vms[0].counts.checked));
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, false, &v[i]);
	assert_int_equal(verdict_overall(v, ALL), INCONCLUSIVE);
	snapshot_free(&s);
}

static void zaps_left_unjudged(void **arg)
{
	struct snapshot s;
	struct verdict v;

	(void)arg;
	clean(&s);
	s.vms[0].counts.owed = 5;
	s.vms[0].counts.settled = 4;
	verdict_of(&s, INV_DIRTY_UNTIL_NOTIFIED, false, &v);
	assert_int_equal(v.value, INCONCLUSIVE);
	assert_string_equal(v.reason[0], "1 zaps outside a window left unjudged");
	verdict_of(&s, INV_ZAPPED_AT_START, false, &v);
	assert_int_equal(v.value, HELD);
	s.vms[0].counts.settled = 5;
	verdict_of(&s, INV_DIRTY_UNTIL_NOTIFIED, false, &v);
	assert_int_equal(v.value, HELD);
	snapshot_free(&s);
}

static void exempt_pages_are_named_but_do_not_spoil(void **arg)
{
	struct snapshot s;
	struct verdict v;

	(void)arg;
	clean(&s);
	s.vms[0].counts.exempt[EXEMPT_NO_PAGE] = 2;
	s.vms[0].counts.exempt[EXEMPT_DAX] = 9;
	verdict_of(&s, INV_DIRTY_UNTIL_NOTIFIED, false, &v);
	assert_int_equal(v.value, HELD);
	assert_int_equal(v.nreasons, 2);
	assert_string_equal(v.reason[0], "not applicable: 2 pages without struct page");
	assert_string_equal(v.reason[1], "not applicable: 9 pages DAX");
	snapshot_free(&s);
}

/* all reasons at once fit: none may be dropped silently, and none is cut */
static void reasons_fit(void **arg)
{
	struct snapshot s;
	struct verdict v;

	(void)arg;
	clean(&s);
	for (int l = 0; l < LOSS_NR; l++)
		s.losses[l] = UINT64_MAX;
	s.missed_runs = s.late_vms = s.unbalanced_vms = UINT64_MAX;
	s.vms[0].counts.owed = UINT64_MAX;
	for (int e = 0; e < EXEMPT_NR; e++)
		s.vms[0].counts.exempt[e] = UINT64_MAX;
	for (int i = 0; i < INV_NR; i++) {
		verdict_of(&s, i, true, &v);
		assert_true(v.nreasons < REASONS_MAX);
		for (size_t k = 0; k < v.nreasons; k++)
			assert_true(strlen(v.reason[k]) < REASON_LEN - 1);
	}
	snapshot_free(&s);
}

static void names(void **arg)
{
	(void)arg;
	assert_int_equal(invariant_find("dirty-until-notified"), INV_DIRTY_UNTIL_NOTIFIED);
	assert_int_equal(invariant_find("notified-before-clean"), INV_NOTIFIED_BEFORE_CLEAN);
	assert_int_equal(invariant_find("zapped-at-start"), INV_ZAPPED_AT_START);
	assert_int_equal(invariant_find("zapped"), -1);
	assert_int_equal(invariant_find(""), -1);
	assert_string_equal(value_name(HELD), "HELD");
	assert_string_equal(value_name(VIOLATED), "VIOLATED");
	assert_string_equal(value_name(INCONCLUSIVE), "INCONCLUSIVE");
	assert_string_equal(value_name(NO_OCCASION), "NO OCCASION");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_when_checked_and_nothing_missed),
		cmocka_unit_test(every_loss_spoils_what_it_must),
		cmocka_unit_test(what_spoils_everything),
		cmocka_unit_test(violated_wins_over_every_loss),
		cmocka_unit_test(no_occasion),
		cmocka_unit_test(zaps_left_unjudged),
		cmocka_unit_test(exempt_pages_are_named_but_do_not_spoil),
		cmocka_unit_test(reasons_fit),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
