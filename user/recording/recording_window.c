// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a file forward, in bounded memory.
 */
#include "recording_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW_BYTES = 64 << 10 };

int window_init(struct window *w, int fd)
{
	*w = (struct window){ .fd = fd, .bytes = malloc(WINDOW_BYTES), .size = WINDOW_BYTES };
	return w->bytes ? 0 : -ENOMEM;
}

void window_deinit(struct window *w)
{
	close(w->fd);
	free(w->bytes);
}

/* Room behind the end. */
static bool window_grow(struct window *w)
{
	uint8_t *bytes;

	if (w->start) {
		memmove(w->bytes, w->bytes + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
		return true;
	}
	bytes = realloc(w->bytes, w->size * 2);
	if (!bytes) {
		w->error = -ENOMEM;
		return false;
	}
	w->bytes = bytes;
	w->size *= 2;
	return true;
}

size_t window_fill(struct window *w, size_t n)
{
	while (w->end - w->start < n && !w->at_eof && !w->error) {
		ssize_t got;

		if (w->end == w->size && !window_grow(w))
			break;
		got = read(w->fd, w->bytes + w->end, w->size - w->end);
		if (got > 0)
			w->end += (size_t)got;
		else if (!got)
			w->at_eof = true;
		else if (errno != EINTR)
			w->error = -errno;
	}
	return w->end - w->start;
}

const uint8_t *window_at(const struct window *w)
{
	return w->bytes + w->start;
}

void window_skip(struct window *w, size_t n)
{
	w->start += n;
	w->offset += n;
}

uint64_t window_skip_rest(struct window *w)
{
	uint64_t from = w->offset;
	size_t n;

	while ((n = window_fill(w, 1)))
		window_skip(w, n);
	return w->offset - from;
}
