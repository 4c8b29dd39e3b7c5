// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic on counters.
 */
#include "snapshot.h"

#include "bpf/hist.h"

#include <stdlib.h>
#include <string.h>

void counts_add(struct vm_counts *dst, const struct vm_counts *src)
{
	/* the structure is counters only (static assert in event.h) */
	uint64_t *d = (uint64_t *)dst;
	const uint64_t *s = (const uint64_t *)src;

	for (size_t i = 0; i < sizeof(*dst) / sizeof(*d); i++)
		d[i] += s[i];
}

void snapshot_total(const struct snapshot *s, struct vm_counts *out)
{
	*out = s->host;
	for (size_t i = 0; i < s->nvms; i++)
		counts_add(out, &s->vms[i].counts);
}

int64_t stock(const struct vm_counts *c, int level)
{
	int64_t n = (int64_t)(c->installed[level] - c->zapped[level] - c->split[level]);

	if (level + 1 < LEVELS)
		n += 512 * (int64_t)c->split[level + 1];
	return n;
}

bool row_stock(const struct vm_row *row, int level, int64_t *pages)
{
	bool late = row->info.flags & VM_LATE || row->by_stats;

	*pages = late ? (int64_t)row->walked[level] : stock(&row->counts, level);
	return !late || row->walk_done;
}

bool balanced(const struct vm_counts *c)
{
	for (int l = 0; l < LEVELS; l++)
		if (stock(c, l) != (int64_t)c->torn_down[l])
			return false;
	return true;
}

uint64_t hist_count(const struct hist *h)
{
	uint64_t n = 0;

	for (int b = 0; b < HIST_BUCKETS; b++)
		n += h->bucket[b];
	return n;
}

void hist_merge(struct hist *dst, const struct hist *src)
{
	for (int b = 0; b < HIST_BUCKETS; b++)
		dst->bucket[b] += src->bucket[b];
	dst->sum += src->sum;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t n = hist_count(h), seen = 0;

	for (uint32_t b = 0; b < HIST_BUCKETS; b++) {
		seen += h->bucket[b];
		if (seen && (double)seen >= q * (double)n)
			return b ? hist_low(b) * 2 - 1 : 0;
	}
	return 0;
}

const struct vm_lookups *row_lookups(const struct vm_row *row)
{
	static const struct vm_lookups none;

	return row->lookups ? row->lookups : &none;
}

struct vm_row *snapshot_add_vm(struct snapshot *s)
{
	struct vm_row *row;

	if (s->nvms == s->vms_size) {
		size_t size = s->vms_size ? 2 * s->vms_size : 16;
		struct vm_row *vms = reallocarray(s->vms, size, sizeof(*vms));

		if (!vms)
			return NULL;
		s->vms = vms;
		s->vms_size = size;
	}
	row = &s->vms[s->nvms++];
	memset(row, 0, sizeof(*row));
	return row;
}

void snapshot_free(struct snapshot *s)
{
	free(s->vms);
	free(s->causes);
	memset(s, 0, sizeof(*s));
}

const char *level_name(int level)
{
	static const char *const names[LEVELS] = { "4K", "2M", "1G" };

	return names[level];
}

uint64_t level_bytes(int level)
{
	return 4096ULL << (9 * level);
}
