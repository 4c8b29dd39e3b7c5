// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adding up the level ledger.
 */
#include "ledger.h"

#include "snapshot.h"

#include <errno.h>
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

void ledger_take(struct ledger *l, struct ledger *stock, uint64_t now_ns)
{
	if (l->surveyed_ns && now_ns > l->surveyed_ns) {
		double seconds = (double)(now_ns - l->surveyed_ns) / 1e9;

		for (int c = 0; c < LOW_NR; c++)
			l->byte_seconds[c] += seconds * PAGE_BYTES / 2 *
					      (double)(l->total.lost[c] + stock->total.lost[c]);
		l->watched_ns += now_ns - l->surveyed_ns;
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
