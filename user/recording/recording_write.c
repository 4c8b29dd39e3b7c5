// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing a recording: records are gathered into frames, and a frame is written whole or not at all.
 * What cannot be written is counted, and the file says so as soon as it can.
 */
#include "recording_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
	FRAME_BYTES = 256 << 10,
	FRAME_BYTES_MAX = 4 << 20,
	RECORD_BODY_MAX = 16 << 20,
	LEVEL = 1,	/* of compression: several hundred MB/s */
	/* kept free in each frame: it may have to say that there is a gap, and that it is the last */
	RESERVE = 2 * (sizeof(struct record_head) + sizeof(struct record_end)),
};

#define FRAME_AGE_NS 1000000000ULL

_Static_assert(sizeof(struct record_gap) <= sizeof(struct record_end), "RESERVE is for both");
_Static_assert(FRAME_BYTES_MAX + RECORD_BODY_MAX + KEEP_BYTES + 4096 < FRAME_RAW_MAX,
	       "whatever comes together in a frame fits");

void recording_say(const struct recording *w, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!w->o.say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->o.say(w->o.say_arg, text);
}

static void frame_reset(struct recording *w)
{
	w->raw_len = 0;
	w->frame_floor = 0;
	w->frame_records = 0;
	w->first_ns = UINT64_MAX;
	w->last_ns = 0;
	w->gap_at = NO_GAP;
	w->at_stake = (struct record_gap){ .from_ns = UINT64_MAX };
}

/* Memory for a frame of this raw size, or -ENOMEM: there is as much as before, or as was asked for. */
static int frame_size(struct recording *w, size_t raw_size)
{
	size_t out_size = sizeof(struct frame_head) + ZSTD_compressBound(raw_size);
	uint8_t *raw, *out;

	raw = realloc(w->raw, raw_size);
	if (!raw)
		return -ENOMEM;
	w->raw = raw;
	if (w->raw_size > raw_size)
		w->raw_size = raw_size;
	out = realloc(w->out, out_size);
	if (!out)
		return -ENOMEM;
	w->out = out;
	w->out_size = out_size;
	w->raw_size = raw_size;
	return 0;
}

static void frame_time(struct recording *w, uint64_t ns)
{
	if (ns < w->first_ns)
		w->first_ns = ns;
	if (ns > w->last_ns)
		w->last_ns = ns;
}

/* Append a record for which there is room. */
static void frame_append(struct recording *w, uint16_t type, uint16_t version, uint64_t ns,
			 const void *body, size_t size)
{
	struct record_head head = {
		.type = type, .version = version, .size = (uint32_t)(sizeof(head) + size), .ns = ns
	};
	uint8_t *at = w->raw + w->raw_len;
	size_t span = record_span(head.size);

	if (!w->frame_records)
		w->frame_ns = w->now_ns;
	memset(at + span - 8, 0, 8);
	memcpy(at, &head, sizeof(head));
	if (size)
		memcpy(at + sizeof(head), body, size);
	w->raw_len += span;
	w->frame_records++;
	frame_time(w, ns);
}

static void gap_count(struct record_gap *g, uint64_t ns, size_t span)
{
	if (!g->records || ns < g->from_ns)
		g->from_ns = ns;
	if (!g->records || ns > g->to_ns)
		g->to_ns = ns;
	g->records++;
	g->bytes += span;
}

static void gap_add(struct record_gap *g, const struct record_gap *more)
{
	if (!more->records)
		return;
	if (!g->records || more->from_ns < g->from_ns)
		g->from_ns = more->from_ns;
	if (!g->records || more->to_ns > g->to_ns)
		g->to_ns = more->to_ns;
	g->records += more->records;
	g->bytes += more->bytes;
}

/* The place in the frame where it will be said what is missing; what that is may still grow. */
static void gap_open(struct recording *w)
{
	if (w->gap_at != NO_GAP)
		return;
	w->gap_at = w->raw_len;
	frame_append(w, RECORD_GAP, 1, w->gap.from_ns, &w->gap, sizeof(w->gap));
}

static void gap_close(struct recording *w)
{
	struct record_head *head = (struct record_head *)(w->raw + w->gap_at);

	if (w->gap_at == NO_GAP)
		return;
	head->ns = w->gap.from_ns;
	memcpy(head + 1, &w->gap, sizeof(w->gap));
	frame_time(w, head->ns);
}

