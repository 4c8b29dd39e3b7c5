/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording whose contents follow from the numbers of its records, all types and lengths of padding;
 * and reading one back into memory.
 */
#ifndef TESTS_LIB_SAMPLE_H
#define TESTS_LIB_SAMPLE_H

#include "user/recording/recording.h"

#define SAMPLE_NS 1000000000ULL
#define SAMPLE_ID 0x0123456789abcdefULL
#define SAMPLE_REAL_NS 1700000000000000000ULL
#define SAMPLE_FACTS "{\"kernel\": \"6.12\", \"btf\": \"00ff\", \"tier\": \"fentry\"}"

/* Of a recording of fixed id and times, which replaces what is there. */
struct recording_options sample_options(const char *path);
/* Step i: no two are alike, and no model was asked. */
struct record_step sample_step(uint64_t i);
/* Record i, as a recorder might write it. */
void sample_put(struct recording *w, uint64_t i);
/* n of them in a file of frames of about frame_bytes, ended as it should be.  0 or negative errno. */
int sample_make(const char *path, size_t n, size_t frame_bytes);

/* What a reader found: its records behind each other, as in a frame, and its judgement. */
struct found {
	int err;		/* of recording_open(), recording_error() */
	uint8_t *records;
	size_t size;
	size_t room;
	size_t n;
	bool header_known;
	struct recording_head header;
	char *facts;
	struct recording_health health;
	size_t said;
	char last_said[512];
};

/* Takes over fd. */
struct found found_in_fd(int fd);
struct found found_in(const char *path);
struct found found_in_bytes(const void *data, size_t size);
void found_free(struct found *f);
/* Record k of them; NULL: there are not so many. */
const struct record_head *found_record(const struct found *f, size_t k);
/* How many records of a type there are. */
size_t found_count(const struct found *f, uint16_t type);

/*
 * cmocka's set-up and tear-down of a test that works in a directory of its own, which is the current one;
 * in memory where there is such a file system, since every recording ends with a wait for the disk.
 */
int sample_dir_make(void **state);
int sample_dir_remove(void **state);

/* A whole file.  Its size; *data is to be freed. */
size_t bytes_of(const char *path, uint8_t **data);

#endif /* TESTS_LIB_SAMPLE_H */
