// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: a connection to mmuscope serve, by the same functions and libmicrohttpd.  The first byte says
 * whether passwords are wanted, the second where what follows is cut in two.
 */
#include "user/serve/http.h"
#include "user/serve/watcher.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TURNS = 20000, ANSWER_MAX = 1 << 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* a server, with and without passwords */
struct server {
	struct serve serve;
	struct web_config config;
	struct http *http;
	struct sockaddr_un address;
	socklen_t length;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static int gather(struct source *s, struct samples *out, struct vm_set *ended)
{
	(void)s;
	(void)ended;
	return samples_add(out, METRIC_OBSERVED, NULL, 1);
}

static char *report(struct source *s, size_t *size)
{
	(void)s;
	*size = 2;
	return strdup("{}");
}

static int cost(struct source *s, struct samples *out)
{
	(void)s;
	(void)out;
	return 0;
}

/* A name that the kernel chooses, in no folder. */
static int listen_anywhere(struct server *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	s->address.sun_family = AF_UNIX;
	require(!bind(fd, (struct sockaddr *)&s->address, sizeof(s->address.sun_family)));
	s->length = sizeof(s->address);
	require(!getsockname(fd, (struct sockaddr *)&s->address, &s->length));
	require(!listen(fd, 16));
	return fd;
}

static void start(struct server *s, const char *config)
{
	static struct source source = { .mode = "replay", .gather = gather, .report = report, .cost = cost };
	struct listener l = { .local = true, .name = "unix:" };
	char why[WEB_WHY];

	s->serve = (struct serve){
		.options = { .interval_ns = 5000000000, .max_series = 100, .max_connections = 4 },
		.source = &source, .journal = journal_new(NULL), .started_ns = serve_clock_ns(), .statm = -1,
	};
	s->serve.watcher = watcher_new(s->serve.journal);
	require(!gathered_renew(&s->serve));
	require(!web_config_parse(config, strlen(config), &s->config, why));
	l.fd = listen_anywhere(s);
	s->http = http_new(&s->serve, &l, 1, &s->config);
	require(s->http);
}

static void say(struct server *s, int fd, const uint8_t *data, size_t size)
{
	/* more than the socket takes is not said: nobody reads it, the answer was given */
	if (size && send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		require(errno == EPIPE || errno == EAGAIN || errno == ECONNRESET);
	http_run(s->http);
}

/* All of the answer; the server has to end the connection since we have ended our side. */
static void listen_to(struct server *s, int fd)
{
	static char answer[65536];
	size_t all = 0;

	for (int turn = 0; turn < TURNS; turn++) {
		ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return;
		if (n > 0 && !all)
			require(n < 7 || !strncmp(answer, "HTTP/1.", 7));
		all += n > 0 ? (size_t)n : 0;
		require(all <= ANSWER_MAX);
		http_run(s->http);
	}
	require(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct server servers[2];
	struct server *s;
	size_t cut;
	int fd;

	if (!servers[0].http) {
		start(&servers[0], "{}");
		/* "secret", at the least cost there is */
		start(&servers[1], "basic_auth_users:\n  alice: "
		      "$2y$04$mmuscopeTestUserSalt..B9LxM1fxtB6JpaiKQ6sSbwuiz3qdvbu\n");
	}
	if (size < 2)
		return 0;
	s = &servers[data[0] & 1];
	cut = data[1] % (size - 1);
	data += 2;
	size -= 2;
	if (cut > size)
		cut = size;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(fd >= 0 && !connect(fd, (struct sockaddr *)&s->address, s->length));
	http_run(s->http);
	say(s, fd, data, cut);
	say(s, fd, data + cut, size - cut);
	shutdown(fd, SHUT_WR);
	listen_to(s, fd);
	close(fd);
	for (int turn = 0; turn < TURNS && s->serve.stats.connections; turn++)
		http_run(s->http);
	require(!s->serve.stats.connections);
	return 0;
}
