// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every length and every flipped bit of a small recording: no wrong record comes out, all that stands
 * before the damage does, and nobody could take it for a whole one.
 */
#include "lib/forge.h"
#include "lib/sample.h"

#include "unit.h"

#include <errno.h>

enum { SAMPLES = 24, FRAME = 300 };

static uint8_t *whole;
static size_t whole_size;
static struct found original;
/* where frames begin, and the end of the last; how many bytes of records are before each */
static size_t frame_at[64];
static size_t records_before[64];
static size_t nframes;

/* The frames of a file that is known to be good. */
static void find_frames(void)
{
	struct recording_head h;
	size_t at, records = 0;

	memcpy(&h, whole, sizeof(h));
	for (at = h.size; at < whole_size; nframes++) {
		struct frame_head head;

		memcpy(&head, whole + at, sizeof(head));
		frame_at[nframes] = at;
		records_before[nframes] = records;
		records += head.raw_size;
		at += sizeof(head) + head.payload_size;
	}
	frame_at[nframes] = at;
	records_before[nframes] = records;
}

static int make_original(void **state)
{
	if (sample_dir_make(state) || sample_make("a.mms", SAMPLES, FRAME))
		return -1;
	whole_size = bytes_of("a.mms", &whole);
	original = found_in("a.mms");
	find_frames();
	return sample_dir_remove(state);
}

static int free_original(void **arg)
{
	(void)arg;
	found_free(&original);
	free(whole);
	return 0;
}

/* Are the records of f among the original ones, in their order? */
static bool is_part_of_original(const struct found *f)
{
	size_t at = 0;

	for (size_t k = 0; k < f->size;) {
		const struct record_head *r = (const void *)(f->records + k);
		size_t span = record_span(r->size);

		while (at + span <= original.size && memcmp(original.records + at, r, span)) {
			const struct record_head *skipped = (const void *)(original.records + at);

			at += record_span(skipped->size);
		}
		if (at + span > original.size)
			return false;
		at += span;
		k += span;
	}
	return true;
}

/* The frame that has this byte of the file. */
static size_t frame_of(size_t at)
{
	size_t k = 0;

	while (k < nframes && frame_at[k + 1] <= at)
		k++;
	return k;
}

static void the_original_has_several_frames(void **arg)
{
	(void)arg;
	assert_int_equal(original.err, 0);
	assert_true(recording_is_lossless(&original.health));
	assert_true(nframes >= 5);
	assert_int_equal(frame_at[nframes], whole_size);
	assert_int_equal(records_before[nframes], original.size);
}

static void each_length(void **arg)
{
	(void)arg;
	for (size_t n = 0; n < whole_size; n++) {
		struct found f = found_in_bytes(whole, n);
		size_t k = frame_of(n);

		if (n < 8) {
			assert_int_equal(f.err, -EBADMSG);
			assert_int_equal(f.said, 1);
			continue;
		}
		assert_int_equal(f.err, 0);
		assert_true(f.health.ends_early);
		assert_int_equal(f.said, 1);
		assert_int_equal(f.health.frames, k);
		assert_int_equal(f.size, records_before[k]);
		assert_memory_equal(f.records, original.records, f.size);
		assert_int_equal(f.health.damages, 0);
		assert_int_equal(f.health.cut_bytes, n - (n < frame_at[0] ? 0 : frame_at[k]));
		found_free(&f);
	}
}

static void flip_in_header(size_t bit, const struct found *f)
{
	/* the magic */
	if (bit / 8 < 8) {
		assert_int_equal(f->err, -EBADMSG);
		return;
	}
	assert_int_equal(f->err, 0);
	assert_true(f->health.header_damaged);
	assert_null(f->facts);
	assert_int_equal(f->size, original.size);
	assert_memory_equal(f->records, original.records, f->size);
}

static void flip_in_frame(size_t bit, const struct found *f)
{
	size_t before = records_before[frame_of(bit / 8)];

	assert_int_equal(f->err, 0);
	assert_true(f->size < original.size);
	assert_true(f->size >= before);
	assert_memory_equal(f->records, original.records, before);
	assert_true(is_part_of_original(f));
	/* one frame is lost, no more */
	assert_int_equal(f->health.frames, nframes - 1);
	assert_string_equal(f->facts, SAMPLE_FACTS);
}

static void each_bit(void **arg)
{
	uint8_t *data = malloc(whole_size);

	(void)arg;
	memcpy(data, whole, whole_size);
	for (size_t bit = 0; bit < whole_size * 8; bit++) {
		struct found f;

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		f = found_in_bytes(data, whole_size);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(f.err || !recording_is_lossless(&f.health));
		assert_true(f.said > 0);
		if (bit / 8 < frame_at[0])
			flip_in_header(bit, &f);
		else
			flip_in_frame(bit, &f);
		found_free(&f);
	}
	free(data);
}

static void any_damage(void **arg)
{
	uint64_t seed = 20260401;

	(void)arg;
	for (int i = 0; i < 1000; i++) {
		struct bytes b = { 0 };
		struct found f;

		bytes_add(&b, whole, whole_size);
		for (uint32_t n = 1 + random_below(&seed, 3); n; n--)
			spoil_bytes(&b, &seed);
		f = found_in_bytes(b.data, b.size);
		assert_true(is_part_of_original(&f));
		/* a damage may undo another, or change nothing */
		if (b.size != whole_size || memcmp(b.data, whole, whole_size))
			assert_true(f.err || !recording_is_lossless(&f.health));
		found_free(&f);
		bytes_free(&b);
	}
}

/* Two recordings in one file, as a crashed file system may leave them: only the first one counts. */
static void a_foreign_recording_behind_it(void **arg)
{
	struct bytes b = { 0 }, other = { 0 };
	struct found f;

	(void)arg;
	forgeries[0].make(&other);
	bytes_add(&b, whole, frame_at[3]);
	bytes_add(&b, other.data, other.size);
	f = found_in_bytes(b.data, b.size);
	assert_int_equal(f.size, records_before[3]);
	assert_true(f.health.ends_early);
	assert_int_equal(f.health.cut_bytes, other.size);
	found_free(&f);
	bytes_free(&b);
	bytes_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_original_has_several_frames),
		cmocka_unit_test(each_length),
		cmocka_unit_test(each_bit),
		cmocka_unit_test(any_damage),
		cmocka_unit_test(a_foreign_recording_behind_it),
	};

	return cmocka_run_group_tests_name("recording_damage", tests, make_original, free_original);
}
