// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scripts are what the programs of bpf/ tell of one instance each, by their models' sentences.
 */
#include "lib/steps.h"
#include "lib/sample.h"

#include <errno.h>
#include <stdlib.h>

#define SCRIPT(inv_, ...) { INV_##inv_, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }
#define EXEMPT(why_) (STEP_EXEMPT + EXEMPT_##why_)

const struct script sound_scripts[] = {
	SCRIPT(DIRTY_UNTIL_NOTIFIED, DUN_LOST_DIRTY),
	SCRIPT(DIRTY_UNTIL_NOTIFIED, DUN_LOST_CLEAN, DUN_MARKED),
	SCRIPT(DIRTY_UNTIL_NOTIFIED, DUN_LOST_CLEAN, EXEMPT(ZAP_DAX)),
	SCRIPT(DIRTY_AT_MAP, DAM_MAP, DAM_END_DIRTY),
	SCRIPT(DIRTY_AT_MAP, EXEMPT(INVALIDATED)),
	SCRIPT(NOTIFIED_BEFORE_CLEAN, NBC_MAP, NBC_UNMAP, NBC_CLEAN),
	SCRIPT(DIRTY_THROUGH_WINDOW, DTW_LOST_DIRTY, DTW_END_DIRTY),
	SCRIPT(DIRTY_THROUGH_WINDOW, DTW_LOST_DIRTY, EXEMPT(DISCARD_UNMAP)),
	SCRIPT(ZAPPED_AT_START, ZAS_ENTER_COVERED, ZAS_JUDGE),
	SCRIPT(ZAPPED_AT_START, EXEMPT(LARGER_LEAF)),
	SCRIPT(FLUSHED_AT_START, FAS_ENTER, FAS_ZAP, FAS_FLUSH, FAS_RETURN),
	SCRIPT(FLUSHED_AT_START, FAS_ENTER, FAS_ZAP, FAS_FLUSH, FAS_ZAP, FAS_FLUSH, FAS_RETURN),
	SCRIPT(FLUSHED_AT_START, FAS_ENTER, FAS_ZAP, EXEMPT(INVALID_ROOT)),
	SCRIPT(NO_MAP_IN_WINDOW, NMW_START, NMW_END),
	SCRIPT(WINDOWS_BALANCED, WBA_START, WBA_END_ZERO),
	SCRIPT(WINDOWS_BALANCED, WBA_DESTROY_ZERO),
	SCRIPT(WRITE_NEEDS_WRITE, WNW_MAP_WRITABLE),
	SCRIPT(SAME_PAGE, SPA_MAP_SAME),
	SCRIPT(LEVEL_FITS, LVF_MAP_FITS),
	SCRIPT(NEVER_SECRET, NSE_MAP),
	SCRIPT(REFS_RETURNED, RFR_LOOKUP, RFR_END_RETURNED),
	SCRIPT(REFS_RETURNED, RFR_LOOKUP, RFR_END_MORE, RFR_SETTLED),
	SCRIPT(PINNED_OUTSIDE, PNO_MAP, PNO_UNMAP_DIRTY),
	SCRIPT(PINNED_OUTSIDE, PNO_MAP, PNO_CLEAN, PNO_UNMAP_DIRTY),
};
const size_t nsound = sizeof(sound_scripts) / sizeof(sound_scripts[0]);

const struct script broken_scripts[] = {
	SCRIPT(DIRTY_UNTIL_NOTIFIED, DUN_LOST_CLEAN, DUN_RETURNED),
	SCRIPT(DIRTY_AT_MAP, DAM_MAP, DAM_END_CLEAN),
	SCRIPT(NOTIFIED_BEFORE_CLEAN, NBC_MAP, NBC_CLEAN),
	SCRIPT(DIRTY_THROUGH_WINDOW, DTW_LOST_DIRTY, DTW_END_CLEAN),
	SCRIPT(ZAPPED_AT_START, ZAS_ENTER_COVERED, ZAS_LEAF_FOUND, ZAS_JUDGE),
	SCRIPT(FLUSHED_AT_START, FAS_ENTER, FAS_ZAP, FAS_RETURN),
	SCRIPT(FLUSHED_AT_START, FAS_ENTER, FAS_ZAP, FAS_FLUSH, FAS_ZAP, FAS_RETURN),
	SCRIPT(NO_MAP_IN_WINDOW, NMW_START, NMW_MAP, NMW_END),
	SCRIPT(WINDOWS_BALANCED, WBA_START, WBA_END_NONZERO),
	SCRIPT(WINDOWS_BALANCED, WBA_DESTROY_NONZERO),
	SCRIPT(WRITE_NEEDS_WRITE, WNW_MAP_READONLY),
	SCRIPT(SAME_PAGE, SPA_MAP_OTHER),
	SCRIPT(LEVEL_FITS, LVF_MAP_EXCEEDS),
	SCRIPT(LEVEL_FITS, LVF_MAP_MISALIGNED),
	SCRIPT(NEVER_SECRET, NSE_MAP_SECRET),
	SCRIPT(REFS_RETURNED, RFR_LOOKUP, RFR_END_MORE, RFR_STAYS),
	SCRIPT(PINNED_OUTSIDE, PNO_MAP, PNO_FREED),
	SCRIPT(PINNED_OUTSIDE, PNO_MAP, PNO_UNMAP_CLEAN),
	SCRIPT(PINNED_OUTSIDE, PNO_MAP_UNPINNED),
};
const size_t nbroken = sizeof(broken_scripts) / sizeof(broken_scripts[0]);

