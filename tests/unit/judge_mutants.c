// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second mutation score of the models: a lossless recording is changed in one place at a time, and judged
 * again.  The judge has to say something else, or INCONCLUSIVE; a mutant of which it says the same must be in
 * the table of equivalent ones, with the reason.
 */
#include "lib/steps.h"

#include "user/judge/judge.h"
#include "user/judge/model.h"

#include "unit.h"

#include "user/judge/verdict.h"

enum { STEPS_MAX = 256, TIMES = 2, OPEN = 5 };

struct timed_step {
	uint64_t ns;
	struct record_step step;
};

struct run {
	struct timed_step list[STEPS_MAX];
	size_t n;
	bool marks_at_map;
};

/* all that the judge says about a run */
struct answer {
	struct vm_counts vms[STEPS_VMS + 1];
	uint64_t torn[INV_NR];
	enum value values[INV_NR];
};

enum kind {
	MUTANT_DROP,		/* the event is not there */
	MUTANT_SWAP,		/* it and the next of its instance have changed places */
	MUTANT_EVENT,		/* it is another event of its model */
	MUTANT_EXEMPT,		/* it is said to be exempt */
	MUTANT_ALONE,		/* it is said to be the only one of its instance */
	MUTANT_OBJECT,		/* it is another instance's */
	MUTANT_NUMBER,		/* one more came before it */
	MUTANT_MODEL,		/* it is another model's event of that number */
	MUTANT_KINDS,
};

static const char *const kind_names[MUTANT_KINDS] = { "drop", "swap", "event", "exempt", "alone", "object", "number",
						      "model" };

struct mutant {
	enum kind kind;
	size_t at;
	uint8_t value;		/* the other event, or model */
};

enum fate {
	FATE_OTHER,		/* other verdicts or counts */
	FATE_INCONCLUSIVE,
	FATE_EQUIVALENT,
	FATE_MISSED,
	FATES,
};

static unsigned int scores[2][MUTANT_KINDS][FATES];

/* ---- which mutants mean the same ---- */

#define ANY 255

static const char last_zap[] = "a start is judged by its last zap and what follows it; an exempt one by nothing";
static const char breached[] = "the end of a window that was breached vouches for nothing";
static const char same_answer[] = "both say the same in this state: which it was is for the story";
static const char by_reason[] = "exemptions are counted by their reason";

