// SPDX-License-Identifier: GPL-2.0-only
/*
 * By libyaml into a tree of nodes, of which every key must be known: a misspelt one would mean less
 * protection than its writer thinks.  What other exporters have and this one cannot do is refused by name.
 */
#include "user/serve/web_config.h"

#include <crypt.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct parse {
	yaml_document_t *doc;
	struct web_config *c;
	char *why;
	int err;
};

struct key {
	const char *name;
	void (*take)(struct parse *p, const yaml_node_t *value);
};

static void __attribute__((format(printf, 3, 4)))
fail(struct parse *p, const yaml_node_t *at, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	if (p->err)
		return;
	p->err = -EINVAL;
	snprintf(p->why, WEB_WHY, "line %zu: ", at->start_mark.line + 1);
	len = strlen(p->why);
	va_start(ap, fmt);
	vsnprintf(p->why + len, WEB_WHY - len, fmt, ap);
	va_end(ap);
}

/* Text of a scalar; NULL after having said that it is none, or has a NUL. */
static const char *text_of(struct parse *p, const yaml_node_t *n)
{
	const char *text = n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;

	if (!text || strlen(text) != n->data.scalar.length) {
		fail(p, n, "a text is expected here");
		return NULL;
	}
	return text;
}

/* What an error quotes: short, and nothing that a terminal would obey. */
static const char *quoted(const char *text, char buf[48])
{
	snprintf(buf, 48, "%s", text);
	for (char *c = buf; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return buf;
}

static void take_text(struct parse *p, const yaml_node_t *n, char **to)
{
	const char *text = text_of(p, n);

	if (!text)
		return;
	free(*to);
	*to = strdup(text);
	if (!*to && !p->err)
		p->err = -ENOMEM;
}

static bool take_bool(struct parse *p, const yaml_node_t *n)
{
	const char *text = text_of(p, n);

	if (text && strcmp(text, "true") && strcmp(text, "false"))
		fail(p, n, "true or false is expected here");
	return text && !strcmp(text, "true");
}

/* Is it no value at all ("key:" and nothing behind it)? */
static bool is_null(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!n->data.scalar.length || !strcmp((const char *)n->data.scalar.value, "~") ||
		!strcmp((const char *)n->data.scalar.value, "null"));
}

typedef void pair_fn(struct parse *p, const yaml_node_t *key, const char *name, const yaml_node_t *value,
		     const void *arg);

static void for_pairs(struct parse *p, const yaml_node_t *map, pair_fn *fn, const void *arg)
{
	if (is_null(map))
		return;
	if (map->type != YAML_MAPPING_NODE) {
		fail(p, map, "keys and values are expected here");
		return;
	}
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top && !p->err; pair++) {
		const yaml_node_t *key = yaml_document_get_node(p->doc, pair->key);
		const yaml_node_t *value = yaml_document_get_node(p->doc, pair->value);
		const char *name = key && value ? text_of(p, key) : NULL;

		if (name)
			fn(p, key, name, value, arg);
	}
}

static void take_known(struct parse *p, const yaml_node_t *key, const char *name, const yaml_node_t *value,
		       const void *arg)
{
	char buf[48];

	for (const struct key *k = arg; k->name; k++) {
		if (strcmp(k->name, name))
			continue;
		if (k->take)
			k->take(p, value);
		else
			fail(p, key, "%s is not supported by mmuscope; leave it out, or use a reverse proxy", name);
		return;
	}
	fail(p, key, "unknown key '%s'", quoted(name, buf));
}

/* ---- tls_server_config ---- */

static void take_cert(struct parse *p, const yaml_node_t *n)
{
	take_text(p, n, &p->c->cert_file);
}

static void take_key(struct parse *p, const yaml_node_t *n)
{
	take_text(p, n, &p->c->key_file);
}

static void take_ca(struct parse *p, const yaml_node_t *n)
{
	take_text(p, n, &p->c->ca_file);
}

