// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which labels are folded: those whose values nobody knows beforehand.  What comes first stays, and the order
 * is that of samples_sort(): a VM that has its series keeps them while it lives.
 */
#include "user/metrics/series_limit.h"

#include <stdlib.h>
#include <string.h>

static const char other[] = "other";
static const char ended[] = "ended";

static bool is_open(enum label l)
{
	return l && !label_value(l, 0);
}

/* False: it has no open label, or is one of the sums already. */
static bool can_fold(const struct sample *s)
{
	const struct metric_info *m = metric_info(s->metric);
	bool open = false;

	for (int i = 0; i < METRIC_LABELS && m->labels[i]; i++)
		if (is_open(m->labels[i])) {
			if (!strcmp(s->label[i], ended) && m->labels[i] == LABEL_VM)
				return false;
			open |= strcmp(s->label[i], other) != 0;
		}
	return open;
}

static void fold(struct sample *s)
{
	const struct metric_info *m = metric_info(s->metric);

	for (int i = 0; i < METRIC_LABELS && m->labels[i]; i++)
		if (is_open(m->labels[i]))
			s->label[i] = other;
}

void series_limit(struct samples *s, size_t max, struct folded *out)
{
	size_t seen = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < s->n; i++) {
		struct sample *one = &s->list[i];

		if (i && one->metric != s->list[i - 1].metric)
			seen = 0;
		if (!can_fold(one) || ++seen <= max)
			continue;
		fold(one);
		out->n[one->metric]++;
		out->all++;
	}
	if (out->all)
		samples_sort(s);
}

void vm_set_add(struct vm_set *set, uint64_t vm)
{
	if (vm <= MAX_VMS)
		set->bits[vm / 64] |= 1ULL << vm % 64;
}

bool vm_set_has(const struct vm_set *set, uint64_t vm)
{
	return vm <= MAX_VMS && set->bits[vm / 64] & 1ULL << vm % 64;
}

/* Place of the label "vm" of a metric, or -1. */
static int vm_label(enum metric m)
{
	const struct metric_info *info = metric_info(m);

	for (int i = 0; i < METRIC_LABELS && info->labels[i]; i++)
		if (info->labels[i] == LABEL_VM)
			return i;
	return -1;
}

void series_retire(struct samples *s, const struct vm_set *set)
{
	const char *before = NULL;
	size_t kept = 0, moved = 0;
	bool is = false;

	for (size_t i = 0; i < s->n; i++) {
		struct sample one = s->list[i];
		int vm = vm_label(one.metric);

		/* neighbours mostly share their text */
		if (vm >= 0 && one.label[vm] != before) {
			before = one.label[vm];
			is = vm_set_has(set, strtoull(before, NULL, 10));
		}
		if (vm >= 0 && is) {
			enum metric_type type = metric_info(one.metric)->type;

			moved++;
			if (type != COUNTER && type != HISTOGRAM)
				continue;
			one.label[vm] = ended;
		}
		s->list[kept++] = one;
	}
	s->n = kept;
	if (moved)
		samples_sort(s);
}
