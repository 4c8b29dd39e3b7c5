// SPDX-License-Identifier: GPL-2.0-only
/*
 * The recorder of mmuscope record on a disk that is full, for a while or until the end: it says so, the
 * file says what it lacks, and judge never takes what is missing for a violation, nor the rest for all.  A
 * limit on the file's size is the disk, as in recording_full.c.
 */
#include "lib/sample.h"
#include "lib/steps.h"

#include "user/judge/judge_file.h"
#include "user/cmd/options.h"
#include "user/recording/recorder.h"

#include "unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { TIMES = 900, OPEN = 40 };	/* a few dozen frames */

static struct catch said;

static void disk_ends_at(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int make_dir(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	return sample_dir_make(state);
}

static int remove_dir(void **state)
{
	disk_ends_at(RLIM_INFINITY);
	return sample_dir_remove(state);
}

static rlim_t file_size(void)
{
	struct stat st;

	assert_int_equal(stat("a.mms", &st), 0);
	return (rlim_t)st.st_size;
}

/* What the ring buffer gives.  The number of steps; *left is false when there are no more. */
static size_t tell_steps(struct recorder *r, struct steps *s, size_t n, bool *left)
{
	struct event_step e = { .head = { .type = EVENT_STEP, .size = sizeof(e) } };
	size_t told = 0;
	uint64_t ns;

	while (told < n && (*left = steps_next(s, &ns, &e.step))) {
		/* a value that does not compress, so that frames are as large as they would be */
		e.step.old_spte = (ns + told) * 0x9e3779b97f4a7c15ULL;
		e.head.ns = ns;
		recorder_hooks.record(r, &e.head);
		told++;
	}
	return told;
}

/*
 * A sound run of which the disk takes the first third; it has room again for the last third, or not.  The
 * number of steps; *result is that of the recorder's end.
 */
static size_t record(bool room_again, int *result)
{
	struct options o = { .output = "a.mms", .ring_bytes = 1 << 16 };
	struct steps *s = steps_begin(sound_scripts, nsound, TIMES, OPEN);
	struct collector c = { 0 };
	size_t third = TIMES * nsound / 2, steps;
	struct recorder *r = recorder_new(&o, &c);
	bool left;

	assert_true(r && s);
	catch_begin(&said, stderr);
	steps = tell_steps(r, s, third, &left);
	disk_ends_at(file_size() + 1000);
	steps += tell_steps(r, s, third, &left);
	recorder_hooks.drained(r);
	if (room_again)
		disk_ends_at(RLIM_INFINITY);
	steps += tell_steps(r, s, SIZE_MAX, &left);
	*result = recorder_end(r, NULL);
	catch_end(&said, stderr);
	disk_ends_at(RLIM_INFINITY);
	assert_false(left);
	steps_end(s);
	return steps;
}

/* What judge makes of it: for no invariant anything but INCONCLUSIVE. */
static uint64_t judged(const char *why)
{
	struct judge_options o = { .to_ns = UINT64_MAX };
	struct judge *j = judge_new(&o);
	struct judged_file f;
	uint64_t steps;

	assert_non_null(j);
	catch_begin(&said, stderr);
	assert_int_equal(judge_file(j, "a.mms", 0, 0, &f), 0);
	catch_end(&said, stderr);
	assert_non_null(strstr(f.not_whole, why));
	judge_snapshot(j)->marks_at_map = true;
	for (int i = 0; i < INV_NR; i++) {
		struct verdict v;

		verdict_of(judge_snapshot(j), i, false, &v);
		assert_int_equal(v.violations, 0);
		assert_int_equal(v.value, INCONCLUSIVE);
	}
	steps = f.steps;
	judged_file_free(&f);
	judge_free(j);
	return steps;
}

static void full_for_a_while(void **arg)
{
	size_t steps, there;
	struct found f;
	int result;

	(void)arg;
	steps = record(true, &result);
	assert_int_equal(result, -1);
	assert_non_null(strstr(said.text, "cannot write a.mms: File too large"));
	assert_non_null(strstr(said.text, "a.mms is written again"));
	assert_non_null(strstr(said.text, "records could not be written to a.mms; it says where they are missing"));
	f = found_in("a.mms");
	there = found_count(&f, RECORD_STEP);
	assert_false(f.health.ends_early);
	assert_int_equal(f.health.damages, 0);
	assert_in_range(there, 1, steps - 1);
	assert_int_equal(there + f.health.gap_records, steps);
	found_free(&f);
	assert_int_equal(judged("could not be written"), there);
}

static void full_until_the_end(void **arg)
{
	struct found f;
	size_t steps;
	int result;

	(void)arg;
	steps = record(false, &result);
	assert_int_equal(result, -1);
	assert_non_null(strstr(said.text, "cannot write a.mms: File too large"));
	/* its first third is whole; if the end found room in what is left, it says what is missing */
	f = found_in("a.mms");
	assert_int_equal(f.health.damages, 0);
	assert_int_equal(f.health.cut_bytes, 0);
	assert_in_range(found_count(&f, RECORD_STEP), 1, steps / 2);
	assert_true(f.health.ends_early || f.health.gap_records);
	found_free(&f);
	assert_true(judged("") > 0);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(full_for_a_while),
		TEST(full_until_the_end),
	};

	return cmocka_run_group_tests_name("record_full", tests, NULL, NULL);
}
