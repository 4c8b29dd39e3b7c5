// SPDX-License-Identifier: GPL-2.0-only
/*
 * What led to a violation.  The recorder's last word names those that it tells; the step of the model that
 * fits best, by page and time, tells the instance, and all its steps are the story.
 */
#include "digest_parts.h"
#include "user/judge/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "0x12" of JSON; absent or null: 0, and *known is false. */
static uint64_t hex_of(const json_t *o, const char *key, bool *known)
{
	const char *text = json_string_value(json_object_get(o, key));

	*known = text;
	return text ? strtoull(text, NULL, 16) : 0;
}

static struct story story_of(const struct digest *d, const json_t *v)
{
	uint64_t observed = (uint64_t)json_integer_value(json_object_get(d->last, "observed_ns"));
	uint64_t start = (uint64_t)json_integer_value(json_object_get(d->meta, "started_ns"));
	const char *name = json_string_value(json_object_get(v, "invariant"));
	struct story s = { .invariant = name ? invariant_find(name) : -1 };
	bool known;

	if (!start && d->last_at > observed)
		start = d->last_at - observed;
	s.vm = (uint32_t)json_integer_value(json_object_get(v, "vm"));
	s.ns = start + (uint64_t)json_integer_value(json_object_get(v, "since_start_ns"));
	s.pfn = hex_of(v, "pfn", &known);
	s.gfn = hex_of(v, "gfn", &known);
	s.gfn_known = known;
	return s;
}

int story_begin(struct digest *d)
{
	const json_t *list = json_object_get(d->last, "violations");
	size_t n = json_array_size(list);

	if (!n)
		return 0;
	if (n > DIGEST_STORIES)
		n = DIGEST_STORIES;
	d->stories = calloc(n, sizeof(*d->stories));
	if (!d->stories)
		return -ENOMEM;
	for (d->nstories = 0; d->nstories < n; d->nstories++)
		d->stories[d->nstories] = story_of(d, json_array_get(list, d->nstories));
	return 0;
}

static bool fits(const struct story *s, const struct record_step *step)
{
	if (step->invariant != s->invariant || step->pfn != s->pfn)
		return false;
	if (s->vm && step->vm && s->vm != step->vm)
		return false;
	return !s->gfn_known || !step->gfn || step->gfn == s->gfn;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

void story_find(struct digest *d, const struct record_head *r, const struct record_step *step)
{
	for (size_t i = 0; i < d->nstories; i++) {
		struct story *s = &d->stories[i];

		if (!fits(s, step) || (s->found && distance(r->ns, s->ns) > distance(s->step_ns, s->ns)))
			continue;
		s->found = true;
		s->step_ns = r->ns;
		s->object = step->object;
	}
}

static void story_add(struct story *s, uint64_t ns, const struct record_step *step)
{
	struct story_step *last = &s->steps[(s->nsteps + STORY_STEPS - 1) % STORY_STEPS];
	const struct story_step *before = &s->steps[(s->nsteps + STORY_STEPS - 2) % STORY_STEPS];
	uint64_t more = 0;

	s->all_steps++;
	if (s->nsteps > 1 && last->step.event == step->event && before->step.event == step->event) {
		more = last->more + 1;
		s->nsteps--;
	}
	s->steps[s->nsteps % STORY_STEPS] = (struct story_step){ .ns = ns, .more = more, .step = *step };
	s->nsteps++;
}

/* What came later than the violation is another story; object 0 stands for an only step. */
void story_collect(struct digest *d, const struct record_head *r, const struct record_step *step)
{
	for (size_t i = 0; i < d->nstories; i++) {
		struct story *s = &d->stories[i];

		if (!s->found || step->invariant != s->invariant || step->object != s->object ||
		    r->ns > s->step_ns || (!s->object && (r->ns != s->step_ns || !fits(s, step))))
			continue;
		story_add(s, r->ns, step);
	}
}

const struct story_step *story_step(const struct story *s, size_t i)
{
	size_t kept = s->nsteps < STORY_STEPS ? s->nsteps : STORY_STEPS;

	return i < kept ? &s->steps[(s->nsteps - kept + i) % STORY_STEPS] : NULL;
}

size_t story_first(const struct story *s, size_t n, uint64_t *before)
{
	size_t kept = s->nsteps < STORY_STEPS ? s->nsteps : STORY_STEPS;
	size_t first = kept > n ? kept - n : 0;

	*before = s->all_steps;
	for (size_t i = first; i < kept; i++)
		*before -= 1 + story_step(s, i)->more;
	return first;
}

/* enum *_event of bpf/models/ in their order; the longest has 7 */
static const char *const events[INV_NR][8] = {
	[INV_DIRTY_UNTIL_NOTIFIED] = { "lost, never written", "lost, dirty", "lost, not dirty",
				       "marked dirty", "start returned" },
	[INV_DIRTY_AT_MAP] = { "mapped may-write", "mapped read-only", "invalidated",
			       "fault ends, dirty", "fault ends, not dirty" },
	[INV_NOTIFIED_BEFORE_CLEAN] = { "first may-write SPTE", "last may-write SPTE gone",
					"dirty flag cleared" },
	[INV_DIRTY_THROUGH_WINDOW] = { "lost, dirty", "given up", "window ends, dirty",
				       "window ends, not dirty" },
	[INV_ZAPPED_AT_START] = { "start, nothing covered", "start, memory covered",
				  "leaf SPTE found", "looked through" },
	[INV_FLUSHED_AT_START] = { "start entered", "zapped", "TLBs flushed", "start returned" },
	[INV_NO_MAP_IN_WINDOW] = { "start returned", "leaf SPTE installed", "end entered" },
	[INV_WINDOWS_BALANCED] = { "start", "end, others open", "last end, count 0",
				   "last end, count not 0", "VM destroyed, count 0",
				   "VM destroyed, count not 0" },
	[INV_WRITE_NEEDS_WRITE] = { "mapped read-only", "mapped may-write, host too",
				    "mapped may-write, host read-only" },
	[INV_SAME_PAGE] = { "mapped the host's page", "mapped another page" },
	[INV_LEVEL_FITS] = { "mapped, fits", "mapped, larger than host", "mapped, misaligned" },
	[INV_NEVER_SECRET] = { "mapped", "mapped secret memory" },
	[INV_REFS_RETURNED] = { "lookup took a reference", "lookup took none", "fault ends, returned",
				"fault ends, more", "settled", "page gone", "surplus stays" },
	[INV_PINNED_OUTSIDE] = { "held", "taken, not held", "dirty flag cleared", "freed while held",
				 "released, read-only", "released, dirty", "released, not dirty" },
};

const char *step_text(const struct record_step *s)
{
	const char *text = s->invariant < INV_NR && s->event < 8 ? events[s->invariant][s->event] : NULL;

	if (s->event >= STEP_EXEMPT)
		return "looked at, left out";
	return text ? text : "unknown event";
}
