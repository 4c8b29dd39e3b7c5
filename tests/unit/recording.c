// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing a recording and reading it again: records, frames, parts and their names.
 */
#include "lib/sample.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

static struct recording *create(const struct recording_options *o)
{
	struct recording *w;

	assert_int_equal(recording_create(o, SAMPLE_NS, &w), 0);
	return w;
}

static void assert_lossless(const struct found *f)
{
	if (!recording_is_lossless(&f->health))
		print_error("%s\n", f->last_said);
	assert_int_equal(f->err, 0);
	assert_true(recording_is_lossless(&f->health));
	assert_int_equal(f->said, 0);
}

static void assert_record(const struct found *f, size_t k, uint16_t type, uint64_t ns, const void *body,
			  size_t size)
{
	const struct record_head *r = found_record(f, k);

	assert_non_null(r);
	assert_int_equal(r->type, type);
	assert_int_equal(r->version, 1);
	assert_int_equal(r->ns, ns);
	assert_int_equal(r->size, sizeof(*r) + size);
	assert_memory_equal(r + 1, body, size);
}

static void header_and_facts_come_back(void **arg)
{
	struct found f;

	(void)arg;
	assert_int_equal(sample_make("a.mms", 10, 0), 0);
	f = found_in("a.mms");
	assert_lossless(&f);
	assert_true(f.header_known);
	assert_string_equal(f.facts, SAMPLE_FACTS);
	assert_int_equal(f.header.id, SAMPLE_ID);
	assert_int_equal(f.header.start_ns, SAMPLE_NS);
	assert_int_equal(f.header.real_ns, SAMPLE_REAL_NS);
	assert_int_equal(f.header.part, 0);
	assert_int_equal(f.header.first_sequence, 0);
	assert_int_equal(f.header.major, 1);
	found_free(&f);
}

static void each_type_comes_back(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	const struct record_step step = { .vm = 7, .event = 1, .gfn = 5, .number = 3 };
	const struct record_window window = { .id = 9, .start = 1, .end = 10, .comm = "qemu" };
	struct recording *w = create(&o);
	struct found f;

	(void)arg;
	assert_int_equal(recording_text(w, RECORD_META, 1, "{\"a\": 1}"), 0);
	assert_int_equal(recording_put(w, RECORD_STEP, STEP_VERSION, 2, &step, sizeof(step)), 0);
	assert_int_equal(recording_text(w, RECORD_SNAPSHOT, 3, "{}"), 0);
	assert_int_equal(recording_vm(w, 4, 7, "{\"pid\": 9}"), 0);
	assert_int_equal(recording_stack(w, 5, "f+0x1\ng"), 1);
	assert_int_equal(recording_text(w, RECORD_LOSS, 6, "{\"event\": 1}"), 0);
	assert_int_equal(recording_text(w, RECORD_NOTE, 7, "na\xc3\xafve"), 0);
	assert_int_equal(recording_vm(w, 8, 7, ""), 0);
	assert_int_equal(recording_put(w, RECORD_WINDOW, WINDOW_VERSION, 9, &window, sizeof(window)), 0);
	/* shorter than a step has to be: as good as unknown */
	assert_int_equal(recording_put(w, RECORD_STEP, STEP_VERSION, 9, &step, sizeof(step) - 1), 0);
	assert_int_equal(recording_put(w, 4711, 3, 9, "later", 5), 0);
	assert_int_equal(recording_close(w, SAMPLE_NS + 10, NULL), 0);
	f = found_in("a.mms");
	assert_lossless(&f);
	assert_record(&f, 0, RECORD_META, 1, "{\"a\": 1}", 8);
	assert_record(&f, 1, RECORD_STEP, 2, &step, sizeof(step));
	assert_record(&f, 2, RECORD_SNAPSHOT, 3, "{}", 2);
	assert_record(&f, 3, RECORD_VM, 4, "\7\0\0\0\0\0\0\0{\"pid\": 9}", 18);
	assert_record(&f, 4, RECORD_STACK, 5, "\1\0\0\0\0\0\0\0f+0x1\ng", 15);
	assert_record(&f, 5, RECORD_LOSS, 6, "{\"event\": 1}", 12);
	assert_record(&f, 6, RECORD_NOTE, 7, "na\xc3\xafve", 6);
	assert_record(&f, 7, RECORD_VM, 8, "\7\0\0\0\0\0\0\0", 8);
	assert_record(&f, 8, RECORD_WINDOW, 9, &window, sizeof(window));
	assert_int_equal(found_record(&f, 9)->type, RECORD_END);
	assert_int_equal(f.n, 10);
	assert_int_equal(f.health.unknown_records, 2);
	found_free(&f);
}

