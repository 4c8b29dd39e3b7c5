/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What unit tests share: cmocka with what it needs, a random number, and catching what a function
 * prints.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* xorshift64*: the same numbers on every machine, so that a failure can be repeated */
static inline uint32_t random_below(uint64_t *seed, uint32_t n)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)((*seed * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

/* What goes to a file descriptor between catch_begin and catch_end, as text. */
struct catch {
	int fd;
	int saved;
	FILE *file;
	char text[16384];
};

static inline void catch_begin(struct catch *c, FILE *stream)
{
	fflush(stream);
	c->fd = fileno(stream);
	c->saved = dup(c->fd);
	c->file = tmpfile();
	assert_non_null(c->file);
	assert_true(dup2(fileno(c->file), c->fd) >= 0);
}

static inline const char *catch_end(struct catch *c, FILE *stream)
{
	size_t n;

	fflush(stream);
	assert_true(dup2(c->saved, c->fd) >= 0);
	close(c->saved);
	rewind(c->file);
	n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[n] = '\0';
	fclose(c->file);
	return c->text;
}

static inline int lines_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif /* TESTS_UNIT_H */
