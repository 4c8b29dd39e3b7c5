/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording as it stands in the file: docs/recording.md in C.  Only writer, reader and their tests
 * need it, but for the bodies of records.
 */
#ifndef MMUSCOPE_RECORDING_FORMAT_H
#define MMUSCOPE_RECORDING_FORMAT_H

#include "bpf/event.h"

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "structures are written as they are in memory");

#define RECORDING_MAGIC "\xfeMMS\r\n\x1a\n"
#define FRAME_MAGIC "\xfeMF1"

enum {
	RECORDING_MAJOR = 1,
	RECORDING_MINOR = 0,
	RECORDING_HEADER_MAX = 1 << 20,	/* with the facts */
	FRAME_RECORDS = 1,		/* the only type of frame so far */
	FRAME_RAW_MAX = 32 << 20,
	FRAME_PAYLOAD_MAX = FRAME_RAW_MAX + FRAME_RAW_MAX / 128,
	FRAME_BAD_SEARCHED = 64,	/* bad payloads of a file that are searched for frames */
};

#define FRAME_SEQUENCE_END (1ULL << 63)

struct recording_head {
	uint8_t magic[8];
	uint16_t major;
	uint16_t minor;
	uint32_t size;		/* where the first frame begins */
	uint32_t facts_size;
	uint32_t part;
	uint64_t id;
	uint64_t first_sequence;
	uint64_t start_ns;	/* CLOCK_MONOTONIC */
	uint64_t real_ns;	/* CLOCK_REALTIME at the same moment */
	uint32_t facts_crc;	/* with their padding */
	uint32_t crc;		/* of all before it */
};

struct frame_head {
	uint8_t magic[4];
	uint16_t type;
	uint16_t flags;
	uint64_t id;
	uint64_t sequence;
	uint32_t payload_size;
	uint32_t raw_size;
	uint32_t records;
	uint32_t payload_crc;
	uint64_t first_ns;	/* least and greatest time of its records */
	uint64_t last_ns;
	uint32_t zero;
	uint32_t crc;		/* of all before it */
};

/* before each body; the next record begins at the next multiple of 8 */
struct record_head {
	uint16_t type;
	uint16_t version;
	uint32_t size;		/* of this header and the body */
	uint64_t ns;
};

struct record_vm {
	uint32_t vm;
	uint32_t zero;
	char json[];
};

struct record_stack {
	uint32_t id;
	uint32_t zero;
	char text[];
};

struct record_end {
	uint64_t records;	/* in this part, this record included */
	uint64_t frames;
	uint64_t all_records;	/* in all parts so far */
	uint64_t all_frames;
	uint64_t dropped;	/* records that could not be written, in all parts so far */
	uint32_t next_part;	/* 0: none */
	uint32_t zero;
};

struct record_gap {
	uint64_t from_ns;
	uint64_t to_ns;
	uint64_t records;
	uint64_t frames;
	uint64_t bytes;
	uint32_t error;		/* errno */
	uint32_t zero;
};

_Static_assert(sizeof(struct recording_head) == 64, "recording_head has a hole");
_Static_assert(sizeof(struct frame_head) == 64, "frame_head has a hole");
_Static_assert(sizeof(struct record_head) == 16, "record_head has a hole");
_Static_assert(sizeof(struct record_vm) == 8, "record_vm has a hole");
_Static_assert(sizeof(struct record_stack) == 8, "record_stack has a hole");
_Static_assert(sizeof(struct record_end) == 48, "record_end has a hole");
_Static_assert(sizeof(struct record_gap) == 48, "record_gap has a hole");

/* Size of a record with its padding. */
static inline size_t record_span(uint32_t size)
{
	return ((size_t)size + 7) & ~(size_t)7;
}

#endif /* MMUSCOPE_RECORDING_FORMAT_H */
