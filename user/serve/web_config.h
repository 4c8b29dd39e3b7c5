/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS and passwords of 'mmuscope serve', by the file that exporters of Prometheus share (--web.config.file of
 * theirs): YAML with tls_server_config, http_server_config and basic_auth_users.
 */
#ifndef MMUSCOPE_WEB_CONFIG_H
#define MMUSCOPE_WEB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

enum {
	WEB_WHY = 256,
	WEB_USERS = 64,
	WEB_HEADERS = 8,
	WEB_NAME = 128,		/* of a user */
	WEB_HASH = 64,		/* bcrypt has 60 characters */
};

enum client_auth {
	CLIENT_NONE,		/* no certificate is asked for */
	CLIENT_REQUEST,		/* asked for, and not looked at */
	CLIENT_ANY,		/* must be there */
	CLIENT_IF_GIVEN,	/* if it is there, our CA must have signed it */
	CLIENT_VERIFY,		/* both */
};

struct web_user {
	char name[WEB_NAME];
	char hash[WEB_HASH];
};

struct web_header {
	const char *name;	/* one of a fixed list */
	char *value;
};

struct web_config {
	bool tls;
	char *cert_file;	/* as it stands in the file; NULL: none */
	char *key_file;
	char *ca_file;
	enum client_auth client_auth;
	unsigned int tls_low;	/* TLS 1.x: least and most, 0..3 */
	unsigned int tls_high;
	bool client_order;	/* the client's order of ciphers counts */
	char *cert;		/* what is in these files, PEM */
	char *key;
	char *ca;
	struct web_user users[WEB_USERS];
	size_t nusers;
	struct web_header headers[WEB_HEADERS];
	size_t nheaders;
};

/*
 * Read the text of such a file; the files that it names are left alone.  0; -EINVAL: why says so, with line;
 * -ENOMEM.  In any case web_config_free.
 */
int web_config_parse(const char *text, size_t size, struct web_config *c, char why[WEB_WHY]);
/* Read a file and those that it names, relative to its directory.  0, or -1 after reporting the reason. */
int web_config_load(const char *path, struct web_config *c);
void web_config_free(struct web_config *c);

#endif /* MMUSCOPE_WEB_CONFIG_H */
