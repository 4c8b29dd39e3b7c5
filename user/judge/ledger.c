// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adding up the level ledger.
 */
#include "ledger.h"

#include "user/session/snapshot.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096 };

static const struct {
	const char *name;
	const char *sentence;
	const char *remedy;
} causes[LOW_NR] = {
#define LEVEL_CAUSE(id, name_, sentence_, remedy_) \
	[id] = { .name = name_, .sentence = sentence_, .remedy = remedy_ },
#include "level_causes.def"
#undef LEVEL_CAUSE
};

const char *host_level_name(int host)
{
	static const char *const names[HOST_LEVELS] = { "n/a", "4K", "2M", "1G" };

	return names[host];
}

const char *level_cause_name(enum level_cause c)
{
	return causes[c].name;
}

const char *level_cause_sentence(enum level_cause c)
{
	return causes[c].sentence;
}

const char *level_cause_remedy(enum level_cause c)
{
	return causes[c].remedy;
}

static void row_add(struct slot_row *r, const struct survey_args *a)
{
	for (int l = 0; l < LEVELS; l++)
		for (int h = 0; h < HOST_LEVELS; h++)
			r->leaves[l][h] += a->leaves[l][h];
	for (int c = 0; c < LOW_NR; c++)
		r->lost[c] += a->lost[c];
	r->promised += a->promised;
	r->backings |= a->backings;
}

/* The row of the memslot that was surveyed; a large one takes several calls. */
static struct slot_row *row_of(struct ledger *l, const struct survey_args *a)
{
	struct slot_row *r = l->nslots ? &l->slots[l->nslots - 1] : NULL;

	if (r && r->as_id == a->as_id && r->id == a->id && r->base_gfn == a->base_gfn)
		return r;
	if (l->nslots == l->slots_size) {
		size_t size = l->slots_size ? 2 * l->slots_size : 8;

		r = reallocarray(l->slots, size, sizeof(*r));
		if (!r)
			return NULL;
		l->slots = r;
		l->slots_size = size;
	}
	r = &l->slots[l->nslots++];
	*r = (struct slot_row){ .as_id = a->as_id, .id = a->id, .base_gfn = a->base_gfn };
	return r;
}

int ledger_add(struct ledger *l, const struct survey_args *a)
{
	struct slot_row *r = row_of(l, a);

	if (!r)
		return -ENOMEM;
	r->flags = a->flags;
	r->npages = a->npages;
	row_add(r, a);
	row_add(&l->total, a);
	l->folios = a->folios;
	return 0;
}

/* Go on with what is known of a memslot: was is of then_ns, r of now_ns. */
static void recovery_follow(struct slot_row *r, const struct slot_row *was, uint64_t then_ns, uint64_t now_ns)
{
	if (r->flags & KVM_MEM_LOG_DIRTY_PAGES)
		return;
	r->recovery = was->recovery;
	if (was->flags & KVM_MEM_LOG_DIRTY_PAGES)
		r->recovery = (struct recovery){
			.on_ns = then_ns, .off_ns = now_ns, .mapped = slot_mapped(was),
			.lost = was->lost[LOW_DIRTY_LOG] * PAGE_BYTES,
		};
	if (!r->recovery.off_ns || r->recovery.over_ns)
		return;
	if (!r->lost[LOW_OLD] && slot_mapped(r) >= r->recovery.mapped)
		r->recovery.over_ns = now_ns;
	else
		r->recovery.short_ns = now_ns;
}

static bool slot_before(const struct slot_row *a, const struct slot_row *b)
{
	return a->as_id != b->as_id ? a->as_id < b->as_id : a->base_gfn < b->base_gfn;
}

/* Both are by address space and gfn. */
static void recoveries_follow(const struct ledger *l, struct ledger *stock, uint64_t now_ns)
{
	size_t k = 0;

	for (size_t i = 0; i < stock->nslots; i++) {
		struct slot_row *r = &stock->slots[i];

		while (k < l->nslots && slot_before(&l->slots[k], r))
			k++;
		if (k < l->nslots && !slot_before(r, &l->slots[k]) && l->slots[k].id == r->id)
			recovery_follow(r, &l->slots[k], l->surveyed_ns, now_ns);
	}
}

uint64_t recovery_least(const struct recovery *r)
{
	return r->short_ns ? r->short_ns - r->off_ns : 0;
}

uint64_t recovery_most(const struct recovery *r)
{
	return r->over_ns - r->on_ns;
}

void ledger_take(struct ledger *l, struct ledger *stock, uint64_t now_ns)
{
	if (l->surveyed_ns && now_ns > l->surveyed_ns) {
		double seconds = (double)(now_ns - l->surveyed_ns) / 1e9;

		for (int c = 0; c < LOW_NR; c++)
			l->byte_seconds[c] += seconds * PAGE_BYTES / 2 *
					      (double)(l->total.lost[c] + stock->total.lost[c]);
		l->watched_ns += now_ns - l->surveyed_ns;
	}
	recoveries_follow(l, stock, now_ns);
	if (l->folios && !stock->folios) {
		stock->folios = true;
		stock->total.promised = l->total.promised;
	}
	free(l->slots);
	l->slots = stock->slots;
	l->nslots = stock->nslots;
	l->slots_size = stock->slots_size;
	l->total = stock->total;
	l->folios = stock->folios;
	l->surveyed_ns = now_ns;
	memset(stock, 0, sizeof(*stock));
}

void ledger_free(struct ledger *l)
{
	free(l->slots);
	memset(l, 0, sizeof(*l));
}

uint64_t slot_leaves(const struct slot_row *r, int level)
{
	uint64_t n = 0;

	for (int h = 0; h < HOST_LEVELS; h++)
		n += r->leaves[level][h];
	return n;
}

uint64_t slot_bytes(const struct slot_row *r, int level)
{
	return slot_leaves(r, level) * level_bytes(level);
}

uint64_t slot_mapped(const struct slot_row *r)
{
	uint64_t n = 0;

	for (int l = 0; l < LEVELS; l++)
		n += slot_bytes(r, l);
	return n;
}

uint64_t slot_host_bytes(const struct slot_row *r, int host)
{
	uint64_t n = 0;

	for (int l = 0; l < LEVELS; l++)
		n += r->leaves[l][host] * level_bytes(l);
	return n;
}

uint64_t slot_lost(const struct slot_row *r)
{
	uint64_t n = 0;

	for (int c = 0; c < LOW_NR; c++)
		n += r->lost[c] * PAGE_BYTES;
	return n;
}

bool slot_adds_up(const struct slot_row *r)
{
	uint64_t smaller = 0;

	/* leaves[l] are of PG_LEVEL l + 1 */
	for (int l = 0; l < LEVELS; l++)
		for (int h = l + 2; h < HOST_LEVELS; h++)
			smaller += r->leaves[l][h] * level_bytes(l);
	return smaller == slot_lost(r);
}

void shares_of(const uint64_t *numbers, size_t n, unsigned int *shares)
{
	unsigned int left = 1000;
	long double sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += (long double)numbers[i];
		shares[i] = 0;
	}
	if (!(sum > 0))
		return;
	for (size_t i = 0; i < n; i++) {
		shares[i] = (unsigned int)(1000 * (long double)numbers[i] / sum);
		left -= shares[i];
	}
	/* what rounding down has left over goes to those that lost most by it */
	for (; left; left--) {
		size_t most = 0;
		long double worst = -1;

		for (size_t i = 0; i < n; i++) {
			long double missing = 1000 * (long double)numbers[i] / sum - shares[i];

			if (missing > worst) {
				worst = missing;
				most = i;
			}
		}
		shares[most]++;
	}
}
