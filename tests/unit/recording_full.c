// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk that is full, for a while or for good: what was written stays whole, what is missing is said in
 * the file with its number and time, and once to the person.  A limit on the file's size is the disk:
 * beyond it write() fails, and the write that reaches it is a partial one.
 */
#include "lib/sample.h"

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { NOTE = 64, FRAME = 4096, NOTES_OF_FRAME = FRAME / NOTE };

static struct found said;

static void note(void *arg, const char *text)
{
	struct found *f = arg;

	f->said++;
	snprintf(f->last_said, sizeof(f->last_said), "%s", text);
}

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
	said = (struct found){ 0 };
	return sample_dir_make(state);
}

static int remove_dir(void **state)
{
	disk_ends_at(RLIM_INFINITY);
	return sample_dir_remove(state);
}

static struct recording_options options(void)
{
	struct recording_options o = sample_options("a.mms");

	o.frame_bytes = FRAME;
	o.say = note;
	o.say_arg = &said;
	return o;
}

static struct recording *create(const struct recording_options *o)
{
	struct recording *w;

	assert_int_equal(recording_create(o, SAMPLE_NS, &w), 0);
	return w;
}

static void put_notes(struct recording *w, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		uint64_t body[6] = { i, i * 0x9e3779b97f4a7c15, i * 0xc2b2ae3d27d4eb4f, i << 40 };

		assert_int_equal(recording_put(w, RECORD_NOTE, 1, SAMPLE_NS + i, body, sizeof(body)), 0);
	}
}

static size_t file_size(void)
{
	struct stat st;

	assert_int_equal(stat("a.mms", &st), 0);
	return (size_t)st.st_size;
}

static const struct record_gap *first_gap(const struct found *f)
{
	for (size_t k = 0; k < f->n; k++)
		if (found_record(f, k)->type == RECORD_GAP)
			return (const void *)(found_record(f, k) + 1);
	return NULL;
}

/* Wherever the disk ends, even within the 64 bytes of a header: only whole frames stay. */
static void nothing_half_stays(void **arg)
{
	struct recording_options o = options();
	size_t before, frame;

	(void)arg;
	for (size_t more = 0; more < 400; more += 7) {
		struct recording *w = create(&o);
		struct found f;

		put_notes(w, 0, 2 * NOTES_OF_FRAME + 1);
		assert_int_equal(recording_totals(w)->frames, 2);
		before = file_size();
		disk_ends_at(before + more);
		put_notes(w, 2 * NOTES_OF_FRAME + 1, 3 * NOTES_OF_FRAME + 1);
		assert_int_equal(recording_totals(w)->dropped_frames, 1);
		frame = file_size();
		assert_int_equal(frame, before);
		f = found_in("a.mms");
		assert_true(f.health.ends_early);
		assert_int_equal(f.health.cut_bytes, 0);
		assert_int_equal(f.health.frames, 2);
		found_free(&f);
		disk_ends_at(RLIM_INFINITY);
		recording_close(w, SAMPLE_NS, NULL);
	}
}

