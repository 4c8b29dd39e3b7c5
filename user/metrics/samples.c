// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of samples.  A host of a thousand VMs has 50,000 of them, anew in each interval of mmuscope serve:
 * labels and histograms lie in blocks that go with the list, and a list is sorted by moving numbers of
 * places.
 */
#include "metrics.h"

#include "user/session/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 65536, RECENT = 512, SHORT_RUN = 8 };

struct block {
	struct block *next;
	size_t used;
	char data[BLOCK];
};

/* What the labels of a list are kept in. */
struct label_store {
	struct block *blocks;
	const char *recent[RECENT];	/* by hash; the same text comes again and again */
};

static void *store_take(struct label_store *st, size_t size)
{
	struct block *b = st->blocks;
	void *p;

	if (!b || BLOCK - b->used < size) {
		b = malloc(sizeof(*b));
		if (!b)
			return NULL;
		b->next = st->blocks;
		b->used = 0;
		st->blocks = b;
	}
	p = b->data + b->used;
	b->used += (size + 7) & ~(size_t)7;
	return p;
}

/* What is longer than a block was not made by us: it is cut. */
static const char *store_text(struct label_store *st, const char *text)
{
	uint32_t hash = 2166136261U;
	const char **place;
	size_t len = 0;
	char *copy;

	for (; text[len] && len < BLOCK - 1; len++)
		hash = (hash ^ (unsigned char)text[len]) * 16777619U;
	place = &st->recent[(hash ^ hash >> 16) % RECENT];
	if (*place && !strncmp(*place, text, len) && !(*place)[len])
		return *place;
	copy = store_take(st, len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*place = copy;
	return copy;
}

static void store_free(struct label_store *st)
{
	struct block *next;

	for (struct block *b = st ? st->blocks : NULL; b; b = next) {
		next = b->next;
		free(b);
	}
	free(st);
}

static double scale_of(enum metric m, const char *const *label)
{
	const struct metric_info *info = metric_info(m);
	int i;

	if (info->scale != OF_LEVEL)
		return info->scale;
	i = metric_label(m, "level");
	for (int l = 0; l < LEVELS; l++)
		if (!strcmp(label[i], level_name(l)))
			return (double)level_bytes(l);
	return 0;
}

/* Room for one more. */
static bool grow(struct samples *s)
{
	size_t size = s->size ? 2 * s->size : 256;
	struct sample *list;

	if (!s->store)
		s->store = calloc(1, sizeof(*s->store));
	if (!s->store || s->n < s->size)
		return s->store;
	list = reallocarray(s->list, size, sizeof(*list));
	if (!list)
		return false;
	s->list = list;
	s->size = size;
	return true;
}

static struct sample *append(struct samples *s, enum metric m, const char *const *label)
{
	const struct metric_info *info = metric_info(m);
	struct sample *new;

	if (!grow(s))
		return NULL;
	new = &s->list[s->n];
	*new = (struct sample){ .metric = m };
	for (int i = 0; i < METRIC_LABELS && info->labels[i]; i++) {
		new->label[i] = store_text(s->store, label[i]);
		if (!new->label[i])
			return NULL;
	}
	s->n++;
	return new;
}

int samples_add_scaled(struct samples *s, enum metric m, const char *const *label, double value)
{
	struct sample *new;

	if (value == 0 && metric_info(m)->presence == SPARSE)
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

	if (metric_info(m)->presence == SPARSE && !hist_count(h))
		return 0;
	new = append(s, m, label);
	if (!new)
		return -ENOMEM;
	new->hist = store_take(s->store, sizeof(*h));
	if (!new->hist) {
		s->n--;
		return -ENOMEM;
	}
	*new->hist = *h;
	return 0;
}

/* ---- order ---- */

static size_t digits(const char *s)
{
	size_t n = 0;

	while (s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* Numbers in their order, and texts in theirs: strverscmp(), with a short way for numbers and for words. */
static int label_compare(const char *a, const char *b)
{
	size_t same = 0, more_a, more_b;

	if (a == b)
		return 0;
	while (a[same] && a[same] == b[same])
		same++;
	more_a = digits(a + same);
	more_b = digits(b + same);
	/* zeros before a number, and what stands before one, have rules of their own */
	if (*a == '0' || *b == '0' || (digits(a) < same && (more_a || more_b)))
		return strverscmp(a, b);
	if (more_a != more_b && (same || (more_a && more_b)))
		return more_a < more_b ? -1 : 1;
	return (unsigned char)a[same] - (unsigned char)b[same];
}

/* Samples of one metric. */
static int labels_compare(const struct sample *x, const struct sample *y)
{
	for (int i = 0; i < METRIC_LABELS && x->label[i]; i++) {
		int order = label_compare(x->label[i], y->label[i]);

		if (order)
			return order;
	}
	return 0;
}

static int by_labels(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->metric != y->metric)
		return x->metric < y->metric ? -1 : 1;
	return labels_compare(x, y);
}

static void sort_short(const struct sample *list, uint32_t *place, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t p = place[i];
		size_t k = i;

		for (; k && labels_compare(&list[place[k - 1]], &list[p]) > 0; k--)
			place[k] = place[k - 1];
		place[k] = p;
	}
}

/*
 * Merge sort, stable.  VMs come in the order of their numbers, so that most often two halves are in order
 * already.  There are as many levels as bits in n.
 */
static void sort_places(const struct sample *list, uint32_t *place, size_t n, uint32_t *spare)
{
	for (size_t at = 0; at < n; at += SHORT_RUN)
		sort_short(list, place + at, n - at < SHORT_RUN ? n - at : SHORT_RUN);
	for (size_t run = SHORT_RUN; run < n; run *= 2)
		for (size_t at = 0; at + run < n; at += 2 * run) {
			size_t end = n - at < 2 * run ? n - at : 2 * run, left = 0, right = run, out = at;
			uint32_t *p = place + at;

			if (labels_compare(&list[p[run - 1]], &list[p[run]]) <= 0)
				continue;
			memcpy(spare, p, run * sizeof(*p));
			while (left < run && right < end)
				place[out++] = labels_compare(&list[spare[left]], &list[p[right]]) <= 0 ?
					       spare[left++] : p[right++];
			memcpy(&place[out], &spare[left], (run - left) * sizeof(*p));
		}
}

/* Each sample to its place: where list[place[i]] stands, list[i] will. */
static void move_to_places(struct sample *list, uint32_t *place, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sample first = list[i];
		size_t at = i;

		while (place[at] != i) {
			size_t from = place[at];

			list[at] = list[from];
			place[at] = (uint32_t)at;
			at = from;
		}
		list[at] = first;
		place[at] = (uint32_t)at;
	}
}

