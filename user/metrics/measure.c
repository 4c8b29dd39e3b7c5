// SPDX-License-Identifier: GPL-2.0-only
/*
 * The number that a run has for a rule: sums, ratios, shares, means and quantiles of its samples.
 */
#include "user/gate/gate.h"

#include "bpf/hist.h"

#include <math.h>
#include <string.h>

static bool matches(const struct selector *s, const struct sample *m)
{
	for (int i = 0; i < s->matches; i++)
		if (strcmp(m->label[s->match[i].label], s->match[i].value))
			return false;
	return true;
}

static double part_of(const struct selector *s, const struct sample *m)
{
	uint64_t n = 0;

	if (!m->hist)
		return m->value;
	if (s->part == PART_SUM)
		return (double)m->hist->sum * metric_info(m->metric)->scale;
	for (int b = 0; b < HIST_BUCKETS; b++)
		n += m->hist->bucket[b];
	return (double)n;
}

/*
 * All samples that a selector matches, added up.  Nothing matches: 0 if there are others of the
 * metric, or it is told only where it is not 0; else NAN.
 */
static double select_sum(const struct selector *s, const struct run *run)
{
	const struct metric_info *info = metric_info(s->metric);
	double sum = 0;
	bool seen = info->presence == SPARSE;

	for (size_t i = 0; i < run->samples.n; i++) {
		const struct sample *m = &run->samples.list[i];

		if (m->metric != s->metric)
			continue;
		seen = true;
		if (!matches(s, m))
			continue;
		if (info->type == PEAK)
			sum = fmax(sum, part_of(s, m));
		else
			sum += part_of(s, m);
	}
	return seen ? sum : NAN;
}

static double select_share(const struct selector *s, const struct run *run)
{
	struct selector all = { .metric = s->metric, .part = s->part };
	double whole = select_sum(&all, run);

	return whole > 0 ? select_sum(s, run) / whole : NAN;
}

/* The samples' histograms as one.  Entries in it. */
static uint64_t select_hist(const struct selector *s, const struct run *run, struct hist *out)
{
	uint64_t n = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < run->samples.n; i++) {
		const struct sample *m = &run->samples.list[i];

		if (m->metric != s->metric || !m->hist || !matches(s, m))
			continue;
		for (int b = 0; b < HIST_BUCKETS; b++) {
			out->bucket[b] += m->hist->bucket[b];
			n += m->hist->bucket[b];
		}
		out->sum += m->hist->sum;
	}
	return n;
}

/* Within a bucket values are taken to lie evenly by their logarithm. */
static double quantile_of(const struct hist *h, uint64_t n, double q)
{
	double want = q * (double)n, seen = 0;
	int last = 0;

	for (int b = 0; b < HIST_BUCKETS; b++) {
		double in = (double)h->bucket[b];

		if (in > 0 && seen + in >= want)
			return b ? (double)hist_low((uint32_t)b) * pow(2, (want - seen) / in) : 0;
		seen += in;
		last = in > 0 ? b : last;
	}
	return (double)hist_low((uint32_t)last) * 2;
}

double gate_measure(const struct rule *r, const struct run *run)
{
	double scale = metric_info(r->a.metric)->scale, per;
	struct hist h;
	uint64_t n;

	switch (r->measure) {
	case MEASURE_VALUE:
		return select_sum(&r->a, run);
	case MEASURE_RATIO:
		per = select_sum(&r->b, run);
		return per > 0 ? select_sum(&r->a, run) / per : NAN;
	case MEASURE_SHARE:
		return select_share(&r->a, run);
	case MEASURE_MEAN:
		n = select_hist(&r->a, run, &h);
		return n ? (double)h.sum / (double)n * scale : NAN;
	case MEASURE_QUANTILE:
		n = select_hist(&r->a, run, &h);
		return n ? quantile_of(&h, n, r->quantile) * scale : NAN;
	default:
		return NAN;
	}
}
