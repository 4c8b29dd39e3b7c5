// SPDX-License-Identifier: GPL-2.0-only
/*
 * Digests: what a bounded number of points may not change, and whose story is told.
 */
#include "lib/sample.h"
#include "lib/scene.h"
#include "user/report/digest.h"
#include "user/report/protobuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct digest *digest_of(const char *path)
{
	struct digest *d;

	assert_int_equal(digest_read(path, &d), 0);
	return d;
}

static uint64_t windows_in_bins(const struct digest *d)
{
	uint64_t n = 0;

	for (size_t i = 0; i < d->bins.n; i++)
		for (int c = 0; c < CAUSE_NR; c++)
			n += d->bins.cells[i][c].windows;
	return n;
}

static void every_window_is_in_a_bin(void **state)
{
	struct scene s = { .windows = 5000 };
	struct digest *d;

	(void)state;
	assert_int_equal(scene_make("a.mms", &s), 0);
	d = digest_of("a.mms");
	assert_true(d->types[RECORD_WINDOW] > 4000);
	assert_int_equal(windows_in_bins(d), d->types[RECORD_WINDOW]);
	/* a minute in bins of 2^20 ns, doubled until they are at most 240 */
	assert_int_equal(d->bins.width_ns, 1ULL << 28);
	assert_true(d->bins.n > DIGEST_BINS / 2 && d->bins.n <= DIGEST_BINS);
	digest_free(d);
}

static void put_snapshots(const char *path, int n)
{
	struct recording_options o = sample_options(path);
	struct recording *w;
	char text[256];

	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), 0);
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "{\"version\": 1, \"vms\": [{\"id\": 1, \"comm\": \"a\\u001bb\", \"faults\": %d}]}", i);
		recording_text(w, RECORD_SNAPSHOT, SAMPLE_NS * (uint64_t)(1 + i), text);
	}
	assert_int_equal(recording_close(w, SAMPLE_NS * (uint64_t)n, NULL), 0);
}

static void snapshots_are_thinned_out_evenly(void **state)
{
	struct digest *d;

	(void)state;
	put_snapshots("b.mms", 2003);
	d = digest_of("b.mms");
	assert_int_equal(d->snapshots, 2003);
	assert_true(d->npoints <= DIGEST_POINTS + 1);
	for (size_t i = 0; i + 1 < d->npoints; i++)
		assert_true(d->points[i].vm[1].faults == (double)(i * d->stride));
	assert_true(d->points[d->npoints - 1].vm[1].faults == 2002);
	assert_string_equal(d->vms[0].comm, "a?b");
	assert_true(digest_is_complete(d));
	digest_free(d);
}

static void a_story_ends_with_its_violation(void **state)
{
	struct scene s = { .windows = 100, .steps = 6000 };
	struct digest *d;

	(void)state;
	assert_int_equal(scene_make("c.mms", &s), 0);
	d = digest_of("c.mms");
	assert_int_equal(d->nstories, 1);
	assert_true(d->stories[0].found);
	assert_int_equal(d->stories[0].object, 7);
	assert_int_equal(d->stories[0].nsteps, 4);
	assert_string_equal(step_text(&story_step(&d->stories[0], 3)->step), "dirty flag cleared");
	assert_null(story_step(&d->stories[0], 4));
	assert_int_equal(d->stories[0].step_ns, 32500000000);
	assert_false(digest_is_complete(d));
	digest_free(d);
}

static void put_zap(struct recording *w, uint64_t ns, uint8_t event, uint64_t gfn)
{
	struct record_step s = { .vm = 1, .tid = 9, .object = 5, .invariant = INV_FLUSHED_AT_START,
				 .event = event, .level = 1, .gfn = gfn, .pages = 1 };

	recording_put(w, RECORD_STEP, STEP_VERSION, ns, &s, sizeof(s));
}

static void of_a_row_of_steps_two_are_told(void **state)
{
	struct recording_options o = sample_options("e.mms");
	const struct story *s;
	struct recording *w;
	struct digest *d;
	uint64_t before;

	(void)state;
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), 0);
	recording_text(w, RECORD_META, SAMPLE_NS + 4000, "{\"started_ns\": 1000003000}");
	put_zap(w, SAMPLE_NS + 5000, 0, 0);
	for (uint64_t gfn = 0; gfn < 100; gfn++)
		put_zap(w, SAMPLE_NS + 6000 + gfn, 1, gfn);
	put_zap(w, SAMPLE_NS + 7000, 3, 0);
	recording_text(w, RECORD_SNAPSHOT, SAMPLE_NS + 8000, "{\"violations\": [{\"invariant\": "
		       "\"flushed-at-start\", \"vm\": 1, \"pfn\": \"0x0\", \"since_start_ns\": 4000}]}");
	assert_int_equal(recording_close(w, SAMPLE_NS + 8000, NULL), 0);
	d = digest_of("e.mms");
	/* hooks were in place by then */
	assert_int_equal(d->first_ns, SAMPLE_NS + 3000);
	assert_int_equal(d->nstories, 1);
	s = &d->stories[0];
	assert_int_equal(s->all_steps, 102);
	assert_int_equal(s->nsteps, 4);
	assert_int_equal(story_step(s, 1)->step.gfn, 0);
	assert_int_equal(story_step(s, 1)->more, 0);
	assert_int_equal(story_step(s, 2)->step.gfn, 99);
	assert_int_equal(story_step(s, 2)->more, 98);
	assert_string_equal(step_text(&story_step(s, 3)->step), "start returned");
	assert_int_equal(story_first(s, 2, &before), 2);
	assert_int_equal(before, 2);
	assert_int_equal(story_first(s, 9, &before), 0);
	assert_int_equal(before, 0);
	digest_free(d);
}

static void messages_are_encoded(void **state)
{
	/* the example of the encoding's own documentation: field 1, 150; field 2, "testing" */
	static const uint8_t wanted[] = { 0x08, 0x96, 0x01, 0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g' };
	uint8_t data[16];
	struct pb b = { .data = data, .room = sizeof(data) };

	(void)state;
	pb_uint(&b, 1, 150);
	pb_text(&b, 2, "testing");
	assert_int_equal(b.n, sizeof(wanted));
	assert_memory_equal(data, wanted, sizeof(wanted));
	pb_text(&b, 3, "too long for the rest");
	assert_true(b.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_window_is_in_a_bin),
		cmocka_unit_test(snapshots_are_thinned_out_evenly),
		cmocka_unit_test(a_story_ends_with_its_violation),
		cmocka_unit_test(of_a_row_of_steps_two_are_told),
		cmocka_unit_test(messages_are_encoded),
	};

	return cmocka_run_group_tests(tests, sample_dir_make, sample_dir_remove);
}
