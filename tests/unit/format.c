// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers as people read them.
 */
#include "user/format.h"

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
		cmocka_unit_test(names_of_tasks),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
