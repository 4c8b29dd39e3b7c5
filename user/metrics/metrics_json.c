// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a JSON report to samples, by the column `source` of metrics.def: each is a path into the
 * report, and what a variable part of it stands for is the value of the next label.
 */
#include "metrics.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { REPORT_VERSION = 1, PART_LEN = 96, VALUE_LEN = 96 };

/* On the way down one path. */
struct walk {
	struct samples *out;
	enum metric metric;
	char label[METRIC_LABELS][VALUE_LEN];
	int labels;
	int err;
};

static void descend(struct walk *w, const json_t *node, const char *path);

/* First part of a path; returns the rest. */
static const char *part_of(const char *path, char part[PART_LEN])
{
	size_t len = strcspn(path, "/");

	snprintf(part, PART_LEN, "%.*s", (int)len, path);
	return path[len] ? path + len + 1 : path + len;
}

static void push(struct walk *w, const char *value)
{
	if (w->labels < METRIC_LABELS)
		snprintf(w->label[w->labels], VALUE_LEN, "%s", value);
	w->labels++;
}

/* Go on below node with one more label. */
static void branch(struct walk *w, const char *value, const json_t *node, const char *rest)
{
	push(w, value);
	descend(w, node, rest);
	w->labels--;
}

static const char *scalar_text(const json_t *j, char buf[VALUE_LEN])
{
	if (json_is_string(j))
		return json_string_value(j);
	if (!json_is_integer(j))
		return NULL;
	snprintf(buf, VALUE_LEN, "%lld", (long long)json_integer_value(j));
	return buf;
}

/* Is name among those of "a!b" or "a|b"? */
static bool listed(const char *list, const char *separator, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p; p = strpbrk(p, separator)) {
		p += *p == *separator;
		if (!strncmp(p, name, len) && (!p[len] || p[len] == *separator))
			return true;
	}
	return false;
}

/* "prefix*!a!b": every member but those */
static void every_member(struct walk *w, const json_t *node, const char *part, const char *rest)
{
	size_t prefix = strcspn(part, "*");
	const char *but = part + prefix + 1, *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)node, key, value)
		if (!strncmp(key, part, prefix) && !(*but && listed(but, "!", key)))
			branch(w, key + prefix, value, rest);
}

/* "a|b": these members */
static void these_members(struct walk *w, const json_t *node, const char *part, const char *rest)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)node, key, value)
		if (listed(part, "|", key))
			branch(w, key, value, rest);
}

/* "[key]": every element of an array */
static void every_element(struct walk *w, const json_t *node, const char *part, const char *rest)
{
	char key[PART_LEN], buf[VALUE_LEN];
	json_t *value;
	size_t i;

	snprintf(key, sizeof(key), "%.*s", (int)strcspn(part + 1, "]"), part + 1);
	json_array_foreach(node, i, value) {
		const char *text = scalar_text(json_object_get(value, key), buf);

		if (text)
			branch(w, text, value, rest);
	}
}

static const char *const *labels_of(struct walk *w, const char *list[METRIC_LABELS])
{
	for (int i = 0; i < METRIC_LABELS; i++)
		list[i] = w->label[i];
	return list;
}

static void leaf_value(struct walk *w, double value)
{
	const char *list[METRIC_LABELS];

	if (!w->err)
		w->err = samples_add(w->out, w->metric, labels_of(w, list), value);
}

/* "{a,b.c,d?}": members as labels; a sample only if all are there, but for d, which is "" then */
static void members_as_labels(struct walk *w, const json_t *node, const char *part)
{
	int before = w->labels;
	char name[PART_LEN], *dot, buf[VALUE_LEN];

	for (const char *p = part + 1; *p && *p != '}'; p += strcspn(p, ",}"), p += *p == ',') {
		const json_t *from = node;
		const char *text;
		bool optional;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, "?,}"), p);
		optional = p[strcspn(p, "?,}")] == '?';
		dot = strchr(name, '.');
		if (dot) {
			*dot = '\0';
			from = json_object_get(node, name);
		}
		text = scalar_text(json_object_get(from, dot ? dot + 1 : name), buf);
		if (text || optional)
			push(w, text ? text : "");
	}
	if (w->labels < METRIC_LABELS ? !metric_info(w->metric)->labels[w->labels] : true)
		leaf_value(w, 1);
	w->labels = before;
}

static void leaf_hist(struct walk *w, const json_t *node)
{
	const char *list[METRIC_LABELS];
	json_t *buckets = json_object_get(node, "buckets"), *n;
	size_t first = (size_t)json_integer_value(json_object_get(node, "first_bucket")), i;
	struct hist h = { .sum = (uint64_t)json_integer_value(json_object_get(node, "sum")) };

	json_array_foreach(buckets, i, n)
		if (first < HIST_BUCKETS && i < HIST_BUCKETS - first)
			h.bucket[first + i] = (uint64_t)json_integer_value(n);
	if (!w->err)
		w->err = samples_add_hist(w->out, w->metric, labels_of(w, list), &h);
}

/* A text is a state: one sample for each that there can be. */
static void leaf_state(struct walk *w, const char *state)
{
	enum label l =
		w->labels < METRIC_LABELS ? metric_info(w->metric)->labels[w->labels] : LABEL_NONE;

	for (int i = 0; label_value(l, i); i++) {
		push(w, label_value(l, i));
		leaf_value(w, !strcmp(state, label_value(l, i)));
		w->labels--;
	}
}

static void leaf(struct walk *w, const json_t *node)
{
	if (metric_info(w->metric)->type == HISTOGRAM) {
		if (json_is_object(node))
			leaf_hist(w, node);
	} else if (json_is_string(node)) {
		leaf_state(w, json_string_value(node));
	} else if (json_is_boolean(node)) {
		leaf_value(w, json_is_true(node));
	} else if (json_is_number(node)) {
		leaf_value(w, json_number_value(node));
	}
}

static void descend(struct walk *w, const json_t *node, const char *path)
{
	char part[PART_LEN];
	const char *rest;

	if (!*path) {
		leaf(w, node);
		return;
	}
	rest = part_of(path, part);
	if (*part == '[')
		every_element(w, node, part, rest);
	else if (*part == '{')
		members_as_labels(w, node, part);
	else if (strchr(part, '*'))
		every_member(w, node, part, rest);
	else if (strchr(part, '|'))
		these_members(w, node, part, rest);
	else
		descend(w, json_object_get(node, part), rest);
}

int metrics_from_json(const json_t *report, struct samples *out, char *why, size_t size)
{
	const json_t *version = json_object_get(report, "version");
	struct walk w = { .out = out };

	if (!json_is_string(json_object_get(report, "mmuscope")) || !json_is_integer(version)) {
		snprintf(why, size,
			 "it is no report of mmuscope (of 'mmuscope check --json', for example)");
		return -EINVAL;
	}
	if (json_integer_value(version) != REPORT_VERSION) {
		snprintf(why, size, "it is a report of version %lld, and this program reads version %d",
			 (long long)json_integer_value(version), REPORT_VERSION);
		return -EINVAL;
	}
	for (int m = 0; m < METRIC_NR; m++) {
		w.metric = (enum metric)m;
		if (*metric_info(w.metric)->source)
			descend(&w, report, metric_info(w.metric)->source);
	}
	samples_sort(out);
	return w.err;
}
