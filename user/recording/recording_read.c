// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a recording of which nothing is believed: in one pass, in bounded memory, a frame at a time.
 * The rules are those of docs/recording.md, "Reading a file that may be damaged".
 */
#include "recording_frame.h"
#include "recording_window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

struct recording_reader {
	recording_say_fn *say;
	void *say_arg;
	struct recording_health health;
	bool header_known;
	bool over;		/* the whole file was looked at */
	bool ended;		/* by an END record */
	struct recording_head header;
	char *facts;
	bool id_known;		/* else any is right, and so is any sequence number */
	uint64_t id;
	uint64_t next_sequence;
	uint64_t seen;		/* records in good frames */
	uint64_t end_records;	/* as the END record says */
	unsigned int bad_payloads;

	struct window window;
	uint64_t stretch;	/* where the bytes began that are no frame; NO_STRETCH */
	char why[160];		/* and what is wrong there */

	struct frame frame;
	size_t raw_at;
	size_t ahead_at;	/* for recording_ahead(): at raw_at or behind it */
};

#define NO_STRETCH UINT64_MAX

enum { AHEAD_BYTES = 1536 };	/* a dozen steps */

static void tell(struct recording_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct recording_reader *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!r->say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->say(r->say_arg, text);
}

/* ---- frames ---- */

enum found {
	FOUND_FRAME,
	FOUND_NOTHING,		/* that could be a frame */
	FOUND_BAD_PAYLOAD,
	FOUND_END,		/* of the file, or of our ability to read it */
};

static bool is_next(struct recording_reader *r, const struct frame_head *head, struct reason *why)
{
	if (r->id_known && head->id != r->id)
		return frame_wrong(why, "a frame of another recording");
	if (head->sequence < r->next_sequence)
		return frame_wrong(why, "frame %llu where %llu is the next", (unsigned long long)head->sequence,
			     (unsigned long long)r->next_sequence);
	return true;
}

static enum found look(struct recording_reader *r, struct frame_head *head, struct reason *why)
{
	size_t n = window_fill(&r->window, sizeof(*head));

	if (!n || r->window.error)
		return FOUND_END;
	if (n < sizeof(*head)) {
		frame_wrong(why, "%zu bytes where a frame header has %zu", n, sizeof(*head));
		return FOUND_NOTHING;
	}
	memcpy(head, window_at(&r->window), sizeof(*head));
	if (!frame_head_is_sound(head, why) || !is_next(r, head, why))
		return FOUND_NOTHING;
	n = window_fill(&r->window, sizeof(*head) + head->payload_size);
	if (r->window.error)
		return FOUND_END;
	if (n < sizeof(*head) + head->payload_size) {
		frame_wrong(why, "frame %llu has only %zu of its %zu bytes", (unsigned long long)head->sequence, n,
		      sizeof(*head) + head->payload_size);
		return FOUND_NOTHING;
	}
	if (!frame_unpack(&r->frame, head, window_at(&r->window) + sizeof(*head), why)) {
		r->window.error = r->frame.error;
		return r->window.error ? FOUND_END : FOUND_BAD_PAYLOAD;
	}
	return FOUND_FRAME;
}

/* To the next place where a frame may begin.  False: there is none. */
static bool search(struct recording_reader *r)
{
	const size_t magic = sizeof(FRAME_MAGIC) - 1;

	window_skip(&r->window, 1);
	for (;;) {
		size_t n = window_fill(&r->window, sizeof(struct frame_head));
		const uint8_t *hit = n ? memmem(window_at(&r->window), n, FRAME_MAGIC, magic) : NULL;

		if (hit) {
			window_skip(&r->window, (size_t)(hit - window_at(&r->window)));
			return true;
		}
		if (n < sizeof(struct frame_head)) {
			window_skip(&r->window, n);
			return false;
		}
		window_skip(&r->window, n - (magic - 1));
	}
}

static void stretch_begin(struct recording_reader *r, const struct reason *why)
{
	if (r->stretch != NO_STRETCH)
		return;
	r->stretch = r->window.offset;
	memcpy(r->why, why->text, sizeof(r->why));
}

static void stretch_end(struct recording_reader *r, const struct frame_head *head)
{
	uint64_t bytes = r->window.offset - r->stretch;

	if (r->stretch == NO_STRETCH)
		return;
	tell(r, "offset %llu: %s; %llu bytes are lost, frame %llu at offset %llu is whole again",
	     (unsigned long long)r->stretch, r->why, (unsigned long long)bytes,
	     (unsigned long long)head->sequence, (unsigned long long)r->window.offset);
	r->health.damages++;
	r->health.lost_bytes += bytes;
	r->stretch = NO_STRETCH;
}