static void take_client_auth(struct parse *p, const yaml_node_t *n)
{
	static const char *const names[] = {
		[CLIENT_NONE] = "NoClientCert", [CLIENT_REQUEST] = "RequestClientCert",
		[CLIENT_ANY] = "RequireAnyClientCert", [CLIENT_IF_GIVEN] = "VerifyClientCertIfGiven",
		[CLIENT_VERIFY] = "RequireAndVerifyClientCert",
	};
	const char *text = text_of(p, n);
	char buf[48];

	if (!text)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], text)) {
			p->c->client_auth = (enum client_auth)i;
			return;
		}
	if (*text)
		fail(p, n, "unknown client_auth_type '%s'", quoted(text, buf));
}

static unsigned int take_version(struct parse *p, const yaml_node_t *n)
{
	const char *text = text_of(p, n);
	char buf[48];

	if (text && (strncmp(text, "TLS1", 4) || text[4] < '0' || text[4] > '3' || text[5]))
		fail(p, n, "TLS10 to TLS13 is expected here, not '%s'", quoted(text, buf));
	return text && !p->err ? (unsigned int)(text[4] - '0') : 2;
}

static void take_low(struct parse *p, const yaml_node_t *n)
{
	p->c->tls_low = take_version(p, n);
}

static void take_high(struct parse *p, const yaml_node_t *n)
{
	p->c->tls_high = take_version(p, n);
}

static void take_order(struct parse *p, const yaml_node_t *n)
{
	p->c->client_order = !take_bool(p, n);
}

static const struct key tls_keys[] = {
	{ "cert_file", take_cert }, { "key_file", take_key }, { "client_ca_file", take_ca },
	{ "client_auth_type", take_client_auth }, { "min_version", take_low }, { "max_version", take_high },
	{ "prefer_server_cipher_suites", take_order }, { "cipher_suites", NULL },
	{ "curve_preferences", NULL }, { "client_allowed_sans", NULL }, { NULL, NULL },
};

static void take_tls(struct parse *p, const yaml_node_t *n)
{
	struct web_config *c = p->c;

	if (is_null(n))
		return;
	c->tls = true;
	for_pairs(p, n, take_known, tls_keys);
	if (p->err)
		return;
	if (!c->cert_file || !c->key_file)
		fail(p, n, "tls_server_config needs cert_file and key_file");
	else if ((c->client_auth == CLIENT_IF_GIVEN || c->client_auth == CLIENT_VERIFY) && !c->ca_file)
		fail(p, n, "to verify clients, client_ca_file is needed");
	else if (c->ca_file && c->client_auth != CLIENT_IF_GIVEN && c->client_auth != CLIENT_VERIFY)
		fail(p, n, "client_ca_file is there, and client_auth_type verifies nobody");
	else if (c->tls_low > c->tls_high)
		fail(p, n, "min_version is above max_version");
}

/* ---- http_server_config ---- */

static void take_header(struct parse *p, const yaml_node_t *key, const char *name, const yaml_node_t *value,
			const void *arg)
{
	static const char *const known[] = {
		"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-XSS-Protection",
		"Content-Security-Policy",
	};
	struct web_config *c = p->c;
	const char *text = text_of(p, value);
	char buf[48];

	(void)arg;
	for (size_t i = 0; text && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i], name))
			continue;
		for (const char *t = text; *t; t++)
			if (*t < ' ' || *t > '~')
				fail(p, value, "a header takes printable ASCII");
		if (p->err)
			return;
		if (c->nheaders == WEB_HEADERS) {
			fail(p, key, "more than %d headers", WEB_HEADERS);
			return;
		}
		c->headers[c->nheaders].name = known[i];
		take_text(p, value, &c->headers[c->nheaders].value);
		c->nheaders += c->headers[c->nheaders].value != NULL;
		return;
	}
	fail(p, key, "unknown header '%s'", quoted(name, buf));
}

