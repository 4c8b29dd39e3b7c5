// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope serve on a host of so many VMs, for so many seconds of simulated time: its own code from the
 * reading of counters to the socket, with its own clock.  It is scraped in each interval, and all the time
 * as many clients as are asked for begin a request and never end it.  Each answer has to have every series,
 * with the right sums; memory has to be the same from the first half an hour on.  Prints a line of JSON: CPU
 * time of scrapes, memory.
 */
#include "tests/scale/host.h"
#include "user/host/kernel.h"
#include "user/serve/http.h"
#include "user/serve/watcher.h"
#include "user/session/session.h"

#include <err.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	INTERVAL = 5, CUT_SECONDS = 31, HISTORY = 360, SLOW_MAX = 200, TURNS = 1000000, CPUS = 128,
	GROWTH = 16384,	/* malloc's own unrest: less and less, and once for all */
};

static const uint64_t second = 1000000000;
static uint64_t now_ns = 1000000000;
static uint32_t nvms;

/* ---- in the place of what needs a kernel ---- */

uint64_t __wrap_serve_clock_ns(void);
int __wrap_session_open(struct session **out, const struct session_options *o);
int __wrap_session_attach(struct session *s);
int __wrap_session_fd(const struct session *s);
int __wrap_session_consume(struct session *s, violation_fn fn, void *arg);
void __wrap_session_tick(struct session *s);
const char *__wrap_session_tier(const struct session *s);
void __wrap_session_cost_begin(struct session *s, bool times, struct session_cost *c);
void __wrap_session_cost_of(struct session *s, enum hook hook, uint64_t *runs, uint64_t *ns);
int __wrap_kernel_enum_value(const struct kernel *k, const char *type, const char *name);
void __wrap_session_close(struct session *s);

uint64_t __wrap_serve_clock_ns(void)
{
	return now_ns;
}

int __wrap_session_open(struct session **out, const struct session_options *o)
{
	(void)o;
	*out = host_make(nvms, CPUS);
	return 0;
}

int __wrap_session_attach(struct session *s)
{
	(void)s;
	return 0;
}

int __wrap_session_fd(const struct session *s)
{
	(void)s;
	return -1;
}

int __wrap_session_consume(struct session *s, violation_fn fn, void *arg)
{
	(void)s;
	(void)fn;
	(void)arg;
	return 0;
}

void __wrap_session_tick(struct session *s)
{
	host_advance(s, second);
}

const char *__wrap_session_tier(const struct session *s)
{
	(void)s;
	return "fentry";
}

void __wrap_session_cost_begin(struct session *s, bool times, struct session_cost *c)
{
	(void)s;
	(void)times;
	*c = (struct session_cost){ .stats_fd = -1 };
}

void __wrap_session_cost_of(struct session *s, enum hook hook, uint64_t *runs, uint64_t *ns)
{
	(void)s;
	(void)hook;
	*runs = *ns = 1;
}

int __wrap_kernel_enum_value(const struct kernel *k, const char *type, const char *name)
{
	(void)k;
	(void)type;
	(void)name;
	return -1;
}

void __wrap_session_close(struct session *s)
{
	host_free(s);
}

/* ---- the server ---- */

struct server {
	struct serve serve;
	struct web_config config;
	struct http *http;
	struct sockaddr_un address;
	socklen_t length;
};

static void require(bool holds, const char *what)
{
	if (!holds)
		errx(1, "at %llu s: %s", (unsigned long long)(now_ns / second - 1), what);
}

/* A name that the kernel chooses, in no folder. */
static int listen_anywhere(struct server *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	s->address.sun_family = AF_UNIX;
	s->length = sizeof(s->address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&s->address, sizeof(s->address.sun_family)) ||
	    getsockname(fd, (struct sockaddr *)&s->address, &s->length) || listen(fd, 2 * SLOW_MAX))
		err(1, "socket");
	return fd;
}

static void server_init(struct server *s)
{
	struct listener l = { .local = true, .name = "unix:", .fd = listen_anywhere(s) };

	s->serve = (struct serve){
		/* as they are by default */
		.options = { .interval_ns = INTERVAL * second, .max_vms = nvms, .max_series = 10000,
			     .max_connections = 256 },
		.source = live_source(), .journal = journal_new(NULL), .started_ns = now_ns, .statm = -1,
	};
	s->serve.watcher = watcher_new(s->serve.journal);
	s->serve.source->options = &s->serve.options;
	s->serve.source->journal = s->serve.journal;
	if (s->serve.source->open(s->serve.source))
		errx(1, "the source does not open");
	s->http = http_new(&s->serve, &l, 1, &s->config);
	if (!s->http)
		exit(1);
}

