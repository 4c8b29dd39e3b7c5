/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window that moves forward over a file or a pipe: what was read and is not yet used.
 */
#ifndef MMUSCOPE_RECORDING_WINDOW_H
#define MMUSCOPE_RECORDING_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window {
	int fd;
	int error;		/* negative errno of read(), or -ENOMEM: nothing more comes */
	bool at_eof;
	uint64_t offset;	/* of start in the file */
	uint8_t *bytes;		/* [start, end) of them are in the window */
	size_t size;
	size_t start;
	size_t end;
};

/* Takes over fd, also when it fails.  0 or -ENOMEM. */
int window_init(struct window *w, int fd);
void window_deinit(struct window *w);
/*
 * Have n bytes in the window, or as many as there are; their number is returned, more than n at times.
 * Memory grows with what was really read, not with what is asked for.
 */
size_t window_fill(struct window *w, size_t n);
/* Its first byte; until the next window_fill(). */
const uint8_t *window_at(const struct window *w);
/* Move on by n of the bytes that are in it. */
void window_skip(struct window *w, size_t n);
/* Move on to the end of the file; how far that is. */
uint64_t window_skip_rest(struct window *w);

#endif /* MMUSCOPE_RECORDING_WINDOW_H */