static void accept(struct recording_reader *r, const struct frame_head *head)
{
	stretch_end(r, head);
	if (r->id_known && head->sequence != r->next_sequence) {
		tell(r, "offset %llu: frames %llu to %llu are missing", (unsigned long long)r->window.offset,
		     (unsigned long long)r->next_sequence, (unsigned long long)head->sequence - 1);
		r->health.lost_frames += head->sequence - r->next_sequence;
	}
	r->id_known = true;
	r->id = head->id;
	r->next_sequence = head->sequence + 1;
	r->seen += head->records;
	r->health.frames++;
	r->health.unknown_frames += head->type != FRAME_RECORDS;
	r->ended = r->frame.has_end;
	r->raw_at = r->ahead_at = 0;
	window_skip(&r->window, sizeof(*head) + head->payload_size);
}

/* Go on searching behind what was found at the window's start. */
static bool go_on(struct recording_reader *r, enum found found, const struct frame_head *head,
		  const struct reason *why)
{
	stretch_begin(r, why);
	if (found == FOUND_BAD_PAYLOAD && ++r->bad_payloads > FRAME_BAD_SEARCHED) {
		window_skip(&r->window, sizeof(*head) + head->payload_size);
		return true;
	}
	return search(r);
}

static bool next_frame(struct recording_reader *r)
{
	struct frame_head head;
	enum found found;

	if (r->ended)
		return false;
	do {
		struct reason why = { "" };

		found = look(r, &head, &why);
		if (found == FOUND_END)
			return false;
		if (found != FOUND_FRAME && !go_on(r, found, &head, &why))
			return false;
	} while (found != FOUND_FRAME);
	accept(r, &head);
	return true;
}

/* ---- the whole file ---- */

static void check_count(struct recording_reader *r)
{
	if (r->end_records >= r->seen) {
		r->health.lost_records = r->end_records - r->seen;
		return;
	}
	tell(r, "the end record counts %llu records, but there are %llu", (unsigned long long)r->end_records,
	     (unsigned long long)r->seen);
	r->health.damages++;
}

static void check_rest(struct recording_reader *r)
{
	uint64_t at = r->window.offset, bytes = window_skip_rest(&r->window);

	if (!bytes)
		return;
	tell(r, "offset %llu: %llu bytes behind the recording's end", (unsigned long long)at,
	     (unsigned long long)bytes);
	r->health.damages++;
	r->health.lost_bytes += bytes;
}

static void check_cut(struct recording_reader *r)
{
	r->health.ends_early = true;
	if (r->window.error) {
		tell(r, "offset %llu: cannot read on: %s", (unsigned long long)r->window.offset,
		     strerror(-r->window.error));
		return;
	}
	if (r->stretch == NO_STRETCH) {
		tell(r, "offset %llu: ends early, behind a whole frame", (unsigned long long)r->window.offset);
		return;
	}
	r->health.cut_bytes = r->window.offset - r->stretch;
	tell(r, "offset %llu: ends early: %s; the last %llu bytes are no whole frame",
	     (unsigned long long)r->stretch, r->why, (unsigned long long)r->health.cut_bytes);
}

static void finish(struct recording_reader *r)
{
	r->over = true;
	if (!r->ended) {
		check_cut(r);
		return;
	}
	check_rest(r);
	check_count(r);
}

static void take_end(struct recording_reader *r, const struct record_end *end)
{
	r->end_records = end->records;
	r->health.next_part = end->next_part;
}

static void take_gap(struct recording_reader *r, const struct record_gap *gap)
{
	r->health.gaps++;
	r->health.gap_records += gap->records;
	tell(r, "%llu records are missing that could not be written: %s", (unsigned long long)gap->records,
	     strerror((int)gap->error));
}

const struct record_head *recording_next(struct recording_reader *r)
{
	while (r->raw_at < r->frame.raw_len || (!r->over && next_frame(r))) {
		const struct record_head *record;

		if (r->raw_at == r->frame.raw_len)
			continue;
		record = (const void *)(r->frame.raw + r->raw_at);
		r->raw_at += record_span(record->size);
		if (!record_is_known(record)) {
			r->health.unknown_records++;
			continue;
		}
		r->health.records++;
		if (record->type == RECORD_GAP)
			take_gap(r, (const void *)(record + 1));
		else if (record->type == RECORD_END)
			take_end(r, (const void *)(record + 1));
		return record;
	}
	if (!r->over)
		finish(r);
	return NULL;
}