static void the_gap_is_told(void **arg)
{
	struct recording_options o = options();
	struct recording *w = create(&o);
	struct recording_totals totals;
	const struct record_gap *gap;
	const struct record_end *end;
	struct found f;

	(void)arg;
	put_notes(w, 0, 10 * NOTES_OF_FRAME + 1);
	assert_int_equal(said.said, 0);
	disk_ends_at(file_size() + 100);
	put_notes(w, 10 * NOTES_OF_FRAME + 1, 15 * NOTES_OF_FRAME);
	assert_int_equal(said.said, 1);
	assert_string_equal(said.last_said,
			    "cannot write a.mms: File too large; records are dropped until it can be "
			    "written again, and what was written stays readable");
	disk_ends_at(RLIM_INFINITY);
	put_notes(w, 15 * NOTES_OF_FRAME, 20 * NOTES_OF_FRAME);
	assert_int_equal(said.said, 2);
	assert_non_null(strstr(said.last_said, "a.mms is written again; "));
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);

	f = found_in("a.mms");
	gap = first_gap(&f);
	assert_non_null(gap);
	assert_int_equal(f.health.gaps, 1);
	assert_int_equal(gap->records, totals.dropped_records);
	assert_int_equal(gap->frames, totals.dropped_frames);
	assert_int_equal(f.health.lost_frames, totals.dropped_frames);
	assert_int_equal(gap->bytes, totals.dropped_records * NOTE);
	assert_int_equal(gap->error, EFBIG);
	assert_int_equal(gap->from_ns, SAMPLE_NS + 10 * NOTES_OF_FRAME);
	assert_int_equal(gap->to_ns, gap->from_ns + gap->records - 1);
	assert_int_equal(found_count(&f, RECORD_NOTE) + gap->records, 20 * NOTES_OF_FRAME);
	assert_false(f.health.ends_early);
	assert_int_equal(f.health.lost_records, 0);
	assert_int_equal(f.health.damages, 0);
	assert_false(recording_is_lossless(&f.health));
	end = (const void *)(found_record(&f, f.n - 1) + 1);
	assert_int_equal(end->dropped, totals.dropped_records);
	found_free(&f);
}

/* Later records refer to a stack that was in a lost frame. */
static void lost_stacks_and_vms_come_again(void **arg)
{
	struct recording_options o = options();
	struct recording *w = create(&o);
	struct found f;

	(void)arg;
	disk_ends_at(file_size() + 100);
	recording_text(w, RECORD_META, 1, "{}");
	recording_vm(w, 2, 5, "{\"pid\": 1}");
	assert_int_equal(recording_stack(w, 3, "f\ng"), 1);
	put_notes(w, 0, 3 * NOTES_OF_FRAME);
	assert_int_equal(recording_stack(w, 4, "h\ng"), 2);
	put_notes(w, 3 * NOTES_OF_FRAME, 6 * NOTES_OF_FRAME);
	disk_ends_at(RLIM_INFINITY);
	assert_int_equal(recording_stack(w, 5, "f\ng"), 1);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
	f = found_in("a.mms");
	assert_int_equal(found_record(&f, 0)->type, RECORD_GAP);
	assert_int_equal(found_count(&f, RECORD_META), 1);
	assert_int_equal(found_count(&f, RECORD_VM), 1);
	assert_int_equal(found_count(&f, RECORD_STACK), 2);
	/* so only notes are missing */
	assert_int_equal(f.health.gap_records + found_count(&f, RECORD_NOTE), 6 * NOTES_OF_FRAME);
	found_free(&f);
}

/* While it is full, what is to be said again grows, but the disk is not tried more often. */
static void a_full_disk_is_tried_once_a_frame(void **arg)
{
	struct recording_options o = options();
	struct recording *w = create(&o);
	struct recording_totals totals;
	char text[64];

	(void)arg;
	disk_ends_at(file_size());
	for (uint32_t i = 1; i <= 1000; i++) {
		snprintf(text, sizeof(text), "function_%u", i);
		assert_int_equal(recording_stack(w, i, text), i);
	}
	put_notes(w, 0, 50 * NOTES_OF_FRAME);
	assert_in_range(recording_totals(w)->dropped_frames, 50, 70);
	assert_int_equal(said.said, 1);
	disk_ends_at(RLIM_INFINITY);
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	assert_int_equal(said.said, 2);
}

