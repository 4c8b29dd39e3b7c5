// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of forged recordings.
 */
#include "lib/forge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* records of one NOTE: in most forgeries, each frame has this one record */
static struct bytes one_note(uint64_t ns, const char *text)
{
	struct bytes raw = { 0 };

	forge_record(&raw, RECORD_NOTE, ns, text, strlen(text));
	return raw;
}

static void note_frame(struct bytes *out, uint64_t sequence)
{
	struct bytes raw = one_note(sequence + 1, "hello");

	forge_frame(out, forge_frame_head(sequence, &raw), &raw);
	bytes_free(&raw);
}

static void end_frame(struct bytes *out, uint64_t sequence, uint64_t records, uint64_t frames)
{
	struct bytes raw = { 0 };

	forge_end(&raw, records, frames);
	forge_frame(out, forge_frame_head(sequence, &raw), &raw);
	bytes_free(&raw);
}

static void begin(struct bytes *out)
{
	forge_file(out, forge_head(), "{}");
}

/* Frame 0, then what is asked for, then frame 2, which ends a file of 3 records in 3 frames. */
static void around(struct bytes *out, struct frame_head head, struct bytes *raw)
{
	begin(out);
	note_frame(out, 0);
	forge_frame(out, head, raw);
	end_frame(out, 2, 3, 3);
	bytes_free(raw);
}

static void around_payload(struct bytes *out, uint32_t raw_size, const void *payload, size_t size)
{
	struct bytes raw = one_note(2, "hello");
	struct frame_head head = forge_frame_head(1, &raw);

	head.raw_size = raw_size ? raw_size : (uint32_t)raw.size;
	begin(out);
	note_frame(out, 0);
	forge_payload(out, head, payload, size);
	end_frame(out, 2, 3, 3);
	bytes_free(&raw);
}

#define AROUND_HEAD(name_, statement_)                                       \
	static void name_(struct bytes *out)                                 \
	{                                                                    \
		struct bytes raw = one_note(2, "hello");                     \
		struct frame_head head = forge_frame_head(1, &raw);          \
                                                                             \
		statement_;                                                  \
		around(out, head, &raw);                                     \
	}

AROUND_HEAD(plain, (void)head)
AROUND_HEAD(frame_type, head.type = 7)
AROUND_HEAD(frame_flags, head.flags = 0xffff)
AROUND_HEAD(frame_zero, head.zero = 1)
AROUND_HEAD(frame_id, head.id++)
AROUND_HEAD(frame_crc, head.crc = 1)
AROUND_HEAD(payload_crc, head.payload_crc = 1)
AROUND_HEAD(sequence_again, head.sequence = 0)
AROUND_HEAD(sequence_huge, head.sequence = FRAME_SEQUENCE_END)
AROUND_HEAD(raw_size_zero, head.raw_size = 0)
AROUND_HEAD(raw_size_odd, head.raw_size += 4)
AROUND_HEAD(raw_size_less, head.raw_size -= 8)
AROUND_HEAD(raw_size_more, head.raw_size += 8)
AROUND_HEAD(raw_size_max, head.raw_size = FRAME_RAW_MAX)
AROUND_HEAD(raw_size_over, head.raw_size = FRAME_RAW_MAX + 8)
AROUND_HEAD(payload_over, head.payload_size = FRAME_PAYLOAD_MAX + 1)
AROUND_HEAD(payload_past_end, head.payload_size = FRAME_PAYLOAD_MAX)
AROUND_HEAD(records_none, head.records = 0)
AROUND_HEAD(records_less, (head.records = 1, forge_record(&raw, RECORD_NOTE, 2, "", 0),
			   head.raw_size = (uint32_t)raw.size))
AROUND_HEAD(records_more, head.records++)
AROUND_HEAD(first_ns, head.first_ns--)
AROUND_HEAD(last_ns, head.last_ns++)

#define AROUND_RECORDS(name_, statement_)                                    \
	static void name_(struct bytes *out)                                 \
	{                                                                    \
		struct bytes raw = one_note(2, "hello");                     \
		struct record_head *r = (void *)raw.data;                    \
                                                                             \
		statement_;                                                  \
		around(out, forge_frame_head(1, &raw), &raw);                \
	}

