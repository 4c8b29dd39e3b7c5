// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happened between two moments, per second: the one place where a rate is made.
 */
#include "numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool vm_is(const struct vm_numbers *a, const struct vm_numbers *b)
{
	return a->id == b->id && a->pid == b->pid && a->born_ns == b->born_ns;
}

/* The VM as it was; NULL: it was not there. */
static const struct vm_numbers *vm_before(const struct numbers *before, const struct vm_numbers *vm,
					  size_t hint)
{
	if (!before)
		return NULL;
	/* mostly they are where they were */
	if (hint < before->nvms && vm_is(&before->vms[hint], vm))
		return &before->vms[hint];
	for (size_t i = 0; i < before->nvms; i++)
		if (vm_is(&before->vms[i], vm))
			return &before->vms[i];
	return NULL;
}

/* A counter that went back is another one, which began at zero. */
static uint64_t grown(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

static double per_second(uint64_t before, uint64_t now, double seconds)
{
	return (double)grown(before, now) / seconds;
}

static void set_quantiles(struct vm_rates *r)
{
	r->lookups = hist_count(&r->lookup_ns);
	r->p50_ns = r->lookups ? hist_quantile(&r->lookup_ns, 0.5) : 0;
	r->p99_ns = r->lookups ? hist_quantile(&r->lookup_ns, 0.99) : 0;
}

static enum level_cause most_lost(const uint64_t lost_by[LOW_NR])
{
	enum level_cause most = LOW_NR;

	for (int i = 0; i < LOW_NR; i++)
		if (lost_by[i] && (most == LOW_NR || lost_by[i] > lost_by[most]))
			most = (enum level_cause)i;
	return most;
}

static void vm_rate(struct vm_rates *r, const struct vm_numbers *before, const struct vm_numbers *now,
		    double s)
{
	static const struct vm_numbers zero;

	if (!before || (before->ended && !now->ended))
		before = &zero;
	*r = (struct vm_rates){
		.vm = now,
		.faults = per_second(before->faults, now->faults, s),
		.retries = per_second(before->retries, now->retries, s),
		.windows = per_second(before->windows, now->windows, s),
		.zapped = per_second(before->zapped, now->zapped, s),
		.lost_cause = most_lost(now->lost_by),
	};
	for (int b = 0; b < HIST_BUCKETS; b++)
		r->lookup_ns.bucket[b] = grown(before->lookup_ns.bucket[b], now->lookup_ns.bucket[b]);
	r->lookup_ns.sum = grown(before->lookup_ns.sum, now->lookup_ns.sum);
	set_quantiles(r);
}

static void add_to_total(struct rates *out, const struct vm_rates *r)
{
	struct vm_rates *t = &out->total;
	bool unknown = false;

	t->faults += r->faults;
	t->retries += r->retries;
	t->windows += r->windows;
	t->zapped += r->zapped;
	hist_merge(&t->lookup_ns, &r->lookup_ns);
	if (r->vm->ended) {
		out->nended++;
		return;
	}
	for (int l = 0; l < LEVELS; l++) {
		unknown |= r->vm->mapped[l] < 0;
		out->total_mapped[l] += r->vm->mapped[l] < 0 ? 0 : (uint64_t)r->vm->mapped[l];
	}
	out->unknown_stock += unknown;
	out->total_lost += r->vm->lost < 0 ? 0 : (uint64_t)r->vm->lost;
}

static bool is_same(const struct initiator_numbers *a, const struct initiator_numbers *b)
{
	return a->tid == b->tid && a->pid == b->pid && a->vm == b->vm && !strcmp(a->cause, b->cause) &&
	       !strcmp(a->comm, b->comm);
}

static uint64_t windows_before(const struct numbers *before, const struct initiator_numbers *who,
			       size_t hint)
{
	if (!before)
		return 0;
	if (hint < before->ninitiators && is_same(&before->initiators[hint], who))
		return before->initiators[hint].windows;
	for (size_t i = 0; i < before->ninitiators; i++)
		if (is_same(&before->initiators[i], who))
			return before->initiators[i].windows;
	return 0;
}

static void take_main(struct initiator_rate *main, const struct initiator_rate *r)
{
	if (r->windows > 0 && (!main->who || r->windows > main->windows))
		*main = *r;
}

static void initiator_rates(const struct numbers *before, struct rates *out)
{
	const struct numbers *now = out->now;

	for (size_t i = 0; i < now->ninitiators; i++) {
		const struct initiator_numbers *who = &now->initiators[i];
		struct initiator_rate *r = &out->initiators[i];

		r->who = who;
		r->windows = per_second(windows_before(before, who, i), who->windows, out->seconds);
		take_main(&out->total.main, r);
		for (size_t k = 0; k < out->nvms; k++)
			if (out->vms[k].vm->id == who->vm && !out->vms[k].vm->ended)
				take_main(&out->vms[k].main, r);
	}
}

/* Of all VMs that live. */
static enum level_cause most_lost_of_all(const struct numbers *now)
{
	uint64_t sum[LOW_NR] = { 0 };

	for (size_t i = 0; i < now->nvms; i++)
		for (int k = 0; k < LOW_NR && !now->vms[i].ended; k++)
			sum[k] += now->vms[i].lost_by[k];
	return most_lost(sum);
}

int rates_of(const struct numbers *before, const struct numbers *now, struct rates *out)
{
	uint64_t ns = before ? grown(before->observed_ns, now->observed_ns) : now->observed_ns;

	*out = (struct rates){ .now = now, .nvms = now->nvms, .seconds = (double)ns / 1e9 };
	/* two moments that are the same: nothing happened, and nothing is divided by zero */
	if (!ns)
		out->seconds = 1;
	out->vms = calloc(now->nvms ? now->nvms : 1, sizeof(*out->vms));
	out->initiators = calloc(now->ninitiators ? now->ninitiators : 1, sizeof(*out->initiators));
	if (!out->vms || !out->initiators) {
		rates_free(out);
		return -ENOMEM;
	}
	for (size_t i = 0; i < now->nvms; i++) {
		const struct vm_numbers *vm = &now->vms[i];

		vm_rate(&out->vms[i], vm_before(before, vm, i), vm, out->seconds);
		add_to_total(out, &out->vms[i]);
	}
	set_quantiles(&out->total);
	out->total.lost_cause = most_lost_of_all(now);
	initiator_rates(before, out);
	return 0;
}

void rates_free(struct rates *r)
{
	free(r->vms);
	free(r->initiators);
	r->vms = NULL;
	r->initiators = NULL;
}
