// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge of recordings: instances kept apart, nothing judged of which a step is missing, and files that
 * are whole, cut, and in several parts.
 */
#include "user/judge/judge_file.h"
#include "user/recording/recording.h"

#include "bpf/models/dirty_until_notified.h"
#include "bpf/models/flushed_at_start.h"
#include "bpf/models/never_secret.h"
#include "bpf/models/no_map_in_window.h"
#include "bpf/models/windows_balanced.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static struct judge *new_judge(uint32_t vm, uint64_t from, uint64_t to)
{
	struct judge_options o = { .vm = vm, .from_ns = from, .to_ns = to, .stories = 4 };
	struct judge *j = judge_new(&o);

	assert_non_null(j);
	return j;
}

static struct record_step step(enum invariant inv, int event, uint32_t number, uint64_t object)
{
	return (struct record_step){
		.vm = 1, .tid = 7, .object = object, .invariant = (uint8_t)inv, .event = (uint8_t)event,
		.level = 1, .backing = BACKING_NR, .gfn = 5, .pages = 1, .number = number,
	};
}

static void feed(struct judge *j, uint64_t ns, enum invariant inv, int event, uint32_t number,
		 uint64_t object)
{
	struct record_step s = step(inv, event, number, object);

	assert_true(judge_step(j, ns, &s));
}

static void expect(struct judge *j, enum invariant inv, uint64_t checked, uint64_t violated)
{
	struct vm_counts total;

	snapshot_total(judge_snapshot(j), &total);
	assert_int_equal(total.checked[inv], checked);
	assert_int_equal(total.violated[inv], violated);
}

static void instances_are_kept_apart(void **arg)
{
	struct judge *j = new_judge(0, 0, UINT64_MAX);

	(void)arg;
	feed(j, 1, INV_FLUSHED_AT_START, FAS_ENTER, 0, 10);
	feed(j, 2, INV_FLUSHED_AT_START, FAS_ENTER, 0, 11);
	feed(j, 3, INV_FLUSHED_AT_START, FAS_ZAP, 1, 10);
	feed(j, 4, INV_FLUSHED_AT_START, FAS_ZAP, 1, 11);
	feed(j, 5, INV_FLUSHED_AT_START, FAS_FLUSH, 2, 11);
	/* the same number is another instance in another model */
	feed(j, 5, INV_NO_MAP_IN_WINDOW, NMW_START, 0, 10);
	assert_int_equal(judge_open(j), 3);
	feed(j, 6, INV_FLUSHED_AT_START, FAS_RETURN, 3, 11);
	expect(j, INV_FLUSHED_AT_START, 1, 0);
	feed(j, 7, INV_FLUSHED_AT_START, FAS_RETURN, 2, 10);
	expect(j, INV_FLUSHED_AT_START, 2, 1);
	feed(j, 8, INV_NO_MAP_IN_WINDOW, NMW_END, 1, 10);
	expect(j, INV_NO_MAP_IN_WINDOW, 1, 0);
	assert_int_equal(judge_open(j), 0);
	judge_free(j);
}

static void violation_is_told_with_its_step(void **arg)
{
	struct vm_info info = { .index = 1, .pid = 42, .comm = "qemu" };
	struct judge *j = new_judge(0, 0, UINT64_MAX);
	struct told *told;
	size_t n;

	(void)arg;
	assert_true(judge_vm(j, 1, 1, &info));
	feed(j, 5, INV_NEVER_SECRET, NSE_MAP, 0, 0);
	feed(j, 9, INV_NEVER_SECRET, NSE_MAP_SECRET, 0, 0);
	expect(j, INV_NEVER_SECRET, 2, 1);
	told = judge_told(j, &n);
	assert_int_equal(n, 1);
	assert_int_equal(told->e.invariant, INV_NEVER_SECRET);
	assert_int_equal(told->e.gfn, 5);
	assert_int_equal(told->since_start_ns, 4);
	assert_string_equal(told->vm_name, "1 (pid 42 qemu)");
	judge_free(j);
}

/* The flush is lost: what is left looks like a violation, and must not be one. */
static void lost_step_is_no_violation(void **arg)
{
	struct judge *j = new_judge(0, 0, UINT64_MAX);
	struct verdict v;

	(void)arg;
	feed(j, 1, INV_FLUSHED_AT_START, FAS_ENTER, 0, 10);
	feed(j, 2, INV_FLUSHED_AT_START, FAS_ZAP, 1, 10);
	feed(j, 4, INV_FLUSHED_AT_START, FAS_RETURN, 3, 10);
	/* a start is lost */
	feed(j, 5, INV_WINDOWS_BALANCED, WBA_END_ZERO, 1, 12);
	expect(j, INV_FLUSHED_AT_START, 0, 0);
	expect(j, INV_WINDOWS_BALANCED, 0, 0);
	assert_int_equal(judge_snapshot(j)->torn[INV_FLUSHED_AT_START], 1);
	verdict_of(judge_snapshot(j), INV_FLUSHED_AT_START, false, &v);
	assert_int_equal(v.value, INCONCLUSIVE);
	verdict_of(judge_snapshot(j), INV_WINDOWS_BALANCED, false, &v);
	assert_int_equal(v.value, INCONCLUSIVE);
	verdict_of(judge_snapshot(j), INV_NEVER_SECRET, false, &v);
	assert_int_equal(v.value, NO_OCCASION);
	judge_free(j);
}

