/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One frame of a recording: is it whole and sound, and what are its records?  No file, no order of
 * frames: that is recording_read.c.
 */
#ifndef MMUSCOPE_RECORDING_FRAME_H
#define MMUSCOPE_RECORDING_FRAME_H

#include "recording.h"

#include <zstd.h>

/* why something is no frame, as part of a sentence */
struct reason {
	char text[160];
};

struct frame {
	uint8_t *raw;		/* its records, used again for the next one */
	size_t raw_size;
	size_t raw_len;		/* 0 for a frame of unknown type */
	bool has_end;		/* its last record is END */
	int error;		/* -ENOMEM: not the frame's fault */
	ZSTD_DCtx *zstd;
};

int frame_init(struct frame *f);
void frame_deinit(struct frame *f);
/* Say why; false, so that a check can return it. */
bool frame_wrong(struct reason *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Magic, CRC and limits of a header. */
bool frame_head_is_sound(const struct frame_head *head, struct reason *why);
/* Check and decompress the payload of a sound header.  False: it is bad, or f->error. */
bool frame_unpack(struct frame *f, const struct frame_head *head, const uint8_t *payload,
		  struct reason *why);

#endif /* MMUSCOPE_RECORDING_FRAME_H */
