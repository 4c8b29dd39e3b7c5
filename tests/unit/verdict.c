// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of judging.  Which loss spoils which invariant is written out here once more, so that a
 * change of user/judge/losses.def has to be meant.
 */
#include "user/host/probe.h"
#include "user/judge/verdict.h"

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
	s->marks_at_map = true;
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
		assert_int_equal(v[i].remarks.n, 0);
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
			assert_int_equal(v.remarks.n, spoiled ? 1 : 0);
			if (spoiled) {
				assert_int_equal(v.remarks.list[0].kind, REMARK_MISSED);
				assert_int_equal(v.remarks.list[0].n, 3);
				assert_string_equal(v.remarks.list[0].name, expected[l].name);
				assert_memory_equal(v.remarks.list[0].text, "3 ", 2);
			}
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
		*(which == 0 ? &s.missed[HOOK_SPTE_CHANGE] :
		  which == 1 ? &s.unadopted_vms : &s.unbalanced_vms) = 1;
		for (int i = 0; i < INV_NR; i++) {
			verdict_of(&s, i, false, &v);
			assert_int_equal(v.value, INCONCLUSIVE);
			assert_int_equal(v.remarks.n, 1);
			/* nor does having checked nothing excuse it */
			s.vms[0].counts.checked[i] = 0;
			verdict_of(&s, i, false, &v);
			assert_int_equal(v.value, INCONCLUSIVE);
		}
		snapshot_free(&s);
	}
}

/* a VM older than the run spoils everything, until all that it maps has been taken over */
static void older_vms(void **arg)
{
	struct snapshot s;
	struct verdict v;

	(void)arg;
	clean(&s);
	s.late_vms = 1;
	for (int i = 0; i < INV_NR; i++) {
		s.vms[0].info.flags = VM_LATE;
		verdict_of(&s, i, false, &v);
		assert_int_equal(v.value, INCONCLUSIVE);
		assert_string_equal(v.remarks.list[0].name, "unadopted-vms");
		assert_string_equal(v.remarks.list[0].text,
				    "1 VM older than this run: what they had mapped is unknown");
		s.vms[0].info.flags = VM_LATE | VM_ADOPTING;
		verdict_of(&s, i, false, &v);
		assert_int_equal(v.value, INCONCLUSIVE);
		s.vms[0].info.flags = VM_LATE | VM_ADOPTED;
		verdict_of(&s, i, false, &v);
		assert_int_equal(v.value, HELD);
		/* what it had pinned before cannot be told, and is not judged */
		assert_int_equal(v.remarks.n, i == INV_PINNED_OUTSIDE ? 1 : 0);
	}
	snapshot_free(&s);
}

/* One VM's own violations, and whatever was missed of any. */
static void of_one_vm(void **arg)
{
	struct snapshot s;
	struct vm_row vm = { .info = { .index = 1 } };

	(void)arg;
	clean(&s);
	s.marks_at_map = true;
	assert_int_equal(verdict_of_vm(&s, &vm), NO_OCCASION);
	vm.counts.checked[INV_SAME_PAGE] = 1;
	assert_int_equal(verdict_of_vm(&s, &vm), HELD);
	s.losses[LOSS_RACED] = 1;
	assert_int_equal(verdict_of_vm(&s, &vm), INCONCLUSIVE);
	vm.counts.violated[INV_DIRTY_AT_MAP] = 1;
	assert_int_equal(verdict_of_vm(&s, &vm), VIOLATED);
	/* where KVM marks at the zap that is no violation */
	s.marks_at_map = false;
	assert_int_equal(verdict_of_vm(&s, &vm), INCONCLUSIVE);
	s.losses[LOSS_RACED] = 0;
	assert_int_equal(verdict_of_vm(&s, &vm), HELD);
	vm.info.flags = VM_LATE;
	assert_int_equal(verdict_of_vm(&s, &vm), INCONCLUSIVE);
	vm.info.flags = VM_LATE | VM_ADOPTED;
	assert_int_equal(verdict_of_vm(&s, &vm), HELD);
	snapshot_free(&s);
}

/*
 * What a skipped run of each hook's program spoils.  By name: which hooks there are depends on what is
 * judged, but none may be without an entry here.
 */
