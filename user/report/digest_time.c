// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happened when.  The time line has a fixed number of bins, whose width doubles whenever it gets too
 * short; of snapshots every second one is let go whenever there are too many.
 */
#include "digest_parts.h"
#include "user/base/format.h"

#include "bpf/hist.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_WIDTH_NS = 1 << 20 };

static void merge_cell(struct cell *to, const struct cell *from)
{
	to->windows += from->windows;
	for (int b = 0; b < CAUSE_BUCKETS; b++)
		to->ns_bucket[b] += from->ns_bucket[b];
}

/* Two bins become one. */
static void bins_widen(struct bins *b)
{
	for (size_t i = 0; i < DIGEST_BINS; i++) {
		if (i % 2 == 0 && i) {
			memcpy(b->cells[i / 2], b->cells[i], sizeof(b->cells[i]));
			memcpy(b->pages[i / 2], b->pages[i], sizeof(b->pages[i]));
		}
		if (i % 2 == 0)
			continue;
		for (int c = 0; c < CAUSE_NR; c++)
			merge_cell(&b->cells[i / 2][c], &b->cells[i][c]);
		for (int p = 0; p < PAGE_BUCKETS; p++)
			b->pages[i / 2][p] += b->pages[i][p];
	}
	memset(b->cells[DIGEST_BINS / 2], 0, DIGEST_BINS / 2 * sizeof(b->cells[0]));
	memset(b->pages[DIGEST_BINS / 2], 0, DIGEST_BINS / 2 * sizeof(b->pages[0]));
	b->width_ns *= 2;
	b->n = (b->n + 1) / 2;
}

/* The bin of a time. */
static size_t bin_at(struct digest *d, uint64_t ns)
{
	uint64_t since = ns > d->first_ns ? ns - d->first_ns : 0;
	struct bins *b = &d->bins;
	size_t i;

	if (!b->width_ns)
		b->width_ns = FIRST_WIDTH_NS;
	while (since / b->width_ns >= DIGEST_BINS)
		bins_widen(b);
	i = since / b->width_ns;
	if (i >= b->n)
		b->n = i + 1;
	return i;
}

void time_begin(struct digest *d)
{
	json_int_t started = json_integer_value(json_object_get(d->meta, "started_ns"));

	if (started > 0 && (uint64_t)started > d->first_ns && (uint64_t)started <= d->last_ns && !d->bins.n)
		d->first_ns = (uint64_t)started;
}

static uint32_t duration_bucket(uint64_t ns)
{
	uint32_t b = hist_bucket(ns);

	if (b < CAUSE_BUCKET_LOW)
		return 0;
	return b - CAUSE_BUCKET_LOW < CAUSE_BUCKETS ? b - CAUSE_BUCKET_LOW : CAUSE_BUCKETS - 1;
}

static struct fold *fold_slot(struct fold *folds, size_t size, uint64_t key)
{
	size_t at = (key * 0x9e3779b97f4a7c15ULL >> 20) & (size - 1);

	while (folds[at].key && folds[at].key != key)
		at = (at + 1) & (size - 1);
	return &folds[at];
}

static int folds_grow(struct digest *d)
{
	size_t size = d->folds_size ? d->folds_size * 2 : 256;
	struct fold *folds = calloc(size, sizeof(*folds));

	if (!folds)
		return -ENOMEM;
	for (size_t i = 0; i < d->folds_size; i++)
		if (d->folds[i].key)
			*fold_slot(folds, size, d->folds[i].key) = d->folds[i];
	free(d->folds);
	d->folds = folds;
	d->folds_size = size;
	return 0;
}

static int fold_add(struct digest *d, const struct record_window *w, uint64_t ns)
{
	uint64_t key = ((uint64_t)window_cause(w) << 32 | w->stack) + 1;
	struct fold *f;

	if (d->nfolds * 2 >= d->folds_size && folds_grow(d))
		return -ENOMEM;
	f = fold_slot(d->folds, d->folds_size, key);
	d->nfolds += !f->key;
	f->key = key;
	f->windows++;
	f->ns += ns;
	f->pages += w->pages;
	return 0;
}

