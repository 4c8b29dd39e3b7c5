// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words and selectors of the rules.
 */
#include "rules_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int __attribute__((format(printf, 3, 4)))
rules_wrong(struct cursor *c, const char *at, const char *fmt, ...)
{
	va_list ap;

	c->error->column = (size_t)(at - c->start) + 1;
	va_start(ap, fmt);
	vsnprintf(c->error->text, sizeof(c->error->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && is_blank(*c->p))
		c->p++;
	if (c->p < c->end && *c->p == '#')
		c->end = c->p;
}

const char *read_word(struct cursor *c, const char *stops, char out[WORD_LEN])
{
	const char *at;
	size_t n = 0;

	skip_blanks(c);
	at = c->p;
	while (c->p < c->end && !is_blank(*c->p) && *c->p && !strchr(stops, *c->p)) {
		if (n + 1 < WORD_LEN)
			out[n++] = *c->p >= ' ' && *c->p <= '~' ? *c->p : '?';
		c->p++;
	}
	out[n] = '\0';
	return at;
}

bool at_end(struct cursor *c)
{
	skip_blanks(c);
	return c->p == c->end;
}

bool take_char(struct cursor *c, char ch)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

bool take_word(struct cursor *c, const char *text)
{
	const char *before = c->p;
	char got[WORD_LEN];

	read_word(c, "", got);
	if (!strcmp(got, text))
		return true;
	c->p = before;
	return false;
}

int expect_word(struct cursor *c, const char *text)
{
	skip_blanks(c);
	return take_word(c, text) ? 0 : rules_wrong(c, c->p, "here '%s' is expected", text);
}

/* NAME, or NAME_count or NAME_sum of a histogram */
static int find_metric(const char *name, struct selector *s)
{
	static const struct {
		const char *suffix;
		enum part part;
	} parts[] = { { "_count", PART_COUNT }, { "_sum", PART_SUM } };
	int m = metric_find(name);

	s->part = PART_VALUE;
	for (size_t i = 0; i < 2 && m < 0; i++) {
		size_t len = strlen(name), tail = strlen(parts[i].suffix);
		char base[WORD_LEN];

		if (len <= tail || strcmp(name + len - tail, parts[i].suffix))
			continue;
		snprintf(base, sizeof(base), "%.*s", (int)(len - tail), name);
		m = metric_find(base);
		s->part = parts[i].part;
		if (m >= 0 && metric_info((enum metric)m)->type != HISTOGRAM)
			m = -1;
	}
	s->metric = (enum metric)m;
	return m;
}

static bool value_is_known(enum label l, const char *value)
{
	if (!label_value(l, 0))
		return true;
	for (int i = 0; label_value(l, i); i++)
		if (!strcmp(label_value(l, i), value))
			return true;
	return false;
}

/* "a, b, c": values of a label */
static void list_values(enum label l, char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (int i = 0; label_value(l, i) && len + 1 < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
					label_value(l, i));
}

static int parse_value(struct cursor *c, char out[WORD_LEN])
{
	const char *close;
	size_t len;

	skip_blanks(c);
	if (c->p == c->end || *c->p != '"') {
		read_word(c, ",}", out);
		return 0;
	}
	close = memchr(c->p + 1, '"', (size_t)(c->end - c->p - 1));
	if (!close)
		return rules_wrong(c, c->p, "the quotation mark is never closed");
	len = (size_t)(close - c->p - 1);
	if (len >= RULE_VALUE_LEN || memchr(c->p + 1, '\0', len))
		return rules_wrong(c, c->p, "a value has at most %d characters, none of them NUL",
				   RULE_VALUE_LEN - 1);
	snprintf(out, WORD_LEN, "%.*s", (int)len, c->p + 1);
	c->p = close + 1;
	return 0;
}

static int parse_match(struct cursor *c, struct selector *s)
{
	const struct metric_info *info = metric_info(s->metric);
	char name[WORD_LEN], value[WORD_LEN], known[160];
	const char *at = read_word(c, "=,}", name);
	int label = metric_label(s->metric, name);

	if (label < 0)
		return rules_wrong(c, at, "%s has no label '%.40s'; see 'mmuscope metrics'",
				   info->name, name);
	for (int i = 0; i < s->matches; i++)
		if (s->match[i].label == label)
			return rules_wrong(c, at, "label '%s' is given twice", name);
	if (!take_char(c, '='))
		return rules_wrong(c, c->p, "after the label there is '=' and its value: {%s=...}",
				   name);
	skip_blanks(c);
	at = c->p;
	if (parse_value(c, value))
		return -EINVAL;
	if (!*value || strlen(value) >= RULE_VALUE_LEN)
		return rules_wrong(c, at, "a value has 1 to %d characters", RULE_VALUE_LEN - 1);
	list_values(info->labels[label], known, sizeof(known));
	if (!value_is_known(info->labels[label], value))
		return rules_wrong(c, at, "'%.40s' is no %s; there are: %s", value, name, known);
	s->match[s->matches].label = label;
	memcpy(s->match[s->matches++].value, value, strlen(value) + 1);
	return 0;
}

int parse_selector(struct cursor *c, struct selector *s)
{
	char name[WORD_LEN];
	const char *at = read_word(c, "{", name);

	s->matches = 0;
	if (!*name)
		return rules_wrong(
			c, at,
			"here the name of a metric is expected; 'mmuscope metrics' lists them");
	if (find_metric(name, s) < 0)
		return rules_wrong(
			c, at, "there is no metric '%.80s'; 'mmuscope metrics' lists them", name);
	if (c->p == c->end || *c->p != '{')
		return 0;
	c->p++;
	do {
		if (parse_match(c, s))
			return -EINVAL;
	} while (take_char(c, ','));
	return take_char(c, '}') ? 0 : rules_wrong(c, c->p, "here '}' or ',' is expected");
}
