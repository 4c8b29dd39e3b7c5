// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which labels are folded: those whose values nobody knows beforehand.  What comes first stays, and the order
 * is that of samples_sort(): a VM that has its series keeps them while it lives.
 */
#include "user/metrics/series_limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char other[] = "other";
static const char ended[] = "ended";

static bool is_open(enum label l)
{
	return l && !label_value(l, 0);
}

static int set_label(struct sample *s, int i, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(s->label[i]);
	s->label[i] = copy;
	return 0;
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

static int fold(struct sample *s)
{
	const struct metric_info *m = metric_info(s->metric);
	int err = 0;

	for (int i = 0; i < METRIC_LABELS && m->labels[i]; i++)
		if (is_open(m->labels[i]))
			err = err ?: set_label(s, i, other);
	return err;
}

int series_limit(struct samples *s, size_t max, struct folded *out)
{
	size_t seen = 0;
	int err = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < s->n && !err; i++) {
		struct sample *one = &s->list[i];

		if (i && one->metric != s->list[i - 1].metric)
			seen = 0;
		if (!can_fold(one) || ++seen <= max)
			continue;
		err = fold(one);
		out->n[one->metric]++;
		out->all++;
	}
	if (out->all)
		samples_sort(s);
	return err;
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

/* Place of the label "vm" of a sample whose VM ended, or -1. */
static int ended_vm(const struct sample *s, const struct vm_set *set)
{
	int i = metric_label(s->metric, "vm");

	return i >= 0 && vm_set_has(set, strtoull(s->label[i], NULL, 10)) ? i : -1;
}

static int copy_sample(struct samples *to, const struct sample *s, int vm)
{
	enum metric_type type = metric_info(s->metric)->type;
	const char *label[METRIC_LABELS];

	memcpy(label, s->label, sizeof(label));
	if (vm >= 0 && type != COUNTER && type != HISTOGRAM)
		return 0;
	if (vm >= 0)
		label[vm] = ended;
	return s->hist ? samples_add_hist(to, s->metric, label, s->hist) :
			 samples_add_scaled(to, s->metric, label, s->value);
}

int series_retire(struct samples *s, const struct vm_set *set)
{
	struct samples kept = { 0 };
	int err = 0;

	for (size_t i = 0; i < s->n && !err; i++)
		err = copy_sample(&kept, &s->list[i], ended_vm(&s->list[i], set));
	if (err) {
		samples_free(&kept);
		return err;
	}
	samples_sort(&kept);
	samples_free(s);
	*s = kept;
	return 0;
}
