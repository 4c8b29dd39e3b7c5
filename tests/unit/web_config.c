// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file with TLS and passwords: what is taken, what is refused and in which words; and who gets in.
 */
#include "user/serve/web_auth.h"
#include "user/serve/web_config.h"

#include "unit.h"

#include <errno.h>

/* "secret", at the least cost there is */
#define SECRET "$2y$04$mmuscopeTestUserSalt..B9LxM1fxtB6JpaiKQ6sSbwuiz3qdvbu"

static struct web_config config;
static char why[WEB_WHY];

static int parse(const char *text)
{
	web_config_free(&config);
	return web_config_parse(text, strlen(text), &config, why);
}

static int end(void **arg)
{
	(void)arg;
	web_config_free(&config);
	return 0;
}

static void all_there_is(void **arg)
{
	(void)arg;
	assert_int_equal(parse("tls_server_config:\n"
			       "  cert_file: a.pem\n"
			       "  key_file: /etc/k.pem\n"
			       "  client_ca_file: ca.pem\n"
			       "  client_auth_type: RequireAndVerifyClientCert\n"
			       "  min_version: TLS13\n"
			       "  max_version: TLS13\n"
			       "  prefer_server_cipher_suites: false\n"
			       "http_server_config:\n"
			       "  http2: true\n"
			       "  headers:\n"
			       "    X-Frame-Options: deny\n"
			       "basic_auth_users:\n"
			       "  alice: " SECRET "\n"
			       "  bob: '" SECRET "'\n"), 0);
	assert_true(config.tls && config.client_auth == CLIENT_VERIFY && config.client_order);
	assert_string_equal(config.cert_file, "a.pem");
	assert_string_equal(config.key_file, "/etc/k.pem");
	assert_string_equal(config.ca_file, "ca.pem");
	assert_true(config.tls_low == 3 && config.tls_high == 3);
	assert_int_equal(config.nusers, 2);
	assert_string_equal(config.users[1].name, "bob");
	assert_int_equal(config.nheaders, 1);
	assert_string_equal(config.headers[0].value, "deny");
}

static void next_to_nothing(void **arg)
{
	static const char *const texts[] = { "", "# a comment\n", "{}\n", "tls_server_config:\nhttp_server_config:\n",
					     "~\n" };

	(void)arg;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i]), 0);
		assert_true(!config.tls && !config.nusers && config.tls_low == 2 && config.tls_high == 3);
	}
}

static void refused(void **arg)
{
	static const struct {
		const char *text, *why;
	} list[] = {
		{ "basic_auth_user:\n  a: b\n", "line 1: unknown key 'basic_auth_user'" },
		{ "\"\\e[1m\": x\n", "line 1: unknown key '?[1m'" },
		{ "basic_auth_users:\n  a: plain\n", "line 2: the password is to be a bcrypt hash" },
		{ "basic_auth_users:\n", "names nobody" },
		{ "basic_auth_users: {}\n", "names nobody" },
		{ "basic_auth_users: [a]\n", "line 1: keys and values are expected here" },
		{ "basic_auth_users:\n  a: " SECRET "\n  a: " SECRET "\n", "line 3: this user is there twice" },
		{ "basic_auth_users:\n  'a:b': " SECRET "\n", "no colon" },
		{ "tls_server_config:\n  cert_file: a\n", "needs cert_file and key_file" },
		{ "tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}\n", "verifies nobody" },
		{ "tls_server_config: {cert_file: a, key_file: b, client_auth_type: VerifyClientCertIfGiven}\n",
		  "client_ca_file is needed" },
		{ "tls_server_config: {cert_file: a, key_file: b, client_auth_type: Often}\n",
		  "unknown client_auth_type 'Often'" },
		{ "tls_server_config: {cert_file: a, key_file: b, min_version: SSL3}\n", "TLS10 to TLS13" },
		{ "tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}\n",
		  "min_version is above max_version" },
		{ "tls_server_config: {cert_file: a, key_file: b, cipher_suites: [x]}\n",
		  "cipher_suites is not supported" },
		{ "tls_server_config: {cert_file: [a], key_file: b}\n", "a text is expected here" },
		{ "http_server_config:\n  headers:\n    Set-Cookie: x\n", "line 3: unknown header 'Set-Cookie'" },
		{ "http_server_config:\n  headers:\n    X-Frame-Options: \"a\\nb\"\n", "printable ASCII" },
		{ "http_server_config: {http2: maybe}\n", "true or false" },
		{ "a: [", "it is no YAML" },
		{ "[1, 2]\n", "line 1: keys and values are expected here" },
		{ "\xff\xfe\x01", "it is no YAML" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (parse(list[i].text) != -EINVAL || !strstr(why, list[i].why))
			fail_msg("%s gives '%s'", list[i].text, why);
}

static void too_many_users(void **arg)
{
	static char text[WEB_USERS * 100 + 200];
	size_t len = (size_t)sprintf(text, "basic_auth_users:\n");

	(void)arg;
	for (int i = 0; i <= WEB_USERS; i++)
		len += (size_t)sprintf(text + len, "  user%d: " SECRET "\n", i);
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(strstr(why, "more than 64 users"));
}

static void who_gets_in(void **arg)
{
	const uint64_t second = 1000000000;
	struct web_auth *a;

	(void)arg;
	assert_int_equal(parse("basic_auth_users:\n  alice: " SECRET "\n"), 0);
	a = web_auth_new(&config);
	assert_non_null(a);
	assert_int_equal(web_auth_check(a, "alice", "secret", second), AUTH_YES);
	assert_int_equal(web_auth_check(a, "alice", "Secret", second), AUTH_NO);
	assert_int_equal(web_auth_check(a, "alice", "", second), AUTH_NO);
	assert_int_equal(web_auth_check(a, "bob", "secret", second), AUTH_NO);
	assert_int_equal(web_auth_check(a, NULL, NULL, second), AUTH_NO);
	/* guessers wait, who is known does not */
	assert_int_equal(web_auth_check(a, "alice", "guess", second), AUTH_LATER);
	assert_int_equal(web_auth_check(a, "alice", "secret", second), AUTH_YES);
	assert_int_equal(web_auth_check(a, "alice", "guess", 2 * second), AUTH_NO);
	web_auth_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_there_is), cmocka_unit_test(next_to_nothing), cmocka_unit_test(refused),
		cmocka_unit_test(too_many_users), cmocka_unit_test(who_gets_in),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
