// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two text formats differ in little: OpenMetrics names a counter without its _total, has units, and an
 * end.  A host of a thousand VMs has 60,000 lines, so that whole numbers take a short way.
 */
#include "user/metrics/exposition.h"

#include "bpf/hist.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_LEN = 40, PART = 96 };

static const char total[] = "_total";

static bool make_room(struct text *t, size_t n)
{
	size_t want = t->size ? 2 * t->size : 65536;
	char *data;

	if (t->full)
		return false;
	if (t->size - t->n >= n)
		return true;
	while (want - t->n < n)
		want *= 2;
	data = realloc(t->data, want);
	if (!data) {
		t->full = true;
		return false;
	}
	t->data = data;
	t->size = want;
	return true;
}

static void add(struct text *t, const char *s, size_t n)
{
	if (!make_room(t, n))
		return;
	memcpy(t->data + t->n, s, n);
	t->n += n;
}

static void add_text(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

/* Backslash, quote and line end have a meaning within a label; in help texts the quote has none. */
static void add_escaped(struct text *t, const char *s, bool quotes)
{
	for (; *s; s++) {
		if (*s == '\\' || (quotes && *s == '"'))
			add(t, "\\", 1);
		if (*s == '\n')
			add(t, "\\n", 2);
		else
			add(t, s, 1);
	}
}

static void add_whole(struct text *t, uint64_t n)
{
	char buf[NUMBER_LEN], *p = buf + sizeof(buf);

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	add(t, p, (size_t)(buf + sizeof(buf) - p));
}

static void add_number(struct text *t, double value)
{
	char buf[NUMBER_LEN];

	if (value >= 0 && value < 0x1p53 && value == floor(value)) {
		add_whole(t, (uint64_t)value);
		return;
	}
	if (isnan(value)) {
		add_text(t, "NaN");
		return;
	}
	if (isinf(value)) {
		add_text(t, value < 0 ? "-Inf" : "+Inf");
		return;
	}
	/* as many digits as come out as they went in, and not the noise behind them */
	snprintf(buf, sizeof(buf), "%.15g", value);
	add_text(t, buf);
}

static bool ends_in_total(const char *name)
{
	size_t len = strlen(name), end = sizeof(total) - 1;

	return len > end && !strcmp(name + len - end, total);
}

/* Length of a metric's name in TYPE, UNIT and HELP. */
static size_t family_len(const struct metric_info *m, enum exposition_form form)
{
	size_t len = strlen(m->name);

	if (form == FORM_OPENMETRICS && m->type == COUNTER && ends_in_total(m->name))
		return len - (sizeof(total) - 1);
	return len;
}

static void add_family(struct text *t, const char *what, const struct metric_info *m,
		       enum exposition_form form)
{
	add_text(t, what);
	add(t, m->name, family_len(m, form));
	add(t, " ", 1);
}

static void add_head(struct text *t, const struct metric_info *m, enum exposition_form form)
{
	add_family(t, "# HELP ", m, form);
	add_escaped(t, m->text, form == FORM_OPENMETRICS);
	add_family(t, "\n# TYPE ", m, form);
	add_text(t, metric_type_name(m->type));
	if (form == FORM_OPENMETRICS && *m->unit) {
		add_family(t, "\n# UNIT ", m, form);
		add_text(t, m->unit);
	}
	add(t, "\n", 1);
}

/* {a="1",b="2"}, and le if there is one. */
static void add_labels(struct text *t, const struct sample *s, const char *le, size_t le_len)
{
	const struct metric_info *m = metric_info(s->metric);
	bool first = true;

	for (int i = 0; i < METRIC_LABELS && m->labels[i]; i++) {
		add_text(t, first ? "{" : ",");
		add_text(t, label_name(m->labels[i]));
		add(t, "=\"", 2);
		add_escaped(t, s->label[i], true);
		add(t, "\"", 1);
		first = false;
	}
	if (le) {
		add_text(t, first ? "{le=\"" : ",le=\"");
		add(t, le, le_len);
		add(t, "\"", 1);
		first = false;
	}
	if (!first)
		add(t, "}", 1);
}

/*
 * Which buckets are told: always the same, as what reads them expects.  1 us to 17 s of times, and 1 to 2^20
 * of anything else; what is below and above is in the first one and in +Inf.
 */
static void bucket_range(const struct metric_info *m, int *low, int *high)
{
	bool seconds = !strcmp(m->unit, "seconds");

	*low = seconds ? 10 : 1;
	*high = seconds ? 34 : 21;
}

static void add_bucket(struct text *t, const struct sample *s, const char *le, size_t len, uint64_t n)
{
	add_text(t, metric_info(s->metric)->name);
	add_text(t, "_bucket");
	add_labels(t, s, le, len);
	add(t, " ", 1);
	add_whole(t, n);
	add(t, "\n", 1);
}

/* OpenMetrics wants 1.0 where the other has 1. */
static void add_edge(struct text *t, double edge, enum exposition_form form)
{
	add_number(t, edge);
	if (form == FORM_OPENMETRICS && edge == floor(edge))
		add(t, ".0", 2);
}

static void add_hist(struct text *t, const struct sample *s, enum exposition_form form)
{
	const struct metric_info *m = metric_info(s->metric);
	uint64_t n = 0;
	int low, high;

	bucket_range(m, &low, &high);
	for (int b = 0; b < HIST_BUCKETS; b++) {
		struct text edge = { 0 };

		n += s->hist->bucket[b];
		if (b < low || b > high)
			continue;
		add_edge(&edge, metric_bucket_edge(s->metric, b), form);
		t->full |= edge.full;
		add_bucket(t, s, edge.data ? edge.data : "", edge.n, n);
		text_free(&edge);
	}
	add_bucket(t, s, "+Inf", 4, n);
	add_text(t, m->name);
	add_text(t, "_count");
	add_labels(t, s, NULL, 0);
	add(t, " ", 1);
	add_whole(t, n);
	add(t, "\n", 1);
	add_text(t, m->name);
	add_text(t, "_sum");
	add_labels(t, s, NULL, 0);
	add(t, " ", 1);
	add_number(t, (double)s->hist->sum * m->scale);
	add(t, "\n", 1);
}

/* What all lines of a metric without buckets share: before each label's value, and behind the last. */
struct line {
	const struct metric_info *metric;
	char part[METRIC_LABELS + 1][PART];
	size_t len[METRIC_LABELS + 1];
	size_t all;
};

static void line_init(struct line *l, const struct metric_info *m)
{
	int i = 0;

	*l = (struct line){ .metric = m };
	for (; i < METRIC_LABELS && m->labels[i]; i++)
		l->len[i] = (size_t)snprintf(l->part[i], PART, "%s%s%s=\"", i ? "\"," : m->name, i ? "" : "{",
					     label_name(m->labels[i]));
	l->len[i] = (size_t)snprintf(l->part[i], PART, "%s ", i ? "\"}" : m->name);
	for (int p = 0; p <= i; p++)
		l->all += l->len[p];
}

static char *put_escaped(char *p, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '"' || *s == '\n')
			*p++ = '\\';
		*p++ = *s == '\n' ? 'n' : *s;
	}
	return p;
}