/* by the event that is changed, its place in the instance, and what it becomes or is swapped with */
static struct equivalent {
	enum kind kind;
	enum invariant invariant;
	uint32_t number;
	uint8_t event;
	uint8_t becomes;
	unsigned int times;	/* there are so many, neither more nor fewer */
	const char *why;
	unsigned int met;
} equivalents[] = {
	{ MUTANT_DROP, INV_NO_MAP_IN_WINDOW, 2, NMW_END, 0, 2, breached, 0 },
	{ MUTANT_EVENT, INV_NO_MAP_IN_WINDOW, 2, NMW_END, NMW_START, 2, breached, 0 },
	{ MUTANT_ALONE, INV_NO_MAP_IN_WINDOW, 2, NMW_END, 0, 2, breached, 0 },
	{ MUTANT_SWAP, INV_FLUSHED_AT_START, 1, FAS_ZAP, FAS_FLUSH, 4, last_zap, 0 },
	{ MUTANT_SWAP, INV_FLUSHED_AT_START, 2, FAS_FLUSH, FAS_ZAP, 2, last_zap, 0 },
	{ MUTANT_EVENT, INV_FLUSHED_AT_START, 1, FAS_ZAP, FAS_ENTER, 6, last_zap, 0 },
	{ MUTANT_EVENT, INV_FLUSHED_AT_START, 1, FAS_ZAP, FAS_FLUSH, 6, last_zap, 0 },
	{ MUTANT_EVENT, INV_FLUSHED_AT_START, 2, FAS_FLUSH, FAS_ENTER, 4, last_zap, 0 },
	{ MUTANT_EVENT, INV_FLUSHED_AT_START, 2, FAS_FLUSH, FAS_ZAP, 4, last_zap, 0 },
	{ MUTANT_EVENT, INV_FLUSHED_AT_START, 3, FAS_ZAP, FAS_FLUSH, 2, last_zap, 0 },
	{ MUTANT_EVENT, INV_WINDOWS_BALANCED, 0, WBA_DESTROY_NONZERO, WBA_END_OTHERS, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_WINDOWS_BALANCED, 0, WBA_DESTROY_NONZERO, WBA_END_ZERO, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_WINDOWS_BALANCED, 0, WBA_DESTROY_NONZERO, WBA_END_NONZERO, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_WINDOWS_BALANCED, 1, WBA_END_NONZERO, WBA_DESTROY_ZERO, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_WINDOWS_BALANCED, 1, WBA_END_NONZERO, WBA_DESTROY_NONZERO, 2, same_answer, 0 },
	{ MUTANT_ALONE, INV_WINDOWS_BALANCED, 1, WBA_END_NONZERO, 0, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_LEVEL_FITS, 0, LVF_MAP_EXCEEDS, LVF_MAP_MISALIGNED, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_LEVEL_FITS, 0, LVF_MAP_MISALIGNED, LVF_MAP_EXCEEDS, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_REFS_RETURNED, 2, RFR_SETTLED, RFR_GONE, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_PINNED_OUTSIDE, 1, PNO_FREED, PNO_MAP_UNPINNED, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_PINNED_OUTSIDE, 1, PNO_FREED, PNO_UNMAP_CLEAN, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_PINNED_OUTSIDE, 1, PNO_UNMAP_CLEAN, PNO_MAP_UNPINNED, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_PINNED_OUTSIDE, 1, PNO_UNMAP_CLEAN, PNO_FREED, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_PINNED_OUTSIDE, 1, PNO_UNMAP_DIRTY, PNO_UNMAP_READ, 2, same_answer, 0 },
	{ MUTANT_EVENT, INV_PINNED_OUTSIDE, 2, PNO_UNMAP_DIRTY, PNO_UNMAP_READ, 2, same_answer, 0 },
	{ MUTANT_ALONE, INV_DIRTY_UNTIL_NOTIFIED, 1, ANY, 0, 2, by_reason, 0 },
	{ MUTANT_ALONE, INV_DIRTY_THROUGH_WINDOW, 1, ANY, 0, 2, by_reason, 0 },
	{ MUTANT_ALONE, INV_FLUSHED_AT_START, 2, ANY, 0, 2, by_reason, 0 },
	{ MUTANT_MODEL, INV_DIRTY_AT_MAP, 0, ANY, ANY, 24, by_reason, 0 },
	{ MUTANT_MODEL, INV_ZAPPED_AT_START, 0, ANY, ANY, 24, by_reason, 0 },
};

enum { EQUIVALENTS = sizeof(equivalents) / sizeof(equivalents[0]) };

static struct equivalent *equivalent_to(const struct record_step *s, const struct mutant *m, uint8_t other)
{
	for (struct equivalent *e = equivalents; e < equivalents + EQUIVALENTS; e++)
		if (e->kind == m->kind && (unsigned int)e->invariant == s->invariant &&
		    e->number == s->number &&
		    (e->event == ANY ? s->event >= STEP_EXEMPT : e->event == s->event) &&
		    (e->becomes == ANY || e->becomes == other))
			return e;
	return NULL;
}

/* ---- judging ---- */

/* Every script twice, so that an instance has others of its kind beside it. */
static void make_run(struct run *run, const struct script *scripts, size_t n)
{
	struct steps *s = steps_begin(scripts, n, TIMES, OPEN);

	assert_non_null(s);
	run->n = 0;
	run->marks_at_map = true;
	while (steps_next(s, &run->list[run->n].ns, &run->list[run->n].step))
		assert_true(++run->n < STEPS_MAX);
	steps_end(s);
}

