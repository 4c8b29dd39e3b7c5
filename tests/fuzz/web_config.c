// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: the file with TLS and passwords, and what clients say in an Accept header.
 */
#include "user/metrics/exposition.h"
#include "user/serve/web_config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_config c;
	char why[WEB_WHY];
	char *text = strndup((const char *)data, size);
	int err = web_config_parse((const char *)data, size, &c, why);

	/* every error has its words, in printable ASCII; what is taken is whole */
	if (err)
		require(*why && strlen(why) < WEB_WHY);
	for (const char *p = why; err && *p; p++)
		require(*p >= ' ' && *p <= '~');
	require(err || !c.tls || (c.cert_file && c.key_file && c.tls_low <= c.tls_high && c.tls_high <= 3));
	for (size_t i = 0; !err && i < c.nusers; i++)
		require(*c.users[i].name && strlen(c.users[i].hash) == 60);
	for (size_t i = 0; !err && i < c.nheaders; i++)
		require(c.headers[i].name && c.headers[i].value);
	web_config_free(&c);
	if (text)
		exposition_choose(text);
	free(text);
	return 0;
}