/* One record that will never be in the file. */
static void drop_record(struct recording *w, uint64_t ns, size_t span, int err)
{
	gap_count(&w->gap, ns, span);
	w->gap.error = (uint32_t)-err;
	w->totals.dropped_records++;
	gap_open(w);
}

static void failed(struct recording *w, int err)
{
	if (!w->failing)
		recording_say(w, "cannot write %s: %s; %s, and what was written stays readable", w->file,
			      strerror(-err),
			      w->o.stop_when_full ? "the recording stops here" :
						    "records are dropped until it can be written again");
	w->failing = true;
	w->stopped = w->o.stop_when_full;
}

static void drop_frame(struct recording *w, int err)
{
	uint64_t sequence = w->sequence++;

	gap_add(&w->gap, &w->at_stake);
	w->gap.frames++;
	w->gap.error = (uint32_t)-err;
	w->totals.dropped_records += w->at_stake.records;
	w->totals.dropped_frames++;
	failed(w, err);
	frame_reset(w);
	gap_open(w);
	/* else a full disk would be tried again at each record, once these alone fill a frame */
	w->frame_floor = SIZE_MAX;
	keep_write_again(w, sequence);
	w->frame_floor = w->raw_len;
}

static void frame_written(struct recording *w, size_t size)
{
	w->sequence++;
	w->at += size;
	w->part_frames++;
	w->part_records += w->frame_records;
	w->totals.frames++;
	w->totals.records += w->frame_records;
	w->totals.bytes += size;
	if (w->gap_at != NO_GAP)
		w->gap = (struct record_gap){ 0 };
	if (w->failing)
		recording_say(w, "%s is written again; %llu records were dropped", w->file,
			      (unsigned long long)w->totals.dropped_records);
	w->failing = false;
	frame_reset(w);
}

static int frame_write(struct recording *w, size_t *size)
{
	struct frame_head head = {
		.magic = FRAME_MAGIC, .type = FRAME_RECORDS, .id = w->id, .sequence = w->sequence,
		.raw_size = (uint32_t)w->raw_len, .records = w->frame_records, .first_ns = w->first_ns,
		.last_ns = w->last_ns
	};
	uint8_t *payload = w->out + sizeof(head);
	size_t n = ZSTD_compress2(w->zstd, payload, w->out_size - sizeof(head), w->raw, w->raw_len);

	if (ZSTD_isError(n))
		return -ENOMEM;
	head.payload_size = (uint32_t)n;
	head.payload_crc = (uint32_t)crc32_z(0, payload, n);
	head.crc = (uint32_t)crc32_z(0, (const void *)&head, offsetof(struct frame_head, crc));
	memcpy(w->out, &head, sizeof(head));
	*size = sizeof(head) + n;
	return recording_write_all(w->fd, w->out, *size, w->at);
}

/* 0 or the reason why the frame was dropped. */
int recording_frame_close(struct recording *w)
{
	size_t size, usual = w->o.frame_bytes + RESERVE;
	int err;

	if (!w->frame_records)
		return 0;
	gap_close(w);
	err = frame_write(w, &size);
	if (err)
		drop_frame(w, err);
	else
		frame_written(w, size);
	/* after a record of unusual size; it does not matter if less memory is not to be had */
	if (w->raw_size > usual && w->raw_len <= w->o.frame_bytes)
		frame_size(w, usual);
	return err;
}

/* Not while it has nothing but what a failed write makes it repeat. */
static bool frame_is_full(const struct recording *w, size_t span)
{
	return w->raw_len > w->frame_floor && w->raw_len + span > w->o.frame_bytes + w->frame_floor;
}

int recording_take(struct recording *w, uint16_t type, uint16_t version, uint64_t ns, const void *body,
		   size_t size, bool counted)
{
	size_t span = record_span((uint32_t)(sizeof(struct record_head) + size));
	int err = 0;

	if (!w->stopped && frame_is_full(w, span))
		recording_frame_close(w);
	if (w->stopped)
		err = -(int)w->gap.error;
	else if (w->raw_len + span + RESERVE > w->raw_size)
		err = frame_size(w, w->raw_len + span + RESERVE);
	if (err) {
		drop_record(w, ns, span, err);
		return w->stopped ? 0 : err;
	}
	frame_append(w, type, version, ns, body, size);
	if (counted)
		gap_count(&w->at_stake, ns, span);
	return 0;
}

