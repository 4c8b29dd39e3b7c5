// SPDX-License-Identifier: GPL-2.0-only
/*
 * All numbers of all snapshots in long form: one value a row, named as in docs/metrics.md.
 */
#include "user/metrics/metrics.h"
#include "forms.h"

#include "bpf/event.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct csv {
	FILE *f;
	struct digest *d;
	int err;
};

/* In quotes if it has to be. */
static void cell(FILE *f, const char *text)
{
	if (!strpbrk(text, ",\"\n")) {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

static void labels(FILE *f, const struct sample *s)
{
	const struct metric_info *info = metric_info(s->metric);
	char text[512] = "";
	size_t len = 0;

	for (int i = 0; i < METRIC_LABELS && s->label[i] && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s=%s", i ? ";" : "",
					label_name(info->labels[i]), s->label[i]);
	cell(f, text);
}

static void row(FILE *f, double seconds, const struct sample *s, const char *suffix, double value)
{
	fprintf(f, "%.6f,%s%s,", seconds, metric_info(s->metric)->name, suffix);
	labels(f, s);
	fprintf(f, ",%.15g\n", value);
}

static void sample(FILE *f, double seconds, const struct sample *s)
{
	uint64_t n = 0;

	if (!s->hist) {
		row(f, seconds, s, "", s->value);
		return;
	}
	for (int b = 0; b < HIST_BUCKETS; b++)
		n += s->hist->bucket[b];
	row(f, seconds, s, "_count", (double)n);
	row(f, seconds, s, "_sum", (double)s->hist->sum * metric_info(s->metric)->scale);
}

static int visit(void *arg, const struct record_head *r, const void *body)
{
	struct csv *c = arg;
	struct samples samples = { 0 };
	char why[256];
	json_error_t e;
	json_t *report;

	if (r->type != RECORD_SNAPSHOT)
		return 0;
	report = digest_object(body, r->size - sizeof(*r), &e);
	if (!json_is_object(report) || metrics_from_json(report, &samples, why, sizeof(why))) {
		json_decref(report);
		samples_free(&samples);
		c->err++;
		return 0;
	}
	for (size_t i = 0; i < samples.n; i++)
		sample(c->f, digest_seconds(c->d, r->ns), &samples.list[i]);
	samples_free(&samples);
	json_decref(report);
	return 0;
}

int report_csv(FILE *f, struct digest *d, const char *name)
{
	struct csv c = { .f = f, .d = d };
	int err;

	(void)name;
	for (size_t i = 0; i < d->nwarnings; i++)
		fprintf(f, "# %s\n", d->warnings[i]);
	fputs("time_s,metric,labels,value\n", f);
	err = digest_visit(d, visit, &c);
	if (c.err)
		fprintf(f, "# %d snapshots are no reports of a version that is known\n", c.err);
	return err;
}
