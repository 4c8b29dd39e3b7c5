// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs in and out of the run store.  A sample's labels are kept as text: label="value",... in the
 * metric's order.
 */
#include "store_db.h"

#include "user/judge/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS_LEN = 512 };

/* level="4K",vm="1"; quotation marks and backslashes escaped.  False: too long. */
static bool labels_text(const struct sample *s, char out[LABELS_LEN])
{
	const struct metric_info *info = metric_info(s->metric);
	size_t n = 0;

	for (int i = 0; i < METRIC_LABELS && s->label[i]; i++) {
		n += (size_t)snprintf(out + n, LABELS_LEN - n, "%s%s=\"", i ? "," : "",
				      label_name(info->labels[i]));
		for (const char *p = s->label[i]; *p && n + 4 < LABELS_LEN; p++) {
			if (*p == '"' || *p == '\\')
				out[n++] = '\\';
			out[n++] = *p;
		}
		if (n + 4 >= LABELS_LEN)
			return false;
		out[n++] = '"';
	}
	out[n] = '\0';
	return true;
}

/* The way back: values into buf, label[] pointing there.  False: no such labels. */
static bool labels_split(enum metric m, const char *text, char buf[LABELS_LEN],
			 const char *label[METRIC_LABELS])
{
	const struct metric_info *info = metric_info(m);
	char *out = buf;
	int i;

	for (i = 0; i < METRIC_LABELS && info->labels[i]; i++) {
		const char *name = label_name(info->labels[i]);
		size_t len = strlen(name);

		if (i && *text++ != ',')
			return false;
		if (strncmp(text, name, len) || strncmp(text + len, "=\"", 2))
			return false;
		label[i] = out;
		for (text += len + 2; *text && *text != '"'; text++) {
			text += *text == '\\' && text[1];
			if (out - buf >= LABELS_LEN - 1)
				return false;
			*out++ = *text;
		}
		if (*text++ != '"' || out - buf >= LABELS_LEN - 1)
			return false;
		*out++ = '\0';
	}
	return !*text;
}

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT);
}

/* Run a statement that gives no rows, and make it ready for the next. */
static int step(struct store *s, sqlite3_stmt *st)
{
	int err = sqlite3_step(st) == SQLITE_DONE ? 0 : store_fail(s);

	sqlite3_reset(st);
	return err;
}

/* Is the same report there?  -EEXIST and r->id, 0: no. */
static int look_for(struct store *s, struct run *r)
{
	sqlite3_stmt *st;
	int err = store_prepare(s, "SELECT id FROM runs WHERE digest = ?", &st);

	if (err)
		return err;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)r->digest);
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		r->id = sqlite3_column_int64(st, 0);
		snprintf(s->why, sizeof(s->why), "this report is run %lld already", (long long)r->id);
		err = -EEXIST;
		break;
	case SQLITE_DONE:
		break;
	default:
		err = store_fail(s);
	}
	sqlite3_finalize(st);
	return err;
}

