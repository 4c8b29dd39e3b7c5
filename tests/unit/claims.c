// SPDX-License-Identifier: GPL-2.0-only
/*
 * Evidence for and against the claims, by backing and cause: what each counter says, what a loss does,
 * and the sentences that a person reads.
 */
#include "user/judge/claims.h"

#include "unit.h"

enum { GROUPS = 5 };

struct scene {
	struct snapshot snapshot;
	struct cause_list causes;
	struct cause_group groups[GROUPS];
	struct claim_result result;
};

static void begin(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	assert_non_null(snapshot_add_vm(&s->snapshot));
	s->causes.groups = s->groups;
}

static void seen(struct scene *s, enum evidence e, enum backing b, uint64_t n)
{
	s->snapshot.vms[0].counts.seen[e][b] += n;
}

/* the same, by a cause */
static void seen_by(struct scene *s, enum cause_id id, enum evidence e, enum backing b, uint64_t n)
{
	struct cause_group *g = &s->groups[s->causes.n++];

	assert_true(s->causes.n <= GROUPS);
	g->id = id;
	snprintf(g->name, sizeof(g->name), "%s", cause_name(id));
	g->seen[e][b] = n;
	seen(s, e, b, n);
}

static const struct claim_result *weigh(struct scene *s, enum claim c)
{
	claim_weigh(&s->snapshot, &s->causes, c, &s->result);
	return &s->result;
}

static void end(struct scene *s)
{
	snapshot_free(&s->snapshot);
}

static void without_evidence(void **arg)
{
	static const char *const answers[CLAIM_NR] = {
		"KVM was handed no writable mapping.",
		"No page that a guest may have written lost its SPTE.",
		"No page that a guest had accessed lost its SPTE.",
	};
	struct scene s;

	(void)arg;
	begin(&s);
	for (int c = 0; c < CLAIM_NR; c++) {
		assert_int_equal(weigh(&s, c)->value, NO_EVIDENCE);
		assert_int_equal(s.result.seen, 0);
		assert_string_equal(s.result.answer, answers[c]);
		/* having missed something, not even that can be said */
		s.snapshot.losses[LOSS_EVENT] = 1;
		assert_int_equal(weigh(&s, c)->value, UNDECIDED);
		assert_int_equal(s.result.missed.n, 1);
		s.snapshot.losses[LOSS_EVENT] = 0;
	}
	end(&s);
}

/* every counter, and what it says about each claim: for, against, nothing */
static void what_each_counter_says(void **arg)
{
	static const char says[SEEN_NR][CLAIM_NR] = {
		[SEEN_MAP_DIRTY] = { '+', 0, 0 },
		[SEEN_MAP_CLEAN] = { '-', 0, 0 },
		[SEEN_ZAP_PRIMARY] = { 0, '+', 0 },
		[SEEN_ZAP_KVM] = { 0, '-', 0 },
		[SEEN_ZAP_CLEAN] = { 0, '-', 0 },
		[SEEN_ZAP_YOUNG] = { 0, 0, '+' },
		[SEEN_ZAP_NEWS] = { 0, 0, '-' },
	};

	(void)arg;
	for (int e = 0; e < SEEN_NR; e++) {
		for (int b = 0; b < BACKING_NR; b++) {
			for (int c = 0; c < CLAIM_NR; c++) {
				struct scene s;

				begin(&s);
				seen_by(&s, CAUSE_WRITEBACK, e, b, 3);
				weigh(&s, c);
				assert_int_equal(s.result.value, says[e][c] == '+' ? CONFIRMED :
						 says[e][c] == '-' ? REFUTED : NO_EVIDENCE);
				assert_int_equal(s.result.agrees[b], says[e][c] == '+' ? 3 : 0);
				assert_int_equal(s.result.against[b], says[e][c] == '-' ? 3 : 0);
				assert_int_equal(s.result.seen, says[e][c] ? 3 : 0);
				assert_int_equal(s.result.refuting, says[e][c] == '-' ? 3 : 0);
				end(&s);
			}
		}
	}
}

