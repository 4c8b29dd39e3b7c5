// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model of runs, made after a few real ones: what tests/gate-power draws from when it is given none.
 */
#include "model.h"

#include "user/gate/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Standard normal, by Box and Muller. */
static double normal(uint64_t *seed)
{
	double u = ((double)(rank_random(seed) >> 11) + 1) / 9007199254740993.0;
	double v = (double)(rank_random(seed) >> 11) / 9007199254740992.0;

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* All values times `factor`: what moves on by a share of a bucket, moves on. */
static void stretch(struct hist *h, double factor, uint64_t *seed)
{
	double shift = log2(factor);
	int whole = (int)floor(shift);
	struct hist out = { .sum = (uint64_t)((double)h->sum * factor) };

	for (int b = 1; b < HIST_BUCKETS; b++) {
		double on = (double)h->bucket[b] * (shift - whole);
		uint64_t moved = (uint64_t)on;
		int to = b + whole;

		moved += (double)(rank_random(seed) >> 11) / 9007199254740992.0 < on - (double)moved;
		if (to < 1 || to + 1 >= HIST_BUCKETS)
			continue;
		out.bucket[to + 1] += moved;
		out.bucket[to] += h->bucket[b] - moved;
	}
	out.bucket[0] = h->bucket[0];
	*h = out;
}

static void put(struct samples *s, enum metric m, const char *a, const char *b, double value)
{
	const char *label[] = { a, b };

	if (samples_add_scaled(s, m, label, value))
		abort();
}

/*
 * icount: file-msync of 509 pages on 6.12, 1,024 windows, means that differ by
 * 0.33 % from run to run (4 real ones); here 0.5 %, and one run in twenty has a timer's work in it.
 * wall: the same with the clock of a machine that is busy with other things, 0.43 in the logarithm
 * (7 real ones). Of 2M mappings there are 1,024; one run in ten lacks one (real ones: none ever
 * did).
 */
void model_run(struct run *r, bool wall, uint64_t *seed)
{
	struct hist h = {.bucket = {[12] = 4, [13] = 1, [14] = 1017, [15] = 1, [16] = 1},
			 .sum = 9700 * 1024};
	double factor = exp(normal(seed) * (wall ? 0.45 : 0.005));
	double mapped = 1024 - (double)(rank_random_below(seed, 10) == 0);

	if (!wall && rank_random_below(seed, 20) == 0)
		factor *= 1.02;
	*r = (struct run){ .kernel = "model" };
	stretch(&h, factor, seed);
	if (samples_add_hist(&r->samples, METRIC_WINDOW_TIME, NULL, &h))
		abort();
	put(&r->samples, METRIC_MAPPED, "1", "2M", mapped * (1 << 21));
	put(&r->samples, METRIC_MAPPED, "1", "4K", (1024 - mapped) * (1 << 21));
	put(&r->samples, METRIC_FAULTS, "1", NULL, 1528);
	samples_sort(&r->samples);
}

void model_slow_down(struct samples *s, double percent, uint64_t *seed)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].metric == METRIC_WINDOW_TIME || s->list[i].metric == METRIC_CAUSE_TIME)
			stretch(s->list[i].hist, 1 + percent / 100, seed);
}

double model_lose_mappings(struct samples *s, double percent)
{
	double moved = 0, all = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct sample *m = &s->list[i];

		if (m->metric != METRIC_MAPPED || strcmp(m->label[1], "2M"))
			continue;
		all += m->value;
		moved += m->value * percent / 100;
		m->value -= m->value * percent / 100;
	}
	for (size_t i = 0; i < s->n && moved > 0; i++) {
		if (s->list[i].metric != METRIC_MAPPED || strcmp(s->list[i].label[1], "4K"))
			continue;
		s->list[i].value += moved;
		break;
	}
	return all;
}
