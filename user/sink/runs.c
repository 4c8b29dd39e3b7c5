// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of the store: as a list, one in full, as JSON.
 */
#include "runs.h"

#include "user/base/format.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <time.h>

enum { RUNS_JSON_VERSION = 1 };

static const char *when(char buf[32], int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, 32, "%Y-%m-%d %H:%M", &tm))
		snprintf(buf, 32, "?");
	return buf;
}

/* What is in a report is somebody else's text: nothing in it may reach the terminal's control. */
static const char *plain(char buf[RUN_WORKLOAD], const char *text)
{
	size_t n = 0;

	for (; text[n] && n + 1 < RUN_WORKLOAD; n++)
		buf[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
	buf[n] = '\0';
	return buf;
}

void runs_text(FILE *f, const struct runs *runs)
{
	char a[RUN_WORKLOAD], b[RUN_WORKLOAD], c[RUN_WORKLOAD], time[32];

	fprintf(f, "%5s %-16s %-16s %-14s %-12s %s\n", "RUN", "TIME (UTC)", "TAG", "KERNEL",
		"VERDICT", "COMMAND");
	for (size_t i = 0; i < runs->n; i++) {
		const struct run *r = &runs->list[i];

		fprintf(f, "%5lld %-16s %-16.16s %-14.14s %-12.12s %.11s\n", (long long)r->id,
			when(time, r->time), plain(a, r->tag), plain(b, r->kernel),
			*r->verdict ? r->verdict : "-", plain(c, r->command));
	}
}

static void sample_text(FILE *f, const struct sample *m)
{
	const struct metric_info *info = metric_info(m->metric);
	char text[RUN_WORKLOAD];
	double n = 0;

	fprintf(f, "  %s", info->name);
	for (int i = 0; i < METRIC_LABELS && m->label[i]; i++)
		fprintf(f, "%s%s=\"%s\"%s", i ? "," : "{", label_name(info->labels[i]),
			plain(text, m->label[i]),
			i + 1 < METRIC_LABELS && m->label[i + 1] ? "" : "}");
	if (!m->hist) {
		fprintf(f, " %.15g\n", m->value);
		return;
	}
	for (int b = 0; b < HIST_BUCKETS; b++)
		n += (double)m->hist->bucket[b];
	fprintf(f, " count %.15g, sum %.15g\n", n, (double)m->hist->sum * info->scale);
}

void run_text(FILE *f, const struct run *r)
{
	char text[RUN_WORKLOAD], time[32];

	fprintf(f, "run %lld, %s UTC\n", (long long)r->id, when(time, r->time));
	fprintf(f, "tag: %s\n", plain(text, r->tag));
	fprintf(f, "kernel: %s\n", plain(text, r->kernel));
	fprintf(f, "host: %s\n", plain(text, *r->host ? r->host : r->machine));
	fprintf(f, "tier: %s\n", plain(text, r->tier));
	fprintf(f, "command: %s\n", plain(text, r->command));
	fprintf(f, "workload: %s\n", plain(text, r->workload));
	fprintf(f, "mmuscope: %s\n", plain(text, r->version));
	fprintf(f, "verdict: %s\n", *r->verdict ? plain(text, r->verdict) : "-");
	for (size_t i = 0; i < r->samples.n; i++)
		sample_text(f, &r->samples.list[i]);
}

static json_t *sample_json(const struct sample *m)
{
	const struct metric_info *info = metric_info(m->metric);
	json_t *labels = json_object(), *buckets, *o;
	int top = HIST_BUCKETS;

	for (int i = 0; i < METRIC_LABELS && m->label[i]; i++)
		json_object_set_new(labels, label_name(info->labels[i]), json_string(m->label[i]));
	o = json_pack("{s:s, s:o}", "metric", info->name, "labels", labels);
	if (!m->hist) {
		json_object_set_new(o, "value", json_real(m->value));
		return o;
	}
	buckets = json_array();
	while (top > 0 && !m->hist->bucket[top - 1])
		top--;
	for (int b = 0; b < top; b++)
		json_array_append_new(buckets, json_integer((json_int_t)m->hist->bucket[b]));
	json_object_set_new(o, "buckets", buckets);
	json_object_set_new(o, "sum", json_real((double)m->hist->sum * info->scale));
	return o;
}

static json_t *run_json(const struct run *r)
{
	json_t *samples = json_array(), *o;

	for (size_t i = 0; i < r->samples.n; i++)
		json_array_append_new(samples, sample_json(&r->samples.list[i]));
	o = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id",
		      (json_int_t)r->id, "time", (json_int_t)r->time, "tag", r->tag, "kernel",
		      r->kernel, "machine", r->machine, "host", r->host, "command", r->command,
		      "workload", r->workload, "tier", r->tier, "mmuscope", r->version, "verdict",
		      r->verdict);
	if (r->samples.n)
		json_object_set_new(o, "samples", samples);
	else
		json_decref(samples);
	return o;
}

int runs_json(FILE *f, const struct runs *runs)
{
	json_t *list = json_array(), *o;
	int err;

	for (size_t i = 0; i < runs->n; i++)
		json_array_append_new(list, run_json(&runs->list[i]));
	o = json_pack("{s:s, s:i, s:o}", "mmuscope_runs", VERSION, "version", RUNS_JSON_VERSION,
		      "runs", list);
	if (!o)
		return -ENOMEM;
	err = json_dumpf(o, f,
			 JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII |
				 JSON_REAL_PRECISION(15));
	fputc('\n', f);
	json_decref(o);
	return err ? -EIO : 0;
}
