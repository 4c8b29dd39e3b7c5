// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a session that has counters of its own in the kernel, for mmuscope walk, and for who wants to
 * know how long lookups take.
 */
#include "user/judge/lookups.h"
#include "session_state.h"

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

void walked_read(struct session *s, uint32_t vm, struct walk_counts *out)
{
	int fd = bpf_map__fd(s->skel->maps.vm_walks);
	struct walk_counts shard;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; s->options.walk && i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		if (!bpf_map_lookup_elem(fd, &key, &shard))
			walk_add(out, &shard);
	}
}

void walked_clear(struct session *s, uint32_t vm)
{
	static const struct walk_counts zero;

	for (uint32_t i = 0; s->options.walk && i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		bpf_map_update_elem(bpf_map__fd(s->skel->maps.vm_walks), &key, &zero, BPF_ANY);
	}
}

void walked_times(struct session *s, uint32_t vm, struct hist *out)
{
	int fd = bpf_map__fd(s->skel->maps.vm_times);
	struct hist shard;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; s->options.times && i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		if (!bpf_map_lookup_elem(fd, &key, &shard))
			hist_merge(out, &shard);
	}
}

void walked_clear_times(struct session *s, uint32_t vm)
{
	static const struct hist zero;

	for (uint32_t i = 0; s->options.times && i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		bpf_map_update_elem(bpf_map__fd(s->skel->maps.vm_times), &key, &zero, BPF_ANY);
	}
}
