// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a session that has counters of its own in the kernel, for mmuscope walk, and for who wants to
 * know how long lookups take.
 */
#include "user/judge/lookups.h"
#include "session_state.h"

#include <stdlib.h>
#include <string.h>

#include "mmuscope.skel.h"

int walked_configure(struct session *s)
{
	uint32_t rows = s->options.walk ? s->options.max_vms + 1 : 1;
	uint32_t timed = s->options.times ? s->options.max_vms + 1 : 1;
	int err;

	s->skel->rodata->cfg_walk = s->options.walk;
	s->skel->rodata->cfg_times = s->options.times;
	err = bpf_map__set_max_entries(s->skel->maps.vm_times, timed * COUNT_SHARDS);
	return err ?: bpf_map__set_max_entries(s->skel->maps.vm_walks, rows * COUNT_SHARDS);
}

static void read_walk(struct session *s, uint32_t vm, struct walk_counts *out)
{
	int fd = bpf_map__fd(s->skel->maps.vm_walks);
	struct walk_counts shard;

	for (uint32_t i = 0; s->options.walk && i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		if (!bpf_map_lookup_elem(fd, &key, &shard))
			walk_add(out, &shard);
	}
}

static void read_times(struct session *s, uint32_t vm, struct hist *out)
{
	int fd = bpf_map__fd(s->skel->maps.vm_times);
	struct hist shard;

	for (uint32_t i = 0; s->options.times && i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		if (!bpf_map_lookup_elem(fd, &key, &shard))
			hist_merge(out, &shard);
	}
}

struct vm_lookups *walked_read(struct session *s, uint32_t vm)
{
	struct vm_lookups *l = s->lookups[vm];

	if (!s->options.walk && !s->options.times)
		return NULL;
	if (!l)
		l = s->lookups[vm] = malloc(sizeof(*l));
	if (!l)
		return NULL;
	memset(l, 0, sizeof(*l));
	read_walk(s, vm, &l->walk);
	read_times(s, vm, &l->ns);
	return l;
}

struct vm_lookups *walked_take(struct session *s, uint32_t vm)
{
	struct vm_lookups *l = walked_read(s, vm);

	s->lookups[vm] = NULL;
	return l;
}

static void clear(struct bpf_map *map, uint32_t vm, const void *zero)
{
	for (uint32_t i = 0; i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		bpf_map_update_elem(bpf_map__fd(map), &key, zero, BPF_ANY);
	}
}

void walked_clear(struct session *s, uint32_t vm)
{
	static const struct vm_lookups zero;

	if (s->options.walk)
		clear(s->skel->maps.vm_walks, vm, &zero.walk);
	if (s->options.times)
		clear(s->skel->maps.vm_times, vm, &zero.ns);
}

void walked_free(struct session *s)
{
	for (uint32_t i = 0; s->lookups && i <= s->options.max_vms; i++)
		free(s->lookups[i]);
	for (size_t i = 0; i < s->gone.nvms; i++)
		free(s->gone_lookups[i]);
	free(s->lookups);
}