/* By metric, then each metric's by their labels.  place and spare have room for all. */
static void sort_by(struct samples *s, uint32_t *place, uint32_t *spare)
{
	size_t end[METRIC_NR + 1] = { 0 };

	for (size_t i = 0; i < s->n; i++)
		end[s->list[i].metric + 1]++;
	for (int m = 0; m < METRIC_NR; m++)
		end[m + 1] += end[m];
	for (size_t i = 0; i < s->n; i++)
		place[end[s->list[i].metric]++] = (uint32_t)i;
	for (int m = 0; m < METRIC_NR; m++) {
		size_t from = m ? end[m - 1] : 0;

		sort_places(s->list, place + from, end[m] - from, spare);
	}
	move_to_places(s->list, place, s->n);
}

static void merge(struct sample *into, const struct sample *s)
{
	if (into->hist) {
		for (int b = 0; b < HIST_BUCKETS; b++)
			into->hist->bucket[b] += s->hist->bucket[b];
		into->hist->sum += s->hist->sum;
	} else if (metric_info(s->metric)->type == PEAK) {
		into->value = s->value > into->value ? s->value : into->value;
	} else {
		into->value += s->value;
	}
}

void samples_sort(struct samples *s)
{
	uint32_t *place = s->n ? reallocarray(NULL, 2 * s->n, sizeof(*place)) : NULL;
	size_t kept = 0;

	if (!s->n)
		return;
	if (place)
		sort_by(s, place, place + s->n);
	else
		qsort(s->list, s->n, sizeof(*s->list), by_labels);
	free(place);
	for (size_t i = 1; i < s->n; i++) {
		if (by_labels(&s->list[kept], &s->list[i]))
			s->list[++kept] = s->list[i];
		else
			merge(&s->list[kept], &s->list[i]);
	}
	s->n = kept + 1;
}

int samples_copy(struct samples *to, const struct samples *from)
{
	int err = 0;

	*to = (struct samples){ 0 };
	for (size_t i = 0; i < from->n && !err; i++) {
		const struct sample *m = &from->list[i];

		err = m->hist ? samples_add_hist(to, m->metric, m->label, m->hist) :
				samples_add_scaled(to, m->metric, m->label, m->value);
	}
	if (err)
		samples_free(to);
	return err;
}

void samples_free(struct samples *s)
{
	store_free(s->store);
	free(s->list);
	*s = (struct samples){ 0 };
}

const struct sample *samples_get(const struct samples *s, enum metric m, const char *const *label)
{
	const struct metric_info *info = metric_info(m);
	struct sample key = { .metric = m };

	for (int i = 0; i < METRIC_LABELS && info->labels[i]; i++)
		key.label[i] = label[i];
	return s->n ? bsearch(&key, s->list, s->n, sizeof(key), by_labels) : NULL;
}
