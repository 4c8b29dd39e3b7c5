// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recorder is killed at random moments, in one file and in parts: whatever it had written as a whole
 * frame can be read, in order, and at most one frame is cut.
 */
#include "lib/sample.h"

#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { KILLS = 120, DEADLINE_S = 60 };

/* what the recorder tells us, in memory that outlives it */
struct told {
	_Atomic uint64_t written;	/* notes in whole frames */
	_Atomic uint64_t busy;		/* counts on all the time */
};

/* Only notes, so that those that are written can be counted; in parts, what is repeated is nothing. */
static void record_until_killed(struct told *told, uint64_t part_bytes)
{
	struct recording_options o = sample_options("a.mms");
	const struct recording_totals *totals;
	struct recording *w;

	/* a test that is interrupted must not leave one that writes for ever */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	o.frame_bytes = 4096;
	o.part_bytes = part_bytes;
	if (recording_create(&o, SAMPLE_NS, &w))
		_exit(1);
	totals = recording_totals(w);
	for (uint64_t i = 0;; i++) {
		uint64_t body[4] = { i, i * 0x9e3779b97f4a7c15, i * 0xc2b2ae3d27d4eb4f, i << 40 };

		recording_put(w, RECORD_NOTE, 1, SAMPLE_NS + i, body, sizeof(body));
		/* less an END record for each part before */
		told->written = totals->records - totals->part;
		told->busy++;
	}
}

static bool is_over(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= deadline->tv_sec;
}

/* Let it work up to a number of records, so that it is hit anywhere in its work on a frame. */
static void kill_at(pid_t pid, struct told *told, uint64_t records)
{
	struct timespec deadline;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += DEADLINE_S;
	while (told->busy < records && !is_over(&deadline))
		sched_yield();
	assert_true(told->busy >= records);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* The notes of one file follow each other from *next on. */
static void count_notes(const struct found *f, uint64_t *next)
{
	for (size_t at = 0; at < f->size;) {
		const struct record_head *r = (const void *)(f->records + at);

		if (r->type == RECORD_NOTE) {
			uint64_t n;

			memcpy(&n, r + 1, sizeof(n));
			assert_int_equal(n, *next);
			++*next;
		}
		at += record_span(r->size);
	}
}

/* How many notes there are in all the files, which are removed. */
static uint64_t notes_of_all_parts(void)
{
	uint64_t next = 0;
	bool last = false;

	for (uint32_t k = 0; !last; k++) {
		struct found f;
		char path[64];

		assert_int_equal(recording_part_path("a.mms", k, path, sizeof(path)), 0);
		f = found_in(path);
		assert_int_equal(f.err, 0);
		assert_int_equal(f.health.damages, 0);
		assert_int_equal(f.health.lost_frames, 0);
		assert_int_equal(f.health.gaps, 0);
		last = f.health.ends_early;
		count_notes(&f, &next);
		found_free(&f);
		assert_int_equal(unlink(path), 0);
		/* the next part is created before this one is ended */
		if (last && !recording_part_path("a.mms", k + 1, path, sizeof(path)))
			unlink(path);
	}
	return next;
}

static void kill_often(uint64_t part_bytes, uint64_t seed)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				 -1, 0);
	uint64_t written;
	pid_t pid;

	assert_ptr_not_equal(told, MAP_FAILED);
	for (int i = 0; i < KILLS; i++) {
		*told = (struct told){ 0 };
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			record_until_killed(told, part_bytes);
		kill_at(pid, told, 1 + random_below(&seed, 4000));
		written = told->written;
		assert_true(notes_of_all_parts() >= written);
	}
	munmap(told, sizeof(*told));
}

static void killed_in_one_file(void **arg)
{
	(void)arg;
	kill_often(0, 1);
}

static void killed_in_parts(void **arg)
{
	(void)arg;
	kill_often(10000, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_in_one_file, sample_dir_make, sample_dir_remove),
		cmocka_unit_test_setup_teardown(killed_in_parts, sample_dir_make, sample_dir_remove),
	};

	return cmocka_run_group_tests_name("recording_kill", tests, NULL, NULL);
}