static void exemption_ends_its_instance(void **arg)
{
	struct judge *j = new_judge(0, 0, UINT64_MAX);
	struct record_step larger = step(INV_ZAPPED_AT_START, STEP_EXEMPT + EXEMPT_LARGER_LEAF, 0, 0);
	struct vm_counts total;

	(void)arg;
	feed(j, 1, INV_DIRTY_UNTIL_NOTIFIED, DUN_LOST_CLEAN, 0, 3);
	feed(j, 2, INV_DIRTY_UNTIL_NOTIFIED, STEP_EXEMPT + EXEMPT_ZAP_DAX, 1, 3);
	larger.pages = 9;
	assert_true(judge_step(j, 3, &larger));
	snapshot_total(judge_snapshot(j), &total);
	assert_int_equal(total.exempt[EXEMPT_ZAP_DAX], 1);
	assert_int_equal(total.exempt[EXEMPT_LARGER_LEAF], 9);
	assert_int_equal(total.owed, 1);
	assert_int_equal(total.settled, 1);
	expect(j, INV_DIRTY_UNTIL_NOTIFIED, 0, 0);
	assert_int_equal(judge_open(j), 0);
	judge_free(j);
}

/* Models see everything; only what happens in the range counts. */
static void range_counts_and_feeds(void **arg)
{
	struct judge *j = new_judge(0, 10, 20);

	(void)arg;
	feed(j, 5, INV_DIRTY_UNTIL_NOTIFIED, DUN_LOST_DIRTY, 0, 0);
	feed(j, 9, INV_DIRTY_UNTIL_NOTIFIED, DUN_LOST_CLEAN, 0, 3);
	feed(j, 11, INV_DIRTY_UNTIL_NOTIFIED, DUN_RETURNED, 1, 3);
	feed(j, 21, INV_DIRTY_UNTIL_NOTIFIED, DUN_LOST_DIRTY, 0, 0);
	expect(j, INV_DIRTY_UNTIL_NOTIFIED, 1, 1);
	judge_free(j);
}

static void one_vm_alone(void **arg)
{
	struct judge *j = new_judge(2, 0, UINT64_MAX);
	struct record_step s = step(INV_NEVER_SECRET, NSE_MAP, 0, 0);

	(void)arg;
	for (s.vm = 0; s.vm < 4; s.vm++)
		assert_true(judge_step(j, 1, &s));
	/* its own, and that of no known VM */
	expect(j, INV_NEVER_SECRET, 2, 0);
	judge_free(j);
}

static void many_instances_at_a_time(void **arg)
{
	enum { MANY = 50000 };
	struct judge *j = new_judge(0, 0, UINT64_MAX);

	(void)arg;
	for (uint64_t o = 1; o <= MANY; o++)
		feed(j, o, INV_DIRTY_UNTIL_NOTIFIED, DUN_LOST_CLEAN, 0, o << 13);
	assert_int_equal(judge_open(j), MANY);
	/* out in another order than in */
	for (uint64_t i = 0, o = 1; i < MANY; i++, o = (o + 17) % MANY)
		feed(j, MANY + i, INV_DIRTY_UNTIL_NOTIFIED, DUN_MARKED, 1, (o + 1) << 13);
	assert_int_equal(judge_open(j), 0);
	expect(j, INV_DIRTY_UNTIL_NOTIFIED, MANY, 0);
	judge_free(j);
}

static void unknown_invariant_is_refused(void **arg)
{
	struct judge *j = new_judge(0, 0, UINT64_MAX);
	struct record_step s = step(INV_NR, 0, 0, 0);

	(void)arg;
	assert_false(judge_step(j, 1, &s));
	/* an event of a newer model says nothing */
	feed(j, 2, INV_NEVER_SECRET, 100, 0, 0);
	expect(j, INV_NEVER_SECRET, 0, 0);
	judge_free(j);
}

/* ---- files ---- */

static char dir[64];