static void every_hook_spoils_what_it_must(void **arg)
{
	enum { FAULTS = 1 << INV_DIRTY_AT_MAP | 1 << INV_WRITE_NEEDS_WRITE | 1 << INV_SAME_PAGE |
			1 << INV_LEVEL_FITS | RFR,
	       WINDOWS = ZAS | DTW | NMW | FAS | WBA, PNO = 1 << INV_PINNED_OUTSIDE };
	static const struct {
		const char *hook;
		unsigned int spoils;
	} expected[] = {
		{ "vm-create", ALL }, { "vm-destroyed", ALL }, { "spte-change", ALL },
		{ "shadow-page", ALL }, { "shadow-add", ALL }, { "shadow-clear", ALL },
		{ "shadow-update", ALL }, { "vm-release", 0 }, { "vm-destroy", 0 },
		{ "vm-released", DUN }, { "memslot-set", DUN }, { "hva-to-pfn", RFR },
		{ "hva-to-pfn-entry", 0 }, { "hva-to-pfn-time", 0 },
		{ "fault-end-tdp", FAULTS }, { "fault-end-nonpaging", FAULTS },
		{ "fault-end-paging32", FAULTS }, { "fault-end-paging64", FAULTS },
		{ "fault-end-ept", FAULTS }, { "window-start", DUN | WINDOWS },
		{ "window-started", DUN | WINDOWS }, { "window-end", WINDOWS }, { "window-ended", WBA },
		{ "pin-map", PNO }, { "pin-unmap", PNO }, { "pin-unmapped", PNO },
		{ "folio-clean-io", NBC }, { "folio-cancel-dirty", NBC },
		{ "payoff-fault", 0 }, { "payoff-faulted", 0 }, { "payoff-lookup", 0 },
		{ "payoff-looked-up", 0 }, { "payoff-slow", 0 }, { "payoff-remapped", 0 },
		{ "payoff-level", 0 }, { "payoff-leveled", 0 },
		{ "stage2-walk", ALL }, { "stage2-install", ALL }, { "stage2-replace", ALL }, { "stage2-zap", ALL },
		{ "stage2-teardown", ALL }, { "stage2-rights", ALL }, { "stage2-flush", FAS },
		{ "stage2-flush-range", FAS }, { "fault-end-abort", FAULTS },
	};
	const size_t n = sizeof(expected) / sizeof(expected[0]);

	(void)arg;
	for (int h = 0; h < HOOK_NR; h++) {
		size_t k = 0;

		while (k < n && strcmp(expected[k].hook, hook_name(h)))
			k++;
		if (k == n)
			fail_msg("hook %s: what does a skipped run of it spoil?", hook_name(h));
		for (int i = 0; i < INV_NR; i++) {
			bool spoiled = expected[k].spoils & (1u << i);
			struct snapshot s;
			struct verdict v;

			clean(&s);
			s.missed[h] = 1234;
			verdict_of(&s, i, false, &v);
			if (v.value != (spoiled ? INCONCLUSIVE : HELD))
				fail_msg("hook %s makes %s %s", hook_name(h), invariant_name(i),
					 value_name(v.value));
			assert_int_equal(v.remarks.n, spoiled);
			if (spoiled) {
				assert_int_equal(v.remarks.list[0].kind, REMARK_SKIPPED);
				assert_memory_equal(v.remarks.list[0].text, "1,234 runs of hook ", 19);
			}
			snapshot_free(&s);
		}
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
	s.missed_runs = s.unadopted_vms = s.unbalanced_vms = 1;
	s.host.violated[INV_NOTIFIED_BEFORE_CLEAN] = 2;
	verdicts_of(&s, true, v);
	for (int i = 0; i < INV_NR; i++) {
		struct verdict one;

		verdict_of(&s, i, true, &one);
		assert_memory_equal(&one, &v[i], sizeof(one));
	}
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
	assert_int_equal(v[INV_NOTIFIED_BEFORE_CLEAN].remarks.n, 1);
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
	assert_string_equal(v.remarks.list[0].text, "1 zaps outside a window left unjudged");
	verdict_of(&s, INV_ZAPPED_AT_START, false, &v);
	assert_int_equal(v.value, HELD);
	s.vms[0].counts.settled = 5;
	verdict_of(&s, INV_DIRTY_UNTIL_NOTIFIED, false, &v);
	assert_int_equal(v.value, HELD);
	snapshot_free(&s);
}

static void exempt_is_told_where_it_belongs_and_spoils_nothing(void **arg)
{
	enum {
		DAM = 1 << INV_DIRTY_AT_MAP,
		MAPS = 1 << INV_SAME_PAGE | 1 << INV_LEVEL_FITS | 1 << INV_WRITE_NEEDS_WRITE,
	};
	static const struct {
		const char *name;
		const char *text;
		unsigned int of;
	} expected[EXEMPT_NR] = {
		[EXEMPT_ZAP_NO_PAGE] = { "no-page", "left out: 1,234 pages without struct page", DUN },
		[EXEMPT_ZAP_RESERVED] = { "reserved", "left out: 1,234 reserved pages: they have no dirty state",
			DUN },
		[EXEMPT_ZAP_DAX] = { "dax", "left out: 1,234 pages of DAX: their dirty state is not in the page",
			DUN },
		[EXEMPT_ZAP_SPECIAL] = { "special",
					 "left out: 1,234 pages of drivers (VM_PFNMAP): nobody keeps their dirty state",
					 DUN },
		[EXEMPT_MAP_NO_PAGE] = { "no-page", "left out: 1,234 pages without struct page", DAM },
		[EXEMPT_MAP_RESERVED] = { "reserved", "left out: 1,234 reserved pages: they have no dirty state",
			DAM },
		[EXEMPT_MAP_DAX] = { "dax", "left out: 1,234 pages of DAX: their dirty state is not in the page",
			DAM },
		[EXEMPT_MAP_SPECIAL] = { "special",
					 "left out: 1,234 pages of drivers (VM_PFNMAP): nobody keeps their dirty state",
					 DAM },
		[EXEMPT_WINDOW_NO_PAGE] = { "no-page", "left out: 1,234 pages without struct page", DTW },
		[EXEMPT_WINDOW_RESERVED] = { "reserved", "left out: 1,234 reserved pages: they have no dirty state",
			DTW },
		[EXEMPT_WINDOW_DAX] = { "dax", "left out: 1,234 pages of DAX: their dirty state is not in the page",
			DTW },
		[EXEMPT_INVALIDATED] = { "invalidated",
					 "left out: 1,234 faults whose page was invalidated before they ended",
					 DAM },
		[EXEMPT_DISCARD_UNMAP] = { "discard-unmap",
					   "left out: 1,234 pages given up: anonymous memory unmapped", DTW },
		[EXEMPT_DISCARD_FREE] = { "discard-free", "left out: 1,234 pages given up: MADV_FREE", DTW },
		[EXEMPT_DISCARD_CUT] = { "discard-cut",
					 "left out: 1,234 pages given up: truncated, or a hole punched", DTW },
		[EXEMPT_DISCARD_COPIED] = { "discard-copied",
					    "left out: 1,234 pages whose contents went to another page", DTW },
		[EXEMPT_DISCARD_WRITTEN] = { "written-back",
					     "left out: 1,234 pages written back before their window ended", DTW },
		[EXEMPT_LARGE_REFS] = { "large-refs",
					"left out: 1,234 lookups of large folios: others share their references",
					RFR },
		[EXEMPT_LARGER_LEAF] = { "larger-leaf",
					 "left out: 1,234 huge leaves over a smaller window, which KVM allows",
					 ZAS | NMW },
		[EXEMPT_INVALID_ROOT] = { "invalid-root",
					  "left out: 1,234 starts while a root was being zapped, which flushes itself",
					  FAS },
		[EXEMPT_GMEM] = { "guest-memfd",
				  "left out: 1,234 leaves of a guest_memfd: KVM does not ask the host's page tables",
				  MAPS },
	};

	(void)arg;
	for (int e = 0; e < EXEMPT_NR; e++) {
		for (int i = 0; i < INV_NR; i++) {
			struct snapshot s;
			struct verdict v;

			clean(&s);
			s.vms[0].counts.exempt[e] = 1234;
			verdict_of(&s, i, false, &v);
			assert_int_equal(v.value, HELD);
			assert_int_equal(v.remarks.n, expected[e].of & (1u << i) ? 1 : 0);
			if (v.remarks.n) {
				assert_int_equal(v.remarks.list[0].kind, REMARK_EXEMPT);
				assert_int_equal(v.remarks.list[0].n, 1234);
				assert_string_equal(v.remarks.list[0].name, expected[e].name);
				assert_string_equal(v.remarks.list[0].text, expected[e].text);
			}
			snapshot_free(&s);
		}
	}
}

/* a part that was looked at is told; nothing looked at is not HELD */
static void sampled_windows(void **arg)
{
	struct snapshot s;
	struct verdict v;

	(void)arg;
	clean(&s);
	s.vms[0].counts.window_pages = 3000;
	s.vms[0].counts.window_pages_followed = 2999;
	verdict_of(&s, INV_DIRTY_THROUGH_WINDOW, false, &v);
	assert_int_equal(v.value, HELD);
	assert_int_equal(v.remarks.n, 1);
	assert_int_equal(v.remarks.list[0].kind, REMARK_SAMPLED);
	assert_int_equal(v.remarks.list[0].of, 3000);
	assert_string_equal(v.remarks.list[0].text, "looked at 2,999 of 3,000 pages (99.9%)");
	verdict_of(&s, INV_ZAPPED_AT_START, false, &v);
	assert_int_equal(v.remarks.n, 0);
	s.vms[0].counts.window_pages_followed = 0;
	s.vms[0].counts.checked[INV_DIRTY_THROUGH_WINDOW] = 0;
	verdict_of(&s, INV_DIRTY_THROUGH_WINDOW, false, &v);
	assert_int_equal(v.value, INCONCLUSIVE);
	assert_string_equal(v.remarks.list[0].text, "looked at 0 of 3,000 pages (0.0%)");
	/* all were followed, and all given up */
	s.vms[0].counts.window_pages_followed = 3000;
	s.vms[0].counts.exempt[EXEMPT_DISCARD_UNMAP] = 3000;
	verdict_of(&s, INV_DIRTY_THROUGH_WINDOW, false, &v);
	assert_int_equal(v.value, NO_OCCASION);
	assert_string_equal(v.remarks.list[0].text, "every dirty page lost in a window was given up in it");
	snapshot_free(&s);
}

/* where KVM marks at the zap, a page that is not dirty when mapped is no fault */
/* arm64 without VHE */
static void flushed_at_start_applies_where_flushes_are_seen(void **arg)
{
	struct verdict v[INV_NR];
	struct snapshot s;

	(void)arg;
	clean(&s);
	s.flushes_unseen = true;
	s.losses[LOSS_EVENT] = 1;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, true, &v[i]);
	assert_int_equal(v[INV_FLUSHED_AT_START].value, NOT_APPLICABLE);
	assert_int_equal(v[INV_FLUSHED_AT_START].remarks.n, 1);
	assert_string_equal(v[INV_FLUSHED_AT_START].remarks.list[0].name, "flushes-unseen");
	assert_int_equal(v[INV_ZAPPED_AT_START].value, INCONCLUSIVE);
	s.losses[LOSS_EVENT] = 0;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, true, &v[i]);
	assert_int_equal(verdict_overall(v, ALL), HELD);
	assert_int_equal(verdict_overall(v, 1 << INV_FLUSHED_AT_START), INCONCLUSIVE);
	snapshot_free(&s);
}

