// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings for tests: make some, show what user/recording/recording_read.c finds in one (in the words of
 * scripts/mms-read --raw), and measure.
 *
 *   mms make FILE RECORDS FRAME-BYTES
 *   mms forge DIRECTORY               all of tests/lib/forgeries.c
 *   mms spoil FILE DIRECTORY COUNT    so many damaged copies
 *   mms dump FILE...
 *   mms bench FILE RECORDS
 *   mms run FILE STEPS OPEN           a sound run of all models, OPEN instances at a time, for judge
 *   mms run-broken FILE STEPS OPEN    one in which all are violated
 *   mms records FILE OUT [N]          its records but for the end, of snapshots each Nth, behind 8 bytes:
 *                                     an input of fuzz/judge and fuzz/digest
 */
#include "lib/forge.h"
#include "lib/sample.h"
#include "lib/steps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void say(void *arg, const char *text)
{
	fprintf(stderr, "%s: %s\n", (const char *)arg, text);
}

static int failed(const char *path, int err)
{
	fprintf(stderr, "%s: %s\n", path, strerror(-err));
	return 1;
}

static void show_hex(const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++)
		printf("%02x", p[i]);
	putchar('\n');
}

static void show_health(const struct recording_health *h)
{
#define U(field_) (unsigned long long)h->field_
	printf("health header_damaged=%d ends_early=%d frames=%llu records=%llu unknown_frames=%llu "
	       "unknown_records=%llu damages=%llu lost_bytes=%llu lost_frames=%llu lost_records=%llu "
	       "cut_bytes=%llu gaps=%llu gap_records=%llu next_part=%u\n",
	       h->header_damaged, h->ends_early, U(frames), U(records), U(unknown_frames),
	       U(unknown_records), U(damages), U(lost_bytes), U(lost_frames), U(lost_records), U(cut_bytes),
	       U(gaps), U(gap_records), h->next_part);
#undef U
}

static int write_file(const char *directory, const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.mms", directory, name);
	f = fopen(path, "w");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		return failed(path, -errno);
	return 0;
}

static int forge(const char *directory)
{
	int err = 0;

	for (size_t i = 0; i < nforgeries && !err; i++) {
		struct bytes b = { 0 };

		forgeries[i].make(&b);
		err = write_file(directory, forgeries[i].name, b.data, b.size);
		bytes_free(&b);
	}
	return err;
}

static int spoil(const char *path, const char *directory, size_t copies)
{
	uint8_t *data;
	size_t size = bytes_of(path, &data);
	int err = 0;

	for (uint64_t i = 1; i <= copies && !err; i++) {
		struct bytes b = { 0 };
		uint64_t seed = i;
		char name[32];

		bytes_add(&b, data, size);
		for (uint64_t n = i % 3 + 1; n; n--)
			spoil_bytes(&b, &seed);
		snprintf(name, sizeof(name), "spoilt-%03llu", (unsigned long long)i);
		err = write_file(directory, name, b.data, b.size);
		bytes_free(&b);
	}
	free(data);
	return err;
}

static int dump(const char *path)
{
	const struct recording_head *head;
	const struct record_head *record;
	struct recording_reader *r;
	int err = recording_open(path, say, (char *)path, &r);

	printf("file %s\n", path);
	if (err)
		return failed(path, err);
	head = recording_header(r);
	if (head)
		printf("header %016llx %u %llu %llu %llu\n", (unsigned long long)head->id, head->part,
		       (unsigned long long)head->first_sequence, (unsigned long long)head->start_ns,
		       (unsigned long long)head->real_ns);
	if (recording_facts(r)) {
		printf("facts ");
		show_hex(recording_facts(r), strlen(recording_facts(r)));
	}
	while ((record = recording_next(r))) {
		printf("record %u %u %llu ", record->type, record->version, (unsigned long long)record->ns);
		show_hex(record + 1, record->size - sizeof(*record));
	}
	show_health(recording_health(r));
	err = recording_error(r);
	if (!err && !recording_is_lossless(recording_health(r)))
		err = 3;
	recording_reader_free(r);
	return err < 0 ? failed(path, err) : err;
}

