// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was gathered, and the answers made of it: each at most once, when somebody asks for it.
 */
#include "user/serve/serve.h"
#include "user/serve/watcher.h"

#include <errno.h>
#include <malloc.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

static void drop(struct MHD_Response **r)
{
	if (*r)
		MHD_destroy_response(*r);
	*r = NULL;
}

static void drop_answers(struct gathered *n)
{
	drop(&n->metrics[FORM_TEXT]);
	drop(&n->metrics[FORM_OPENMETRICS]);
	drop(&n->report);
	drop(&n->history);
}

void gathered_init(void)
{
	/* what comes and goes in each interval is given back each time; malloc would learn to keep it */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

/*
 * The old text goes first: it can be made again of the samples, which stay if there are no new ones, and of a
 * host of a thousand VMs it is megabytes.
 */
int gathered_renew(struct serve *s)
{
	uint64_t began = serve_clock_ns();
	struct samples samples = { 0 };
	struct vm_set ended = { 0 };
	struct folded folded;
	int err;

	drop(&s->now.metrics[FORM_TEXT]);
	drop(&s->now.metrics[FORM_OPENMETRICS]);
	err = s->source->gather(s->source, &samples, &ended);
	if (err) {
		samples_free(&samples);
		s->stats.gather_failures++;
		return err;
	}
	watcher_look(s->watcher, &samples, began);
	series_retire(&samples, &ended);
	series_limit(&samples, s->options.max_series, &folded);
	s->stats.folded = folded;
	samples_free(&s->now.samples);
	s->now.samples = samples;
	s->now.gathered_ns = serve_clock_ns();
	s->stats.gather_seconds = (double)(s->now.gathered_ns - began) / 1e9;
	drop_answers(&s->now);
	if (!s->now.points)
		s->now.points = json_array();
	return history_add(s->now.points, &s->now.samples, began - s->started_ns);
}

void gathered_free(struct gathered *n)
{
	drop_answers(n);
	samples_free(&n->samples);
	json_decref(n->points);
	n->points = NULL;
}

static struct MHD_Response *answer(char *text, size_t size, const char *type)
{
	struct MHD_Response *r = NULL;

	if (text)
		r = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(text);
		return NULL;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return r;
}

/* The kernel's numbers are those of the last gathering, our own those of the first scrape after it. */
static int write_metrics(struct serve *s, struct text *text, enum exposition_form form)
{
	struct samples own = { 0 };
	int err = stats_add(s, &own);

	err = err ?: s->source->cost(s->source, &own);
	samples_sort(&own);
	/* no metric is in both lists */
	err = err ?: exposition_write(text, &s->now.samples, form);
	err = err ?: exposition_write(text, &own, form);
	samples_free(&own);
	return err ?: exposition_end(text, form);
}

struct MHD_Response *gathered_metrics(struct serve *s, enum exposition_form form)
{
	struct text text = { 0 };

	if (s->now.metrics[form])
		return s->now.metrics[form];
	if (write_metrics(s, &text, form)) {
		text_free(&text);
		return NULL;
	}
	s->now.metrics[form] = answer(text.data, text.n, exposition_content_type(form));
	return s->now.metrics[form];
}

struct MHD_Response *gathered_report(struct serve *s)
{
	size_t size = 0;
	char *text;

	if (s->now.report)
		return s->now.report;
	text = s->source->report(s->source, &size);
	s->now.report = answer(text, size, "application/json");
	return s->now.report;
}

struct MHD_Response *gathered_history(struct serve *s)
{
	json_t *o;
	char *text;

	if (s->now.history)
		return s->now.history;
	o = json_pack("{s:i, s:s, s:f, s:O}", "version", 1, "mode", s->source->mode, "interval_s",
		      (double)s->options.interval_ns / 1e9, "points", s->now.points);
	text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)) : NULL;
	json_decref(o);
	s->now.history = answer(text, text ? strlen(text) : 0, "application/json");
	return s->now.history;
}