const struct record_head *recording_ahead(struct recording_reader *r)
{
	const struct record_head *record;

	while (r->ahead_at < r->frame.raw_len && r->ahead_at < r->raw_at + AHEAD_BYTES) {
		record = (const void *)(r->frame.raw + r->ahead_at);
		r->ahead_at += record_span(record->size);
	}
	if (r->ahead_at >= r->frame.raw_len)
		return NULL;
	record = (const void *)(r->frame.raw + r->ahead_at);
	return record_is_known(record) ? record : NULL;
}

/* The file is shorter than its header says. */
static int header_cut(struct recording_reader *r)
{
	r->stretch = 0;
	snprintf(r->why, sizeof(r->why), "the header is not whole");
	window_skip_rest(&r->window);
	return 0;
}

static int read_facts(struct recording_reader *r)
{
	const struct recording_head *h = &r->header;
	const uint8_t *facts;

	if (window_fill(&r->window, h->size) < h->size)
		return header_cut(r);
	r->header_known = true;
	r->id_known = true;
	r->id = h->id;
	r->next_sequence = h->first_sequence;
	facts = window_at(&r->window) + sizeof(*h);
	if (crc32_z(0, facts, h->size - sizeof(*h)) == h->facts_crc) {
		r->facts = strndup((const char *)facts, h->facts_size);
		if (!r->facts)
			return -ENOMEM;
	} else {
		r->health.header_damaged = true;
		tell(r, "offset %zu: the facts are damaged: their CRC is wrong", sizeof(*h));
	}
	window_skip(&r->window, h->size);
	return 0;
}

static bool header_is_sound(const struct recording_head *h)
{
	return crc32_z(0, (const void *)h, offsetof(struct recording_head, crc)) == h->crc &&
	       h->size <= RECORDING_HEADER_MAX && h->size % 8 == 0 &&
	       h->size >= sizeof(*h) + (uint64_t)h->facts_size;
}

static int read_header(struct recording_reader *r)
{
	struct recording_head *h = &r->header;
	size_t n = window_fill(&r->window, sizeof(*h));

	if (r->window.error)
		return r->window.error;
	if (n < sizeof(h->magic)) {
		tell(r, "not a recording: it has only %zu bytes", n);
		return -EBADMSG;
	}
	if (memcmp(window_at(&r->window), RECORDING_MAGIC, sizeof(h->magic))) {
		tell(r, "not a recording: it begins like another kind of file");
		return -EBADMSG;
	}
	if (n < sizeof(*h))
		return header_cut(r);
	memcpy(h, window_at(&r->window), sizeof(*h));
	if (!header_is_sound(h)) {
		r->health.header_damaged = true;
		tell(r, "offset 0: the header is damaged, so the facts are not known");
		window_skip(&r->window, sizeof(*h));
		return 0;
	}
	if (h->major != RECORDING_MAJOR) {
		tell(r, "a recording of format %u.%u; this program reads %u", h->major, h->minor,
		     RECORDING_MAJOR);
		return -EPROTONOSUPPORT;
	}
	return read_facts(r);
}

int recording_open_fd(int fd, recording_say_fn *say, void *say_arg,
		      struct recording_reader **result)
{
	struct recording_reader *r = calloc(1, sizeof(*r));
	int err;

	*result = NULL;
	if (!r) {
		close(fd);
		return -ENOMEM;
	}
	r->say = say;
	r->say_arg = say_arg;
	r->stretch = NO_STRETCH;
	err = window_init(&r->window, fd);
	if (!err)
		err = frame_init(&r->frame);
	if (!err)
		err = read_header(r);
	if (err) {
		recording_reader_free(r);
		return err;
	}
	*result = r;
	return 0;
}

int recording_open(const char *path, recording_say_fn *say, void *say_arg,
		   struct recording_reader **result)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);

	*result = NULL;
	return fd < 0 ? -errno : recording_open_fd(fd, say, say_arg, result);
}

const char *recording_facts(const struct recording_reader *r)
{
	return r->facts;
}

const struct recording_head *recording_header(const struct recording_reader *r)
{
	return r->header_known ? &r->header : NULL;
}

int recording_error(const struct recording_reader *r)
{
	return r->window.error;
}

const struct recording_health *recording_health(const struct recording_reader *r)
{
	return &r->health;
}

bool recording_is_lossless(const struct recording_health *h)
{
	return !h->header_damaged && !h->ends_early && !h->damages && !h->lost_bytes && !h->lost_frames &&
	       !h->lost_records && !h->unknown_frames && !h->cut_bytes && !h->gaps;
}

void recording_reader_free(struct recording_reader *r)
{
	if (!r)
		return;
	window_deinit(&r->window);
	frame_deinit(&r->frame);
	free(r->facts);
	free(r);
}