static void server_deinit(struct server *s)
{
	http_free(s->http);
	gathered_free(&s->serve.now);
	s->serve.source->close(s->serve.source);
	watcher_free(s->serve.watcher);
	journal_free(s->serve.journal);
}

/* ---- clients ---- */

static int connect_to(const struct server *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&s->address, s->length))
		err(1, "connect");
	return fd;
}

struct slow {
	int fd[SLOW_MAX];
	uint32_t n;
	uint64_t cut;
};

/* Each says one byte more of its request; whom the server has ended comes again. */
static void slow_step(struct slow *w, const struct server *s)
{
	static const char begin[] = "GET /metrics HTTP/1.1\r\nX-Slow: ";
	char byte;

	for (uint32_t i = 0; i < w->n; i++) {
		if (w->fd[i] >= 0 && !recv(w->fd[i], &byte, 1, MSG_DONTWAIT)) {
			close(w->fd[i]);
			w->fd[i] = -1;
			w->cut++;
		}
		if (w->fd[i] < 0) {
			w->fd[i] = connect_to(s);
			require(send(w->fd[i], begin, sizeof(begin) - 1, MSG_NOSIGNAL) > 0, "a slow client cannot begin");
			continue;
		}
		require(send(w->fd[i], "x", 1, MSG_NOSIGNAL) == 1, "a slow client is ended too early");
	}
}

/* What an answer says, line by line as it comes. */
struct scrape {
	char line[1024];
	size_t at;
	size_t bytes;
	size_t left;		/* of the body; SIZE_MAX: its length is not known yet */
	bool body;
	bool eof;
	uint64_t series;
	uint64_t vms;		/* that have faults */
	double faults;
	double cut;
};

static double value_of(const char *line)
{
	const char *value = strrchr(line, ' ');

	require(value, "a line without a value");
	return strtod(value + 1, NULL);
}

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

static void take_line(struct scrape *c)
{
	const char *line = c->line;

	if (!c->body) {
		if (begins(line, "HTTP/"))
			require(begins(line, "HTTP/1.1 200 "), "an answer that is not 200");
		if (begins(line, "Content-Length: "))
			c->left = strtoull(line + 16, NULL, 10);
		c->body = !*line;
		return;
	}
	require(!c->eof, "something comes after the end");
	if (*line == '#') {
		c->eof = !strcmp(line, "# EOF");
		return;
	}
	c->series++;
	if (begins(line, "mmuscope_faults_total{")) {
		c->vms++;
		c->faults += value_of(line);
	} else if (begins(line, "mmuscope_serve_connections_cut_total ")) {
		c->cut = value_of(line);
	}
}

/* What is left of a line when no more came waits in c->line. */
static void take_bytes(struct scrape *c, const char *data, size_t n)
{
	c->bytes += n;
	while (n) {
		const char *end = memchr(data, '\n', n);
		size_t len = end ? (size_t)(end - data) + 1 : n;
		bool body = c->body;

		require(len < sizeof(c->line) - c->at, "a line that does not end");
		memcpy(c->line + c->at, data, len);
		c->at += len;
		data += len;
		n -= len;
		c->left -= body ? len : 0;
		if (!end)
			return;
		c->line[c->at - (body ? 1 : 2)] = '\0';
		c->at = 0;
		take_line(c);
	}
}

/* One scrape on a connection that stays, as Prometheus' does.  scripts/scale counts instructions in it. */
__attribute__((noinline)) static void scrape(const struct server *s, int fd, struct scrape *c)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n"
				      "Accept: application/openmetrics-text;version=1.0.0\r\n\r\n";
	static char data[65536];

	*c = (struct scrape){ .left = SIZE_MAX };
	require(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1, "cannot ask");
	for (int turn = 0; turn < TURNS && c->left; turn++) {
		ssize_t n;

		http_run(s->http);
		while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
			take_bytes(c, data, (size_t)n);
		require(n < 0 && errno == EAGAIN, "the scraper is ended");
	}
	require(!c->left && c->eof, "an answer without an end");
}

/* ---- an hour ---- */

struct cost {
	double *scrape_ms, *gather_ms;
	size_t n;
	size_t bytes;
	uint64_t series;
	size_t resident, most;
};

static size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Resident bytes of this process now, and at most. */
static void read_resident(struct cost *c)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	size_t kib;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmHWM: %zu", &kib) == 1)
			c->most = kib << 10;
		if (sscanf(line, "VmRSS: %zu", &kib) == 1)
			c->resident = kib << 10;
	}
	if (f)
		fclose(f);
}