static void dirty_at_map_applies_where_kvm_marks_at_the_map(void **arg)
{
	struct verdict v[INV_NR];
	struct snapshot s;

	(void)arg;
	clean(&s);
	s.vms[0].counts.violated[INV_DIRTY_AT_MAP] = 5;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, false, &v[i]);
	assert_int_equal(v[INV_DIRTY_AT_MAP].value, VIOLATED);
	s.marks_at_map = false;
	s.losses[LOSS_EVENT] = 1;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, true, &v[i]);
	assert_int_equal(v[INV_DIRTY_AT_MAP].value, NOT_APPLICABLE);
	assert_int_equal(v[INV_DIRTY_AT_MAP].violations, 0);
	assert_int_equal(v[INV_DIRTY_AT_MAP].remarks.n, 1);
	assert_string_equal(v[INV_DIRTY_AT_MAP].remarks.list[0].text,
			    "this kernel marks at the zap instead; not dirty when mapped: 5 of 7");
	/* it neither spoils the whole, nor is it enough for it */
	s.losses[LOSS_EVENT] = 0;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s, i, true, &v[i]);
	assert_int_equal(verdict_overall(v, ALL), HELD);
	assert_int_equal(verdict_overall(v, 1 << INV_DIRTY_AT_MAP), INCONCLUSIVE);
	snapshot_free(&s);
}

