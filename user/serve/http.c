// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections and who may speak.  A connection has HTTP_SECONDS for each request, counted from its first byte
 * or the answer before; when there are too many, the oldest one goes, so that slow clients cannot keep others
 * out.
 */
#include "user/serve/http.h"
#include "user/base/log.h"
#include "user/serve/web_auth.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HTTP_SECONDS = 30,
	HTTP_MEMORY = 16384,	/* of a connection: request line and headers */
	HTTP_SPARE = 16,	/* connections beyond the limit, while the oldest is on its way out */
};

struct client {
	struct client *next, *before;
	struct MHD_Connection *connection;
	uint64_t since_ns;
	bool cut;
};

struct http {
	struct serve *serve;
	const struct web_config *config;
	struct web_auth *auth;
	struct MHD_Daemon *daemons[LISTEN_MAX];
	size_t n;
	struct client *oldest, *newest;	/* by since_ns */
	unsigned int clients;
	char priorities[160];
};

/* ---- connections ---- */

static void unlink_client(struct http *h, struct client *c)
{
	*(c->before ? &c->before->next : &h->oldest) = c->next;
	*(c->next ? &c->next->before : &h->newest) = c->before;
	c->next = c->before = NULL;
}

static void append_client(struct http *h, struct client *c)
{
	c->since_ns = serve_clock_ns();
	c->before = h->newest;
	*(h->newest ? &h->newest->next : &h->oldest) = c;
	h->newest = c;
}

/* The daemon finds the end of the stream and closes. */
static void cut_client(struct http *h, struct client *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (c->cut)
		return;
	c->cut = true;
	h->serve->stats.cut++;
	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
}

static void cut_oldest(struct http *h)
{
	for (struct client *c = h->oldest; c; c = c->next)
		if (!c->cut) {
			cut_client(h, c);
			return;
		}
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http *h = arg;
	struct client *c = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!c)
			return;
		unlink_client(h, c);
		h->serve->stats.connections = --h->clients;
		free(c);
		*context = NULL;
		return;
	}
	c = calloc(1, sizeof(*c));
	*context = c;
	if (!c)
		return;
	c->connection = connection;
	append_client(h, c);
	h->serve->stats.connections = ++h->clients;
	if (h->clients > h->serve->options.max_connections)
		cut_oldest(h);
}

static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* An answer was given whole: the clock of this connection begins anew. */
static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct client *c = client_of(connection);
	struct http *h = arg;

	(void)context;
	if (!c || why != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		return;
	unlink_client(h, c);
	append_client(h, c);
}

void http_tick(struct http *h)
{
	uint64_t now = serve_clock_ns();

	for (struct client *c = h->oldest; c && now - c->since_ns > HTTP_SECONDS * 1000000000ULL; c = c->next)
		cut_client(h, c);
}

/* ---- requests ---- */

/* Does the client's certificate do, where one is wanted? */
static bool certificate_is_good(const struct http *h, struct MHD_Connection *connection)
{
	enum client_auth want = h->config->client_auth;
	const union MHD_ConnectionInfo *info;
	gnutls_session_t session;
	unsigned int status = 1, n = 0;

	if (want == CLIENT_NONE || want == CLIENT_REQUEST)
		return true;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	session = info ? info->tls_session : NULL;
	if (!session)
		return false;
	if (!gnutls_certificate_get_peers(session, &n) || !n)
		return want == CLIENT_IF_GIVEN;
	if (want == CLIENT_ANY)
		return true;
	return !gnutls_certificate_verify_peers2(session, &status) && !status;
}

/* 0: go on; else the status to answer with. */
static unsigned int refuse(struct http *h, struct MHD_Connection *connection)
{
	char *password = NULL, *user;
	enum auth_answer answer;

	if (!certificate_is_good(h, connection))
		return MHD_HTTP_FORBIDDEN;
	if (!h->auth)
		return 0;
	user = MHD_basic_auth_get_username_password(connection, &password);
	answer = web_auth_check(h->auth, user, password, serve_clock_ns());
	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(user);
	MHD_free(password);
	if (answer == AUTH_YES)
		return 0;
	h->serve->stats.denied++;
	return answer == AUTH_NO ? MHD_HTTP_UNAUTHORIZED : MHD_HTTP_TOO_MANY_REQUESTS;
}

static struct answer refusal(unsigned int status)
{
	struct answer a;