AROUND_RECORDS(record_type, r->type = 4711)
AROUND_RECORDS(record_version, r->version = 2)
AROUND_RECORDS(record_size_zero, r->size = 0)
AROUND_RECORDS(record_size_less, r->size = sizeof(*r) - 1)
AROUND_RECORDS(record_size_over, r->size = 25)
AROUND_RECORDS(record_size_huge, r->size = UINT32_MAX)
AROUND_RECORDS(record_padding, ((uint8_t *)r)[raw.size - 1] = 1)
AROUND_RECORDS(record_shorter, r->size--)
AROUND_RECORDS(record_rest, (void)r; bytes_add(&raw, "\0\0\0\0\0\0\0", 8))
AROUND_RECORDS(vm_short, (r->type = RECORD_VM, r->size = 16 + 5))
AROUND_RECORDS(stack_short, (r->type = RECORD_STACK, r->size = 16 + 5))
AROUND_RECORDS(gap_short, (r->type = RECORD_GAP, r->size = 16 + 5))
AROUND_RECORDS(end_short, (r->type = RECORD_END, r->size = 16 + 5))

static void gap_long(struct bytes *out)
{
	struct record_gap gap = { .records = 5, .frames = 1, .error = 28 };
	uint8_t body[sizeof(gap) + 3] = { 0 };
	struct bytes raw = { 0 };

	memcpy(body, &gap, sizeof(gap));
	forge_record(&raw, RECORD_GAP, 2, body, sizeof(body));
	around(out, forge_frame_head(1, &raw), &raw);
}

static void end_in_the_middle(struct bytes *out)
{
	struct bytes raw = { 0 };

	forge_end(&raw, 2, 2);
	forge_record(&raw, RECORD_NOTE, 2, "", 0);
	around(out, forge_frame_head(1, &raw), &raw);
}

static void payload_none(struct bytes *out)
{
	around_payload(out, 0, "", 0);
}

static void payload_noise(struct bytes *out)
{
	around_payload(out, 0, "no zstd frame, whatever else", 28);
}

/* 32 MiB of zero bytes in about 1 KiB; and they are no records */
static void bomb(struct bytes *out)
{
	struct bytes raw = { .data = calloc(1, FRAME_RAW_MAX), .size = FRAME_RAW_MAX };
	struct bytes frame = { 0 };
	struct frame_head head = { .magic = FRAME_MAGIC };

	forge_frame(&frame, head, &raw);
	around_payload(out, FRAME_RAW_MAX, frame.data + sizeof(head), frame.size - sizeof(head));
	bytes_free(&frame);
	bytes_free(&raw);
}

/* Note's payload followed by something. */
static void payload_and(struct bytes *out, const void *more, size_t size)
{
	struct bytes raw = one_note(2, "hello"), frame = { 0 };

	forge_frame(&frame, forge_frame_head(1, &raw), &raw);
	bytes_add(&frame, more, size);
	around_payload(out, 0, frame.data + sizeof(struct frame_head),
		       frame.size - sizeof(struct frame_head));
	bytes_free(&frame);
	bytes_free(&raw);
}

static void payload_and_noise(struct bytes *out)
{
	payload_and(out, "x", 1);
}

static void payload_and_skippable(struct bytes *out)
{
	payload_and(out, "\x50\x2a\x4d\x18\4\0\0\0abcd", 12);
}

/* what zstd writes when it is not told the size beforehand */
static void content_size_unknown(struct bytes *out)
{
	struct bytes raw = one_note(2, "hello");
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	char payload[256];
	size_t n;

	ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 0);
	n = ZSTD_compress2(zstd, payload, sizeof(payload), raw.data, raw.size);
	ZSTD_freeCCtx(zstd);
	around_payload(out, 0, payload, n);
	bytes_free(&raw);
}

static void no_end(struct bytes *out)
{
	begin(out);
	note_frame(out, 0);
}

static void no_frame(struct bytes *out)
{
	begin(out);
}

static void frames_missing(struct bytes *out)
{
	begin(out);
	note_frame(out, 2);
	end_frame(out, 1ULL << 62, 100, 7);
}

static void end_counts_less(struct bytes *out)
{
	begin(out);
	note_frame(out, 0);
	end_frame(out, 1, 1, 1);
}

static void noise_behind_end(struct bytes *out)
{
	begin(out);
	end_frame(out, 0, 1, 1);
	bytes_add(out, "noise", 5);
}

static void frame_behind_end(struct bytes *out)
{
	begin(out);
	end_frame(out, 0, 1, 1);
	note_frame(out, 1);
}

static void false_magics(struct bytes *out)
{
	begin(out);
	note_frame(out, 0);
	for (int i = 0; i < 99; i++)
		bytes_add(out, FRAME_MAGIC "\xfe", 4 + i % 2);
	end_frame(out, 1, 2, 2);
}