static void take_headers(struct parse *p, const yaml_node_t *n)
{
	for_pairs(p, n, take_header, NULL);
}

/* Who may speak HTTP/2 may speak HTTP/1.1, too, which is what we speak. */
static void take_http2(struct parse *p, const yaml_node_t *n)
{
	take_bool(p, n);
}

static const struct key http_keys[] = {
	{ "http2", take_http2 }, { "headers", take_headers }, { "rate_limit", NULL }, { NULL, NULL },
};

static void take_http(struct parse *p, const yaml_node_t *n)
{
	for_pairs(p, n, take_known, http_keys);
}

/* ---- basic_auth_users ---- */

static bool is_bcrypt(const char *hash)
{
	return strlen(hash) == 60 && hash[0] == '$' && hash[1] == '2' && strchr("aby", hash[2]) &&
	       hash[3] == '$' && crypt_checksalt(hash) == CRYPT_SALT_OK;
}

static void take_user(struct parse *p, const yaml_node_t *key, const char *name, const yaml_node_t *value,
		      const void *arg)
{
	struct web_config *c = p->c;
	const char *hash = text_of(p, value);

	(void)arg;
	if (!hash)
		return;
	if (!*name || strlen(name) >= WEB_NAME || strchr(name, ':'))
		fail(p, key, "a user's name has 1 to %d characters and no colon", WEB_NAME - 1);
	else if (!is_bcrypt(hash))
		fail(p, value, "the password is to be a bcrypt hash of 60 characters ($2y$...), as 'htpasswd -B' "
		     "makes them");
	else if (c->nusers == WEB_USERS)
		fail(p, key, "more than %d users", WEB_USERS);
	if (p->err)
		return;
	for (size_t i = 0; i < c->nusers; i++)
		if (!strcmp(c->users[i].name, name))
			fail(p, key, "this user is there twice");
	snprintf(c->users[c->nusers].name, WEB_NAME, "%s", name);
	snprintf(c->users[c->nusers].hash, WEB_HASH, "%s", hash);
	c->nusers++;
}

static void take_users(struct parse *p, const yaml_node_t *n)
{
	for_pairs(p, n, take_user, NULL);
	/* "basic_auth_users:" and nobody in it would let everybody in */
	if (!p->err && !p->c->nusers)
		fail(p, n, "basic_auth_users is there and names nobody");
}

static const struct key keys[] = {
	{ "tls_server_config", take_tls }, { "http_server_config", take_http },
	{ "basic_auth_users", take_users }, { NULL, NULL },
};

int web_config_parse(const char *text, size_t size, struct web_config *c, char why[WEB_WHY])
{
	struct parse p = { .c = c, .why = why };
	yaml_parser_t parser;
	yaml_document_t doc;
	yaml_node_t *root;

	memset(c, 0, sizeof(*c));
	c->tls_low = 2;
	c->tls_high = 3;
	*why = '\0';
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (!yaml_parser_load(&parser, &doc)) {
		snprintf(why, WEB_WHY, "line %zu: it is no YAML: %s", parser.problem_mark.line + 1,
			 parser.problem ? parser.problem : "out of memory");
		yaml_parser_delete(&parser);
		return -EINVAL;
	}
	p.doc = &doc;
	root = yaml_document_get_root_node(&doc);
	if (root)
		for_pairs(&p, root, take_known, keys);
	yaml_document_delete(&doc);
	yaml_parser_delete(&parser);
	return p.err;
}

void web_config_free(struct web_config *c)
{
	char **const texts[] = { &c->cert_file, &c->key_file, &c->ca_file, &c->cert, &c->key, &c->ca };

	if (c->key)
		explicit_bzero(c->key, strlen(c->key));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	for (size_t i = 0; i < c->nheaders; i++)
		free(c->headers[i].value);
	c->nheaders = c->nusers = 0;
}
