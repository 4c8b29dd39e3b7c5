// SPDX-License-Identifier: GPL-2.0-only
/*
 * What several forms of a recording's report say in the same words.
 */
#include "forms.h"

#include <string.h>
#include <time.h>

const char *report_date(const struct digest *d, char *buf, size_t size)
{
	time_t t = (time_t)(d->head.real_ns / 1000000000);
	struct tm tm;

	if (!d->header_known || !gmtime_r(&t, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		buf[0] = '\0';
	return buf;
}

/* Text of a buffer that may be cut off. */
struct line {
	char *text;
	size_t size;
	size_t len;
};

static void line_add(struct line *l, const char *text, size_t n)
{
	size_t room = l->size - 1 - l->len;

	n = n < room ? n : room;
	memcpy(l->text + l->len, text, n);
	l->len += n;
	l->text[l->len] = '\0';
}

/* As a shell would have to be given it. */
static void line_add_word(struct line *l, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	if (*word && !word[strspn(word, plain)]) {
		line_add(l, word, strlen(word));
		return;
	}
	line_add(l, "'", 1);
	while (*word) {
		size_t n = strcspn(word, "'");

		line_add(l, word, n);
		word += n;
		if (*word)
			line_add(l, "'\\''", 4);
		word += *word == '\'';
	}
	line_add(l, "'", 1);
}

const char *report_workload(const struct digest *d, char *buf, size_t size)
{
	const json_t *list = json_object_get(d->last, "workload"), *word;
	struct line l = { .text = buf, .size = size };
	size_t i;

	buf[0] = '\0';
	json_array_foreach(list, i, word) {
		line_add(&l, " ", i ? 1 : 0);
		line_add_word(&l, json_is_string(word) ? json_string_value(word) : "?");
	}
	return buf;
}

uint64_t json_count(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}