static void names_of_types(void **arg)
{
	(void)arg;
	assert_string_equal(record_name(RECORD_META), "meta");
	assert_string_equal(record_name(RECORD_GAP), "gap");
	assert_string_equal(record_name(RECORD_WINDOW), "window");
	assert_null(record_name(0));
	assert_null(record_name(11));
	assert_null(record_name(UINT16_MAX));
}

static void bodies_of_any_length(void **arg)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 15, 16, 17, 4095, 4096, 65535, 65536,
					262144 - 32, 262144 - 16, 262144, 5000000 };
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);
	uint8_t *body = malloc(5000000);
	struct found f;

	(void)arg;
	for (size_t i = 0; i < 5000000; i++)
		body[i] = (uint8_t)(i * 2654435761U >> 13);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(recording_put(w, RECORD_NOTE, 1, i, body, sizes[i]), 0);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
	f = found_in("a.mms");
	assert_lossless(&f);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_record(&f, i, RECORD_NOTE, i, body, sizes[i]);
	found_free(&f);
	free(body);
}

static void a_record_that_is_too_large_is_a_gap(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);
	size_t size = (16 << 20) + 1;
	uint8_t *body = calloc(1, size);
	const struct record_gap *gap;
	struct found f;

	(void)arg;
	assert_int_equal(recording_put(w, RECORD_NOTE, 1, 5, "before", 6), 0);
	assert_int_equal(recording_put(w, RECORD_NOTE, 1, 6, body, size), -E2BIG);
	assert_int_equal(recording_put(w, RECORD_NOTE, 1, 7, body, size - 1), 0);
	assert_int_equal(recording_totals(w)->dropped_records, 1);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
	f = found_in("a.mms");
	assert_int_equal(f.health.gaps, 1);
	assert_int_equal(f.health.gap_records, 1);
	assert_int_equal(f.health.lost_frames, 0);
	assert_record(&f, 0, RECORD_NOTE, 5, "before", 6);
	assert_int_equal(found_record(&f, 1)->type, RECORD_GAP);
	gap = (const void *)(found_record(&f, 1) + 1);
	assert_int_equal(gap->from_ns, 6);
	assert_int_equal(gap->to_ns, 6);
	assert_int_equal(gap->error, E2BIG);
	assert_record(&f, 2, RECORD_NOTE, 7, body, size - 1);
	found_free(&f);
	free(body);
}

static void a_stack_is_written_once(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);
	char text[32];
	struct found f;

	(void)arg;
	for (int round = 0; round < 3; round++)
		for (uint32_t i = 1; i <= 1000; i++) {
			snprintf(text, sizeof(text), "f%u\ng", i);
			assert_int_equal(recording_stack(w, i, text), i);
		}
	assert_int_equal(recording_stack(w, 1, ""), 1001);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
	f = found_in("a.mms");
	assert_lossless(&f);
	assert_int_equal(found_count(&f, RECORD_STACK), 1001);
	found_free(&f);
}

static void there_is_a_limit_to_stacks(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);
	struct recording_totals totals;
	char text[32];

	(void)arg;
	for (uint32_t i = 1; i <= 16384; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(recording_stack(w, i, text), i);
	}
	assert_int_equal(recording_stack(w, 1, "one more"), 0);
	assert_int_equal(recording_stack(w, 1, "16384"), 16384);
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	assert_int_equal(totals.refused_stacks, 1);
}

static void there_is_a_limit_to_what_is_repeated(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);
	struct recording_totals totals;
	char *text = malloc(1 << 20);
	struct found f;

	(void)arg;
	memset(text, 'x', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(recording_vm(w, i, i, text), 0);
	assert_int_equal(recording_stack(w, 1, text), 0);
	/* one that is gone makes room */
	assert_int_equal(recording_vm(w, 11, 3, ""), 0);
	assert_int_equal(recording_stack(w, 1, text), 1);
	assert_int_equal(recording_close(w, SAMPLE_NS, &totals), 0);
	assert_int_equal(totals.refused_vms, 3);
	assert_int_equal(totals.refused_stacks, 1);
	f = found_in("a.mms");
	assert_lossless(&f);
	assert_int_equal(found_count(&f, RECORD_VM), 11);
	found_free(&f);
	free(text);
}

static void a_frame_is_closed_by_its_size(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);
	const char body[48] = "with its header 64 bytes";

	(void)arg;
	for (int i = 0; i < 4096; i++)
		assert_int_equal(recording_put(w, RECORD_NOTE, 1, 1, body, sizeof(body)), 0);
	assert_int_equal(recording_totals(w)->frames, 0);
	assert_int_equal(recording_put(w, RECORD_NOTE, 1, 1, "", 0), 0);
	assert_int_equal(recording_totals(w)->frames, 1);
	assert_int_equal(recording_totals(w)->records, 4096);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
}

