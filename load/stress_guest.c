// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vCPUs' part of the stress. Every chunk of pages belongs to one vCPU, so that its thread alone
 * knows what they must hold, without a lock.
 */
#include "run.h"
#include "stress.h"

#include <string.h>

/* A write of the same to several pages is food for KSM. */
#define FILLS 3

static uint32_t host_value(const struct region *g, size_t page)
{
	return *(volatile uint32_t *)(g->mem.hva + page * GUEST_PAGE);
}

/*
 * Where the guest did not find what it wrote: in lossy memory a page of zeroes is right, if the
 * host sees one, too. Only this vCPU writes to the page, so the host's view cannot change back.
 */
static void judge_mismatch(struct actor *a, const struct region *g)
{
	struct data *d = &a->r->data;
	size_t wrong = 0;
	size_t discarded = 0;

	for (size_t p = a->first; g->kind->lossy && p < a->end; p++) {
		uint32_t value = host_value(g, p);

		if (value == 0) {
			data_fill(d, g->base + p, g->base + p + 1, 0);
			discarded++;
		} else if (value != d->want[g->base + p]) {
			wrong++;
		}
	}
	if (!discarded && !wrong)
		wrong = 1;
	a->wrong += wrong;
}

static void end_job(struct actor *a, const struct vcpu *v)
{
	const struct region *g = &a->vm->regions[a->region];
	size_t base = g->base;

	if (a->op == GUEST_WRITE) {
		for (size_t p = a->first; p < a->end; p++)
			data_fill(&a->r->data, base + p, base + p + 1,
				  a->value + (uint32_t)(p - a->first) * a->step);
	} else if (a->op == GUEST_COMPARE) {
		a->checked += a->end - a->first;
		if (v->mismatches != a->mismatches)
			judge_mismatch(a, g);
	}
	a->mismatches = v->mismatches;
	a->jobs++;
	a->busy = false;
	pthread_rwlock_unlock(&a->vm->slot_use[a->slot]);
}

/* One of this vCPU's chunks, and a part of it; false when it has none in this region. */
static bool choose_pages(struct actor *a)
{
	const struct region *g = &a->vm->regions[a->region];
	size_t chunks = (g->pages + STRESS_CHUNK - 1) / STRESS_CHUNK;
	size_t of = g->kind->shared ? a->nshared : a->nown;
	size_t me = g->kind->shared ? a->id : a->own_id;
	size_t mine = chunks > me ? (chunks - me - 1) / of + 1 : 0;

	if (!mine)
		return false;

	size_t start = (me + dice_below(&a->dice, mine) * of) * STRESS_CHUNK;
	size_t pages = g->pages - start < STRESS_CHUNK ? g->pages - start : STRESS_CHUNK;

	dice_range(&a->dice, pages, &a->first, &a->end);
	a->first += start;
	a->end += start;
	return true;
}

static void choose_op(struct actor *a, const struct region *g)
{
	static const unsigned int weights[GUEST_OPS] = {
		[GUEST_READ] = 1, [GUEST_WRITE] = 4, [GUEST_COMPARE] = 4,
	};

	a->op = (enum guest_op)dice_weighted(&a->dice, weights, GUEST_OPS);
	a->value = (uint32_t)dice_throw(&a->dice) | 1;	/* not zero, which is how lost pages look */
	a->step = 2;
	if (a->op == GUEST_WRITE && dice_below(&a->dice, 4) == 0) {
		a->value = 0x4d4d5521 + (uint32_t)dice_below(&a->dice, FILLS);
		a->step = 0;
	}
	if (a->op != GUEST_COMPARE)
		return;

	/* Only pages that follow from the first one by the same step can be compared by one job. */
	const uint32_t *want = &a->r->data.want[g->base];
	size_t p = a->first + 1;

	a->value = want[a->first];
	a->step = p < a->end ? want[p] - want[p - 1] : 0;
	while (p < a->end && want[p] - want[p - 1] == a->step)
		p++;
	a->end = p;
}

bool actor_next(void *arg, const struct vcpu *v, struct guest_job *job)
{
	struct actor *a = arg;

	if (a->busy)
		end_job(a, v);
	do {
		if (__atomic_load_n(&a->stress->stop, __ATOMIC_RELAXED))
			return false;
		a->region = (unsigned int)dice_below(&a->dice, STRESS_REGIONS);
	} while (!choose_pages(a));

	const struct region *g = &a->vm->regions[a->region];

	a->slot = a->region;
	if (g->kind->shared && dice_below(&a->dice, 2))
		a->slot = STRESS_ALIAS_SLOT;
	choose_op(a, g);
	pthread_rwlock_rdlock(&a->vm->slot_use[a->slot]);
	a->busy = true;
	*job = (struct guest_job){
		.op = a->op, .gpa = a->vm->vm.slots[a->slot].gpa + a->first * GUEST_PAGE,
		.pages = a->end - a->first, .value = a->value, .step = a->step, .patient = true,
	};
	return true;
}

/* The host is quiet now: every page that the VM has must read in the guest as it does outside. */
bool actor_review(void *arg, const struct vcpu *v, struct guest_job *job)
{
	struct actor *a = arg;
	const struct data *d = &a->r->data;

	(void)v;
	for (; a->region < STRESS_REGIONS; a->region++, a->review = 0) {
		const struct region *g = &a->vm->regions[a->region];
		size_t p = a->review;

		if (p == g->pages)
			continue;

		const uint32_t *want = &d->want[g->base];
		size_t end = p + 1;
		uint32_t step = end < g->pages ? want[end] - want[p] : 0;

		while (end < g->pages && want[end] - want[end - 1] == step)
			end++;
		a->review = end;
		a->checked += end - p;
		*job = (struct guest_job){
			.op = GUEST_COMPARE, .gpa = g->gpa + p * GUEST_PAGE, .pages = end - p,
			.value = want[p], .step = step,
		};
		return true;
	}
	return false;
}