static void map_dirties(void **arg)
{
	struct scene s;

	(void)arg;
	begin(&s);
	seen(&s, SEEN_MAP_DIRTY, BACKING_ANON, 4099);
	assert_string_equal(weigh(&s, CLAIM_MAP_DIRTIES)->answer,
			    "All 4,099 writable mappings handed to KVM were of pages that the primary MMU had "
			    "dirtied (anon 4,099).");
	seen(&s, SEEN_MAP_CLEAN, BACKING_SHMEM, 4096);
	seen(&s, SEEN_MAP_CLEAN, BACKING_ANON, 7);
	assert_string_equal(weigh(&s, CLAIM_MAP_DIRTIES)->answer,
			    "Of 8,202 writable mappings handed to KVM, the primary MMU had not dirtied the page "
			    "of 4,103 (shmem 4,096, anon 7). Until KVM marks them at the zap, nobody but "
			    "the SPTE knows that the guest may have written them.");
	s.snapshot.marks_at_map = true;
	assert_string_equal(weigh(&s, CLAIM_MAP_DIRTIES)->answer,
			    "Of 8,202 writable mappings handed to KVM, the primary MMU had not dirtied the page "
			    "of 4,103 (shmem 4,096, anon 7). Until KVM marks them itself, at the end of "
			    "the fault, nobody but the SPTE knows that the guest may have written them.");
	end(&s);
}

static void zap_mark(void **arg)
{
	struct scene s;

	(void)arg;
	begin(&s);
	seen_by(&s, CAUSE_WRITEBACK, SEEN_ZAP_PRIMARY, BACKING_FILE, 1000);
	assert_string_equal(weigh(&s, CLAIM_ZAP_MARK_UNNEEDED)->answer,
			    "All 1,000 pages that a guest may have written were dirty when they lost their SPTE, "
			    "without a mark at the zap (file 1,000).");
	s.snapshot.marks_at_map = true;
	assert_string_equal(weigh(&s, CLAIM_ZAP_MARK_UNNEEDED)->answer,
			    "All 1,000 pages that a guest may have written were dirty when they lost their SPTE, "
			    "without a mark at the zap (file 1,000). KVM had marked them when it mapped them: see "
			    "claim-map-dirties.");
	s.snapshot.marks_at_map = false;
	seen_by(&s, CAUSE_RECLAIM, SEEN_ZAP_KVM, BACKING_SHMEM, 4096);
	weigh(&s, CLAIM_ZAP_MARK_UNNEEDED);
	assert_int_equal(s.result.value, REFUTED);
	assert_string_equal(s.result.answer,
			    "Of 5,096 pages that a guest may have written and that lost their SPTE, 4,096 were "
			    "not dirty then (shmem 4,096). KVM's own mark at the zap kept 4,096 of them.");
	/* most evidence against it first */
	assert_int_equal(s.result.ncauses, 2);
	assert_string_equal(s.result.causes[0].name, "reclaim");
	assert_int_equal(s.result.causes[0].against[BACKING_SHMEM], 4096);
	assert_string_equal(s.result.causes[1].name, "writeback");
	assert_int_equal(s.result.causes[1].agrees[BACKING_FILE], 1000);
	/* a kernel without the mark */
	seen_by(&s, CAUSE_MADV_FREE, SEEN_ZAP_CLEAN, BACKING_ANON, 5);
	assert_string_equal(weigh(&s, CLAIM_ZAP_MARK_UNNEEDED)->answer,
			    "Of 5,101 pages that a guest may have written and that lost their SPTE, 4,101 were "
			    "not dirty then (shmem 4,096, anon 5). KVM's own mark at the zap kept 4,096 of them. "
			    "Nobody marked 5: their contents can be lost.");
	end(&s);
}

