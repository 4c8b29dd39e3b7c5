// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mmuscope serve costs, and what it refused: samples like all others.
 */
#include "user/serve/serve.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const unsigned int statuses[STATUSES] = { 200, 304, 400, 401, 403, 404, 405, 413, 429, 500, 503, 0 };

unsigned int status_index(unsigned int status)
{
	for (unsigned int i = 0; i < STATUSES; i++)
		if (statuses[i] == status)
			return i;
	return STATUSES - 1;
}

unsigned int status_at(unsigned int index)
{
	return statuses[index];
}

uint64_t serve_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The second number of /proc/self/statm: resident pages; 0: not known. */
static double resident(int statm)
{
	char text[128];
	ssize_t n = pread(statm, text, sizeof(text) - 1, 0);
	unsigned long long pages;

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%*u %llu", &pages) == 1 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : 0;
}

static int add_requests(const struct serve_stats *stats, struct samples *out)
{
	int err = 0;

	for (int r = 0; r < ROUTE_NR; r++)
		for (unsigned int i = 0; i < STATUSES; i++) {
			char status[16];
			const char *label[] = { label_value(LABEL_ROUTE, r), status };

			snprintf(status, sizeof(status), "%u", status_at(i));
			if (!status_at(i))
				label[1] = "other";
			err = err ?: samples_add(out, METRIC_SERVE_REQUESTS, label,
						 (double)stats->requests[r][i]);
		}
	return err;
}

static int add_folded(const struct folded *folded, struct samples *out)
{
	int err = 0;

	for (int m = 0; m < METRIC_NR && folded->all; m++) {
		const char *name = metric_info((enum metric)m)->name;

		err = err ?: samples_add(out, METRIC_SERVE_OTHER, &name, (double)folded->n[m]);
	}
	return err;
}

static int add_journal(const struct journal_totals *t, struct samples *out)
{
	const uint64_t n[] = { t->sent, t->suppressed, t->failed };
	const char *name;
	int err = 0;

	for (int i = 0; (name = label_value(LABEL_ENTRY, i)); i++)
		err = err ?: samples_add(out, METRIC_SERVE_JOURNAL, &name, (double)n[i]);
	return err;
}

static int add_process(const struct serve *s, struct samples *out)
{
	struct rusage use = { 0 };
	int err;

	getrusage(RUSAGE_SELF, &use);
	err = samples_add(out, METRIC_CPU, NULL, seconds(use.ru_utime) + seconds(use.ru_stime));
	err = err ?: samples_add(out, METRIC_RSS, NULL, resident(s->statm));
	return err ?: samples_add(out, METRIC_START_TIME, NULL, (double)s->started_at);
}

int stats_add(const struct serve *s, struct samples *out)
{
	const struct serve_stats *stats = &s->stats;
	int err = samples_add(out, METRIC_SERVE_INFO, &s->source->mode, 1);

	err = err ?: add_requests(stats, out);
	err = err ?: samples_add(out, METRIC_SERVE_CONNECTIONS, NULL, stats->connections);
	err = err ?: samples_add(out, METRIC_SERVE_CUT, NULL, (double)stats->cut);
	err = err ?: samples_add(out, METRIC_SERVE_DENIED, NULL, (double)stats->denied);
	err = err ?: samples_add(out, METRIC_SERVE_GATHER, NULL, stats->gather_seconds);
	err = err ?: samples_add(out, METRIC_SERVE_GATHER_FAILED, NULL, (double)stats->gather_failures);
	err = err ?: add_folded(&stats->folded, out);
	err = err ?: add_journal(journal_totals(s->journal), out);
	return err ?: add_process(s, out);
}
