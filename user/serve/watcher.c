// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was, beside what is.  A violation is told as soon as its number grows, whether or not its story came.
 */
#include "user/serve/watcher.h"
#include "user/serve/journal.h"
#include "user/host/probe.h"
#include "user/judge/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 128 };

struct watcher {
	struct journal *journal;
	char tier[TEXT];			/* "": not known yet */
	const char *verdict[INV_NR];		/* NULL: none yet */
	double violations[INV_NR];
};

struct watcher *watcher_new(struct journal *j)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (w)
		w->journal = j;
	return w;
}

void watcher_free(struct watcher *w)
{
	free(w);
}

static void look_at_tier(struct watcher *w, const struct samples *s, uint64_t now_ns)
{
	const char *tier = s->n && s->list[0].metric == METRIC_INFO ? s->list[0].label[3] : NULL;
	struct journal_entry e = { 0 };
	char text[2 * TEXT + 64];

	if (!tier || !strncmp(tier, w->tier, sizeof(w->tier) - 1))
		return;
	/* below the tier fentry it is a name of docs/tiers.md */
	if (strncmp(tier, "fentry", 6))
		snprintf(text, sizeof(text), "the tier is %.127s, %s%s; invariants are not judged", tier,
			 *w->tier ? "before: " : "not fentry", w->tier);
	else if (*w->tier)
		snprintf(text, sizeof(text), "hooks are now attached by %.127s; before: %s", tier, w->tier);
	else
		snprintf(text, sizeof(text), "hooks are attached by %.127s", tier);
	journal_field(&e, "MMUSCOPE_TIER=%s", tier);
	journal_field(&e, "MMUSCOPE_TIER_BEFORE=%s", w->tier);
	snprintf(w->tier, sizeof(w->tier), "%s", tier);
	journal_send(w->journal, JOURNAL_TIER, &e, text, now_ns);
}

static void look_at_violations(struct watcher *w, int i, double n, uint64_t now_ns)
{
	struct journal_entry e = { 0 };
	double more = n - w->violations[i];
	char text[256];

	w->violations[i] = n;
	if (more <= 0)
		return;
	snprintf(text, sizeof(text), "VIOLATED: %s, %.0f times more (%.0f in all); /api/v1/report has what is known",
		 invariant_name((enum invariant)i), more, n);
	journal_field(&e, "MMUSCOPE_INVARIANT=%s", invariant_name((enum invariant)i));
	journal_field(&e, "MMUSCOPE_SENTENCE=%s", invariant_sentence((enum invariant)i));
	journal_field(&e, "MMUSCOPE_VIOLATIONS=%.0f", n);
	journal_send(w->journal, JOURNAL_VIOLATION, &e, text, now_ns);
}

/* A verdict comes and goes with the first events; only one that was HELD or is VIOLATED is news. */
static void look_at_verdict(struct watcher *w, int i, const char *verdict, uint64_t now_ns)
{
	const char *before = w->verdict[i];
	struct journal_entry e = { 0 };
	char text[256];

	w->verdict[i] = verdict;
	if (!before || before == verdict || (strcmp(before, value_name(HELD)) &&
					     strcmp(verdict, value_name(VIOLATED))))
		return;
	snprintf(text, sizeof(text), "%s is %s, it was %s", invariant_name((enum invariant)i), verdict, before);
	journal_field(&e, "MMUSCOPE_INVARIANT=%s", invariant_name((enum invariant)i));
	journal_field(&e, "MMUSCOPE_VERDICT=%s", verdict);
	journal_field(&e, "MMUSCOPE_VERDICT_BEFORE=%s", before);
	journal_send(w->journal, JOURNAL_VERDICT, &e, text, now_ns);
}

static const char *value_of(const char *name)
{
	for (int v = 0; v <= NOT_APPLICABLE; v++)
		if (!strcmp(value_name((enum value)v), name))
			return value_name((enum value)v);
	return NULL;
}

void watcher_look(struct watcher *w, const struct samples *s, uint64_t now_ns)
{
	look_at_tier(w, s, now_ns);
	for (size_t k = 0; k < s->n; k++) {
		const struct sample *one = &s->list[k];
		int i;

		if (one->metric != METRIC_INV_VIOLATIONS && one->metric != METRIC_INV_VERDICT)
			continue;
		i = invariant_find(one->label[0]);
		if (i < 0)
			continue;
		if (one->metric == METRIC_INV_VIOLATIONS)
			look_at_violations(w, i, one->value, now_ns);
		else if (one->value > 0 && value_of(one->label[1]))
			look_at_verdict(w, i, value_of(one->label[1]), now_ns);
	}
}
