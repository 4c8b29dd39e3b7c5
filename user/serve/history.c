// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bounded time line for the live page: sums over all VMs, a point for each gathering.
 */
#include "user/serve/serve.h"
#include "user/session/snapshot.h"

#include <errno.h>
#include <string.h>

enum { HISTORY_POINTS = 360, VALUES = 64 };

static json_t *number_json(double value)
{
	return json_integer((json_int_t)value);
}

/* Sum over a metric, by one of its labels, which has few values. */
static json_t *by_label(const struct samples *s, enum metric m, const char *label)
{
	int at = metric_label(m, label);
	const char *name[VALUES];
	double sum[VALUES] = { 0 };
	json_t *o = json_object();
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct sample *one = &s->list[i];
		size_t v = 0;

		if (one->metric != m)
			continue;
		while (v < n && strcmp(name[v], one->label[at]))
			v++;
		if (v < VALUES - 1)
			name[v] = one->label[at];
		else
			name[v = VALUES - 1] = "other";
		n = v == n ? n + 1 : n;
		sum[v] += one->value;
	}
	for (size_t v = 0; v < n; v++)
		json_object_set_new(o, name[v], number_json(sum[v]));
	return o;
}

static json_t *sum(const struct samples *s, enum metric m)
{
	double value = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].metric == m)
			value += s->list[i].value;
	return number_json(value);
}

int history_add(json_t *points, const struct samples *s, uint64_t now_ns)
{
	json_t *o = json_pack("{s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "time_s", (double)now_ns / 1e9, "mapped",
			      by_label(s, METRIC_MAPPED, "level"), "faults", sum(s, METRIC_FAULTS), "retries",
			      sum(s, METRIC_RETRIES), "windows", by_label(s, METRIC_CAUSE_WINDOWS, "cause"),
			      "lost", by_label(s, METRIC_LOST_BYTES, "why"), "violations",
			      sum(s, METRIC_INV_VIOLATIONS), "vms", sum(s, METRIC_VM_INFO));

	if (!o)
		return -ENOMEM;
	if (json_array_size(points) >= HISTORY_POINTS)
		json_array_remove(points, 0);
	return json_array_append_new(points, o) ? -ENOMEM : 0;
}
