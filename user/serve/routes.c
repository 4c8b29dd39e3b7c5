// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paths.  Nothing of a request comes back in an answer.
 */
#include "user/serve/http.h"
#include "user/serve/page.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

/* numbers older than so many intervals mean that something is wrong */
enum { STALE_INTERVALS = 3 };

struct answer route_text(enum route r, unsigned int status, const char *text)
{
	struct answer a = { .route = r, .status = status };

	a.response = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
						     MHD_RESPMEM_MUST_COPY);
	if (a.response)
		MHD_add_response_header(a.response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
	return a;
}

static struct answer kept(enum route r, struct MHD_Response *response)
{
	return (struct answer){ .route = r, .status = MHD_HTTP_OK, .response = response, .kept = true };
}

static struct answer health(const struct serve *s)
{
	uint64_t age = serve_clock_ns() - s->now.gathered_ns;
	char text[128];

	if (s->now.gathered_ns && age <= STALE_INTERVALS * s->options.interval_ns)
		return route_text(ROUTE_HEALTH, MHD_HTTP_OK, "ok\n");
	snprintf(text, sizeof(text), "the newest numbers are %.0f s old, more than %d intervals\n", (double)age / 1e9,
		 STALE_INTERVALS);
	return route_text(ROUTE_HEALTH, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

struct answer route_answer(struct serve *s, const char *path, const char *accept)
{
	if (!strcmp(path, "/metrics"))
		return kept(ROUTE_METRICS, gathered_metrics(s, exposition_choose(accept)));
	if (!strcmp(path, "/healthz"))
		return health(s);
	if (!strcmp(path, "/api/v1/report"))
		return kept(ROUTE_API, gathered_report(s));
	if (!strcmp(path, "/api/v1/history"))
		return kept(ROUTE_API, gathered_history(s));
	if (!strcmp(path, "/"))
		return kept(ROUTE_PAGE, serve_page());
	return route_text(ROUTE_OTHER, MHD_HTTP_NOT_FOUND,
			  "not here; there are /, /metrics, /healthz, /api/v1/report, /api/v1/history\n");
}
