// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quoting and folding of command lines.  What a shell reads from the lines are exactly the words, however
 * long they are, so that a command can be taken out of a mail and run.
 */
#include "shell.h"

#include <stdbool.h>
#include <string.h>

/* where the next character goes */
struct place {
	FILE *f;
	int columns;
	int column;
};

static bool is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	return *word && !word[strspn(word, plain)];
}

static void put(struct place *at, const char *text)
{
	at->column += fprintf(at->f, "%s", text);
}

/* A quote in quotes: they end, and begin again behind it. */
static const char *in_quotes(char c, char buf[2])
{
	buf[0] = c;
	buf[1] = '\0';
	return c == '\'' ? "'\\''" : buf;
}

static size_t quoted_size(const char *word)
{
	size_t n = strlen(word) + 2;
	char buf[2];

	if (is_plain(word))
		return n - 2;
	for (; *word; word++)
		n += strlen(in_quotes(*word, buf)) - 1;
	return n;
}

static void put_word(struct place *at, const char *word)
{
	char buf[2];

	if (is_plain(word)) {
		put(at, word);
		return;
	}
	put(at, "'");
	for (; *word; word++)
		put(at, in_quotes(*word, buf));
	put(at, "'");
}

/* Pieces in quotes with nothing between them but line ends that the shell takes out. */
static void put_pieces(struct place *at, const char *word)
{
	enum { CLOSING = sizeof("' \\") - 1 };
	char buf[2];

	put(at, "'");
	for (; *word; word++) {
		const char *text = in_quotes(*word, buf);

		if (at->column + (int)strlen(text) + CLOSING > at->columns) {
			put(at, "'\\\n'");
			at->column = 1;
		}
		put(at, text);
	}
	put(at, "'");
}

void shell_line(FILE *f, const json_t *words, int columns, int column, int indent)
{
	struct place at = { .f = f, .columns = columns, .column = column };
	const json_t *o;
	size_t i;

	json_array_foreach(words, i, o) {
		const char *word = json_is_string(o) ? json_string_value(o) : "?";
		/* " \" has to go behind all but the last */
		size_t needs = quoted_size(word) + (i + 1 < json_array_size(words) ? 2 : 0);

		if (i && (size_t)at.column + 1 + needs <= (size_t)columns) {
			put(&at, " ");
		} else if (i) {
			fprintf(f, " \\\n%*s", indent, "");
			at.column = indent;
		}
		if ((size_t)at.column + needs <= (size_t)columns)
			put_word(&at, word);
		else
			put_pieces(&at, word);
	}
}