static int add_header(struct store *s, struct run *r)
{
	const char *const texts[] = {r->tag,	  r->kernel, r->machine, r->host,   r->command,
				     r->workload, r->tier,   r->version, r->verdict};
	sqlite3_stmt *st;
	int err = store_prepare(
		s,
		"INSERT INTO runs(tag, kernel, machine, host, command, workload, tier, version,"
		" verdict, time, digest) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&st);

	if (err)
		return err;
	for (int i = 0; i < 9; i++)
		bind_text(st, i + 1, texts[i]);
	sqlite3_bind_int64(st, 10, r->time);
	if (r->digest)
		sqlite3_bind_int64(st, 11, (sqlite3_int64)r->digest);
	err = step(s, st);
	r->id = sqlite3_last_insert_rowid(s->db);
	sqlite3_finalize(st);
	return err;
}

static int add_buckets(struct store *s, sqlite3_stmt *st, int64_t run, const struct sample *m,
		       const char *labels)
{
	int err = 0;

	for (int b = 0; b < HIST_BUCKETS && !err; b++) {
		if (!m->hist->bucket[b])
			continue;
		sqlite3_bind_int64(st, 1, run);
		bind_text(st, 2, metric_info(m->metric)->name);
		bind_text(st, 3, labels);
		sqlite3_bind_int(st, 4, b);
		sqlite3_bind_int64(st, 5, (sqlite3_int64)m->hist->bucket[b]);
		err = step(s, st);
	}
	return err;
}

static int add_samples(struct store *s, const struct run *r)
{
	sqlite3_stmt *value = NULL, *bucket = NULL;
	char labels[LABELS_LEN];
	int err = store_prepare(s, "INSERT INTO metrics VALUES(?, ?, ?, ?)", &value);

	if (!err)
		err = store_prepare(s, "INSERT INTO histograms VALUES(?, ?, ?, ?, ?)", &bucket);
	for (size_t i = 0; i < r->samples.n && !err; i++) {
		const struct sample *m = &r->samples.list[i];

		if (!labels_text(m, labels))
			continue;
		sqlite3_bind_int64(value, 1, r->id);
		bind_text(value, 2, metric_info(m->metric)->name);
		bind_text(value, 3, labels);
		/* of a histogram: its sum, unscaled */
		sqlite3_bind_double(value, 4, m->hist ? (double)m->hist->sum : m->value);
		err = step(s, value);
		if (!err && m->hist)
			err = add_buckets(s, bucket, r->id, m, labels);
	}
	sqlite3_finalize(value);
	sqlite3_finalize(bucket);
	return err;
}

static double value_of(const struct run *r, enum metric m, const char *invariant)
{
	const struct sample *s = samples_get(&r->samples, m, &invariant);

	return s ? s->value : 0;
}

/* For people who ask the store by SQL; the same is in the metrics. */
static int add_verdicts(struct store *s, const struct run *r)
{
	sqlite3_stmt *st;
	int err = store_prepare(s, "INSERT INTO verdicts VALUES(?, ?, ?, ?, ?)", &st);

	for (size_t i = 0; i < r->samples.n && !err; i++) {
		const struct sample *m = &r->samples.list[i];

		if (m->metric != METRIC_INV_VERDICT || m->value == 0)
			continue;
		sqlite3_bind_int64(st, 1, r->id);
		bind_text(st, 2, m->label[0]);
		bind_text(st, 3, m->label[1]);
		sqlite3_bind_int64(st, 4, (sqlite3_int64)value_of(r, METRIC_INV_CHECKED, m->label[0]));
		sqlite3_bind_int64(st, 5,
				   (sqlite3_int64)value_of(r, METRIC_INV_VIOLATIONS, m->label[0]));
		err = step(s, st);
	}
	sqlite3_finalize(st);
	return err;
}

int store_add(struct store *s, struct run *r)
{
	bool nested = !sqlite3_get_autocommit(s->db);
	int err = nested ? 0 : store_begin(s);

	if (err)
		return err;
	if (r->digest)
		err = look_for(s, r);
	if (!err)
		err = add_header(s, r);
	if (!err)
		err = add_samples(s, r);
	if (!err)
		err = add_verdicts(s, r);
	if (nested)
		return err;
	if (!err)
		return store_commit(s);
	store_rollback(s);
	return err;
}

static void column_text(sqlite3_stmt *st, int i, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(st, i);

	snprintf(out, size, "%s", text ? (const char *)text : "");
}

#define HEADER "id, time, tag, kernel, machine, host, command, workload, tier, version, verdict"

static void read_header(sqlite3_stmt *st, struct run *r)
{
	memset(r, 0, sizeof(*r));
	r->id = sqlite3_column_int64(st, 0);
	r->time = sqlite3_column_int64(st, 1);
	snprintf(r->name, sizeof(r->name), "run %lld", (long long)r->id);
	column_text(st, 2, r->tag, sizeof(r->tag));
	column_text(st, 3, r->kernel, sizeof(r->kernel));
	column_text(st, 4, r->machine, sizeof(r->machine));
	column_text(st, 5, r->host, sizeof(r->host));
	column_text(st, 6, r->command, sizeof(r->command));
	column_text(st, 7, r->workload, sizeof(r->workload));
	column_text(st, 8, r->tier, sizeof(r->tier));
	column_text(st, 9, r->version, sizeof(r->version));
	column_text(st, 10, r->verdict, sizeof(r->verdict));
}

int store_list(struct store *s, const char *tag, store_fn fn, void *arg)
{
	sqlite3_stmt *st;
	struct run r;
	int row = SQLITE_DONE,
	    err = store_prepare(s,
				tag ? "SELECT " HEADER " FROM runs WHERE tag = ? ORDER BY time, id"
				    : "SELECT " HEADER " FROM runs ORDER BY time, id",
				&st);

	if (err)
		return err;
	if (tag)
		bind_text(st, 1, tag);
	while (!err && (row = sqlite3_step(st)) == SQLITE_ROW) {
		read_header(st, &r);
		err = fn(&r, arg);
	}
	if (!err && row != SQLITE_DONE)
		err = store_fail(s);
	sqlite3_finalize(st);
	return err;
}

/* Histogram of a run by its buckets; its sum is the value. */
static int read_hist(struct store *s, int64_t run, const char *metric, const char *labels, double sum,
		     struct hist *h)
{
	sqlite3_stmt *st;
	int row, err = store_prepare(
			 s,
			 "SELECT bucket, count FROM histograms WHERE run = ? AND metric = ? AND"
			 " labels = ?",
			 &st);

	*h = (struct hist){ .sum = (uint64_t)sum };
	if (err)
		return err;
	sqlite3_bind_int64(st, 1, run);
	bind_text(st, 2, metric);
	bind_text(st, 3, labels);
	while ((row = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t b = sqlite3_column_int64(st, 0);

		if (b >= 0 && b < HIST_BUCKETS)
			h->bucket[b] = (uint64_t)sqlite3_column_int64(st, 1);
	}
	if (row != SQLITE_DONE)
		err = store_fail(s);
	sqlite3_finalize(st);
	return err;
}

static int read_sample(struct store *s, sqlite3_stmt *st, struct run *r)
{
	const char *name = (const char *)sqlite3_column_text(st, 0),
		   *text = (const char *)sqlite3_column_text(st, 1);
	const char *label[METRIC_LABELS] = { NULL };
	double value = sqlite3_column_double(st, 2);
	char buf[LABELS_LEN];
	struct hist h;
	int m = name ? metric_find(name) : -1, err;

	/* a metric of a newer program, or none: not for us */
	if (m < 0 || !text || !labels_split((enum metric)m, text, buf, label))
		return 0;
	if (metric_info((enum metric)m)->type != HISTOGRAM)
		return samples_add_scaled(&r->samples, (enum metric)m, label, value);
	err = read_hist(s, r->id, name, text, value, &h);
	return err ? err : samples_add_hist(&r->samples, (enum metric)m, label, &h);
}

static int read_samples(struct store *s, struct run *r)
{
	sqlite3_stmt *st;
	int row = SQLITE_DONE,
	    err = store_prepare(s, "SELECT metric, labels, value FROM metrics WHERE run = ?", &st);

	if (err)
		return err;
	sqlite3_bind_int64(st, 1, r->id);
	while (!err && (row = sqlite3_step(st)) == SQLITE_ROW)
		err = read_sample(s, st, r);
	if (!err && row != SQLITE_DONE)
		err = store_fail(s);
	sqlite3_finalize(st);
	samples_sort(&r->samples);
	return err;
}

static int no_such_run(struct store *s, int64_t id)
{
	snprintf(s->why, sizeof(s->why), "it has no run %lld; 'mmuscope runs list' shows them",
		 (long long)id);
	return -ENOENT;
}

int store_read(struct store *s, int64_t id, struct run *out)
{
	sqlite3_stmt *st;
	int err = store_prepare(s, "SELECT " HEADER " FROM runs WHERE id = ?", &st);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	sqlite3_bind_int64(st, 1, id);
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		read_header(st, out);
		break;
	case SQLITE_DONE:
		err = no_such_run(s, id);
		break;
	default:
		err = store_fail(s);
	}
	sqlite3_finalize(st);
	if (!err)
		err = read_samples(s, out);
	if (err)
		run_free(out);
	return err;
}

struct found {
	int64_t *ids;
	size_t n;
};

static int remember(const struct run *r, void *arg)
{
	struct found *f = arg;
	int64_t *ids = reallocarray(f->ids, f->n + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	f->ids = ids;
	f->ids[f->n++] = r->id;
	return 0;
}

int store_find(struct store *s, const char *tag, int64_t **ids, size_t *n)
{
	struct found f = { NULL, 0 };
	int err = store_list(s, *tag ? tag : NULL, remember, &f);

	if (!err && !f.n) {
		snprintf(s->why, sizeof(s->why),
			 "it has no run with the tag '%.64s'; 'mmuscope runs list' shows them",
			 tag);
		err = -ENOENT;
	}
	if (err)
		free(f.ids);
	*ids = err ? NULL : f.ids;
	*n = err ? 0 : f.n;
	return err;
}

/* A statement with a text (NULL: none) and an id that is to change a row. */
static int change(struct store *s, const char *sql, const char *text, int64_t id)
{
	sqlite3_stmt *st;
	int err = store_prepare(s, sql, &st), i = 1;

	if (err)
		return err;
	if (text)
		bind_text(st, i++, text);
	sqlite3_bind_int64(st, i, id);
	err = step(s, st);
	sqlite3_finalize(st);
	return err || sqlite3_changes(s->db) ? err : no_such_run(s, id);
}

int store_tag(struct store *s, int64_t id, const char *tag)
{
	return change(s, "UPDATE runs SET tag = ? WHERE id = ?", tag, id);
}

int store_untag(struct store *s, const char *tag)
{
	sqlite3_stmt *st;
	int err = store_prepare(s, "UPDATE runs SET tag = '' WHERE tag = ?", &st);

	if (err)
		return err;
	bind_text(st, 1, tag);
	err = step(s, st);
	sqlite3_finalize(st);
	return err;
}

int store_delete(struct store *s, int64_t id)
{
	return change(s, "DELETE FROM runs WHERE id = ?", NULL, id);
}
