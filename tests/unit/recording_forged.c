// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings that no writer of ours would write: each has the outcome that docs/recording.md asks for.
 */
#include "lib/forge.h"
#include "lib/sample.h"

#include "unit.h"

/* SOME of tests/lib/forgeries.c */
static bool fits(uint64_t wanted, uint64_t n)
{
	return wanted == UINT64_MAX ? n > 0 : n == wanted;
}

static void show(const struct forgery *forgery, const struct found *f)
{
	const struct recording_health *h = &f->health;

	print_error("%s: err %d, %zu notes, header damaged %d, early %d, frames %ju records %ju "
		    "unknown %ju/%ju damages %ju bytes %ju frames %ju records %ju cut %ju gaps %ju: %s\n",
		    forgery->name, f->err, found_count(f, RECORD_NOTE), h->header_damaged, h->ends_early,
		    (uintmax_t)h->frames, (uintmax_t)h->records, (uintmax_t)h->unknown_frames,
		    (uintmax_t)h->unknown_records, (uintmax_t)h->damages, (uintmax_t)h->lost_bytes,
		    (uintmax_t)h->lost_frames, (uintmax_t)h->lost_records, (uintmax_t)h->cut_bytes,
		    (uintmax_t)h->gaps, f->last_said);
}

static bool is_as_wanted(const struct forgery *forgery, const struct found *f)
{
	const struct recording_health *a = &forgery->health, *b = &f->health;

	return f->err == forgery->err && found_count(f, RECORD_NOTE) == forgery->notes &&
	       a->header_damaged == b->header_damaged && a->ends_early == b->ends_early &&
	       a->frames == b->frames && a->records == b->records &&
	       a->unknown_frames == b->unknown_frames && a->unknown_records == b->unknown_records &&
	       a->damages == b->damages && fits(a->lost_bytes, b->lost_bytes) &&
	       a->lost_frames == b->lost_frames && a->lost_records == b->lost_records &&
	       fits(a->cut_bytes, b->cut_bytes) && a->gaps == b->gaps && a->gap_records == b->gap_records;
}

/* What is wrong is said, and what is not wrong is not talked about. */
static bool is_said(const struct found *f)
{
	struct recording_health h = f->health;

	h.unknown_frames = 0;
	return (f->said > 0) == (f->err || !recording_is_lossless(&h));
}

static void each_forgery_has_its_outcome(void **arg)
{
	int failures = 0;

	(void)arg;
	for (size_t i = 0; i < nforgeries; i++) {
		struct bytes b = { 0 };
		struct found f;

		forgeries[i].make(&b);
		f = found_in_bytes(b.data, b.size);
		if (!is_as_wanted(&forgeries[i], &f) || !is_said(&f)) {
			show(&forgeries[i], &f);
			failures++;
		}
		found_free(&f);
		bytes_free(&b);
	}
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_forgery_has_its_outcome),
	};

	return cmocka_run_group_tests_name("recording_forged", tests, NULL, NULL);
}