static void a_frame_is_closed_by_its_age(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);

	(void)arg;
	recording_tick(w, SAMPLE_NS + 5000000000);
	assert_int_equal(recording_put(w, RECORD_NOTE, 1, 1, "", 0), 0);
	recording_tick(w, SAMPLE_NS + 5999999999);
	assert_int_equal(recording_totals(w)->frames, 0);
	recording_tick(w, SAMPLE_NS + 6000000000);
	assert_int_equal(recording_totals(w)->frames, 1);
	recording_tick(w, SAMPLE_NS + 9000000000);
	assert_int_equal(recording_totals(w)->frames, 1);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
}

static void without_an_end_it_ends_early(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w = create(&o);
	struct found f;

	(void)arg;
	assert_int_equal(recording_put(w, RECORD_NOTE, 1, 1, "x", 1), 0);
	assert_int_equal(recording_flush(w), 0);
	f = found_in("a.mms");
	assert_true(f.health.ends_early);
	assert_int_equal(f.health.cut_bytes, 0);
	assert_int_equal(f.n, 1);
	assert_non_null(strstr(f.last_said, "ends early, behind a whole frame"));
	found_free(&f);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
}

static void an_existing_file_is_refused(void **arg)
{
	struct recording_options o = sample_options("a.mms");
	struct recording *w;
	struct stat st;

	(void)arg;
	o.replace = false;
	assert_int_equal(sample_make("a.mms", 10, 0), 0);
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), -EEXIST);
	assert_null(w);
	assert_int_equal(sample_make("a.mms", 0, 0), 0);
	assert_int_equal(stat("a.mms", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_link_or_device_is_never_replaced(void **arg)
{
	struct recording_options o = sample_options("link");
	struct recording *w;

	(void)arg;
	assert_int_equal(symlink("elsewhere", "link"), 0);
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), -EEXIST);
	assert_int_equal(access("elsewhere", F_OK), -1);
	o.path = "/dev/null";
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), -EEXIST);
	assert_int_equal(access("/dev/null", F_OK), 0);
}

static void what_cannot_be_created_says_why(void **arg)
{
	struct recording_options o = sample_options("none/a.mms");
	struct recording *w;
	char *facts = calloc(1, (1 << 20) + 1);

	(void)arg;
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), -ENOENT);
	memset(facts, ' ', 1 << 20);
	o.path = "a.mms";
	o.facts = facts;
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), -EINVAL);
	assert_int_equal(access("a.mms", F_OK), -1);
	facts[(1 << 20) - 64] = '\0';
	assert_int_equal(recording_create(&o, SAMPLE_NS, &w), 0);
	assert_int_equal(recording_close(w, SAMPLE_NS, NULL), 0);
	free(facts);
}

/* In a pipe there is no going back, and it gives what it has. */
static void a_pipe_can_be_read(void **arg)
{
	uint8_t *data;
	size_t size;
	struct found f;
	int ends[2];

	(void)arg;
	assert_int_equal(sample_make("a.mms", 400, 1000), 0);
	size = bytes_of("a.mms", &data);
	assert_in_range(size, 1000, 60000);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], data, size), size);
	close(ends[1]);
	f = found_in_fd(ends[0]);
	assert_lossless(&f);
	found_free(&f);
	free(data);
}

static void a_directory_cannot_be_read(void **arg)
{
	struct recording_reader *r;

	(void)arg;
	assert_int_equal(recording_open(".", NULL, NULL, &r), -EISDIR);
	assert_int_equal(recording_open("none", NULL, NULL, &r), -ENOENT);
	assert_null(r);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, sample_dir_make, sample_dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(header_and_facts_come_back),
		TEST(each_type_comes_back),
		TEST(names_of_types),
		TEST(bodies_of_any_length),
		TEST(a_record_that_is_too_large_is_a_gap),
		TEST(a_stack_is_written_once),
		TEST(there_is_a_limit_to_stacks),
		TEST(there_is_a_limit_to_what_is_repeated),
		TEST(a_frame_is_closed_by_its_size),
		TEST(a_frame_is_closed_by_its_age),
		TEST(without_an_end_it_ends_early),
		TEST(an_existing_file_is_refused),
		TEST(a_link_or_device_is_never_replaced),
		TEST(what_cannot_be_created_says_why),
		TEST(a_pipe_can_be_read),
		TEST(a_directory_cannot_be_read),
	};

	return cmocka_run_group_tests_name("recording", tests, NULL, NULL);
}
