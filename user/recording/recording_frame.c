// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checking and unpacking one frame, before anything in it is used: afterwards its records can be walked
 * through without a further look.
 */
#include "recording_frame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int frame_init(struct frame *f)
{
	f->zstd = ZSTD_createDCtx();
	return f->zstd ? 0 : -ENOMEM;
}

void frame_deinit(struct frame *f)
{
	ZSTD_freeDCtx(f->zstd);
	free(f->raw);
}

bool frame_wrong(struct reason *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return false;
}

bool frame_head_is_sound(const struct frame_head *head, struct reason *why)
{
	if (memcmp(head->magic, FRAME_MAGIC, sizeof(head->magic)))
		return frame_wrong(why, "no frame begins here");
	if (crc32_z(0, (const void *)head, offsetof(struct frame_head, crc)) != head->crc)
		return frame_wrong(why, "the CRC of a frame header is wrong");
	if (head->sequence >= FRAME_SEQUENCE_END)
		return frame_wrong(why, "impossible sequence number %llu", (unsigned long long)head->sequence);
	if (!head->payload_size || head->payload_size > FRAME_PAYLOAD_MAX)
		return frame_wrong(why, "impossible payload size %u", head->payload_size);
	if (head->raw_size < sizeof(struct record_head) || head->raw_size > FRAME_RAW_MAX ||
	    head->raw_size % 8)
		return frame_wrong(why, "impossible raw size %u", head->raw_size);
	if (!head->records || head->records > head->raw_size / sizeof(struct record_head))
		return frame_wrong(why, "impossible number of records %u", head->records);
	return true;
}

/* Is it one zstd frame of exactly these sizes? */
static bool payload_fits(const struct frame_head *head, const uint8_t *payload, struct reason *why)
{
	unsigned long long content = ZSTD_getFrameContentSize(payload, head->payload_size);
	size_t size = ZSTD_findFrameCompressedSize(payload, head->payload_size);

	if (content != head->raw_size)
		return frame_wrong(why, "frame %llu does not decompress to the size in its header",
			     (unsigned long long)head->sequence);
	if (size != head->payload_size)
		return frame_wrong(why, "the payload of frame %llu is not one zstd frame",
			     (unsigned long long)head->sequence);
	return true;
}

static bool raw_fits(struct frame *f, size_t size)
{
	uint8_t *raw;

	if (f->raw_size >= size)
		return true;
	raw = realloc(f->raw, size);
	if (!raw) {
		f->error = -ENOMEM;
		return false;
	}
	f->raw = raw;
	f->raw_size = size;
	return true;
}

static bool padding_is_zero(const uint8_t *p, size_t from, size_t to)
{
	for (; from < to; from++)
		if (p[from])
			return false;
	return true;
}

/* The size of the record at p with its padding; 0: it is no record. */
static size_t record_check(const uint8_t *p, size_t rest)
{
	const struct record_head *r = (const void *)p;
	size_t span;

	if (rest < sizeof(*r) || r->size < sizeof(*r) || r->size > rest)
		return 0;
	span = record_span(r->size);
	return span <= rest && padding_is_zero(p, r->size, span) ? span : 0;
}

static bool records_are_sound(struct frame *f, const struct frame_head *head, struct reason *why)
{
	uint64_t first = UINT64_MAX, last = 0;
	uint32_t n = 0;
	bool ended = false;

	for (size_t at = 0, span; at < head->raw_size; at += span, n++) {
		const struct record_head *r = (const void *)(f->raw + at);

		span = ended ? 0 : record_check(f->raw + at, head->raw_size - at);
		if (!span)
			return frame_wrong(why, "record %u of frame %llu is wrong, at byte %zu", n,
				     (unsigned long long)head->sequence, at);
		first = r->ns < first ? r->ns : first;
		last = r->ns > last ? r->ns : last;
		ended = r->type == RECORD_END;
		if (ended && !record_is_known(r))
			return frame_wrong(why, "frame %llu has an end record that is too short",
				     (unsigned long long)head->sequence);
	}
	if (n != head->records || first != head->first_ns || last != head->last_ns)
		return frame_wrong(why, "number or times of the records of frame %llu differ from its header",
			     (unsigned long long)head->sequence);
	f->has_end = ended;
	return true;
}

bool frame_unpack(struct frame *f, const struct frame_head *head, const uint8_t *payload,
		  struct reason *why)
{
	size_t n;

	f->raw_len = 0;
	f->has_end = false;
	if (crc32_z(0, payload, head->payload_size) != head->payload_crc)
		return frame_wrong(why, "the CRC of the payload of frame %llu is wrong",
			     (unsigned long long)head->sequence);
	if (head->type != FRAME_RECORDS)
		return true;
	if (!payload_fits(head, payload, why) || !raw_fits(f, head->raw_size))
		return false;
	n = ZSTD_decompressDCtx(f->zstd, f->raw, head->raw_size, payload, head->payload_size);
	if (n != head->raw_size)
		return frame_wrong(why, "frame %llu does not decompress: %s", (unsigned long long)head->sequence,
			     ZSTD_isError(n) ? ZSTD_getErrorName(n) : "too short");
	if (!records_are_sound(f, head, why))
		return false;
	f->raw_len = head->raw_size;
	return true;
}
