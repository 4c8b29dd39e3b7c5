/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuscope serve from inside: where numbers come from (a source), what is kept of them, and what is answered.
 * One thread; nothing here waits.
 */
#ifndef MMUSCOPE_SERVE_H
#define MMUSCOPE_SERVE_H

#include "user/metrics/exposition.h"
#include "user/serve/journal.h"
#include "user/host/tier.h"
#include "user/metrics/series_limit.h"

#include <jansson.h>
#include <time.h>

struct MHD_Response;
struct session;

/* in the order of the label's values (metrics.c) */
enum route { ROUTE_METRICS, ROUTE_API, ROUTE_PAGE, ROUTE_HEALTH, ROUTE_OTHER, ROUTE_NR };

enum { STATUSES = 12, SERVE_HOSTS = 4 };

struct serve_options {
	const char *listen[SERVE_HOSTS];	/* NULLs: the default */
	size_t nlisten;
	const char *web_config;		/* NULL: neither TLS nor passwords */
	const char *replay;		/* NULL: the running kernel */
	double speed;			/* of a replay; 0: its end at once */
	const char *user;		/* NULL: see privilege_find_user */
	uint64_t interval_ns;
	uint64_t for_ns;		/* 0: until a signal */
	uint32_t pid;			/* 0: every VM */
	uint32_t max_vms;
	uint32_t max_series;
	uint32_t max_connections;
	enum tier most;			/* no better one */
	bool count_only;		/* no invariant is judged */
	bool program_times;		/* let the kernel take the times of BPF programs */
	bool journal;
	bool seccomp;
};

/* about ourselves */
struct serve_stats {
	uint64_t requests[ROUTE_NR][STATUSES];
	uint64_t cut;			/* connections that we ended */
	uint64_t denied;
	uint64_t gather_failures;
	double gather_seconds;
	unsigned int connections;
	struct folded folded;
};

/*
 * Where numbers come from.  Errors are 0 or negative errno; what fails leaves everything as it was.
 */
struct source {
	const char *mode;		/* "live", "replay" */
	/* Before privileges are dropped: exit code after having reported the reason. */
	int (*open)(struct source *s);
	int fd;				/* to watch, -1: none */
	int folder;			/* an open one besides /proc to be read while serving; -1: none */
	int (*ready)(struct source *s);
	/* Once a second. */
	void (*tick)(struct source *s);
	/* All numbers now; of VMs in *ended there will be no others.  out is empty. */
	int (*gather)(struct source *s, struct samples *out, struct vm_set *ended);
	/* The report of the last gather as JSON, malloc'ed, size bytes; NULL: out of memory. */
	char *(*report)(struct source *s, size_t *size);
	/* What else is known of our own cost. */
	int (*cost)(struct source *s, struct samples *out);
	void (*close)(struct source *s);
	const struct serve_options *options;
	struct journal *journal;
};

struct source *live_source(void);
struct source *replay_source(void);

/* What was gathered last, and what was made of it since. */
struct gathered {
	struct samples samples;
	uint64_t gathered_ns;		/* 0: never */
	struct MHD_Response *metrics[2];	/* by exposition_form; NULL: nobody asked */
	struct MHD_Response *report;
	struct MHD_Response *history;
	json_t *points;			/* oldest first */
};

struct serve {
	struct serve_options options;
	struct source *source;
	struct gathered now;
	struct serve_stats stats;
	struct journal *journal;
	struct watcher *watcher;
	uint64_t started_ns;
	time_t started_at;		/* once: of two clocks read later it would come out a second off */
	int statm;			/* /proc/self/statm, opened while we may */
};

uint64_t serve_clock_ns(void);

/* ---- gathered.c ---- */

/* Once, at the start. */
void gathered_init(void);
/* Ask the source.  0 or negative errno, which is counted. */
int gathered_renew(struct serve *s);
void gathered_free(struct gathered *n);
/* The answer to a request, with one reference less than it needs; NULL: out of memory. */
struct MHD_Response *gathered_metrics(struct serve *s, enum exposition_form form);
struct MHD_Response *gathered_report(struct serve *s);
struct MHD_Response *gathered_history(struct serve *s);

/* ---- stats.c ---- */

/* Index of an HTTP status in serve_stats; unknown ones are the last. */
unsigned int status_index(unsigned int status);
unsigned int status_at(unsigned int index);
/* The samples about ourselves.  0 or -ENOMEM. */
int stats_add(const struct serve *s, struct samples *out);

/* ---- history.c ---- */

/* A point of the time line from samples: appended, and the oldest one goes.  0 or -ENOMEM. */
int history_add(json_t *points, const struct samples *s, uint64_t now_ns);

/* ---- loop.c ---- */

struct http;

/* Give up privileges, then serve until a signal comes or the time is over: exit code. */
int serve_run(struct serve *s, struct http *h);

#endif /* MMUSCOPE_SERVE_H */
