// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording in several files: when a new one is begun, what it is called, that each can be read alone
 * and that nothing is lost between two of them.
 */
#include "lib/sample.h"

#include "unit.h"

#include <errno.h>

static struct recording *create(const struct recording_options *o)
{
	struct recording *w;

	assert_int_equal(recording_create(o, SAMPLE_NS, &w), 0);
	return w;
}

static struct found part(uint32_t k)
{
	char path[64];

	assert_int_equal(recording_part_path("a.mms", k, path, sizeof(path)), 0);
	return found_in(path);
}

/* Notes that do not compress to nothing. */
static void put_notes(struct recording *w, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		uint64_t body[4] = { i, i * 0x9e3779b97f4a7c15, i * 0xc2b2ae3d27d4eb4f, i << 40 };

		assert_int_equal(recording_put(w, RECORD_NOTE, 1, SAMPLE_NS + i, body, sizeof(body)), 0);
	}
}

static uint64_t note_number(const struct record_head *r)
{
	uint64_t n;

	memcpy(&n, r + 1, sizeof(n));
	return n;
}

/* The notes of one file follow each other from *next on. */
static void count_notes(const struct found *f, uint64_t *next)
{
	for (size_t k = 0; k < f->n; k++) {
		const struct record_head *r = found_record(f, k);

		if (r->type == RECORD_NOTE)
			assert_int_equal(note_number(r), (*next)++);
	}
}

static void paths(void **arg)
{
	char path[32];

	(void)arg;
	assert_int_equal(recording_part_path("d/run.mms", 0, path, sizeof(path)), 0);
	assert_string_equal(path, "d/run.mms");
	assert_int_equal(recording_part_path("d/run.mms", 1, path, sizeof(path)), 0);
	assert_string_equal(path, "d/run.0001.mms");
	assert_int_equal(recording_part_path("run.mms", 12345, path, sizeof(path)), 0);
	assert_string_equal(path, "run.12345.mms");
	assert_int_equal(recording_part_path("run", 0, path, sizeof(path)), 0);
	assert_string_equal(path, "run");
	assert_int_equal(recording_part_path("run", 2, path, sizeof(path)), 0);
	assert_string_equal(path, "run.0002.mms");
	assert_int_equal(recording_part_path("run.mms", 1, path, 12), -ENAMETOOLONG);
	assert_int_equal(recording_part_path("run.mms", 1, path, 13), 0);
}

static void each_part_can_be_read_alone(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	uint64_t next = 0, sequence = 0, records = 0;
	struct recording_totals totals;
	struct recording *w;

	(void)arg;
	o.frame_bytes = 4096;
	o.part_bytes = 20000;
	w = create(&o);
	recording_text(w, RECORD_META, 1, "{\"a\": 1}");
	recording_text(w, RECORD_META, 2, "{\"a\": 2}");
	recording_vm(w, 3, 1, "{\"pid\": 1}");
	recording_vm(w, 4, 2, "{\"pid\": 2}");
	recording_vm(w, 5, 1, "");
	assert_int_equal(recording_stack(w, 6, "f\ng"), 1);
	assert_int_equal(recording_stack(w, 7, "h\ng"), 2);
	put_notes(w, 0, 5000);
	assert_int_equal(recording_stack(w, 8, "f\ng"), 1);
	assert_int_equal(recording_stack(w, 8, "third"), 3);
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	assert_in_range(totals.part, 4, 12);
	for (uint32_t k = 0; k <= totals.part; k++) {
		struct found f = part(k);
		const struct record_end *end = (const void *)(found_record(&f, f.n - 1) + 1);

		assert_true(recording_is_lossless(&f.health));
		assert_string_equal(f.facts, SAMPLE_FACTS);
		assert_int_equal(f.header.part, k);
		assert_int_equal(f.header.id, SAMPLE_ID);
		assert_int_equal(f.header.first_sequence, sequence);
		assert_int_equal(f.health.next_part, k < totals.part ? k + 1 : 0);
		sequence += f.health.frames;
		records += f.health.records;
		assert_int_equal(end->all_frames, sequence);
		assert_int_equal(end->all_records, records);
		count_notes(&f, &next);
		if (k) {
			assert_memory_equal(found_record(&f, 0) + 1, "{\"a\": 2}", 8);
			assert_memory_equal(found_record(&f, 1) + 1, "\2\0\0\0\0\0\0\0{\"pid\": 2}", 18);
			assert_memory_equal(found_record(&f, 2) + 1, "\1\0\0\0\0\0\0\0f\ng", 11);
			assert_memory_equal(found_record(&f, 3) + 1, "\2\0\0\0\0\0\0\0h\ng", 11);
			assert_int_equal(found_record(&f, 4)->type, RECORD_NOTE);
		}
		found_free(&f);
	}
	assert_int_equal(next, 5000);
	assert_int_equal(totals.frames, sequence);
	assert_int_equal(totals.records, records);
}