static void answer_of(const struct run *run, struct answer *a)
{
	struct judge_options o = { .to_ns = UINT64_MAX };
	struct judge *j = judge_new(&o);
	struct snapshot *s;

	assert_non_null(j);
	for (size_t i = 0; i < run->n; i++)
		assert_true(judge_step(j, run->list[i].ns, &run->list[i].step));
	s = judge_snapshot(j);
	s->marks_at_map = run->marks_at_map;
	memset(a, 0, sizeof(*a));
	a->vms[0] = s->host;
	memcpy(a->torn, s->torn, sizeof(a->torn));
	for (size_t i = 0; i < s->nvms; i++)
		a->vms[s->vms[i].info.index] = s->vms[i].counts;
	for (int i = 0; i < INV_NR; i++) {
		struct verdict v;

		verdict_of(s, i, false, &v);
		a->values[i] = v.value;
	}
	judge_free(j);
}

static bool becomes_inconclusive(const struct answer *before, const struct answer *after)
{
	for (int i = 0; i < INV_NR; i++)
		if (before->values[i] != INCONCLUSIVE && after->values[i] == INCONCLUSIVE)
			return true;
	return false;
}

static uint64_t violations(const struct answer *a)
{
	uint64_t n = 0;

	for (int vm = 0; vm <= STEPS_VMS; vm++)
		for (int i = 0; i < INV_NR; i++)
			n += a->vms[vm].violated[i];
	return n;
}

/* ---- mutating ---- */

/* The next step of the same instance; run->n: there is none. */
static size_t next_of(const struct run *run, size_t at)
{
	const struct record_step *s = &run->list[at].step;
	size_t i;

	for (i = at + 1; i < run->n; i++)
		if (s->object && run->list[i].step.object == s->object &&
		    run->list[i].step.invariant == s->invariant)
			break;
	return i;
}

/* Where it can be told from the original, it is changed so.  False: there is no such mutant here. */
static bool mutate(struct run *run, const struct mutant *m, uint8_t *other)
{
	struct record_step *s = &run->list[m->at].step;
	size_t next = next_of(run, m->at);

	*other = m->value;
	switch (m->kind) {
	case MUTANT_DROP:
		memmove(&run->list[m->at], &run->list[m->at + 1],
			(run->n - m->at - 1) * sizeof(run->list[0]));
		run->n--;
		return true;
	case MUTANT_SWAP:
		if (next == run->n || run->list[next].step.event == s->event)
			return false;
		*other = run->list[next].step.event;
		run->list[next].step.event = s->event;
		s->event = *other;
		return true;
	case MUTANT_EVENT:
		if (m->value >= model_events(s->invariant) || m->value == s->event)
			return false;
		s->event = m->value;
		return true;
	case MUTANT_EXEMPT:
		if (m->value || s->event >= STEP_EXEMPT)
			return false;
		s->event = STEP_EXEMPT + EXEMPT_LARGE_REFS;
		return true;
	case MUTANT_ALONE:
		if (m->value || !s->object)
			return false;
		s->object = 0;
		return true;
	case MUTANT_OBJECT:
		if (m->value || !s->object)
			return false;
		s->object = 1;
		return true;
	case MUTANT_NUMBER:
		if (m->value || !s->object)
			return false;
		s->number++;
		return true;
	default:
		if (m->value >= INV_NR || m->value == s->invariant)
			return false;
		s->invariant = m->value;
		return true;
	}
}

static void describe(const struct mutant *m, const struct run *run, uint8_t other)
{
	const struct record_step *s = &run->list[m->at].step;

	print_error("# the judge says the same: %s of step %zu (%s, event %u, number %u), %u instead\n",
		    kind_names[m->kind], m->at, invariant_name(s->invariant), s->event, s->number, other);
}

static enum fate fate_of(const struct run *run, const struct answer *before, const struct mutant *m)
{
	static struct run mutated;
	struct equivalent *e;
	struct answer after;
	uint8_t other;

