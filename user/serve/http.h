/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HTTP by libmicrohttpd, without a thread: whoever has the loop asks for the descriptors to watch and calls
 * http_run.  Clients are strangers here: slow, greedy or malformed ones end themselves, not us.
 */
#ifndef MMUSCOPE_SERVE_HTTP_H
#define MMUSCOPE_SERVE_HTTP_H

#include "user/serve/serve.h"
#include "user/serve/listen.h"
#include "user/serve/web_config.h"

/*
 * Answer on these sockets, which it takes over.  The configuration must live as long; NULL after having
 * reported the reason.
 */
struct http *http_new(struct serve *s, const struct listener *listeners, size_t n,
		      const struct web_config *c);
/* Stop answering.  NULL is fine. */
void http_free(struct http *h);
/* Descriptor to watch, one for each socket; -1: no more. */
int http_fd(const struct http *h, size_t i);
/* ms until http_run is due even if nothing becomes readable; -1: any time. */
int http_timeout(const struct http *h);
void http_run(struct http *h);
/* Once a second: end connections that are too slow. */
void http_tick(struct http *h);

/* ---- routes.c ---- */

struct MHD_Connection;

struct answer {
	enum route route;
	unsigned int status;
	struct MHD_Response *response;	/* NULL: out of memory */
	bool kept;			/* it belongs to serve: one reference less to give up */
};

/* What is to be said to a GET of this path.  accept: the header, or NULL. */
struct answer route_answer(struct serve *s, const char *path, const char *accept);
/* An answer of one line of text. */
struct answer route_text(enum route r, unsigned int status, const char *text);

#endif /* MMUSCOPE_SERVE_HTTP_H */