int recording_put(struct recording *w, uint16_t type, uint16_t version, uint64_t ns, const void *body,
		  size_t size)
{
	if (size > RECORD_BODY_MAX) {
		drop_record(w, ns, size, -E2BIG);
		return -E2BIG;
	}
	/* between two frames, so that a part that cannot be begun is not tried at each record */
	if (!w->stopped && frame_is_full(w, sizeof(struct record_head) + size)) {
		recording_frame_close(w);
		if (recording_part_is_full(w))
			recording_part_turn(w);
	}
	return recording_take(w, type, version, ns, body, size, true);
}

int recording_flush(struct recording *w)
{
	if (w->stopped)
		return -(int)w->gap.error;
	return recording_frame_close(w);
}

void recording_tick(struct recording *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	if (w->stopped)
		return;
	if (w->frame_records && now_ns - w->frame_ns >= w->o.frame_age_ns)
		recording_frame_close(w);
	if (recording_part_is_full(w))
		recording_part_turn(w);
}

const struct recording_totals *recording_totals(const struct recording *w)
{
	return &w->totals;
}

static void recording_free(struct recording *w)
{
	if (w->fd >= 0)
		close(w->fd);
	keep_deinit(&w->keep);
	ZSTD_freeCCtx(w->zstd);
	free(w->raw);
	free(w->out);
	free(w->file);
	free((char *)w->o.path);
	free((char *)w->o.facts);
	free(w);
}

static int random_id(uint64_t *id)
{
	while (!*id)
		if (getrandom(id, sizeof(*id), 0) != sizeof(*id))
			return -errno;
	return 0;
}

static int options_take(struct recording *w, const struct recording_options *o)
{
	w->o = *o;
	w->o.path = strdup(o->path);
	w->o.facts = strdup(o->facts);
	if (!w->o.path || !w->o.facts)
		return -ENOMEM;
	if (!w->o.frame_bytes)
		w->o.frame_bytes = FRAME_BYTES;
	if (w->o.frame_bytes > FRAME_BYTES_MAX)
		w->o.frame_bytes = FRAME_BYTES_MAX;
	if (!w->o.frame_age_ns)
		w->o.frame_age_ns = FRAME_AGE_NS;
	return 0;
}

static uint64_t time_of_day(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int recording_init(struct recording *w, const struct recording_options *o, uint64_t now_ns)
{
	int err = options_take(w, o);

	if (err)
		return err;
	w->id = o->id;
	w->now_ns = now_ns;
	w->real_offset_ns = (o->real_ns ? o->real_ns : time_of_day()) - now_ns;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
	err = random_id(&w->id);
	if (!err)
		err = keep_init(&w->keep);
	if (!err)
		err = frame_size(w, w->o.frame_bytes + RESERVE);
	if (err)
		return err;
	frame_reset(w);
	w->part_ns = now_ns;
	w->fd = recording_part_create(w, 0, 0, &w->file, &w->at);
	return w->fd < 0 ? w->fd : 0;
}

int recording_create(const struct recording_options *o, uint64_t now_ns, struct recording **result)
{
	struct recording *w = calloc(1, sizeof(*w));
	int err;

	*result = NULL;
	if (!w)
		return -ENOMEM;
	w->fd = -1;
	err = recording_init(w, o, now_ns);
	if (err) {
		recording_free(w);
		return err;
	}
	w->totals.bytes = w->at;
	*result = w;
	return 0;
}

void recording_end_append(struct recording *w, const struct record_end *end)
{
	frame_append(w, RECORD_END, 1, w->now_ns, end, sizeof(*end));
}

int recording_close(struct recording *w, uint64_t now_ns, struct recording_totals *totals)
{
	int err;

	w->now_ns = now_ns;
	/* apart from the END record: when this is too much for the disk, that may still fit */
	recording_flush(w);
	err = recording_part_end(w, 0);
	if (totals)
		*totals = w->totals;
	if (close(w->fd) && !err)
		err = -errno;
	w->fd = -1;
	recording_free(w);
	return err;
}
