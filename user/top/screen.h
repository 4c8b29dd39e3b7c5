/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture of a terminal: cells with a character and a style each.  What draws it knows no terminal, so
 * that it can be tested as text; user/top/term.c shows it.
 */
#ifndef MMUSCOPE_SCREEN_H
#define MMUSCOPE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum style {
	STYLE_PLAIN,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_HEAD,		/* of a table */
	STYLE_SELECTED,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_4K,		/* mapping levels, in bars */
	STYLE_2M,
	STYLE_1G,
	STYLE_NR,
};

enum { GLYPH_LEN = 4 };

struct cell_glyph {
	char text[GLYPH_LEN];	/* one character of one column, UTF-8; "": a blank */
	uint8_t style;
};

struct screen {
	int rows;
	int cols;
	bool utf8;		/* may hold more than ASCII */
	struct cell_glyph *cells;
};

/* Blank.  False: out of memory. */
bool screen_init(struct screen *s, int rows, int cols, bool utf8);
void screen_free(struct screen *s);
/*
 * Write from a place on; what goes beyond the right edge ends there in an ellipsis, and what is outside the
 * picture is left out.  Text is ASCII, or UTF-8 of characters one column wide.  The column behind it, whether
 * it was cut or not.
 */
int screen_put(struct screen *s, int row, int col, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* In a field of this width, to its right or left; what is too long ends in an ellipsis. */
void screen_right(struct screen *s, int row, int col, int width, enum style style, const char *text);
void screen_left(struct screen *s, int row, int col, int width, enum style style, const char *text);
/* The style of a stretch, without changing its text. */
void screen_paint(struct screen *s, int row, int col, int width, enum style style);
/* The UTF-8 form of a sign, or the ASCII one. */
const char *screen_sign(const struct screen *s, const char *utf8, const char *ascii);
/* A bar of a share (0..1) of the width, in eighths of a column where the character set has them. */
void screen_bar(struct screen *s, int row, int col, int width, enum style style, double share);
/* A row without blanks at its end, to be freed; NULL: out of memory. */
char *screen_row(const struct screen *s, int row);

#endif /* MMUSCOPE_SCREEN_H */
