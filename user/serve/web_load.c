// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a web configuration.  They are read once, at the start: afterwards this process may open none.
 */
#include "user/serve/web_config.h"
#include "user/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

/* A whole file, with a NUL behind it.  NULL after having reported the reason. */
static char *read_file(const char *path, size_t *size)
{
	char *text = malloc(FILE_MAX + 1);
	FILE *f = text ? fopen(path, "r") : NULL;

	*size = f ? fread(text, 1, FILE_MAX + 1, f) : 0;
	if (!f || ferror(f) || *size > FILE_MAX) {
		log_error("cannot read %s: %s", path, f && *size > FILE_MAX ? "it is larger than 1 MiB" : strerror(errno));
		if (f)
			fclose(f);
		free(text);
		return NULL;
	}
	fclose(f);
	text[*size] = '\0';
	return text;
}

/* A file that the configuration names; a relative path counts from where the configuration is. */
static char *read_named(const char *config, const char *name)
{
	const char *slash = strrchr(config, '/');
	char *path = NULL, *text;
	size_t size;
	int n;

	if (*name == '/' || !slash)
		n = asprintf(&path, "%s", name);
	else
		n = asprintf(&path, "%.*s/%s", (int)(slash - config), config, name);
	if (n < 0)
		return NULL;
	text = read_file(path, &size);
	if (text && strlen(text) != size) {
		log_error("cannot use %s: it is not PEM", path);
		free(text);
		text = NULL;
	}
	free(path);
	return text;
}

int web_config_load(const char *path, struct web_config *c)
{
	char why[WEB_WHY];
	size_t size;
	char *text = read_file(path, &size);
	int err;

	memset(c, 0, sizeof(*c));
	if (!text)
		return -1;
	err = web_config_parse(text, size, c, why);
	free(text);
	if (err) {
		log_error("cannot use %s: %s", path, err == -ENOMEM ? strerror(ENOMEM) : why);
		return -1;
	}
	if (!c->tls)
		return 0;
	c->cert = read_named(path, c->cert_file);
	c->key = c->cert ? read_named(path, c->key_file) : NULL;
	if (c->key && c->ca_file)
		c->ca = read_named(path, c->ca_file);
	return c->key && (c->ca || !c->ca_file) ? 0 : -1;
}
