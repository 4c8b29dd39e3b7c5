// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers as people read them.
 */
#include "user/base/format.h"

#include "unit.h"

static void counts(void **arg)
{
	char b[FORMAT_LEN];

	(void)arg;
	assert_string_equal(format_count(b, 0), "0");
	assert_string_equal(format_count(b, 999), "999");
	assert_string_equal(format_count(b, 1000), "1,000");
	assert_string_equal(format_count(b, 1234567), "1,234,567");
	assert_string_equal(format_count(b, -4099), "-4,099");
	assert_string_equal(format_count(b, -100), "-100");
	assert_string_equal(format_count(b, INT64_MAX), "9,223,372,036,854,775,807");
	assert_string_equal(format_count(b, INT64_MIN), "-9,223,372,036,854,775,808");
}

static void bytes(void **arg)
{
	char b[FORMAT_LEN];

	(void)arg;
	assert_string_equal(format_bytes(b, 0), "0 B");
	assert_string_equal(format_bytes(b, 1023), "1023 B");
	assert_string_equal(format_bytes(b, 4096), "4.0 KiB");
	assert_string_equal(format_bytes(b, 16 << 20), "16.0 MiB");
	assert_string_equal(format_bytes(b, 1536LL << 20), "1.5 GiB");
	assert_string_equal(format_bytes(b, -2 * 1048576), "-2.0 MiB");
	assert_string_equal(format_bytes(b, 1LL << 50), "1024.0 TiB");
}

static void times(void **arg)
{
	char b[FORMAT_LEN];

	(void)arg;
	assert_string_equal(format_ns(b, 0), "0 ns");
	assert_string_equal(format_ns(b, 999), "999 ns");
	assert_string_equal(format_ns(b, 1500000), "1.5 ms");
	assert_string_equal(format_ns(b, 3600ULL * 1000000000), "3600.0 s");
}

/* never more than 7 columns, whatever the number */
static void short_numbers(void **arg)
{
	static const struct {
		uint64_t n;
		const char *count;
		const char *ns;
	} rows[] = {
		{ 0, "0", "0ns" }, { 999, "999", "999ns" }, { 1000, "1,000", "1.0us" },
		{ 1234, "1,234", "1.2us" }, { 99949, "99,949", "99.9us" }, { 99950, "99,950", "100us" },
		{ 999499, "999,499", "999us" }, { 999500, "999,500", "1.0ms" }, { 999999, "999,999", "1.0ms" },
		{ 1000000, "1.0M", "1.0ms" }, { 123456789, "123M", "123ms" },
		{ 61500000000, "61.5G", "61.5s" }, { 3600000000000, "3.6T", "3.6ks" },
		{ UINT64_MAX, "18.4E", "18447Ms" },
	};
	char b[FORMAT_LEN];

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(format_short(b, rows[i].n), rows[i].count);
		assert_true(strlen(b) <= 7);
		assert_string_equal(format_short_ns(b, rows[i].n), rows[i].ns);
		assert_true(strlen(b) <= 7);
	}
}

/* what is not all is not 100%, what is something is not rounded up either */
static void percents(void **arg)
{
	char b[FORMAT_LEN];

	(void)arg;
	assert_string_equal(format_percent(b, 0, 0), "0.0%");
	assert_string_equal(format_percent(b, 0, 7), "0.0%");
	assert_string_equal(format_percent(b, 1, 3), "33.3%");
	assert_string_equal(format_percent(b, 2, 3), "66.6%");
	assert_string_equal(format_percent(b, 999999, 1000000), "99.9%");
	assert_string_equal(format_percent(b, 7, 7), "100%");
	assert_string_equal(format_percent(b, UINT64_MAX / 2, UINT64_MAX), "50.0%");
}

static void names_of_tasks(void **arg)
{
	char b[FORMAT_LEN];

	(void)arg;
	assert_string_equal(format_comm(b, "qemu-system-x86", 16), "qemu-system-x86");
	assert_string_equal(format_comm(b, "", 16), "");
	/* as long as it may be, without an end */
	assert_string_equal(format_comm(b, "0123456789abcdefgh", 16), "0123456789abcdef");
	assert_string_equal(format_comm(b, "\033[31m\xff\n~ \x7f", 16), "?[31m??~ ?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(bytes),
		cmocka_unit_test(times),
		cmocka_unit_test(short_numbers),
		cmocka_unit_test(percents),
		cmocka_unit_test(names_of_tasks),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
