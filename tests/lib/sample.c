// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample recordings.
 */
#include "lib/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct recording_options sample_options(const char *path)
{
	return (struct recording_options){ .path = path, .facts = SAMPLE_FACTS, .id = SAMPLE_ID,
					   .real_ns = SAMPLE_REAL_NS, .replace = true };
}

struct record_step sample_step(uint64_t i)
{
	uint64_t page = (i * 2654435761U) >> 7 & 0xfffff;

	return (struct record_step){ .vm = 1 + (i >> 6) % 3, .tid = 4000 + (i >> 4) % 8,
				     .object = i % 5 ? i << 13 : 0, .invariant = i % INV_NR,
				     .event = (uint8_t)(i * 7 % 11), .level = 1 + i % 3,
				     .backing = i % BACKING_NR, .gfn = page,
				     .hva = 0x7f0000000000 + (page << 12), .pfn = 0x100000 + page,
				     .new_spte = 0x8000000100000a07 + (page << 12), .flags = page & 3,
				     .pages = 1, .window = i >> 7, .number = i % 3 };
}

void sample_put(struct recording *w, uint64_t i)
{
	struct record_step step = sample_step(i);
	uint64_t ns = SAMPLE_NS + i;
	char text[128];

	switch (i % 11) {
	case 1:
		snprintf(text, sizeof(text), "{\"adopted\": %llu}", (unsigned long long)i);
		recording_text(w, RECORD_META, ns, text);
		break;
	case 2:
		snprintf(text, sizeof(text), "{\"pid\": %llu}", (unsigned long long)i);
		recording_vm(w, ns, (uint32_t)(i / 11 % 5), i % 5 ? text : "");
		break;
	case 3:
		snprintf(text, sizeof(text), "kvm_mmu_map+0x%llx\nkvm_tdp_page_fault",
			 (unsigned long long)i / 33);
		recording_stack(w, ns, text);
		break;
	case 4:
		recording_text(w, RECORD_LOSS, ns, "{\"event\": 7}");
		break;
	case 5:
		recording_text(w, RECORD_SNAPSHOT, ns, "{\"version\": 1, \"vms\": []}");
		break;
	case 6:
		snprintf(text, sizeof(text), "note %.*s", (int)(i / 11 % 9), "12345678");
		recording_text(w, RECORD_NOTE, ns, text);
		break;
	default:
		recording_put(w, RECORD_STEP, STEP_VERSION, ns, &step, sizeof(step));
	}
}

int sample_make(const char *path, size_t n, size_t frame_bytes)
{
	struct recording_options o = sample_options(path);
	struct recording *w;
	int err;

	o.frame_bytes = frame_bytes;
	err = recording_create(&o, SAMPLE_NS, &w);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		sample_put(w, i);
	return recording_close(w, SAMPLE_NS + n, NULL);
}

static void note(void *arg, const char *text)
{
	struct found *f = arg;

	f->said++;
	snprintf(f->last_said, sizeof(f->last_said), "%s", text);
}

static void keep(struct found *f, const struct record_head *record)
{
	size_t span = record_span(record->size);

	if (f->size + span > f->room) {
		f->room = 2 * (f->size + span);
		f->records = realloc(f->records, f->room);
	}
	if (!f->records)
		abort();
	memset(f->records + f->size, 0, span);
	memcpy(f->records + f->size, record, record->size);
	f->size += span;
	f->n++;
}

struct found found_in_fd(int fd)
{
	const struct record_head *record;
	struct recording_reader *r;
	struct found f = { 0 };

	f.err = recording_open_fd(fd, note, &f, &r);
	if (f.err)
		return f;
	while ((record = recording_next(r)))
		keep(&f, record);
	f.err = recording_error(r);
	f.health = *recording_health(r);
	f.header_known = recording_header(r);
	if (f.header_known)
		f.header = *recording_header(r);
	if (recording_facts(r))
		f.facts = strdup(recording_facts(r));
	recording_reader_free(r);
	return f;
}

struct found found_in(const char *path)
{
	return found_in_fd(open(path, O_RDONLY));
}

struct found found_in_bytes(const void *data, size_t size)
{
	int fd = memfd_create("recording", 0);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return found_in_fd(fd);
}

void found_free(struct found *f)
{
	free(f->records);
	free(f->facts);
}

const struct record_head *found_record(const struct found *f, size_t k)
{
	size_t at = 0;

	while (at < f->size) {
		const struct record_head *record = (const void *)(f->records + at);

		if (!k--)
			return record;
		at += record_span(record->size);
	}
	return NULL;
}

size_t found_count(const struct found *f, uint16_t type)
{
	size_t n = 0;

	for (size_t at = 0; at < f->size;) {
		const struct record_head *record = (const void *)(f->records + at);

		n += record->type == type;
		at += record_span(record->size);
	}
	return n;
}

size_t bytes_of(const char *path, uint8_t **data)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		abort();
	*data = malloc((size_t)st.st_size + 1);
	if (!*data || read(fd, *data, (size_t)st.st_size) != st.st_size)
		abort();
	close(fd);
	return (size_t)st.st_size;
}

static char dir[64];

int sample_dir_make(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s/mmuscope-recording.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	return mkdtemp(dir) ? chdir(dir) : -1;
}

int sample_dir_remove(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}