int time_window(struct digest *d, const struct record_window *w)
{
	uint64_t ns = w->end > w->start ? w->end - w->start : 0;
	struct cause_sum *sum = &d->causes[window_cause(w)];
	uint32_t duration = duration_bucket(ns), pages = hist_bucket(w->pages);
	size_t bin = bin_at(d, w->end);
	struct cell *cell = &d->bins.cells[bin][window_cause(w)];

	if (w->end > d->last_ns)
		d->last_ns = w->end;
	cell->windows++;
	cell->ns_bucket[duration]++;
	d->bins.pages[bin][pages < PAGE_BUCKETS ? pages : PAGE_BUCKETS - 1]++;
	sum->windows++;
	sum->ns += ns;
	sum->ns_max = ns > sum->ns_max ? ns : sum->ns_max;
	sum->pages += w->pages;
	sum->retries += w->retries;
	sum->ns_bucket[duration]++;
	return fold_add(d, w, ns);
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static size_t vm_slot(struct digest *d, const json_t *vm)
{
	uint32_t id = (uint32_t)number(vm, "id");
	const char *comm = json_string_value(json_object_get(vm, "comm"));
	struct digest_vm *new = &d->vms[d->nvms];

	for (size_t i = 0; i < d->nvms; i++)
		if (d->vms[i].id == id)
			return i;
	if (d->nvms == DIGEST_VMS)
		return DIGEST_VMS;
	new->id = id;
	new->pid = (uint32_t)number(vm, "pid");
	snprintf(new->comm, sizeof(new->comm), "%s", comm ? comm : "?");
	return d->nvms++;
}

static void read_levels(struct point_vm *p, const json_t *vm)
{
	bool ended = json_is_true(json_object_get(vm, "ended"));

	for (int l = 0; l < LEVELS; l++) {
		const json_t *level = json_object_get(json_object_get(vm, "levels"), level_name(l));
		const json_t *stock = json_object_get(level, "stock");

		p->mapped[l] = json_is_number(stock) ?
			json_number_value(stock) * (double)level_bytes(l) : NAN;
		if (ended)
			p->mapped[l] = 0;
		p->installed += number(level, "installed");
		p->zapped += number(level, "zapped");
	}
}

static struct point_vm read_vm(const json_t *vm)
{
	const json_t *lost = json_object_get(json_object_get(vm, "ledger"), "lost_by_cause");
	struct point_vm p = { .known = true };

	read_levels(&p, vm);
	p.faults = number(vm, "faults");
	p.retries = number(vm, "fault_retries");
	for (int i = 0; i < LOW_NR; i++)
		p.lost[i] = json_is_true(json_object_get(vm, "ended")) ? 0 :
			number(lost, level_cause_name((enum level_cause)i));
	return p;
}

static void add_vm(struct point_vm *sum, const struct point_vm *p)
{
	sum->known = true;
	for (int l = 0; l < LEVELS; l++)
		sum->mapped[l] += isnan(p->mapped[l]) ? 0 : p->mapped[l];
	for (int i = 0; i < LOW_NR; i++)
		sum->lost[i] += p->lost[i];
	sum->faults += p->faults;
	sum->retries += p->retries;
	sum->installed += p->installed;
	sum->zapped += p->zapped;
}

/* Every second point goes; the first stays. */
static void thin_out(struct digest *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->npoints; i += 2)
		d->points[n++] = d->points[i];
	d->npoints = n;
}

/* Of the snapshots every stride-th one is a point, and the newest one, which gives way to the next. */
static struct point *point_new(struct digest *d)
{
	if (!d->stride)
		d->stride = 1;
	if (d->newest_is_extra)
		d->npoints--;
	if (d->npoints == DIGEST_POINTS) {
		thin_out(d);
		d->stride *= 2;
	}
	d->newest_is_extra = d->snapshots++ % d->stride;
	return &d->points[d->npoints++];
}

void time_snapshot(struct digest *d, uint64_t ns, const json_t *report)
{
	struct point *p = point_new(d);
	json_t *vm;
	size_t i;

	*p = (struct point){ .ns = ns };
	json_array_foreach(json_object_get(report, "vms"), i, vm) {
		struct point_vm one = read_vm(vm);
		size_t slot = vm_slot(d, vm);

		add_vm(&p->vm[0], &one);
		if (slot < DIGEST_VMS)
			p->vm[1 + slot] = one;
		else
			d->vms_over++;
	}
}