static int make_dir(void **arg)
{
	(void)arg;
	snprintf(dir, sizeof(dir), "/tmp/mmuscope-judge-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **arg)
{
	char command[96];

	(void)arg;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

enum { STEPS = 4000 };

/* A sound run in as many parts as its size gives. */
static void record(const char *path, uint64_t part_bytes, unsigned int keep)
{
	struct recording_options o = { .path = path, .facts = "{\"mmuscope\":\"0.0\"}", .frame_bytes = 4096,
				       .part_bytes = part_bytes, .keep_parts = keep, .id = 5,
				       .replace = true };
	struct recording *w;

	assert_int_equal(recording_create(&o, 1, &w), 0);
	recording_text(w, RECORD_META, 2, "{\"marks_at\":\"map\",\"tier\":\"fentry\",\"started_ns\":2}");
	recording_vm(w, 3, 1, "{\"id\":1,\"pid\":9,\"comm\":\"load\"}");
	for (uint64_t i = 0; i < STEPS; i++) {
		struct record_step s = step(INV_DIRTY_UNTIL_NOTIFIED, i & 1 ? DUN_MARKED : DUN_LOST_CLEAN,
					    i & 1, (i / 2 + 1) << 13);

		/* not to be compressed to nothing */
		s.old_spte = (i + 1) * 0x9e3779b97f4a7c15ULL;
		assert_int_equal(recording_put(w, RECORD_STEP, STEP_VERSION, 10 + i, &s, sizeof(s)), 0);
	}
	recording_text(w, RECORD_LOSS, 10 + STEPS, "{\"raced\":0}");
	recording_text(w, RECORD_SNAPSHOT, 10 + STEPS, "{\"invariants\":[]}");
	assert_int_equal(recording_close(w, 20 + STEPS, NULL), 0);
}

static enum value judge_path(const char *path, uint64_t *checked, struct judged_file *f)
{
	struct judge *j = new_judge(0, 0, UINT64_MAX);
	struct verdict v;

	assert_int_equal(judge_file(j, path, 0, 0, f), 0);
	verdict_of(judge_snapshot(j), INV_DIRTY_UNTIL_NOTIFIED, false, &v);
	*checked = v.checked;
	judge_free(j);
	return v.value;
}

static void whole_file_holds(void **arg)
{
	struct judged_file f;
	uint64_t checked;
	char path[96];

	(void)arg;
	snprintf(path, sizeof(path), "%s/whole.mms", dir);
	record(path, 0, 0);
	assert_int_equal(judge_path(path, &checked, &f), HELD);
	assert_int_equal(checked, STEPS / 2);
	assert_int_equal(f.steps, STEPS);
	assert_true(f.ended && f.live && f.meta && f.facts);
	judged_file_free(&f);
}

static void cut_file_is_inconclusive(void **arg)
{
	struct judged_file f;
	uint64_t checked;
	struct stat st;
	char path[96];

	(void)arg;
	snprintf(path, sizeof(path), "%s/cut.mms", dir);
	record(path, 0, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	assert_int_equal(judge_path(path, &checked, &f), INCONCLUSIVE);
	assert_in_range(checked, 1, STEPS / 2 - 1);
	assert_non_null(strstr(f.not_whole, "ends early"));
	assert_false(f.ended);
	judged_file_free(&f);
}

static void parts_are_one_recording(void **arg)
{
	struct judged_file f;
	uint64_t checked;
	char path[96];

	(void)arg;
	snprintf(path, sizeof(path), "%s/parts.mms", dir);
	record(path, 65536, 0);
	assert_int_equal(judge_path(path, &checked, &f), HELD);
	assert_int_equal(checked, STEPS / 2);
	assert_true(f.parts > 1 && f.ended);
	judged_file_free(&f);

	/* from its second file on: it says what it lacks */
	snprintf(path, sizeof(path), "%s/parts.0001.mms", dir);
	assert_int_equal(judge_path(path, &checked, &f), INCONCLUSIVE);
	assert_non_null(strstr(f.not_whole, "before it"));
	judged_file_free(&f);

	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/parts.mms", dir);
	assert_int_equal(judge_path(path, &checked, &f), INCONCLUSIVE);
	assert_non_null(strstr(f.not_whole, "is missing"));
	judged_file_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances_are_kept_apart),
		cmocka_unit_test(violation_is_told_with_its_step),
		cmocka_unit_test(lost_step_is_no_violation),
		cmocka_unit_test(exemption_ends_its_instance),
		cmocka_unit_test(range_counts_and_feeds),
		cmocka_unit_test(one_vm_alone),
		cmocka_unit_test(many_instances_at_a_time),
		cmocka_unit_test(unknown_invariant_is_refused),
		cmocka_unit_test(whole_file_holds),
		cmocka_unit_test(cut_file_is_inconclusive),
		cmocka_unit_test(parts_are_one_recording),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
