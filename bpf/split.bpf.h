/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * same-page for a huge leaf that is replaced by a table of smaller ones.
 */
#ifndef MMUSCOPE_SPLIT_BPF_H
#define MMUSCOPE_SPLIT_BPF_H

#include "check.bpf.h"
#include "models/same_page.h"

/* looking at the leaves that a huge one was split into */
struct split {
	u64 table;
	u64 pfn;		/* of the huge leaf */
	u64 pages;		/* that a new leaf maps */
	u64 wrong_spte;		/* out: the first that maps another page */
	u32 wrong_index;
	u32 wrong;
};

GLOBAL int split_leaf(struct split *s, u64 spte, u32 i)
{
	if (!s || !spte_present(spte) || spte_pfn(spte) == s->pfn + i * s->pages)
		return 0;
	if (!s->wrong) {
		s->wrong_spte = spte;
		s->wrong_index = i;
	}
	s->wrong++;
	return 0;
}

struct chunk_split {
	struct split *s;
	u64 *chunk;
	u32 first;
	u32 pad;
};

static long split_entry(u32 k, struct chunk_split *c)
{
	if (k >= SCAN_CHUNK)
		return 1;
	return split_leaf(c->s, c->chunk[k], c->first + k);
}

GLOBAL int split_look(struct split *s, u32 chunk)
{
	struct chunk_split c = { .s = s, .first = chunk * SCAN_CHUNK };
	struct task_state *t;
	u64 from;

	if (!s)
		return 1;
	t = task_scratch();
	if (!t)
		return 1;
	from = s->table + chunk * sizeof(t->chunk);
	if (bpf_probe_read_kernel(t->chunk, sizeof(t->chunk), (void *)from)) {
		lost(LOSS_RACED);
		task_state_rest(t, 0);
		return 1;
	}
	c.chunk = t->chunk;
	bpf_loop(SCAN_CHUNK, split_entry, &c, 0);
	task_state_rest(t, 0);
	return 0;
}

static long split_chunk(u32 chunk, struct split *s)
{
	return split_look(s, chunk) ? 1 : 0;
}

/* same-page for a split: the new leaves map what the huge one did. */
GLOBAL int check_split(const struct change *l)
{
	struct split s = {};
	struct vm_counts *c;
	u64 pages;

	if (!l || l->level < 2 || l->level > LEVELS)
		return 0;
	c = counts_of(l->vm);
	pages = level_pages(l->level - 1);
	s.table = table_of(l->new);
	s.pfn = spte_pfn(l->old);
	s.pages = pages;
	bpf_loop(512 / SCAN_CHUNK, split_chunk, &s, 0);

	struct story story = {
		.gfn = l->gfn + s.wrong_index * pages, .pfn = spte_pfn(s.wrong_spte),
		.old_spte = l->old, .new_spte = s.wrong_spte, .vm = l->vm, .level = l->level - 1,
		.as_id = l->as_id, .pages = s.wrong,
	};

	step_seen(INV_SAME_PAGE, s.wrong ? SPA_MAP_OTHER : SPA_MAP_SAME, 0, &story, 0, 0);
	judged(c, INV_SAME_PAGE, spa_step(SPA_ANY, s.wrong ? SPA_MAP_OTHER : SPA_MAP_SAME), &story, NULL);
	return 0;
}

#endif /* MMUSCOPE_SPLIT_BPF_H */
