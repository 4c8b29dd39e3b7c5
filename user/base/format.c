// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers as people read them.
 */
#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *format_count(char buf[FORMAT_LEN], int64_t n)
{
	char digits[FORMAT_LEN];
	size_t len, out = 0;

	snprintf(digits, sizeof(digits), "%" PRIu64, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
	len = strlen(digits);
	if (n < 0)
		buf[out++] = '-';
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

/* n / unit^k with one decimal, for the largest k that leaves at least 1 */
static const char *scaled(char buf[FORMAT_LEN], double n, double unit, const char *const names[],
			  size_t count)
{
	size_t k = 0;

	while (k + 1 < count && (n >= unit || n <= -unit)) {
		n /= unit;
		k++;
	}
	snprintf(buf, FORMAT_LEN, k ? "%.1f %s" : "%.0f %s", n, names[k]);
	return buf;
}

const char *format_bytes(char buf[FORMAT_LEN], int64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };

	return scaled(buf, (double)bytes, 1024, names, 5);
}

const char *format_ns(char buf[FORMAT_LEN], uint64_t ns)
{
	static const char *const names[] = { "ns", "us", "ms", "s" };

	return scaled(buf, (double)ns, 1000, names, 4);
}

const char *format_percent(char buf[FORMAT_LEN], uint64_t n, uint64_t of)
{
	double tenths = of ? (double)n / (double)of * 1000 : 0;

	if (of && n >= of) {
		snprintf(buf, FORMAT_LEN, "100%%");
		return buf;
	}
	/* truncated: what is not all must not look like it */
	snprintf(buf, FORMAT_LEN, "%d.%d%%", (int)tenths / 10, (int)tenths % 10);
	return buf;
}

/* in at most 7 columns; a decimal where there is room for it */
static const char *shortened(char buf[FORMAT_LEN], double n, const char *const names[], size_t count)
{
	size_t k = 0;

	/* what would be rounded up to 1000 is 1 of the next */
	while (k + 1 < count && n >= 999.5) {
		n /= 1000;
		k++;
	}
	snprintf(buf, FORMAT_LEN, n < 99.95 && k ? "%.1f%s" : "%.0f%s", n, names[k]);
	return buf;
}

const char *format_short(char buf[FORMAT_LEN], uint64_t n)
{
	static const char *const names[] = { "", "K", "M", "G", "T", "P", "E" };

	if (n < 1000000)
		return format_count(buf, (int64_t)n);
	return shortened(buf, (double)n, names, 7);
}

const char *format_short_ns(char buf[FORMAT_LEN], uint64_t ns)
{
	static const char *const names[] = { "ns", "us", "ms", "s", "ks", "Ms" };

	return shortened(buf, (double)ns, names, 6);
}

const char *format_comm(char buf[FORMAT_LEN], const char *comm, size_t len)
{
	size_t n = 0;

	for (; n < len && n + 1 < FORMAT_LEN && comm[n]; n++)
		buf[n] = comm[n] >= ' ' && comm[n] <= '~' ? comm[n] : '?';
	buf[n] = '\0';
	return buf;
}