static void notes(void **arg)
{
	struct snapshot s;
	struct verdict v;

	(void)arg;
	clean(&s);
	s.vms[0].counts.pinned_cleaned = 3;
	verdict_of(&s, INV_PINNED_OUTSIDE, false, &v);
	assert_int_equal(v.value, HELD);
	assert_string_equal(v.remarks.list[0].text,
			    "3 pages were cleaned while held, and dirtied by their release");
	s.audited = true;
	s.audit_sptes = 4099;
	verdict_of(&s, INV_NOTIFIED_BEFORE_CLEAN, false, &v);
	assert_int_equal(v.value, HELD);
	assert_string_equal(v.remarks.list[0].text, "block map equals KVM's page tables: 4,099 SPTEs compared");
	s.losses[LOSS_AUDIT] = 2;
	verdict_of(&s, INV_NOTIFIED_BEFORE_CLEAN, false, &v);
	assert_int_equal(v.value, INCONCLUSIVE);
	assert_int_equal(v.remarks.n, 1);
	assert_string_equal(v.remarks.list[0].text, "2 pages on which block map and KVM's page tables differ");
	snapshot_free(&s);
}

static void the_whole_in_a_sentence(void **arg)
{
	struct verdict v[INV_NR];
	char text[512];

	(void)arg;
	memset(v, 0, sizeof(v));
	for (int i = 0; i < INV_NR; i++)
		v[i].value = i < 3 ? HELD : NO_OCCASION;
	verdict_sentence(v, ALL, text, sizeof(text));
	assert_string_equal(text, "HELD: 3 of 14 invariants had an occasion, and they held every time; nothing "
			    "was missed that could matter.");
	verdict_sentence(v, DUN, text, sizeof(text));
	assert_string_equal(text, "HELD: 1 of 1 invariants had an occasion, and it held every time; nothing was "
			    "missed that could matter.");
	verdict_sentence(v, ZAS, text, sizeof(text));
	assert_string_equal(text, "INCONCLUSIVE: nothing happened that an invariant speaks of, so that nothing "
			    "was judged.");
	v[INV_ZAPPED_AT_START].value = NOT_APPLICABLE;
	verdict_sentence(v, ZAS, text, sizeof(text));
	assert_string_equal(text, "INCONCLUSIVE: this kernel keeps guest writes safe in another way; nothing was "
			    "judged.");
	v[INV_ZAPPED_AT_START].value = INCONCLUSIVE;
	verdict_sentence(v, ALL, text, sizeof(text));
	assert_string_equal(text, "INCONCLUSIVE: nothing seen was wrong, but of 14 invariants 1 cannot be said "
			    "to hold.");
	v[INV_SAME_PAGE].value = VIOLATED;
	verdict_sentence(v, ALL, text, sizeof(text));
	assert_string_equal(text, "VIOLATED: same-page is broken: a bug in this kernel or in a module; guest "
			    "data may be lost.");
	for (int i = 0; i < INV_NR; i++)
		v[i].value = VIOLATED;
	verdict_sentence(v, ALL, text, sizeof(text));
	assert_string_equal(text + strlen(text) - 10, "y be lost.");
}