	mutated = *run;
	if (!mutate(&mutated, m, &other))
		return FATES;
	answer_of(&mutated, &after);
	/* what is missing never looks like a violation */
	if (m->kind == MUTANT_DROP || m->kind == MUTANT_NUMBER)
		assert_true(violations(&after) <= violations(before));
	if (becomes_inconclusive(before, &after))
		return FATE_INCONCLUSIVE;
	if (memcmp(before, &after, sizeof(after)))
		return FATE_OTHER;
	e = equivalent_to(&run->list[m->at].step, m, other);
	if (e)
		e->met++;
	else
		describe(m, run, other);
	return e ? FATE_EQUIVALENT : FATE_MISSED;
}

static void count_fates(const struct run *run, unsigned int score[MUTANT_KINDS][FATES])
{
	struct answer before;

	answer_of(run, &before);
	for (struct mutant m = { 0 }; m.kind < MUTANT_KINDS; m.kind++)
		for (m.at = 0; m.at < run->n; m.at++)
			/* to each other value; kinds that have but one are there for 0 */
			for (m.value = 0; m.value < (m.kind < MUTANT_EVENT ? 1 : MODEL_EVENTS); m.value++) {
				enum fate fate = fate_of(run, &before, &m);

				if (fate < FATES)
					score[m.kind][fate]++;
			}
}

/* ---- tests ---- */

static void show(const char *what, unsigned int score[MUTANT_KINDS][FATES])
{
	unsigned int sum[FATES] = { 0 };

	printf("# %-8s %8s %8s %14s %11s %7s\n", what, "mutants", "other", "inconclusive", "equivalent",
	       "missed");
	for (int k = 0; k <= MUTANT_KINDS; k++) {
		const unsigned int *n = k < MUTANT_KINDS ? score[k] : sum;

		printf("# %-8s %8u %8u %14u %11u %7u\n", k < MUTANT_KINDS ? kind_names[k] : "all",
		       n[0] + n[1] + n[2] + n[3], n[FATE_OTHER], n[FATE_INCONCLUSIVE], n[FATE_EQUIVALENT],
		       n[FATE_MISSED]);
		for (int f = 0; f < FATES && k < MUTANT_KINDS; f++)
			sum[f] += score[k][f];
	}
	assert_int_equal(sum[FATE_MISSED], 0);
}

static void sound_run(void **arg)
{
	static struct run run;
	struct answer a;

	(void)arg;
	make_run(&run, sound_scripts, nsound);
	answer_of(&run, &a);
	for (int i = 0; i < INV_NR; i++)
		assert_int_equal(a.values[i], HELD);
	count_fates(&run, scores[0]);
	show("held", scores[0]);
}

static void broken_run(void **arg)
{
	static struct run run;
	struct answer a;

	(void)arg;
	make_run(&run, broken_scripts, nbroken);
	answer_of(&run, &a);
	for (int i = 0; i < INV_NR; i++)
		assert_int_equal(a.values[i], VIOLATED);
	count_fates(&run, scores[1]);
	show("violated", scores[1]);
}

/* A reason that is no longer needed, or needed more often, hides what it was not meant for. */
static void every_reason_is_needed(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < EQUIVALENTS; i++)
		assert_int_equal(equivalents[i].met, equivalents[i].times);
}

/* Not an event but a flag of the recording: where KVM marks pages, dirty-at-map is a claim. */
static void cleared_flag(void **arg)
{
	static struct run run;
	struct answer a;

	(void)arg;
	make_run(&run, broken_scripts, nbroken);
	run.marks_at_map = false;
	answer_of(&run, &a);
	assert_int_equal(a.values[INV_DIRTY_AT_MAP], NOT_APPLICABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_run),
		cmocka_unit_test(broken_run),
		cmocka_unit_test(every_reason_is_needed),
		cmocka_unit_test(cleared_flag),
	};

	return cmocka_run_group_tests_name("judge_mutants", tests, NULL, NULL);
}