	if (status == MHD_HTTP_FORBIDDEN)
		return route_text(ROUTE_OTHER, status, "a certificate of the right authority is needed\n");
	if (status == MHD_HTTP_UNAUTHORIZED) {
		a = route_text(ROUTE_OTHER, status, "user and password are needed\n");
		if (a.response)
			MHD_add_response_header(a.response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
						"Basic realm=\"mmuscope\"");
		return a;
	}
	a = route_text(ROUTE_OTHER, status, "too many wrong passwords; try again in a second\n");
	if (a.response)
		MHD_add_response_header(a.response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	return a;
}

static struct answer wrong_method(void)
{
	struct answer a = route_text(ROUTE_OTHER, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");

	if (a.response)
		MHD_add_response_header(a.response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return a;
}

static bool is_get(const char *method)
{
	return !strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD);
}

static bool has_body(struct MHD_Connection *c)
{
	const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0")) ||
	       MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static struct answer answer_to(struct http *h, struct MHD_Connection *c, const char *path, const char *method)
{
	const char *accept;
	unsigned int status;

	if (!is_get(method))
		return wrong_method();
	if (has_body(c))
		return route_text(ROUTE_OTHER, MHD_HTTP_CONTENT_TOO_LARGE, "no body is expected\n");
	status = refuse(h, c);
	if (status)
		return refusal(status);
	accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	return route_answer(h->serve, path, accept);
}

/* Headers that are the same in all answers; kept answers have them from the first time. */
static void add_headers(const struct http *h, struct MHD_Response *r)
{
	if (MHD_get_response_header(r, "X-Content-Type-Options"))
		return;
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	for (size_t i = 0; i < h->config->nheaders; i++) {
		if (MHD_get_response_header(r, h->config->headers[i].name))
			MHD_del_response_header(r, h->config->headers[i].name,
						MHD_get_response_header(r, h->config->headers[i].name));
		MHD_add_response_header(r, h->config->headers[i].name, h->config->headers[i].value);
	}
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data, size_t *size,
				  void **context)
{
	static const char begun;
	struct http *h = arg;
	enum MHD_Result result;
	struct answer a;

	(void)version;
	(void)data;
	(void)size;
	/* an answer before the request has ended would end the connection: right where a body is to come */
	if (!*context && is_get(method) && !has_body(connection)) {
		*context = (void *)(uintptr_t)&begun;
		return MHD_YES;
	}
	a = answer_to(h, connection, path, method);
	if (!a.response) {
		a = route_text(a.route, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
		if (!a.response)
			return MHD_NO;
	}
	add_headers(h, a.response);
	h->serve->stats.requests[a.route][status_index(a.status)]++;
	result = MHD_queue_response(connection, a.status, a.response);
	if (!a.kept)
		MHD_destroy_response(a.response);
	return result;
}

/* ---- the daemons ---- */

static void say(void *arg, const char *fmt, va_list ap)
{
	char text[256];

	(void)arg;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_verbose("http: %s", text);
}

/* What TLS is spoken, in the words of GnuTLS. */
static void write_priorities(struct http *h)
{
	const struct web_config *c = h->config;
	size_t len = (size_t)snprintf(h->priorities, sizeof(h->priorities), "NORMAL:-VERS-ALL");

	for (unsigned int v = c->tls_low; v <= c->tls_high; v++)
		len += (size_t)snprintf(h->priorities + len, sizeof(h->priorities) - len, ":+VERS-TLS1.%u", v);
	if (!c->client_order)
		snprintf(h->priorities + len, sizeof(h->priorities) - len, ":%%SERVER_PRECEDENCE");
}

static struct MHD_Daemon *start(struct http *h, int fd)
{
	const struct web_config *c = h->config;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, c->cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, c->key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, h->priorities },
		{ c->ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, c->ca },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned int flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | (c->tls ? MHD_USE_TLS : 0);

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, say, NULL,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				h->serve->options.max_connections + HTTP_SPARE, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned int)HTTP_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)HTTP_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_NOTIFY_COMPLETED,
				on_completed, h, MHD_OPTION_ARRAY, c->tls ? tls : &tls[4], MHD_OPTION_END);
}

struct http *http_new(struct serve *s, const struct listener *listeners, size_t n,
		      const struct web_config *c)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->serve = s;
	h->config = c;
	write_priorities(h);
	h->auth = c->nusers ? web_auth_new(c) : NULL;
	if (c->nusers && !h->auth) {
		log_error("out of memory");
		http_free(h);
		return NULL;
	}
	for (size_t i = 0; i < n; i++, h->n++) {
		h->daemons[i] = start(h, listeners[i].fd);
		if (h->daemons[i])
			continue;
		log_error("cannot serve on %s%s", listeners[i].name,
			  c->tls ? ": certificate and key do not fit, or are not PEM; -v says more" : "; -v says more");
		http_free(h);
		return NULL;
	}
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++)
		MHD_stop_daemon(h->daemons[i]);
	web_auth_free(h->auth);
	free(h);
}

int http_fd(const struct http *h, size_t i)
{
	const union MHD_DaemonInfo *info =
		i < h->n ? MHD_get_daemon_info(h->daemons[i], MHD_DAEMON_INFO_EPOLL_FD) : NULL;

	return info ? info->epoll_fd : -1;
}

int http_timeout(const struct http *h)
{
	unsigned long long least = 60000, ms;

	for (size_t i = 0; i < h->n; i++)
		if (MHD_get_timeout(h->daemons[i], &ms) == MHD_YES && ms < least)
			least = ms;
	return (int)least;
}

void http_run(struct http *h)
{
	for (size_t i = 0; i < h->n; i++)
		MHD_run(h->daemons[i]);
}