static void a_part_is_begun_by_age(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	const uint64_t minute = 60000000000;
	struct recording *w;
	struct found f;

	(void)arg;
	o.part_age_ns = minute;
	w = create(&o);
	put_notes(w, 0, 1);
	recording_tick(w, SAMPLE_NS + minute - 1);
	assert_int_equal(recording_totals(w)->part, 0);
	recording_tick(w, SAMPLE_NS + minute);
	assert_int_equal(recording_totals(w)->part, 1);
	/* nothing has happened: no new part, however old this one is */
	recording_tick(w, SAMPLE_NS + 5 * minute);
	assert_int_equal(recording_totals(w)->part, 1);
	put_notes(w, 1, 2);
	recording_tick(w, SAMPLE_NS + 6 * minute);
	recording_tick(w, SAMPLE_NS + 7 * minute);
	assert_int_equal(recording_totals(w)->part, 2);
	assert_int_equal(recording_close(w, SAMPLE_NS + 7 * minute, NULL), 0);
	f = part(1);
	assert_int_equal(f.header.start_ns, SAMPLE_NS + minute);
	assert_int_equal(f.header.real_ns, SAMPLE_REAL_NS + minute);
	found_free(&f);
}

static void the_oldest_parts_are_removed(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording_totals totals;
	struct recording *w;
	char path[64];

	(void)arg;
	o.frame_bytes = 4096;
	o.part_bytes = 20000;
	o.keep_parts = 3;
	w = create(&o);
	put_notes(w, 0, 5000);
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	for (uint32_t k = 0; k <= totals.part; k++) {
		recording_part_path("a.mms", k, path, sizeof(path));
		assert_int_equal(access(path, F_OK), k + 3 > totals.part ? 0 : -1);
	}
}

static void note(void *arg, const char *text)
{
	struct found *f = arg;

	f->said++;
	snprintf(f->last_said, sizeof(f->last_said), "%s", text);
}

/* somebody's file has the name of the next part: the recording stays where it is */
static void a_part_in_the_way(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording_totals totals;
	struct found said = { 0 }, f;
	struct recording *w;
	uint64_t next = 0;

	(void)arg;
	o.replace = false;
	o.frame_bytes = 4096;
	o.part_bytes = 20000;
	o.say = note;
	o.say_arg = &said;
	assert_int_equal(symlink("elsewhere", "a.0001.mms"), 0);
	w = create(&o);
	put_notes(w, 0, 3000);
	assert_int_equal(recording_totals(w)->part, 0);
	assert_int_equal(said.said, 1);
	assert_string_equal(said.last_said,
			    "cannot begin the next part of a.mms: File exists; going on with a.mms");
	/* frames are no smaller for that: 3000 records of 48 bytes */
	assert_int_equal(recording_totals(w)->frames, 3000 * 48 / 4096);
	assert_int_equal(unlink("a.0001.mms"), 0);
	put_notes(w, 3000, 5000);
	assert_true(recording_totals(w)->part > 0);
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	for (uint32_t k = 0; k <= totals.part; k++) {
		f = part(k);
		assert_true(recording_is_lossless(&f.health));
		count_notes(&f, &next);
		found_free(&f);
	}
	assert_int_equal(next, 5000);
	assert_int_equal(said.said, 1);
}

/* more to be repeated than fits into a part: still only one part for each frame of news */
static void parts_smaller_than_what_they_repeat(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording_totals totals;
	struct recording *w;
	uint64_t next = 0;
	char text[64];

	(void)arg;
	o.frame_bytes = 1024;
	o.part_bytes = 1;
	w = create(&o);
	for (uint32_t i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "f%u\ng%u", i, i * 77777);
		assert_int_equal(recording_stack(w, i, text), i);
	}
	put_notes(w, 0, 200);
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	for (uint32_t k = 0; k <= totals.part; k++) {
		struct found f = part(k);

		assert_true(recording_is_lossless(&f.health));
		count_notes(&f, &next);
		found_free(&f);
	}
	assert_int_equal(next, 200);
	assert_in_range(totals.part, 10, 24);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, sample_dir_make, sample_dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		TEST(each_part_can_be_read_alone),
		TEST(a_part_is_begun_by_age),
		TEST(the_oldest_parts_are_removed),
		TEST(a_part_in_the_way),
		TEST(parts_smaller_than_what_they_repeat),
	};

	return cmocka_run_group_tests_name("recording_parts", tests, NULL, NULL);
}
