/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recordings: a run as a file that survives its recorder, written here and read here.  What is in a
 * record is not looked at, but for what the file itself needs (docs/recording.md).
 */
#ifndef MMUSCOPE_RECORDING_H
#define MMUSCOPE_RECORDING_H

#include "recording_format.h"

#include <stdbool.h>

enum record_type {
#define RECORD(id_, constant_, name_, least_, since_, what_) RECORD_##constant_ = (id_),
#include "records.def"
#undef RECORD
};

/* Name of a type; NULL: unknown. */
const char *record_name(uint16_t type);
/* Is this a record of a known type, with a body that is large enough for it? */
bool record_is_known(const struct record_head *r);

/* One line for the person at the terminal, without a newline. */
typedef void recording_say_fn(void *arg, const char *text);

/* ---- writing ---- */

struct recording_options {
	const char *path;
	const char *facts;		/* a JSON object as text */
	recording_say_fn *say;		/* failed writes, the first of each row; NULL: nobody listens */
	void *say_arg;
	size_t frame_bytes;		/* raw bytes that close a frame; 0: 256 KiB */
	uint64_t frame_age_ns;		/* age that closes a frame; 0: 1 s */
	uint64_t part_bytes;		/* size of a file that begins a new part; 0: none does */
	uint64_t part_age_ns;		/* age of a file that begins a new part; 0: none does */
	unsigned int keep_parts;	/* parts that are kept, the newest; 0: all */
	bool replace;			/* existing files are unlinked, not refused */
	bool stop_when_full;		/* after a failed write: no more until the end */
	uint64_t id;			/* of the recording; 0: random. Others are for tests */
	uint64_t real_ns;		/* time of day at the start, ns since 1970; 0: now */
};

struct recording_totals {
	uint64_t frames;		/* written: only their records survive a SIGKILL now */
	uint64_t records;
	uint64_t bytes;			/* in all files */
	uint64_t dropped_records;	/* that could not be written */
	uint64_t dropped_frames;
	uint64_t refused_stacks;	/* no room to remember them: recording_stack() gave 0 */
	uint64_t refused_vms;		/* no room to remember them: not repeated in later parts */
	uint32_t part;			/* number of the file that is written now */
};

struct recording;

/*
 * Begin a recording.  now_ns: CLOCK_MONOTONIC.  Ignore SIGXFSZ where file sizes may be limited.
 * 0 or negative errno: of open() and write(); -EEXIST: there is such a file; -EINVAL: facts too long.
 */
int recording_create(const struct recording_options *o, uint64_t now_ns, struct recording **result);
/*
 * Take one record; body is copied.  A failed write is no error here, it is counted.
 * 0, -E2BIG: larger than a frame can be, -ENOMEM: no room for a large record; both count as dropped.
 */
int recording_put(struct recording *w, uint16_t type, uint16_t version, uint64_t ns, const void *body,
		  size_t size);
/* A record of text: META (repeated in each part, the last one), SNAPSHOT, LOSS, NOTE. */
int recording_text(struct recording *w, uint16_t type, uint64_t ns, const char *text);
/* Who a VM is, as JSON; "": it is gone.  Repeated in each part. */
int recording_vm(struct recording *w, uint64_t ns, uint32_t vm, const char *json);
/* The id of a stack, which is written when it is new.  0: no room to remember another one. */
uint32_t recording_stack(struct recording *w, uint64_t ns, const char *text);
/* Close what has become old enough.  To be called about twice in a frame's age. */
void recording_tick(struct recording *w, uint64_t now_ns);
/* Write what was taken so far.  0 or negative errno. */
int recording_flush(struct recording *w);
const struct recording_totals *recording_totals(const struct recording *w);
/*
 * End the recording and free it; totals may be NULL.  0, or negative errno: it has no end, or the disk may
 * not have all of it.
 */
int recording_close(struct recording *w, uint64_t now_ns, struct recording_totals *totals);

/* The path of a part: "run.mms", "run.0001.mms"...  0 or -ENAMETOOLONG. */
int recording_part_path(const char *path, uint32_t part, char *buffer, size_t size);

/* ---- reading ---- */

/* What is known about a file after recording_next() has returned NULL (docs/recording.md has the rules). */
struct recording_health {
	bool header_damaged;		/* facts not known */
	bool ends_early;
	uint64_t frames;		/* good ones, of unknown type, too */
	uint64_t records;		/* in them, of known types */
	uint64_t unknown_frames;
	uint64_t unknown_records;
	uint64_t damages;		/* stretches */
	uint64_t lost_bytes;		/* in them */
	uint64_t lost_frames;		/* by their sequence numbers, those in gaps included */
	uint64_t lost_records;		/* as the end record says */
	uint64_t cut_bytes;		/* behind the last whole frame */
	uint64_t gaps;			/* GAP records */
	uint64_t gap_records;		/* sum of what they say */
	uint32_t next_part;		/* where the recording goes on; 0: nowhere, or not known */
};

struct recording_reader;

/*
 * Open a recording, "-": stdin.  say: what is wrong with it, in the order of the file, with offsets.
 * 0, negative errno of open() and read(), -EBADMSG: not a recording, -EPROTONOSUPPORT: of a newer format;
 * these two are said as well.
 */
int recording_open(const char *path, recording_say_fn *say, void *say_arg,
		   struct recording_reader **result);
/* The same for an open file, which it takes over, also when it fails. */
int recording_open_fd(int fd, recording_say_fn *say, void *say_arg,
		      struct recording_reader **result);
/* NULL: damaged.  Valid until recording_reader_free(), terminated by NUL. */
const char *recording_facts(const struct recording_reader *r);
/* NULL: damaged. */
const struct recording_head *recording_header(const struct recording_reader *r);
/*
 * The next record of a known type, in the reader's memory until the next call; 8-byte aligned, the body
 * behind it.  NULL: there is none, see recording_error().
 */
const struct record_head *recording_next(struct recording_reader *r);
/*
 * A record that recording_next() will give about a KiB later, for who wants to have something in the cache
 * by then; NULL: none of this frame, or one of unknown type.
 */
const struct record_head *recording_ahead(struct recording_reader *r);
/* 0, or negative errno of read(), or -ENOMEM: the rest was not read. */
int recording_error(const struct recording_reader *r);
const struct recording_health *recording_health(const struct recording_reader *r);
/* Nothing damaged, cut, lost or dropped. */
bool recording_is_lossless(const struct recording_health *h);
void recording_reader_free(struct recording_reader *r);

#endif /* MMUSCOPE_RECORDING_H */
