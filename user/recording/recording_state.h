/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording that is being written: frames (recording_write.c), files (recording_parts.c) and what
 * each file has to repeat (recording_keep.c).
 */
#ifndef MMUSCOPE_RECORDING_STATE_H
#define MMUSCOPE_RECORDING_STATE_H

#include "recording.h"

#include <zstd.h>

enum {
	META_MAX = 1 << 20,
	KEEP_BYTES = 8 << 20,		/* of VMs and stacks */
	KEEP_STACKS = 16384,
	KEEP_SLOTS = 2 * KEEP_STACKS,	/* a power of two */
};

#define NEVER_WRITTEN UINT64_MAX
#define NO_GAP SIZE_MAX

/* the last record of its kind */
struct kept {
	uint64_t ns;
	uint64_t sequence;	/* of the frame that has it; NEVER_WRITTEN */
	uint32_t key;		/* VM or stack */
	uint32_t size;
	uint8_t *body;
};

struct keep {
	struct kept meta;
	struct kept *vms;
	size_t nvms;
	struct kept *stacks;	/* the one of id k at k - 1 */
	size_t nstacks;
	uint16_t *slots;	/* ids of stacks by their hash; 0: free */
	size_t bytes;
};

struct recording {
	struct recording_options o;	/* its strings are ours */
	struct recording_totals totals;
	uint64_t id;
	uint64_t sequence;	/* of the frame being filled */
	uint64_t now_ns;	/* as we were told last */
	uint64_t real_offset_ns;	/* time of day less CLOCK_MONOTONIC */

	int fd;
	char *file;		/* path of the part */
	uint64_t at;		/* behind the last whole frame */
	uint64_t part_ns;	/* when it was begun */
	uint64_t part_records;
	uint64_t part_frames;
	uint64_t part_preamble;	/* of part_frames: they only repeat */

	uint8_t *raw;		/* the frame being filled */
	size_t raw_size;
	size_t raw_len;
	size_t frame_floor;	/* of raw_len: repeated after a failed write */
	uint8_t *out;		/* its header and payload */
	size_t out_size;
	ZSTD_CCtx *zstd;
	uint32_t frame_records;
	uint64_t frame_ns;	/* when it was begun */
	uint64_t first_ns;	/* least and greatest time in it */
	uint64_t last_ns;
	struct record_gap at_stake;	/* what is missing if it cannot be written */

	struct record_gap gap;	/* what is missing, and not yet said in the file */
	size_t gap_at;		/* where in the frame this is said; NO_GAP */
	bool failing;		/* the last write failed, and it was said */
	bool not_turning;	/* the next part could not be created, and it was said */
	bool stopped;

	struct keep keep;
};

/* recording_write.c */

/* Take a record into the frame; counted: it is missing if that cannot be written. */
int recording_take(struct recording *w, uint16_t type, uint16_t version, uint64_t ns, const void *body,
		   size_t size, bool counted);
/* Write the frame, if there is something in it.  0, or -errno: it was dropped. */
int recording_frame_close(struct recording *w);
void recording_end_append(struct recording *w, const struct record_end *end);
void recording_say(const struct recording *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* recording_parts.c */

int recording_write_all(int fd, const void *data, size_t size, uint64_t at);
/* Create the file of a part whose first frame will have this sequence number. */
int recording_part_create(struct recording *w, uint32_t part, uint64_t sequence, char **path, uint64_t *at);
/* Has the part become too large or too old? */
bool recording_part_is_full(const struct recording *w);
/* Begin the next part, or say why not and go on with this one. */
void recording_part_turn(struct recording *w);
/* Append the END record and give the file to the disk. */
int recording_part_end(struct recording *w, uint32_t next);

/* recording_keep.c */

int keep_init(struct keep *k);
void keep_deinit(struct keep *k);
/* Into the frame: all, or those that were in the frame of this sequence number. */
void keep_write_all(struct recording *w);
void keep_write_again(struct recording *w, uint64_t sequence);

#endif /* MMUSCOPE_RECORDING_STATE_H */
