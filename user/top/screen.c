// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cells.
 */
#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 };

bool screen_init(struct screen *s, int rows, int cols, bool utf8)
{
	*s = (struct screen){ .rows = rows, .cols = cols, .utf8 = utf8 };
	s->cells = calloc((size_t)rows * (size_t)cols + 1, sizeof(*s->cells));
	return s->cells;
}

void screen_free(struct screen *s)
{
	free(s->cells);
	s->cells = NULL;
}

static struct cell_glyph *cell_at(struct screen *s, int row, int col)
{
	if (row < 0 || row >= s->rows || col < 0 || col >= s->cols)
		return NULL;
	return &s->cells[(size_t)row * (size_t)s->cols + (size_t)col];
}

/* Bytes of the character that begins here; what is no UTF-8 of ours counts as a byte. */
static size_t character(const char *text)
{
	unsigned char c = (unsigned char)*text;
	size_t n = c >= 0xf0 ? 1 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	for (size_t i = 1; i < n; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

const char *screen_sign(const struct screen *s, const char *utf8, const char *ascii)
{
	return s->utf8 ? utf8 : ascii;
}

static int columns(const char *text)
{
	int n = 0;

	for (; *text; text += character(text))
		n++;
	return n;
}

/* At most `most` characters: the column behind them. */
static int put(struct screen *s, int row, int col, enum style style, const char *text, int most)
{
	for (; *text && most > 0; most--, col++) {
		struct cell_glyph *cell = cell_at(s, row, col);
		size_t n = character(text);

		if (cell) {
			memset(cell->text, 0, sizeof(cell->text));
			memcpy(cell->text, text, n);
			/* whoever gave us this: a terminal must not take it for a command */
			if (n == 1 && (*text < ' ' || *text > '~'))
				cell->text[0] = '?';
			cell->style = (uint8_t)style;
		}
		text += n;
	}
	return col;
}

int screen_put(struct screen *s, int row, int col, enum style style, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	int end;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end = put(s, row, col, style, text, TEXT_MAX);
	if (end > s->cols && col < s->cols)
		put(s, row, s->cols - 1, style, screen_sign(s, "…", "~"), 1);
	return end;
}

void screen_left(struct screen *s, int row, int col, int width, enum style style, const char *text)
{
	int n = columns(text);

	screen_paint(s, row, col, width, style);
	if (n <= width) {
		put(s, row, col, style, text, n);
		return;
	}
	put(s, row, col, style, text, width - 1);
	put(s, row, col + width - 1, style, screen_sign(s, "…", "~"), 1);
}

void screen_right(struct screen *s, int row, int col, int width, enum style style, const char *text)
{
	int n = columns(text);

	if (n > width) {
		screen_left(s, row, col, width, style, text);
		return;
	}
	screen_paint(s, row, col, width, style);
	put(s, row, col + width - n, style, text, n);
}

void screen_paint(struct screen *s, int row, int col, int width, enum style style)
{
	for (int i = 0; i < width; i++) {
		struct cell_glyph *cell = cell_at(s, row, col + i);

		if (cell)
			cell->style = (uint8_t)style;
	}
}

void screen_bar(struct screen *s, int row, int col, int width, enum style style, double share)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	int n = (int)(share * width * 8 + 0.5);

	/* what is there can be seen */
	if (n < 1 && share > 0)
		n = 1;
	if (n > width * 8)
		n = width * 8;
	if (!s->utf8) {
		for (int i = 0; i < (n + 7) / 8; i++)
			put(s, row, col + i, style, "#", 1);
		return;
	}
	for (int i = 0; i < n / 8; i++)
		put(s, row, col + i, style, "█", 1);
	if (n % 8)
		put(s, row, col + n / 8, style, eighths[n % 8], 1);
}

char *screen_row(const struct screen *s, int row)
{
	char *text = malloc((size_t)s->cols * GLYPH_LEN + 1);
	size_t len = 0, end = 0;

	if (!text)
		return NULL;
	for (int col = 0; col < s->cols; col++) {
		const struct cell_glyph *cell = &s->cells[(size_t)row * (size_t)s->cols + (size_t)col];
		size_t n = strlen(cell->text);

		if (n) {
			memcpy(text + len, cell->text, n);
			len += n;
		} else {
			text[len++] = ' ';
		}
		if (n && strcmp(cell->text, " ") != 0)
			end = len;
	}
	text[end] = '\0';
	return text;
}