/* of a page that goes away it is of no value to know that it was in use; of one that stays it is */
static void zap_accessed(void **arg)
{
	struct scene s;

	(void)arg;
	begin(&s);
	seen_by(&s, CAUSE_RECLAIM, SEEN_ZAP_YOUNG, BACKING_ANON, 10);
	assert_string_equal(weigh(&s, CLAIM_ZAP_ACCESSED_UNNEEDED)->answer,
			    "Of 10 accessed pages that lost their SPTE the host knew already of all that they "
			    "were in use.");
	seen_by(&s, CAUSE_RECLAIM, SEEN_ZAP_NEWS, BACKING_SHMEM, 4096);
	weigh(&s, CLAIM_ZAP_ACCESSED_UNNEEDED);
	assert_int_equal(s.result.value, CONFIRMED);
	assert_int_equal(s.result.refuting, 0);
	assert_int_equal(s.result.ncauses, 1);
	assert_string_equal(s.result.answer,
			    "Of 4,106 accessed pages that lost their SPTE, the host did not know of 4,096 that "
			    "they were in use. 4,096 were taken away (reclaim 4,096): for them it is of no value.");
	/* nobody knows why: a module, or a function that the table does not have */
	seen_by(&s, CAUSE_UNKNOWN, SEEN_ZAP_NEWS, BACKING_ANON, 2);
	weigh(&s, CLAIM_ZAP_ACCESSED_UNNEEDED);
	assert_int_equal(s.result.value, UNDECIDED);
	seen_by(&s, CAUSE_MPROTECT, SEEN_ZAP_NEWS, BACKING_ANON, 3);
	seen_by(&s, CAUSE_NUMA, SEEN_ZAP_NEWS, BACKING_ANON, 1);
	weigh(&s, CLAIM_ZAP_ACCESSED_UNNEEDED);
	assert_int_equal(s.result.value, REFUTED);
	assert_int_equal(s.result.refuting, 4);
	assert_string_equal(s.result.answer,
			    "Of 4,112 accessed pages that lost their SPTE, the host did not know of 4,102 that "
			    "they were in use. 4 of these stay with the guest (mprotect 3, NUMA balancing 1): "
			    "without a mark the host takes them for idle. 4,096 were taken away (reclaim 4,096): "
			    "for them it is of no value. What becomes of 2 is not known.");
	end(&s);
}

/* counted for a VM, but the table of causes was full */
static void evidence_without_a_cause(void **arg)
{
	struct scene s;

	(void)arg;
	begin(&s);
	seen_by(&s, CAUSE_RECLAIM, SEEN_ZAP_NEWS, BACKING_SHMEM, 10);
	seen(&s, SEEN_ZAP_NEWS, BACKING_SHMEM, 5);
	weigh(&s, CLAIM_ZAP_ACCESSED_UNNEEDED);
	assert_int_equal(s.result.value, UNDECIDED);
	assert_int_equal(s.result.ncauses, 2);
	assert_string_equal(s.result.causes[1].name, "not attributed");
	assert_int_equal(s.result.causes[1].against[BACKING_SHMEM], 5);
	end(&s);
}

/* what was missed keeps a claim from being confirmed, and does not save it from being refuted */
static void losses(void **arg)
{
	static const struct {
		enum claim claim;
		enum evidence agrees;
		enum evidence against;
	} kinds[] = {
		{ CLAIM_MAP_DIRTIES, SEEN_MAP_DIRTY, SEEN_MAP_CLEAN },
		{ CLAIM_ZAP_MARK_UNNEEDED, SEEN_ZAP_PRIMARY, SEEN_ZAP_KVM },
		{ CLAIM_ZAP_ACCESSED_UNNEEDED, SEEN_ZAP_YOUNG, SEEN_ZAP_NEWS },
	};

	(void)arg;
	for (size_t i = 0; i < CLAIM_NR; i++) {
		struct scene s;
		uint64_t *const missed[] = {
			&s.snapshot.losses[LOSS_EVENT], &s.snapshot.losses[LOSS_VM_TABLE],
			&s.snapshot.missed[HOOK_SPTE_CHANGE], &s.snapshot.unadopted_vms,
			&s.snapshot.unbalanced_vms,
		};

		for (size_t k = 0; k < sizeof(missed) / sizeof(missed[0]); k++) {
			begin(&s);
			seen_by(&s, CAUSE_WRITEBACK, kinds[i].agrees, BACKING_FILE, 9);
			*missed[k] = 1;
			assert_int_equal(weigh(&s, kinds[i].claim)->value, UNDECIDED);
			assert_int_equal(s.result.missed.n, 1);
			seen_by(&s, CAUSE_WRITEBACK, kinds[i].against, BACKING_FILE, 1);
			assert_int_equal(weigh(&s, kinds[i].claim)->value, REFUTED);
			end(&s);
		}
	}
}

