// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tools of a forger.
 */
#include "lib/forge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { FORGED_ID = 77 };

void bytes_add(struct bytes *b, const void *data, size_t size)
{
	b->data = realloc(b->data, b->size + size + 1);
	if (!b->data)
		abort();
	if (size)
		memcpy(b->data + b->size, data, size);
	b->size += size;
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ 0 };
}

/* xorshift64*, as in unit.h */
static size_t dice(uint64_t *seed, size_t n)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (size_t)((*seed * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

/* Put n bytes in where at is. */
static void bytes_insert(struct bytes *b, size_t at, const uint8_t *data, size_t n)
{
	struct bytes out = { 0 };

	bytes_add(&out, b->data, at);
	bytes_add(&out, data, n);
	bytes_add(&out, b->data + at, b->size - at);
	bytes_free(b);
	*b = out;
}

static void bytes_remove(struct bytes *b, size_t at, size_t n)
{
	memmove(b->data + at, b->data + at + n, b->size - at - n);
	b->size -= n;
}

void spoil_bytes(struct bytes *b, uint64_t *seed)
{
	size_t at, n;
	uint8_t copy[512];

	if (!b->size)
		return;
	at = dice(seed, b->size);
	n = b->size - at < sizeof(copy) ? b->size - at : sizeof(copy);
	n = 1 + dice(seed, n);
	memcpy(copy, b->data + at, n);
	switch (dice(seed, 7)) {
	case 0:
		b->data[at] ^= (uint8_t)(1 << dice(seed, 8));
		break;
	case 1:
		b->data[at] = (uint8_t)dice(seed, 256);
		break;
	case 2:
		memset(b->data + at, 0, n);
		break;
	case 3:
		bytes_remove(b, at, n);
		break;
	case 4:
		bytes_insert(b, at, copy, n);
		break;
	case 5:
		bytes_remove(b, at, n);
		bytes_insert(b, dice(seed, b->size + 1), copy, n);
		break;
	default:
		b->size = at;
	}
}

static uint32_t crc_of(const void *data, size_t size)
{
	return (uint32_t)crc32_z(0, data, size);
}

struct recording_head forge_head(void)
{
	return (struct recording_head){ .magic = RECORDING_MAGIC, .major = 1, .id = FORGED_ID,
					.start_ns = 1, .real_ns = 2 };
}

void forge_file(struct bytes *out, struct recording_head h, const char *facts)
{
	char padded[256] = "";
	size_t size = strlen(facts), span = (size + 7) & ~(size_t)7;

	memcpy(padded, facts, size);
	if (!h.facts_size)
		h.facts_size = (uint32_t)size;
	if (!h.size)
		h.size = (uint32_t)(sizeof(h) + span);
	if (!h.facts_crc)
		h.facts_crc = crc_of(padded, span);
	if (!h.crc)
		h.crc = crc_of(&h, offsetof(struct recording_head, crc));
	bytes_add(out, &h, sizeof(h));
	bytes_add(out, padded, span);
}

void forge_record(struct bytes *raw, uint16_t type, uint64_t ns, const void *body, size_t size)
{
	struct record_head head = {
		.type = type, .version = 1, .size = (uint32_t)(sizeof(head) + size), .ns = ns
	};

	bytes_add(raw, &head, sizeof(head));
	bytes_add(raw, body, size);
	bytes_add(raw, "\0\0\0\0\0\0\0", record_span(head.size) - head.size);
}

void forge_end(struct bytes *raw, uint64_t records, uint64_t frames)
{
	struct record_end end = {
		.records = records, .frames = frames, .all_records = records, .all_frames = frames
	};

	forge_record(raw, RECORD_END, 9, &end, sizeof(end));
}

struct frame_head forge_frame_head(uint64_t sequence, const struct bytes *raw)
{
	struct frame_head head = {
		.magic = FRAME_MAGIC, .type = FRAME_RECORDS, .id = FORGED_ID, .sequence = sequence,
		.raw_size = (uint32_t)raw->size, .first_ns = UINT64_MAX
	};

	for (size_t at = 0; at + sizeof(struct record_head) <= raw->size;) {
		const struct record_head *r = (const void *)(raw->data + at);

		head.records++;
		head.first_ns = r->ns < head.first_ns ? r->ns : head.first_ns;
		head.last_ns = r->ns > head.last_ns ? r->ns : head.last_ns;
		at += record_span(r->size < sizeof(*r) ? sizeof(*r) : r->size);
	}
	return head;
}

void forge_payload(struct bytes *out, struct frame_head head, const void *payload, size_t size)
{
	if (!head.payload_size)
		head.payload_size = (uint32_t)size;
	if (!head.payload_crc)
		head.payload_crc = crc_of(payload, size);
	if (!head.crc)
		head.crc = crc_of(&head, offsetof(struct frame_head, crc));
	bytes_add(out, &head, sizeof(head));
	bytes_add(out, payload, size);
}

void forge_frame(struct bytes *out, struct frame_head head, const struct bytes *raw)
{
	size_t bound = ZSTD_compressBound(raw->size);
	uint8_t *payload = malloc(bound);
	size_t n = ZSTD_compress(payload, bound, raw->data, raw->size, 1);

	if (ZSTD_isError(n))
		abort();
	forge_payload(out, head, payload, n);
	free(payload);
}

int forge_recording(const uint8_t *records, size_t size)
{
	struct bytes raw = { 0 }, end = { 0 }, file = { 0 };
	int fd = memfd_create("recording", 0);
	struct frame_head head;

	bytes_add(&raw, records, size);
	head = forge_frame_head(0, &raw);
	forge_end(&end, head.records + 1, 2);
	forge_file(&file, forge_head(), "{\"mmuscope\":\"0.1.0\",\"host\":{\"kernel\":\"6.12\"}}");
	forge_frame(&file, head, &raw);
	forge_frame(&file, forge_frame_head(1, &end), &end);
	if (fd < 0 || write(fd, file.data, file.size) != (ssize_t)file.size)
		abort();
	bytes_free(&raw);
	bytes_free(&end);
	bytes_free(&file);
	return fd;
}
