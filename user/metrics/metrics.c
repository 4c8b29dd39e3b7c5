// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of metrics, and lists of samples.
 */
#include "user/judge/ledger.h"
#include "user/judge/lookups.h"
#include "metrics.h"

#include "user/host/probe.h"
#include "user/host/notifier.h"
#include "user/sink/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define L0 { LABEL_NONE }
#define L1(a) { LABEL_##a }
#define L2(a, b) { LABEL_##a, LABEL_##b }
#define L3(a, b, c) { LABEL_##a, LABEL_##b, LABEL_##c }
#define L4(a, b, c, d) { LABEL_##a, LABEL_##b, LABEL_##c, LABEL_##d }

static const struct metric_info metrics[METRIC_NR] = {
#define LABEL(id, name, values, text)
#define METRIC(id, name_, type_, unit_, scale_, labels_, presence_, source_, text_)                \
	[METRIC_##id] = {.name = name_,                                                            \
			 .type = type_,                                                            \
			 .unit = unit_,                                                            \
			 .scale = scale_,                                                          \
			 .labels = labels_,                                                        \
			 .presence = presence_,                                                    \
			 .source = source_,                                                        \
			 .text = text_},
#include "metrics.def"
#undef LABEL
#undef METRIC
};

static const char *const labels[LABEL_NR] = {
#define LABEL(id, name, values, text) [LABEL_##id] = name,
#define METRIC(id, name, type, unit, scale, labels, presence, source, text)
#include "metrics.def"
#undef LABEL
#undef METRIC
};

const struct metric_info *metric_info(enum metric m)
{
	return &metrics[m];
}

int metric_find(const char *name)
{
	for (int m = 0; m < METRIC_NR; m++)
		if (!strcmp(metrics[m].name, name))
			return m;
	return -1;
}

int metric_label(enum metric m, const char *name)
{
	for (int i = 0; i < METRIC_LABELS && metrics[m].labels[i]; i++)
		if (!strcmp(labels[metrics[m].labels[i]], name))
			return i;
	return -1;
}

const char *metric_type_name(enum metric_type t)
{
	static const char *const names[] = { "counter", "gauge", "gauge", "histogram" };

	return names[t];
}

const char *label_name(enum label l)
{
	return labels[l];
}

static const char *of_list(const char *const *list, size_t n, int i)
{
	return (size_t)i < n ? list[i] : NULL;
}

const char *label_value(enum label l, int i)
{
	static const char *const errors[] = { "fault", "hwpoison", "ro", "sigpending", "io", "other" };
	static const char *const sides[] = { "agrees", "against" };
	static const char *const asked[] = { [LOOKUP_READ] = "read", [LOOKUP_WRITE] = "write" };
	static const char *const places[] = { "map", "zap" };
	static const char *const modes[] = { "live", "replay" };
	static const char *const routes[] = { "metrics", "api", "page", "health", "other" };
	static const char *const entries[] = { "sent", "suppressed", "failed" };

	switch (l) {
	case LABEL_LEVEL:
		return i < LEVELS ? level_name(i) : NULL;
	case LABEL_ERROR:
		return of_list(errors, HVA_NR - HVA_ERR_FAULT, i);
	case LABEL_EVENT:
		return i < NOTIFIER_EVENTS ? notifier_event_name(i) : NULL;
	case LABEL_INVARIANT:
		return i < INV_NR ? invariant_name((enum invariant)i) : NULL;
	case LABEL_VERDICT:
		return i <= NOT_APPLICABLE ? value_name((enum value)i) : NULL;
	case LABEL_LOSS:
		return i < LOSS_NR ? loss_name((enum loss)i) : NULL;
	case LABEL_HOOK:
		return i < HOOK_NR ? hook_name((enum hook)i) : NULL;
	case LABEL_CLAIM:
		return i < CLAIM_NR ? claim_name((enum claim)i) : NULL;
	case LABEL_SIDE:
		return of_list(sides, 2, i);
	case LABEL_BACKING:
		return i < BACKING_NR ? backing_name((enum backing)i) : NULL;
	case LABEL_ANSWER:
		return i <= UNDECIDED ? claim_value_name((enum claim_value)i) : NULL;
	case LABEL_WHERE:
		return of_list(places, 2, i);
	case LABEL_HOST_LEVEL:
		return i < HOST_LEVELS ? host_level_name(i) : NULL;
	case LABEL_WHY:
		return i < LOW_NR ? level_cause_name((enum level_cause)i) : NULL;
	case LABEL_ASKED:
		return of_list(asked, LOOKUP_KINDS, i);
	case LABEL_BEFORE:
		return i < SERVES_NR ? serves_name((enum serves)i) : NULL;
	case LABEL_COMPARED:
		return i < COMPARED_NR ? compared_name((enum compared)i) : NULL;
	case LABEL_MODE:
		return of_list(modes, 2, i);
	case LABEL_ROUTE:
		return of_list(routes, 5, i);
	case LABEL_ENTRY:
		return of_list(entries, 3, i);
	case LABEL_PFN:
		return i < PFN_CLASSES ? frame_name((unsigned int)i) : NULL;
	default:
		return NULL;
	}
}