/* In each payload, which is bad, there is a good frame.  That is searched for 64 times. */
static void frames_in_frames(struct bytes *out)
{
	begin(out);
	for (uint64_t i = 0; i < 70; i++) {
		struct bytes inner = { 0 };
		struct frame_head head = {
			.magic = FRAME_MAGIC, .type = 1, .id = forge_head().id, .sequence = i,
			.raw_size = 16, .records = 1
		};

		note_frame(&inner, i);
		forge_payload(out, head, inner.data, inner.size);
		bytes_free(&inner);
	}
	end_frame(out, 70, 71, 71);
}

#define HEADER(name_, facts_, statement_)                                    \
	static void name_(struct bytes *out)                                 \
	{                                                                    \
		struct recording_head h = forge_head();                      \
                                                                             \
		statement_;                                                  \
		forge_file(out, h, facts_);                                  \
		note_frame(out, 0);                                          \
		end_frame(out, 1, 2, 2);                                     \
	}

HEADER(other_magic, "{}", h.magic[1] = 'm')
HEADER(newer_major, "{}", h.major = 2)
HEADER(newer_minor, "{}", h.minor = 9)
HEADER(first_sequence_later, "{}", h.first_sequence = 1)
HEADER(header_crc, "{}", h.crc = 1)
HEADER(header_size_less, "{}", h.size = 64)
HEADER(header_size_odd, "{}", h.size = 73)
HEADER(header_size_more, "{}", h.size = 80)
HEADER(header_size_over, "{}", h.size = RECORDING_HEADER_MAX + 8)
HEADER(header_size_past_end, "{}", h.size = RECORDING_HEADER_MAX)
HEADER(facts_size_huge, "{}", h.facts_size = UINT32_MAX)
HEADER(facts_crc, "{\"kernel\": \"6.12\"}", h.facts_crc = 1)
HEADER(facts_none, "", (void)h)

static void header_only_half(struct bytes *out)
{
	begin(out);
	out->size = 40;
}

static void magic_only_half(struct bytes *out)
{
	begin(out);
	out->size = 7;
}

static void nothing(struct bytes *out)
{
	bytes_add(out, "", 0);
}

/* the id is known from nowhere, and then that of the first good frame counts, even if it is 0 */
static void id_zero_and_header_damaged(struct bytes *out)
{
	struct bytes raw = one_note(1, "hello");
	struct recording_head h = forge_head();
	struct frame_head head = forge_frame_head(5, &raw);

	h.crc = 1;
	head.id = 0;
	forge_file(out, h, "{}");
	forge_frame(out, head, &raw);
	bytes_free(&raw);
	note_frame(out, 6);
}

/* of health: more than 0, whatever it is */
#define SOME UINT64_MAX
/* the three frames of around(), the second in various conditions */
#define ALL_WELL .notes = 2, .health = { .frames = 3, .records = 3 }
#define ONE_BAD .notes = 1, .health = { .frames = 2, .records = 2, .damages = 1, .lost_bytes = SOME, \
					.lost_frames = 1, .lost_records = 1 }
#define ONE_UNKNOWN .notes = 1, .health = { .frames = 3, .records = 2, .unknown_records = 1 }
#define HEADER_BAD .notes = 1, .health = { .header_damaged = true, .frames = 2, .records = 2, \
					   .damages = 1, .lost_bytes = 8 }
#define FORGERY(name_) .name = #name_, .make = name_