static void add_line(struct text *t, const struct line *l, const struct sample *s)
{
	size_t most = l->all;
	char *p;
	int i;

	for (i = 0; i < METRIC_LABELS && s->label[i]; i++)
		most += 2 * strlen(s->label[i]);
	if (!make_room(t, most))
		return;
	p = t->data + t->n;
	for (i = 0; i < METRIC_LABELS && s->label[i]; i++) {
		memcpy(p, l->part[i], l->len[i]);
		p = put_escaped(p + l->len[i], s->label[i]);
	}
	memcpy(p, l->part[i], l->len[i]);
	t->n = (size_t)(p + l->len[i] - t->data);
	add_number(t, s->value);
	add(t, "\n", 1);
}

int exposition_write(struct text *out, const struct samples *s, enum exposition_form form)
{
	struct line line = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		const struct metric_info *m = metric_info(s->list[i].metric);

		if (m != line.metric) {
			add_head(out, m, form);
			line_init(&line, m);
		}
		if (s->list[i].hist)
			add_hist(out, &s->list[i], form);
		else
			add_line(out, &line, &s->list[i]);
	}
	return out->full ? -ENOMEM : 0;
}

int exposition_end(struct text *out, enum exposition_form form)
{
	if (form == FORM_OPENMETRICS)
		add_text(out, "# EOF\n");
	return out->full ? -ENOMEM : 0;
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

const char *exposition_content_type(enum exposition_form form)
{
	return form == FORM_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8" :
					  "text/plain; version=0.0.4; charset=utf-8";
}

static const char *skip_spaces(const char *p)
{
	return p + strspn(p, " \t");
}

/* Is the word of this length at p? */
static bool word_is(const char *p, size_t len, const char *word)
{
	return len == strlen(word) && !strncasecmp(p, word, len);
}

/* One element of an Accept header, without its comma. */
struct wish {
	double q;
	bool version_known;	/* 1.0.0, 0.0.1, or none is named */
};

static void read_parameter(struct wish *w, const char *p, const char *end)
{
	const char *value = memchr(p, '=', (size_t)(end - p));
	size_t name_len;
	char text[16];

	if (!value)
		return;
	name_len = (size_t)(value - p);
	value++;
	snprintf(text, sizeof(text), "%.*s", (int)(end - value), value);
	text[strcspn(text, " \t")] = '\0';
	if (word_is(p, name_len, "q"))
		w->q = strtod(text, NULL);
	else if (word_is(p, name_len, "version"))
		w->version_known = !strcmp(text, "1.0.0") || !strcmp(text, "0.0.1");
}

static struct wish read_wish(const char *p, const char *end)
{
	struct wish w = { .q = 1, .version_known = true };

	while ((p = memchr(p, ';', (size_t)(end - p)))) {
		const char *next;

		p = skip_spaces(p + 1);
		next = p < end ? memchr(p, ';', (size_t)(end - p)) : NULL;
		read_parameter(&w, p, p < end ? next ? next : end : p);
		if (p >= end)
			break;
	}
	return w;
}

enum exposition_form exposition_choose(const char *accept)
{
	double openmetrics = 0, plain = 0;

	for (const char *p = accept; p && *p;) {
		const char *end = p + strcspn(p, ",");
		size_t type_len;
		struct wish w;

		p = skip_spaces(p);
		type_len = strcspn(p, ";, \t");
		w = read_wish(p, p < end ? end : p);
		if (word_is(p, type_len, "application/openmetrics-text") && w.version_known)
			openmetrics = w.q > openmetrics ? w.q : openmetrics;
		else if (word_is(p, type_len, "text/plain"))
			plain = w.q > plain ? w.q : plain;
		p = *end ? end + 1 : end;
	}
	return openmetrics > 0 && openmetrics >= plain ? FORM_OPENMETRICS : FORM_TEXT;
}