double metric_bucket_edge(enum metric m, int bucket)
{
	/* values are whole numbers: the largest of bucket b is 2^b - 1 */
	return ((double)(1ULL << bucket) - 1) * metrics[m].scale;
}

static double scale_of(enum metric m, const char *const *label)
{
	int i;

	if (metrics[m].scale != OF_LEVEL)
		return metrics[m].scale;
	i = metric_label(m, "level");
	for (int l = 0; l < LEVELS; l++)
		if (!strcmp(label[i], level_name(l)))
			return (double)level_bytes(l);
	return 0;
}

static void sample_clear(struct sample *s)
{
	for (int i = 0; i < METRIC_LABELS; i++)
		free(s->label[i]);
	free(s->hist);
}

static struct sample *append(struct samples *s, enum metric m, const char *const *label)
{
	struct sample *new;

	if (s->n == s->size) {
		size_t size = s->size ? 2 * s->size : 256;
		struct sample *list = reallocarray(s->list, size, sizeof(*list));

		if (!list)
			return NULL;
		s->list = list;
		s->size = size;
	}
	new = &s->list[s->n];
	*new = (struct sample){ .metric = m };
	for (int i = 0; i < METRIC_LABELS && metrics[m].labels[i]; i++) {
		new->label[i] = strdup(label[i]);
		if (!new->label[i]) {
			sample_clear(new);
			return NULL;
		}
	}
	s->n++;
	return new;
}

int samples_add_scaled(struct samples *s, enum metric m, const char *const *label, double value)
{
	struct sample *new;

	if (value == 0 && metrics[m].presence == SPARSE)
		return 0;
	new = append(s, m, label);
	if (!new)
		return -ENOMEM;
	new->value = value;
	return 0;
}

int samples_add(struct samples *s, enum metric m, const char *const *label, double value)
{
	return samples_add_scaled(s, m, label, value * scale_of(m, label));
}

int samples_add_hist(struct samples *s, enum metric m, const char *const *label, const struct hist *h)
{
	struct sample *new;

	if (metrics[m].presence == SPARSE && !hist_count(h))
		return 0;
	new = append(s, m, label);
	if (!new)
		return -ENOMEM;
	new->hist = malloc(sizeof(*h));
	if (!new->hist) {
		sample_clear(new);
		s->n--;
		return -ENOMEM;
	}
	*new->hist = *h;
	return 0;
}

static int by_labels(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->metric != y->metric)
		return x->metric < y->metric ? -1 : 1;
	for (int i = 0; i < METRIC_LABELS && x->label[i]; i++) {
		/* numbers in their order, and texts in theirs */
		int order = strverscmp(x->label[i], y->label[i]);

		if (order)
			return order;
	}
	return 0;
}

static void merge(struct sample *into, const struct sample *s)
{
	if (into->hist) {
		for (int b = 0; b < HIST_BUCKETS; b++)
			into->hist->bucket[b] += s->hist->bucket[b];
		into->hist->sum += s->hist->sum;
	} else if (metrics[s->metric].type == PEAK) {
		into->value = s->value > into->value ? s->value : into->value;
	} else {
		into->value += s->value;
	}
}

void samples_sort(struct samples *s)
{
	size_t kept = 0;

	if (!s->n)
		return;
	qsort(s->list, s->n, sizeof(*s->list), by_labels);
	for (size_t i = 1; i < s->n; i++) {
		if (by_labels(&s->list[kept], &s->list[i])) {
			s->list[++kept] = s->list[i];
		} else {
			merge(&s->list[kept], &s->list[i]);
			sample_clear(&s->list[i]);
		}
	}
	s->n = kept + 1;
}

int samples_copy(struct samples *to, const struct samples *from)
{
	int err = 0;

	*to = (struct samples){ 0 };
	for (size_t i = 0; i < from->n && !err; i++) {
		const struct sample *m = &from->list[i];
		const char *const *label = (const char *const *)m->label;

		err = m->hist ? samples_add_hist(to, m->metric, label, m->hist) :
				samples_add_scaled(to, m->metric, label, m->value);
	}
	if (err)
		samples_free(to);
	return err;
}

void samples_free(struct samples *s)
{
	for (size_t i = 0; i < s->n; i++)
		sample_clear(&s->list[i]);
	free(s->list);
	*s = (struct samples){ 0 };
}

const struct sample *samples_get(const struct samples *s, enum metric m, const char *const *label)
{
	struct sample key = { .metric = m };

	for (int i = 0; i < METRIC_LABELS && metrics[m].labels[i]; i++)
		key.label[i] = (char *)(uintptr_t)label[i];
	return s->n ? bsearch(&key, s->list, s->n, sizeof(key), by_labels) : NULL;
}
