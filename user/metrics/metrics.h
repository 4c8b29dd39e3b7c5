/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All numbers of a run as a list of samples: a metric of metrics.def, the values of its labels, a
 * number or a histogram.  Made from a report in memory or from its JSON; both give the same list.
 */
#ifndef MMUSCOPE_METRICS_H
#define MMUSCOPE_METRICS_H

#include "bpf/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report;
struct json_t;

enum metric {
#define LABEL(id, name, values, text)
#define METRIC(id, name, type, unit, scale, labels, presence, source, text) METRIC_##id,
#include "metrics.def"
#undef LABEL
#undef METRIC
	METRIC_NR,
};

enum label {
	LABEL_NONE,
#define LABEL(id, name, values, text) LABEL_##id,
#define METRIC(id, name, type, unit, scale, labels, presence, source, text)
#include "metrics.def"
#undef LABEL
#undef METRIC
	LABEL_NR,
};

enum metric_type { COUNTER, GAUGE, PEAK, HISTOGRAM };
enum metric_presence { ALWAYS, SPARSE };
enum { METRIC_LABELS = 4 };

struct metric_info {
	const char *name;
	enum metric_type type;
	const char *unit;
	double scale;			/* OF_LEVEL: by the label "level" */
	enum label labels[METRIC_LABELS];
	enum metric_presence presence;
	const char *source;
	const char *text;
};

#define OF_LEVEL 0.0

struct sample {
	enum metric metric;
	const char *label[METRIC_LABELS];	/* the list's, or static; NULL beyond those of the metric */
	double value;			/* of a histogram: 0 */
	struct hist *hist;		/* NULL but for histograms; unscaled; the list's */
};

struct label_store;

struct samples {
	struct sample *list;	/* in the order of metrics.def, then of the labels */
	size_t n;
	size_t size;
	struct label_store *store;	/* what labels and histograms lie in */
};

const struct metric_info *metric_info(enum metric m);
/* Metric of that name, or -1. */
int metric_find(const char *name);
/* Index of a label of a metric by the label's name, or -1. */
int metric_label(enum metric m, const char *name);
const char *metric_type_name(enum metric_type t);
const char *label_name(enum label l);
/* Values that a label can have, one by one; NULL: no more, or not known beforehand. */
const char *label_value(enum label l, int i);
/* Upper edge of a histogram's bucket, in the metric's unit, inclusive. */
double metric_bucket_edge(enum metric m, int bucket);

/*
 * Append; label: the values in the metric's order.  value is as in the report, unscaled. 0 or
 * -ENOMEM.
 */
int samples_add(struct samples *s, enum metric m, const char *const *label, double value);
/* The same in the metric's unit. */
int samples_add_scaled(struct samples *s, enum metric m, const char *const *label, double value);
int samples_add_hist(struct samples *s, enum metric m, const char *const *label, const struct hist *h);
/* Bring into order, and add up what has the same labels (of a PEAK: the largest). */
void samples_sort(struct samples *s);
/* 0 or -ENOMEM. */
int samples_copy(struct samples *to, const struct samples *from);
void samples_free(struct samples *s);
/* Sample with exactly these labels, or NULL; sorted lists only. */
const struct sample *samples_get(const struct samples *s, enum metric m, const char *const *label);

/* What a report says.  0 or -ENOMEM. */
int metrics_from_report(const struct report *r, struct samples *out);
/*
 * What a JSON report says.  0; -EINVAL: it is none, or newer than this program, and why says so in
 * a sentence without its full stop; -ENOMEM.
 */
int metrics_from_json(const struct json_t *report, struct samples *out, char *why, size_t size);

#endif /* MMUSCOPE_METRICS_H */