const struct forgery forgeries[] = {
	{ FORGERY(plain), ALL_WELL },
	{ FORGERY(frame_flags), ALL_WELL },
	{ FORGERY(frame_zero), ALL_WELL },
	{ FORGERY(record_version), ALL_WELL },
	{ FORGERY(frame_type), .notes = 1, .health = { .frames = 3, .records = 2, .unknown_frames = 1 } },
	{ FORGERY(record_type), ONE_UNKNOWN },
	{ FORGERY(vm_short), ONE_UNKNOWN },
	{ FORGERY(stack_short), ONE_UNKNOWN },
	{ FORGERY(gap_short), ONE_UNKNOWN },
	{ FORGERY(gap_long), .notes = 1, .health = { .frames = 3, .records = 3, .gaps = 1,
		.gap_records = 5 } },
	{ FORGERY(frame_id), ONE_BAD },
	{ FORGERY(frame_crc), ONE_BAD },
	{ FORGERY(payload_crc), ONE_BAD },
	{ FORGERY(sequence_again), ONE_BAD },
	{ FORGERY(sequence_huge), ONE_BAD },
	{ FORGERY(raw_size_zero), ONE_BAD },
	{ FORGERY(raw_size_odd), ONE_BAD },
	{ FORGERY(raw_size_less), ONE_BAD },
	{ FORGERY(raw_size_more), ONE_BAD },
	{ FORGERY(raw_size_max), ONE_BAD },
	{ FORGERY(raw_size_over), ONE_BAD },
	{ FORGERY(payload_none), ONE_BAD },
	{ FORGERY(payload_noise), ONE_BAD },
	{ FORGERY(payload_over), ONE_BAD },
	{ FORGERY(payload_past_end), ONE_BAD },
	{ FORGERY(payload_and_noise), ONE_BAD },
	{ FORGERY(payload_and_skippable), ONE_BAD },
	{ FORGERY(content_size_unknown), ONE_BAD },
	{ FORGERY(bomb), ONE_BAD },
	{ FORGERY(records_none), ONE_BAD },
	{ FORGERY(records_less), ONE_BAD },
	{ FORGERY(records_more), ONE_BAD },
	{ FORGERY(first_ns), ONE_BAD },
	{ FORGERY(last_ns), ONE_BAD },
	{ FORGERY(record_size_zero), ONE_BAD },
	{ FORGERY(record_size_less), ONE_BAD },
	{ FORGERY(record_size_over), ONE_BAD },
	{ FORGERY(record_size_huge), ONE_BAD },
	{ FORGERY(record_padding), ONE_BAD },
	{ FORGERY(record_shorter), ONE_BAD },
	{ FORGERY(record_rest), ONE_BAD },
	{ FORGERY(end_short), ONE_BAD },
	{ FORGERY(end_in_the_middle), ONE_BAD },
	{ FORGERY(no_end), .notes = 1, .health = { .ends_early = true, .frames = 1, .records = 1 } },
	{ FORGERY(no_frame), .health = { .ends_early = true } },
	{ FORGERY(frames_missing), .notes = 1, .health = { .frames = 2, .records = 2,
		.lost_frames = (1ULL << 62) - 1, .lost_records = 98 } },
	{ FORGERY(end_counts_less), .notes = 1, .health = { .frames = 2, .records = 2, .damages = 1 } },
	{ FORGERY(noise_behind_end), .health = { .frames = 1, .records = 1, .damages = 1, .lost_bytes = 5 } },
	{ FORGERY(frame_behind_end), .health = { .frames = 1, .records = 1, .damages = 1,
		.lost_bytes = SOME } },
	{ FORGERY(false_magics), .notes = 1, .health = { .frames = 2, .records = 2, .damages = 1,
		.lost_bytes = 99 * 4 + 49 } },
	{ FORGERY(frames_in_frames), .notes = 64, .health = { .frames = 65, .records = 65, .damages = 65,
		.lost_bytes = SOME, .lost_frames = 6, .lost_records = 6 } },
	{ FORGERY(other_magic), .err = -EBADMSG },
	{ FORGERY(magic_only_half), .err = -EBADMSG },
	{ FORGERY(nothing), .err = -EBADMSG },
	{ FORGERY(newer_major), .err = -EPROTONOSUPPORT },
	{ FORGERY(newer_minor), .notes = 1, .health = { .frames = 2, .records = 2 } },
	{ FORGERY(facts_none), .notes = 1, .health = { .frames = 2, .records = 2 } },
	{ FORGERY(first_sequence_later), .health = { .frames = 1, .records = 1, .damages = 1,
		.lost_bytes = SOME, .lost_records = 1 } },
	{ FORGERY(header_crc), HEADER_BAD },
	{ FORGERY(header_size_less), HEADER_BAD },
	{ FORGERY(header_size_odd), HEADER_BAD },
	{ FORGERY(header_size_over), HEADER_BAD },
	{ FORGERY(facts_size_huge), HEADER_BAD },
	{ FORGERY(header_size_more), .health = { .header_damaged = true, .frames = 1, .records = 1,
		.damages = 1, .lost_bytes = SOME, .lost_frames = 1, .lost_records = 1 } },
	{ FORGERY(header_size_past_end), .health = { .ends_early = true, .cut_bytes = SOME } },
	{ FORGERY(facts_crc), .notes = 1, .health = { .header_damaged = true, .frames = 2, .records = 2 } },
	{ FORGERY(header_only_half), .health = { .ends_early = true, .cut_bytes = 40 } },
	{ FORGERY(id_zero_and_header_damaged), .notes = 1, .health = { .header_damaged = true,
		.ends_early = true, .frames = 1, .records = 1, .damages = 1, .lost_bytes = 8,
		.cut_bytes = SOME } },
};

const size_t nforgeries = sizeof(forgeries) / sizeof(forgeries[0]);
