// SPDX-License-Identifier: GPL-2.0-only
/*
 * What several forms of a recording's report say in the same words.
 */
#include "forms.h"

#include <time.h>

const char *report_date(const struct digest *d, char *buf, size_t size)
{
	time_t t = (time_t)(d->head.real_ns / 1000000000);
	struct tm tm;

	if (!d->header_known || !gmtime_r(&t, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		buf[0] = '\0';
	return buf;
}

const json_t *report_workload(const struct digest *d)
{
	const json_t *words = json_object_get(d->last, "workload");

	return json_array_size(words) ? words : NULL;
}

uint64_t json_count(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}
