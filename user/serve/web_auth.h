/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users and passwords against their bcrypt hashes, without letting guessers take the CPU: who was right once
 * is remembered, and others wait their turn.
 */
#ifndef MMUSCOPE_WEB_AUTH_H
#define MMUSCOPE_WEB_AUTH_H

#include "user/serve/web_config.h"

#include <stdint.h>

enum auth_answer {
	AUTH_YES,
	AUTH_NO,
	AUTH_LATER,	/* too many tries in this second */
};

struct web_auth;

/* The configuration must live as long.  NULL: out of memory. */
struct web_auth *web_auth_new(const struct web_config *c);
void web_auth_free(struct web_auth *a);
/* now_ns: any clock that goes forward. */
enum auth_answer web_auth_check(struct web_auth *a, const char *user, const char *password, uint64_t now_ns);

#endif /* MMUSCOPE_WEB_AUTH_H */
