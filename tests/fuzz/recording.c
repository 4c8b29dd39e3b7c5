// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a recording.  Nine times in ten, what the fuzzer made of them is given its right CRCs and
 * is compressed anew, or a checksum would end every try at the first door.
 */
#include "lib/forge.h"
#include "lib/sample.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* What is found, found again when it comes in pieces, through a pipe. */
static struct found found_in_pipe(const uint8_t *data, size_t size)
{
	int ends[2];

	require(!pipe(ends));
	require(write(ends[1], data, size) == (ssize_t)size);
	close(ends[1]);
	return found_in_fd(ends[0]);
}

static void check(const struct found *f, size_t size)
{
	const struct recording_health *h = &f->health;
	size_t n = 0;

	for (size_t at = 0; at < f->size; n++) {
		const struct record_head *r = (const void *)(f->records + at);

		require(record_is_known(r));
		at += record_span(r->size);
	}
	require(n == f->n);
	if (f->err)
		return;
	require(h->records == n);
	require(h->lost_bytes + h->cut_bytes <= size);
	require(!h->cut_bytes || h->ends_early);
	require(!h->ends_early || !h->next_part);
	require(f->facts || h->header_damaged || h->cut_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct found f = found_in_bytes(data, size), g;

	check(&f, size);
	/* as much as a pipe takes */
	if (size <= 65536) {
		g = found_in_pipe(data, size);
		require(f.err == g.err && f.size == g.size);
		require(!f.size || !memcmp(f.records, g.records, f.size));
		require(!memcmp(&f.health, &g.health, sizeof(f.health)));
		found_free(&g);
	}
	found_free(&f);
	return 0;
}

/* ---- mutations that keep the checksums right ---- */

static uint32_t crc_of(const void *data, size_t size)
{
	return (uint32_t)crc32_z(0, data, size);
}

/* Change bytes in place. */
static void change(void *bytes, size_t size)
{
	uint8_t copy[64];

	memcpy(copy, bytes, size);
	LLVMFuzzerMutate(copy, size, size);
	memcpy(bytes, copy, size);
}

/* Change a few bytes of the file header, but for magic and checksums. */
static void change_header(uint8_t *data, size_t size)
{
	struct recording_head h;

	memcpy(&h, data, sizeof(h));
	change(&h.major, offsetof(struct recording_head, facts_crc) - offsetof(struct recording_head, major));
	if (h.size >= sizeof(h) && h.size <= size)
		h.facts_crc = crc_of(data + sizeof(h), h.size - sizeof(h));
	h.crc = crc_of(&h, offsetof(struct recording_head, crc));
	memcpy(data, &h, sizeof(h));
}

/* The same for a frame header at this place. */
static void change_frame_header(uint8_t *at, size_t rest)
{
	struct frame_head head;

	memcpy(&head, at, sizeof(head));
	change(&head.type, offsetof(struct frame_head, crc) - offsetof(struct frame_head, type));
	if (head.payload_size <= rest - sizeof(head))
		head.payload_crc = crc_of(at + sizeof(head), head.payload_size);
	head.crc = crc_of(&head, offsetof(struct frame_head, crc));
	memcpy(at, &head, sizeof(head));
}

/* The records of a payload, at most 64 KiB of them, and changed.  False: it is none. */
static bool changed_records(const uint8_t *payload, size_t size, struct bytes *raw)
{
	const size_t room = 65536;
	size_t n;

	raw->data = calloc(1, room + 64);
	require(raw->data);
	n = ZSTD_decompress(raw->data, room, payload, size);
	if (ZSTD_isError(n))
		return false;
	raw->size = LLVMFuzzerMutate(raw->data, n, n + 64);
	return true;
}

/* Another frame in the place of this one, with other records.  The file's new size. */
static size_t change_records(uint8_t *data, size_t size, size_t max_size, size_t at, bool fitting)
{
	struct bytes raw = { 0 }, out = { 0 };
	struct frame_head head, right;
	size_t end;

	memcpy(&head, data + at, sizeof(head));
	if (head.payload_size > size - at - sizeof(head))
		return size;
	end = at + sizeof(head) + head.payload_size;
	if (changed_records(data + at + sizeof(head), head.payload_size, &raw)) {
		right = forge_frame_head(head.sequence, &raw);
		right.id = head.id;
		head.payload_size = head.payload_crc = head.crc = 0;
		bytes_add(&out, data, at);
		forge_frame(&out, fitting ? right : head, &raw);
		bytes_add(&out, data + end, size - end);
	}
	if (out.size && out.size <= max_size) {
		memcpy(data, out.data, out.size);
		size = out.size;
	}
	bytes_free(&raw);
	bytes_free(&out);
	return size;
}

/* Where one of the frame headers is; size: there is none. */
static size_t some_frame(const uint8_t *data, size_t size, unsigned int dice)
{
	size_t places[64], n = 0;
	const uint8_t *p = data;

	while (n < 64 && (p = memmem(p, size - (size_t)(p - data), FRAME_MAGIC, 4))) {
		if (size - (size_t)(p - data) >= sizeof(struct frame_head))
			places[n++] = (size_t)(p - data);
		p++;
	}
	return n ? places[dice % n] : size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size_t at;

	if (seed % 10 == 0 || size < sizeof(struct recording_head))
		return LLVMFuzzerMutate(data, size, max_size);
	at = some_frame(data, size, seed / 100);
	if (seed % 10 == 1 || at == size)
		change_header(data, size);
	else if (seed % 10 < 4)
		change_frame_header(data + at, size - at);
	else
		return change_records(data, size, max_size, at, seed % 10 < 8);
	return size;
}