static void check_answer(const struct scrape *c, const struct slow *slow, bool first, uint64_t *series)
{
	struct vm_counts one;

	host_fill_counts(&one);
	require(c->vms == nvms, "a VM is missing, or one too many");
	require(c->faults == (double)one.fault_ends * COUNT_SHARDS * nvms, "a wrong sum of faults");
	require(c->cut == (double)slow->cut, "wrong number of connections that were ended");
	/* the first one has nothing to tell of answers yet */
	require(!*series || *series == c->series, "the number of series changes");
	*series = first ? 0 : c->series;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double quantile(double *list, size_t n, double q)
{
	qsort(list, n, sizeof(*list), by_value);
	return list[(size_t)(q * (double)(n - 1))];
}

static void print(struct cost *c, const struct slow *slow, uint32_t seconds)
{
	printf("{\"vms\": %u, \"seconds\": %u, \"slow_clients\": %u, \"cut\": %llu, \"scrapes\": %zu, \"series\": %llu, "
	       "\"bytes\": %zu, \"scrape_p50_ms\": %.3f, \"scrape_p99_ms\": %.3f, \"gather_p50_ms\": %.3f, "
	       "\"gather_p99_ms\": %.3f, \"resident_bytes\": %zu, \"most_resident_bytes\": %zu}\n",
	       nvms, seconds, slow->n, (unsigned long long)slow->cut, c->n, (unsigned long long)c->series,
	       c->bytes,
	       quantile(c->scrape_ms, c->n, .5), quantile(c->scrape_ms, c->n, .99),
	       quantile(c->gather_ms, c->n, .5), quantile(c->gather_ms, c->n, .99), c->resident, c->most);
}

static void gather_and_scrape(struct server *s, int fd, struct slow *slow, struct cost *c)
{
	double began = host_cpu_ms(), gathered;
	struct scrape answer;

	if (gathered_renew(&s->serve))
		errx(1, "gathering failed");
	gathered = host_cpu_ms();
	scrape(s, fd, &answer);
	c->scrape_ms[c->n] = host_cpu_ms() - gathered;
	c->gather_ms[c->n++] = gathered - began;
	c->bytes = answer.bytes;
	check_answer(&answer, slow, c->n == 1, &c->series);
}

static void run(struct server *s, struct slow *slow, uint32_t seconds, struct cost *c)
{
	int fd = connect_to(s);
	size_t half = 0;

	for (uint32_t t = 1; t <= seconds; t++) {
		now_ns += second;
		s->serve.source->tick(s->serve.source);
		http_tick(s->http);
		slow_step(slow, s);
		http_run(s->http);
		if (t % INTERVAL)
			continue;
		gather_and_scrape(s, fd, slow, c);
		/* the time line is full, and all connections are there */
		if (t > HISTORY * INTERVAL && t % CUT_SECONDS == CUT_SECONDS - 1) {
			half = half ?: heap_bytes();
			require(heap_bytes() <= half + GROWTH, "memory grows");
		}
	}
	/* 30 s and the tick after; libmicrohttpd takes in some of many a turn later */
	require(slow->cut <= (uint64_t)slow->n * (seconds / CUT_SECONDS) &&
		slow->cut >= (uint64_t)slow->n * (seconds / (CUT_SECONDS + 2)),
		"slow clients are not ended after their time");
	read_resident(c);
	close(fd);
}

int main(int argc, char **argv)
{
	struct cost cost = { 0 };
	struct server server = { 0 };
	struct slow slow = { 0 };
	uint32_t seconds;

	if (argc != 5)
		errx(1, "usage: serve VMS SECONDS SLOW-CLIENTS MOST-MIB");
	nvms = host_number(argv[1], MAX_VMS);
	seconds = host_number(argv[2], 1000000);
	slow.n = host_number(argv[3], SLOW_MAX);
	memset(slow.fd, -1, sizeof(slow.fd));
	cost.scrape_ms = calloc(seconds, sizeof(double));
	cost.gather_ms = calloc(seconds, sizeof(double));
	if (!cost.scrape_ms || !cost.gather_ms)
		err(1, "memory");
	gathered_init();
	server_init(&server);
	run(&server, &slow, seconds, &cost);
	print(&cost, &slow, seconds);
	require(cost.most <= (size_t)host_number(argv[4], 1 << 20) << 20, "it takes more memory than it may");
	for (uint32_t i = 0; i < slow.n; i++)
		close(slow.fd[i]);
	server_deinit(&server);
	free(cost.scrape_ms);
	free(cost.gather_ms);
	return 0;
}