/* the evidence of the first claim is taken by a hook that no invariant but one depends on */
static void lookups_skipped(void **arg)
{
	struct scene s;

	(void)arg;
	begin(&s);
	seen(&s, SEEN_MAP_DIRTY, BACKING_ANON, 9);
	seen(&s, SEEN_ZAP_PRIMARY, BACKING_ANON, 9);
	s.snapshot.missed[HOOK_HVA_TO_PFN] = 2;
	assert_int_equal(weigh(&s, CLAIM_MAP_DIRTIES)->value, UNDECIDED);
	assert_int_equal(s.result.missed.n, 1);
	assert_string_equal(s.result.missed.list[0].text, "2 runs of hook hva-to-pfn skipped by the kernel");
	assert_int_equal(weigh(&s, CLAIM_ZAP_MARK_UNNEEDED)->value, CONFIRMED);
	end(&s);
}

static void names(void **arg)
{
	const uint64_t none[BACKING_NR] = { 0 }, some[BACKING_NR] = { 1, 0, 300, 0, 2000, 1 };
	char text[160];

	(void)arg;
	assert_string_equal(claim_name(CLAIM_MAP_DIRTIES), "claim-map-dirties");
	assert_string_equal(claim_name(CLAIM_ZAP_MARK_UNNEEDED), "claim-zap-mark-unneeded");
	assert_string_equal(claim_name(CLAIM_ZAP_ACCESSED_UNNEEDED), "claim-zap-accessed-unneeded");
	assert_string_equal(claim_value_name(CONFIRMED), "CONFIRMED");
	assert_string_equal(claim_value_name(REFUTED), "REFUTED");
	assert_string_equal(claim_value_name(NO_EVIDENCE), "NO EVIDENCE");
	assert_string_equal(claim_value_name(UNDECIDED), "UNDECIDED");
	assert_string_equal(backings_text(none, text, sizeof(text)), "");
	assert_string_equal(backings_text(some, text, sizeof(text)), "file 2,000, shmem 300, anon 1, none 1");
}

/* the longest sentence that there can be is not cut */
static void sentences_fit(void **arg)
{
	const uint64_t much = 999999999999;
	struct scene s;

	(void)arg;
	begin(&s);
	seen_by(&s, CAUSE_MADV_DONTNEED, SEEN_ZAP_NEWS, BACKING_ANON, much);
	seen_by(&s, CAUSE_MADV_PAGEOUT, SEEN_ZAP_NEWS, BACKING_SHMEM, much);
	seen_by(&s, CAUSE_SOFT_DIRTY, SEEN_ZAP_NEWS, BACKING_SHMEM, much);
	seen_by(&s, CAUSE_MADV_COLLAPSE, SEEN_ZAP_NEWS, BACKING_SHMEM, much);
	seen_by(&s, CAUSE_UNKNOWN, SEEN_ZAP_NEWS, BACKING_SHMEM, much);
	for (int e = 0; e < SEEN_ZAP_NEWS; e++)
		for (int b = 0; b < BACKING_NR; b++)
			seen(&s, e, b, much);
	for (int c = 0; c < CLAIM_NR; c++) {
		size_t len = strlen(weigh(&s, c)->answer);

		assert_true(len < CLAIM_TEXT - 1);
		assert_int_equal(s.result.answer[len - 1], '.');
	}
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_evidence),
		cmocka_unit_test(what_each_counter_says),
		cmocka_unit_test(map_dirties),
		cmocka_unit_test(zap_mark),
		cmocka_unit_test(zap_accessed),
		cmocka_unit_test(evidence_without_a_cause),
		cmocka_unit_test(losses),
		cmocka_unit_test(lookups_skipped),
		cmocka_unit_test(names),
		cmocka_unit_test(sentences_fit),
	};

	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
