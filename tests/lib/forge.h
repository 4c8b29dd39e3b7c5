/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recordings that no writer of ours would write: put together by hand, with right CRCs where nothing else
 * is asked for.  One table for the C reader, the Python reader and the fuzzer's first inputs.
 */
#ifndef TESTS_LIB_FORGE_H
#define TESTS_LIB_FORGE_H

#include "user/recording/recording.h"

/* bytes that grow at their end */
struct bytes {
	uint8_t *data;
	size_t size;
};

void bytes_add(struct bytes *b, const void *data, size_t size);
void bytes_free(struct bytes *b);

/* Damage it in one way: bits, bytes or a stretch changed, removed, repeated, zeroed, moved or cut off. */
void spoil_bytes(struct bytes *b, uint64_t *seed);

/* A file header with its facts; change it through *h before, crc and facts_crc are computed. */
struct recording_head forge_head(void);
void forge_file(struct bytes *out, struct recording_head h, const char *facts);
/* A record behind the others of a frame; its padding is zero. */
void forge_record(struct bytes *raw, uint16_t type, uint64_t ns, const void *body, size_t size);
/* The END record of a file of so many records and frames, both its own included. */
void forge_end(struct bytes *raw, uint64_t records, uint64_t frames);
/* The header that fits these records, but for payload_size and the CRCs. */
struct frame_head forge_frame_head(uint64_t sequence, const struct bytes *raw);
/* A frame: the records compressed, behind this header with payload_size and CRCs computed. */
void forge_frame(struct bytes *out, struct frame_head head, const struct bytes *raw);
/* A file of these records, whatever they are, in one frame, and of the end in another.  Its descriptor. */
int forge_recording(const uint8_t *records, size_t size);
/* A frame of this payload as it is. */
void forge_payload(struct bytes *out, struct frame_head head, const void *payload, size_t size);

/* what a reader must find: an error, or the records of type NOTE, and health */
struct forgery {
	const char *name;
	void (*make)(struct bytes *out);
	int err;
	size_t notes;
	struct recording_health health;
};

extern const struct forgery forgeries[];
extern const size_t nforgeries;

#endif /* TESTS_LIB_FORGE_H */
