/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples as text for scrapers: OpenMetrics 1.0, and the older text format of Prometheus.  Pure: no I/O.
 */
#ifndef MMUSCOPE_EXPOSITION_H
#define MMUSCOPE_EXPOSITION_H

#include "user/metrics/metrics.h"

enum exposition_form { FORM_TEXT, FORM_OPENMETRICS };

/* Text that grows; after a failed allocation it takes no more. */
struct text {
	char *data;
	size_t n;
	size_t size;
	bool full;
};

/* Which form an Accept header asks for; NULL, or nothing that is known in it: the older one. */
enum exposition_form exposition_choose(const char *accept);
const char *exposition_content_type(enum exposition_form form);
/*
 * Append all samples, which must be sorted (samples_sort), each metric with its type, unit and help.
 * 0 or -ENOMEM.
 */
int exposition_write(struct text *out, const struct samples *s, enum exposition_form form);
/* What stands behind the last sample.  0 or -ENOMEM. */
int exposition_end(struct text *out, enum exposition_form form);
void text_free(struct text *t);

#endif /* MMUSCOPE_EXPOSITION_H */
