// SPDX-License-Identifier: GPL-2.0-only
/*
 * One bcrypt takes a tenth of a second by design.  What was right is kept as a cheap salted hash, made anew
 * at each start, so that a scraper costs it once; of all other tries a few in a second are looked at.
 */
#include "user/serve/web_auth.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

enum {
	TRIES_PER_SECOND = 4,
	PASSWORD_MAX = 256,
};

/* costs as much as a user who exists, so that the time does not tell who does */
static const char nobody[] = "$2b$10$mmuscopeNobodyIsHere..mEBY/UDC6RpZG/SoVsYlce4oZxd..0O";

struct web_auth {
	const struct web_config *config;
	struct crypt_data data;
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	char known[WEB_USERS][CRYPT_OUTPUT_SIZE];	/* "": not seen yet */
	uint64_t second;
	unsigned int tries;
};

struct web_auth *web_auth_new(const struct web_config *c)
{
	struct web_auth *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->config = c;
	/* the least rounds that SHA-256 crypt has: 1000 */
	if (!crypt_gensalt_rn("$5$", 1000, NULL, 0, a->salt, sizeof(a->salt))) {
		free(a);
		return NULL;
	}
	return a;
}

void web_auth_free(struct web_auth *a)
{
	if (a)
		explicit_bzero(a, sizeof(*a));
	free(a);
}

/* In a time that does not depend on where they differ. */
static bool same(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char differ = 0;

	if (strlen(b) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return !differ;
}

static bool fits(struct web_auth *a, const char *password, const char *setting, const char *hash)
{
	const char *got = crypt_rn(password, setting, &a->data, sizeof(a->data));

	return got && same(got, hash);
}

static bool may_try(struct web_auth *a, uint64_t now_ns)
{
	uint64_t second = now_ns / 1000000000;

	if (second != a->second)
		a->tries = 0;
	a->second = second;
	return a->tries++ < TRIES_PER_SECOND;
}

static int find_user(const struct web_config *c, const char *name)
{
	for (size_t i = 0; i < c->nusers; i++)
		if (!strcmp(c->users[i].name, name))
			return (int)i;
	return -1;
}

enum auth_answer web_auth_check(struct web_auth *a, const char *user, const char *password, uint64_t now_ns)
{
	const char *hash, *got;
	int i;

	if (!user || !password || strlen(password) > PASSWORD_MAX)
		return AUTH_NO;
	i = find_user(a->config, user);
	if (i >= 0 && *a->known[i] && fits(a, password, a->salt, a->known[i]))
		return AUTH_YES;
	if (!may_try(a, now_ns))
		return AUTH_LATER;
	hash = i >= 0 ? a->config->users[i].hash : nobody;
	if (!fits(a, password, hash, hash) || i < 0)
		return AUTH_NO;
	got = crypt_rn(password, a->salt, &a->data, sizeof(a->data));
	if (got)
		strncpy(a->known[i], got, sizeof(a->known[i]) - 1);
	return AUTH_YES;
}