static void it_stops_if_asked_to(void **arg)
{
	struct recording_options o = options();
	struct recording_totals totals;
	struct recording *w;
	struct found f;
	size_t size;

	(void)arg;
	o.stop_when_full = true;
	w = create(&o);
	put_notes(w, 0, 2 * NOTES_OF_FRAME + 1);
	size = file_size();
	disk_ends_at(size);
	put_notes(w, 2 * NOTES_OF_FRAME + 1, 3 * NOTES_OF_FRAME + 1);
	assert_non_null(strstr(said.last_said, "the recording stops here"));
	disk_ends_at(RLIM_INFINITY);
	put_notes(w, 3 * NOTES_OF_FRAME + 1, 9 * NOTES_OF_FRAME);
	recording_tick(w, SAMPLE_NS + 100000000000);
	assert_int_equal(recording_flush(w), -EFBIG);
	assert_int_equal(file_size(), size);
	/* there is room again, so that it can end with the truth */
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	assert_int_equal(totals.dropped_records, 7 * NOTES_OF_FRAME);
	f = found_in("a.mms");
	assert_false(f.health.ends_early);
	assert_int_equal(f.health.gap_records, 7 * NOTES_OF_FRAME);
	assert_int_equal(found_count(&f, RECORD_NOTE), 2 * NOTES_OF_FRAME);
	found_free(&f);
}

static void full_until_the_end(void **arg)
{
	struct recording_options o = options();
	struct recording_totals totals;
	struct recording *w;
	struct found f;

	(void)arg;
	for (int stop = 0; stop < 2; stop++) {
		o.stop_when_full = stop;
		w = create(&o);
		put_notes(w, 0, 2 * NOTES_OF_FRAME + 1);
		disk_ends_at(file_size());
		put_notes(w, 2 * NOTES_OF_FRAME + 1, 5 * NOTES_OF_FRAME);
		assert_int_equal(recording_close(w, SAMPLE_NS, &totals), -EFBIG);
		assert_int_equal(totals.dropped_records, 3 * NOTES_OF_FRAME);
		disk_ends_at(RLIM_INFINITY);
		f = found_in("a.mms");
		assert_true(f.health.ends_early);
		assert_int_equal(f.health.cut_bytes, 0);
		assert_int_equal(found_count(&f, RECORD_NOTE), 2 * NOTES_OF_FRAME);
		found_free(&f);
	}
	assert_int_equal(said.said, 2);
}

/* The last records do not fit, but that they are missing does. */
static void the_end_may_still_fit(void **arg)
{
	struct recording_options o = options();
	struct recording *w = create(&o);
	struct found f;

	(void)arg;
	put_notes(w, 0, NOTES_OF_FRAME);
	disk_ends_at(file_size() + 250);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
	f = found_in("a.mms");
	assert_false(f.health.ends_early);
	assert_int_equal(f.health.gap_records, NOTES_OF_FRAME);
	found_free(&f);
}

static void no_room_for_a_new_part(void **arg)
{
	struct recording_options o = options();
	struct recording *w;
	struct found f;

	(void)arg;
	o.part_bytes = 20000;
	w = create(&o);
	put_notes(w, 0, 5 * NOTES_OF_FRAME);
	/* the header of a part would be the first thing that fails: it is longer than this */
	disk_ends_at(file_size() + 1);
	put_notes(w, 5 * NOTES_OF_FRAME, 30 * NOTES_OF_FRAME);
	assert_int_equal(recording_totals(w)->part, 0);
	disk_ends_at(RLIM_INFINITY);
	put_notes(w, 30 * NOTES_OF_FRAME, 90 * NOTES_OF_FRAME);
	assert_true(recording_totals(w)->part > 0);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
	f = found_in("a.mms");
	assert_int_equal(f.health.gaps, 1);
	assert_int_equal(f.health.next_part, 1);
	assert_false(f.health.ends_early);
	found_free(&f);
}

static void no_room_for_the_header(void **arg)
{
	struct recording_options o = options();
	struct recording *w;

	(void)arg;
	disk_ends_at(50);
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), -EFBIG);
	assert_int_equal(access("a.mms", F_OK), -1);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_half_stays),
		TEST(the_gap_is_told),
		TEST(lost_stacks_and_vms_come_again),
		TEST(a_full_disk_is_tried_once_a_frame),
		TEST(it_stops_if_asked_to),
		TEST(full_until_the_end),
		TEST(the_end_may_still_fit),
		TEST(no_room_for_a_new_part),
		TEST(no_room_for_the_header),
	};

	return cmocka_run_group_tests_name("recording_full", tests, NULL, NULL);
}