struct instance {
	const struct script *script;
	unsigned int at;
	uint64_t number;		/* of all instances, from 1 */
};

struct steps {
	const struct script *scripts;
	size_t n;
	uint64_t instances;
	uint64_t begun;
	uint64_t told;
	size_t turn;
	size_t nopen;			/* under way */
	struct instance open[];
};

static bool begin(struct steps *s, struct instance *i)
{
	if (s->begun == s->instances)
		return false;
	*i = (struct instance){ .script = &s->scripts[s->begun % s->n], .number = s->begun + 1 };
	s->begun++;
	return true;
}

struct steps *steps_begin(const struct script *scripts, size_t n, size_t times, size_t open)
{
	struct steps *s = calloc(1, sizeof(*s) + open * sizeof(s->open[0]));

	if (!s)
		return NULL;
	s->scripts = scripts;
	s->n = n;
	s->instances = n * times;
	while (s->nopen < open && begin(s, &s->open[s->nopen]))
		s->nopen++;
	return s;
}

void steps_end(struct steps *s)
{
	free(s);
}

/* An instance's next event, about some page. */
static struct record_step told(const struct instance *i)
{
	uint64_t page = (i->number * 2654435761U) >> 7 & 0xfffff;
	const struct script *script = i->script;

	return (struct record_step){
		.vm = 1 + i->number % STEPS_VMS, .tid = (uint32_t)(4000 + i->number % 8),
		.object = script->n > 1 ? i->number << 13 | i->number % 4 : 0,	/* as record_number() */
		.invariant = (uint8_t)script->invariant, .event = script->events[i->at], .level = 1,
		.backing = BACKING_SHMEM, .gfn = page, .hva = 0x7f0000000000 + (page << 12),
		.pfn = 0x100000 + page, .new_spte = 0x8000000100000a07 + (page << 12), .flags = page & 0xff,
		.pages = 1, .window = i->number >> 7, .number = i->at,
	};
}

bool steps_next(struct steps *s, uint64_t *ns, struct record_step *step)
{
	struct instance *i;

	if (!s->nopen)
		return false;
	s->turn = (s->turn + 1) % s->nopen;
	i = &s->open[s->turn];
	*step = told(i);
	*ns = STEPS_NS + s->told++ * 180;
	if (++i->at == i->script->n && !begin(s, i))
		*i = s->open[--s->nopen];
	return true;
}

static void put_facts(struct recording *w)
{
	recording_text(w, RECORD_META, 2, "{\"marks_at\":\"map\",\"tier\":\"fentry\",\"started_ns\":2}");
	for (uint32_t vm = 1; vm <= STEPS_VMS; vm++)
		recording_vm(w, 3, vm, "{\"pid\":9,\"comm\":\"qemu\"}");
}

/* How often the scripts have to be gone through for so many steps. */
static size_t times_for(const struct script *scripts, size_t n, size_t steps)
{
	size_t events = 0;

	for (size_t i = 0; i < n; i++)
		events += scripts[i].n;
	return (steps + events - 1) / events;
}

int steps_record(const char *path, const struct script *scripts, size_t n, size_t steps, size_t open)
{
	struct steps *s = steps_begin(scripts, n, times_for(scripts, n, steps), open);
	struct recording_options o = sample_options(path);
	struct record_step step;
	struct recording *w;
	uint64_t ns = 0;
	int err;

	if (!s)
		return -ENOMEM;
	o.facts = "{\"mmuscope\":\"test\",\"host\":{\"kernel\":\"none\"}}";
	err = recording_create(&o, 1, &w);
	if (!err) {
		put_facts(w);
		while (steps_next(s, &ns, &step))
			recording_put(w, RECORD_STEP, STEP_VERSION, ns, &step, sizeof(step));
		recording_text(w, RECORD_LOSS, ns, "{\"raced\":0}");
		recording_text(w, RECORD_SNAPSHOT, ns, "{\"invariants\":[]}");
		err = recording_close(w, ns, NULL);
	}
	steps_end(s);
	return err;
}