static int write_records(const struct found *f, FILE *file, size_t nth)
{
	size_t snapshots = 0;

	if (fwrite("\0\0\0\0\0\0\0", 1, 8, file) != 8)
		return -EIO;
	for (size_t i = 0; i + 1 < f->n; i++) {
		const struct record_head *r = found_record(f, i);

		if (r->type == RECORD_SNAPSHOT && ++snapshots % nth)
			continue;
		if (fwrite(r, record_span(r->size), 1, file) != 1)
			return -EIO;
	}
	return 0;
}

static int take_records(const char *path, const char *out, size_t nth)
{
	struct found f = found_in(path);
	FILE *file = f.err ? NULL : fopen(out, "w");
	int err = f.err;

	if (!err)
		err = file ? write_records(&f, file, nth ? nth : 1) : -errno;
	if (file && fclose(file))
		err = -EIO;
	found_free(&f);
	return err ? failed(out, err) : 0;
}

/* of CPU: the machine may be busy with something else */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int bench_write(const char *path, size_t records)
{
	struct recording_options o = sample_options(path);
	double start = seconds();
	struct recording *w;
	int err = recording_create(&o, SAMPLE_NS, &w);

	if (err)
		return failed(path, err);
	for (size_t i = 0; i < records; i++) {
		struct record_step step = sample_step(i);

		recording_put(w, RECORD_STEP, 1, SAMPLE_NS + i * 180, &step, sizeof(step));
	}
	printf("written: %.1f M records/s of CPU time", (double)records / (seconds() - start) / 1e6);
	printf(", %.1f bytes each in the file\n", (double)recording_totals(w)->bytes / (double)records);
	err = recording_close(w, SAMPLE_NS + records * 180, NULL);
	return err ? failed(path, err) : 0;
}

static int bench_read(const char *path)
{
	const struct record_head *record;
	struct recording_reader *r;
	double start = seconds();
	uint64_t n = 0, sum = 0;
	int err = recording_open(path, say, (char *)path, &r);

	if (err)
		return failed(path, err);
	while ((record = recording_next(r))) {
		sum += *(const uint32_t *)(record + 1) + record->ns;
		n++;
	}
	printf("read: %.1f M records/s of CPU time (%llu, sum %llx)\n", (double)n / (seconds() - start) / 1e6,
	       (unsigned long long)n, (unsigned long long)sum);
	recording_reader_free(r);
	return 0;
}

/* The gravest of all: 1 is worse than 3. */
static int dump_all(int n, char **paths)
{
	int status = 0;

	for (int i = 0; i < n; i++) {
		int one = dump(paths[i]);

		if (one && status != 1)
			status = one;
	}
	return status;
}

static size_t number(const char *text)
{
	return strtoull(text, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[1] : "";
	int err;

	if (!strcmp(command, "make") && argc == 5) {
		err = sample_make(argv[2], number(argv[3]), number(argv[4]));
		return err ? failed(argv[2], err) : 0;
	}
	if (!strcmp(command, "forge"))
		return forge(argv[2]);
	if (!strcmp(command, "spoil") && argc == 5)
		return spoil(argv[2], argv[3], number(argv[4]));
	if (!strcmp(command, "dump"))
		return dump_all(argc - 2, argv + 2);
	if (!strcmp(command, "bench") && argc == 4)
		return bench_write(argv[2], number(argv[3])) || bench_read(argv[2]);
	if (!strcmp(command, "run") && argc == 5) {
		err = steps_record(argv[2], sound_scripts, nsound, number(argv[3]), number(argv[4]));
		return err ? failed(argv[2], err) : 0;
	}
	if (!strcmp(command, "run-broken") && argc == 5) {
		err = steps_record(argv[2], broken_scripts, nbroken, number(argv[3]), number(argv[4]));
		return err ? failed(argv[2], err) : 0;
	}
	if (!strcmp(command, "records") && (argc == 4 || argc == 5))
		return take_records(argv[2], argv[3], argc == 5 ? number(argv[4]) : 1);
	fprintf(stderr, "usage: mms make FILE RECORDS FRAME-BYTES | forge DIRECTORY |\n"
			"       spoil FILE DIRECTORY COUNT | dump FILE... | bench FILE RECORDS |\n"
			"       run|run-broken FILE STEPS OPEN | records FILE OUT [N]\n");
	return 1;
}
