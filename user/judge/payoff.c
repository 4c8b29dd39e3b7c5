// SPDX-License-Identifier: GPL-2.0-only
/*
 * From histograms of times to what the payoff is.
 */
#include "payoff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void payoff_free(struct payoff *p)
{
	free(p->cells);
	memset(p, 0, sizeof(*p));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t payoff_median(uint64_t *values, size_t n)
{
	if (!n)
		return 0;
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

void payoff_add_hist(struct time_hist *dst, const struct time_hist *src)
{
	for (int b = 0; b < TIME_BUCKETS; b++) {
		dst->n[b] += src->n[b];
		dst->sum[b] += src->sum[b];
	}
}

static double mean_of(const struct time_hist *h, int b)
{
	return (double)h->sum[b] / (double)h->n[b];
}

static bool filled(const struct time_hist *h, int b)
{
	return b >= 0 && b < TIME_BUCKETS && h->n[b];
}

/*
 * The value of rank r in bucket b, before which `seen` others lie: its mean in the middle of its ranks, from
 * there straight to that of the next bucket on this side, if there is anything in that.
 */
static double value_in(const struct time_hist *h, int b, double seen, double r)
{
	double half = (double)h->n[b] / 2, from = r + 0.5 - seen - half, way;
	int to = from > 0 ? b + 1 : b - 1;

	if (!filled(h, to))
		return mean_of(h, b);
	way = half + (double)h->n[to] / 2;
	return mean_of(h, b) + fabs(from) / way * (mean_of(h, to) - mean_of(h, b));
}

/* The value of rank r, 0..n-1. */
static double value_at(const struct time_hist *h, double r)
{
	double seen = 0;

	for (int b = 0; b < TIME_BUCKETS; b++) {
		if (h->n[b] && r < seen + (double)h->n[b])
			return value_in(h, b, seen, r);
		seen += (double)h->n[b];
	}
	return 0;
}

struct estimate payoff_estimate(const struct time_hist *h)
{
	struct estimate e = { .n = 0 };
	double sum = 0, half, low, high;

	for (int b = 0; b < TIME_BUCKETS; b++) {
		e.n += h->n[b];
		sum += (double)h->sum[b];
	}
	if (!e.n)
		return e;
	/* ranks that hold the median in 95% of all samples: binomial, as a normal distribution */
	half = 0.98 * sqrt((double)e.n) + 0.5;
	low = (double)(e.n - 1) / 2 - half;
	high = (double)(e.n - 1) / 2 + half;
	e.median = value_at(h, (double)(e.n - 1) / 2);
	e.low = value_at(h, low < 0 ? 0 : low);
	e.high = value_at(h, high > (double)(e.n - 1) ? (double)(e.n - 1) : high);
	e.mean = sum / (double)e.n;
	return e;
}

/* Half of the 95% interval of a median. */
static double half_of(const struct estimate *e)
{
	return (e->high - e->low) / 2;
}

/* What a walk before the lookup saves in a call, by what it costs. */
static void judge(struct payoff_row *r, const struct estimate *native)
{
	const struct estimate *walk = &r->part[PART_WALK], *level = &r->part[PART_LEVEL];
	const struct estimate *spared = &r->part[PART_LOOKUP];

	if (r->key.before != BEFORE_WARM) {
		/* it fails in the place of the fast path, which failed too; the level is asked for later */
		spared = &r->part[PART_TRY];
		level = NULL;
	}
	if (!spared->n || !walk->n || r->key.path == PATH_FAILED)
		return;
	r->judged = true;
	r->saved[WALK_FREE] = spared->median + (level ? level->median : 0);
	r->saved[WALK_OURS] = r->saved[WALK_FREE] - walk->median;
	r->saved[WALK_NATIVE] = r->saved[WALK_FREE] - native->median;
	r->error = sqrt(pow(half_of(spared), 2) + pow(half_of(walk), 2) + pow(half_of(native), 2) +
			(level ? pow(half_of(level), 2) : 0));
}

static struct payoff_key key_of_row(struct payoff_key key)
{
	key.part = 0;
	return key;
}

static int by_key(const void *a, const void *b)
{
	const struct payoff_key *x = &((const struct payoff_row *)a)->key;
	const struct payoff_key *y = &((const struct payoff_row *)b)->key;
	int order[] = {
		x->from - y->from, y->write - x->write, x->before - y->before, x->backing - y->backing,
		x->level - y->level, x->path - y->path,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i])
			return order[i];
	return 0;
}

static struct payoff_row *row_of(struct payoff_row *rows, size_t *n, struct payoff_key key)
{
	for (size_t i = 0; i < *n; i++)
		if (!memcmp(&rows[i].key, &key, sizeof(key)))
			return &rows[i];
	rows[*n].key = key;
	return &rows[(*n)++];
}

static void make_rows(const struct payoff *p, struct payoff_result *out)
{
	out->rows = p->ncells ? calloc(p->ncells, sizeof(*out->rows)) : NULL;
	for (size_t i = 0; out->rows && i < p->ncells; i++) {
		const struct payoff_cell *c = &p->cells[i];
		struct payoff_row *r;

		if (c->key.part >= PAYOFF_PARTS)
			continue;
		r = row_of(out->rows, &out->n, key_of_row(c->key));
		r->part[c->key.part] = payoff_estimate(&c->hist);
	}
	if (out->rows)
		qsort(out->rows, out->n, sizeof(*out->rows), by_key);
}

/* The longest level lookup that is not an exception: where KVM need not walk it takes less. */
static struct estimate native_of(const struct payoff_result *r)
{
	struct estimate longest = { .n = 0 };
	uint64_t all = 0;

	for (size_t i = 0; i < r->n; i++)
		all += r->rows[i].part[PART_LEVEL].n;
	for (size_t i = 0; i < r->n; i++) {
		const struct estimate *e = &r->rows[i].part[PART_LEVEL];

		if (e->n * 100 >= all && e->median > longest.median)
			longest = *e;
	}
	return longest;
}

static struct payoff_sum sum_of(const struct payoff_row *rows, size_t n)
{
	struct payoff_sum s = { .faults = 0 };
	double squares = 0;

	for (size_t i = 0; i < n; i++) {
		const struct payoff_row *r = &rows[i];
		uint64_t lookups = r->part[PART_LOOKUP].n;

		s.faults += r->part[PART_FAULT].n;
		s.faults_ns += r->part[PART_FAULT].mean * (double)r->part[PART_FAULT].n;
		if (!r->key.write || r->key.from == FROM_ELSEWHERE)
			continue;
		s.writes += lookups;
		if (r->key.before == BEFORE_WARM)
			s.served += lookups;
		if (!r->judged)
			continue;
		for (int w = 0; w < PAYOFF_WALKS; w++)
			s.saved_ns[w] += r->saved[w] * (double)lookups;
		squares += pow(r->error * (double)lookups, 2);
	}
	s.error_ns = sqrt(squares);
	return s;
}

void payoff_judge(const struct payoff *p, struct payoff_result *out)
{
	memset(out, 0, sizeof(*out));
	make_rows(p, out);
	out->native = native_of(out);
	for (size_t i = 0; i < out->n; i++)
		judge(&out->rows[i], &out->native);
	out->sum = sum_of(out->rows, out->n);
}

void payoff_result_free(struct payoff_result *r)
{
	free(r->rows);
	memset(r, 0, sizeof(*r));
}

bool payoff_missed(const struct snapshot *s)
{
	return s->missed_runs || s->losses[LOSS_EVENT] || s->losses[LOSS_VM_TABLE] ||
	       s->losses[LOSS_TASK_STATE] || s->payoff->unmatched || s->payoff->full;
}

const char *payoff_walk_name(enum payoff_walk w)
{
	static const char *const names[PAYOFF_WALKS] = { "ours", "native", "free" };

	return names[w];
}

const char *payoff_part_name(enum payoff_part p)
{
	static const char *const names[PAYOFF_PARTS] = { "walk", "lookup", "try", "level", "fault" };

	return names[p];
}

const char *payoff_from_name(enum payoff_from f)
{
	static const char *const names[PAYOFF_FROMS] = { "fault", "ahead", "elsewhere" };

	return f < PAYOFF_FROMS ? names[f] : "unknown";
}

const char *payoff_path_name(enum payoff_path p)
{
	static const char *const names[PAYOFF_PATHS] = { "fast", "slow", "remapped", "failed", "none" };

	return p < PAYOFF_PATHS ? names[p] : "unknown";
}

const char *payoff_before_name(enum payoff_before b)
{
	static const char *const names[PAYOFF_BEFORES] = { "cold", "warm", "unfit", "none" };

	return b < PAYOFF_BEFORES ? names[b] : "unknown";
}