/* all remarks at once fit: none may be dropped silently, and none is cut */
static void remarks_fit(void **arg)
{
	struct snapshot s;
	struct verdict v;

	(void)arg;
	clean(&s);
	for (int l = 0; l < LOSS_NR; l++)
		s.losses[l] = INT64_MAX;
	for (int h = 0; h < HOOK_NR; h++)
		s.missed[h] = INT64_MAX;
	s.missed_runs = s.late_vms = s.unadopted_vms = s.unbalanced_vms = INT64_MAX;
	s.vms[0].counts.owed = s.vms[0].counts.violated[INV_DIRTY_AT_MAP] = INT64_MAX;
	s.vms[0].counts.checked[INV_DIRTY_AT_MAP] = INT64_MAX;
	s.vms[0].counts.window_pages = s.vms[0].counts.pinned_cleaned = INT64_MAX;
	for (int e = 0; e < EXEMPT_NR; e++)
		s.vms[0].counts.exempt[e] = INT64_MAX;
	for (int marks = 0; marks < 2; marks++) {
		s.marks_at_map = marks;
		for (int i = 0; i < INV_NR; i++) {
			verdict_of(&s, i, true, &v);
			assert_true(v.remarks.n < REMARKS_MAX);
			for (size_t k = 0; k < v.remarks.n; k++) {
				assert_true(strlen(v.remarks.list[k].text) < REMARK_LEN - 1);
				assert_true(v.remarks.list[k].name != NULL);
			}
		}
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
	assert_string_equal(value_name(NOT_APPLICABLE), "NOT APPLICABLE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_when_checked_and_nothing_missed),
		cmocka_unit_test(every_loss_spoils_what_it_must),
		cmocka_unit_test(what_spoils_everything),
		cmocka_unit_test(older_vms),
		cmocka_unit_test(of_one_vm),
		cmocka_unit_test(every_hook_spoils_what_it_must),
		cmocka_unit_test(violated_wins_over_every_loss),
		cmocka_unit_test(no_occasion),
		cmocka_unit_test(zaps_left_unjudged),
		cmocka_unit_test(exempt_is_told_where_it_belongs_and_spoils_nothing),
		cmocka_unit_test(sampled_windows),
		cmocka_unit_test(dirty_at_map_applies_where_kvm_marks_at_the_map),
		cmocka_unit_test(flushed_at_start_applies_where_flushes_are_seen),
		cmocka_unit_test(notes),
		cmocka_unit_test(the_whole_in_a_sentence),
		cmocka_unit_test(remarks_fit),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
