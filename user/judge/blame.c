// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which names are needed, and where they go.
 */
#include "blame.h"
#include "user/host/umaps.h"

#include <errno.h>
#include <string.h>

static size_t story_frames(const struct event_violation *e)
{
	return e->frames < STACK_FRAMES ? e->frames : STACK_FRAMES;
}

static void name_story(const struct ksyms *k, struct told *t)
{
	struct event_violation *e = &t->e;
	size_t frames = story_frames(e), own = ksyms_own_frames(k, (const uint64_t *)e->stack, frames);

	e->frames = (uint32_t)(frames - own);
	memmove(e->stack, e->stack + own, e->frames * sizeof(e->stack[0]));
	cause_of_stack(k, (const uint64_t *)e->stack, e->frames, t->cause);
}

static void name_user_stack(struct cause_group *g)
{
	const struct cause_row *row = g->example;

	_Static_assert((int)UMAPS_NAME == (int)USER_FRAME_LEN, "names are written in place");
	if (!row)
		return;
	while (g->user_frames < row->user_frames && g->user_frames < USER_FRAMES &&
	       row->user_stack[g->user_frames])
		g->user_frames++;
	umaps_name_task(g->pid, g->tid, g->comm, COMM_LEN, (const uint64_t *)row->user_stack,
			g->user_frames, g->user);
}

int blame_with(struct blame *b, struct ksyms *ksyms, const struct snapshot *s, struct told *told,
	       size_t ntold)
{
	b->ksyms = ksyms;
	for (size_t i = 0; i < ntold; i++)
		name_story(ksyms, &told[i]);
	return causes_group(s, ksyms, &b->causes);
}

int blame_find(struct blame *b, const struct snapshot *s, struct told *told, size_t ntold, bool stacks)
{
	bool ok;
	int err;

	*b = (struct blame){ .ksyms = ksyms_new() };
	ok = b->ksyms && causes_want(s, b->ksyms);
	for (size_t i = 0; ok && i < ntold; i++)
		ok = ksyms_want(b->ksyms, (const uint64_t *)told[i].e.stack, story_frames(&told[i].e));
	if (!ok) {
		blame_free(b);
		return -ENOMEM;
	}
	ksyms_load(b->ksyms);
	err = blame_with(b, b->ksyms, s, told, ntold);
	if (err) {
		blame_free(b);
		return err;
	}
	for (size_t i = 0; stacks && i < b->causes.n; i++)
		name_user_stack(&b->causes.groups[i]);
	return 0;
}

void blame_free(struct blame *b)
{
	causes_free(&b->causes);
	ksyms_free(b->ksyms);
	*b = (struct blame){ 0 };
}
