// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rule 'invariants not-worse'.  No statistics: one violation is one too many, and what NEW did
 * not look at is not known to hold.
 */
#include "gate.h"

#include "user/judge/verdict.h"

#include <stdio.h>
#include <string.h>

enum { ABSENT = -1 };

/* how much a verdict weighs when several runs have it; the heaviest speaks for all */
static int weight(int v)
{
	static const int weights[] = {
		[NOT_APPLICABLE] = 1, [NO_OCCASION] = 2, [HELD] = 3, [INCONCLUSIVE] = 4, [VIOLATED] = 5,
	};

	return v == ABSENT ? 0 : weights[v];
}

static int verdict_in(const struct run *run, enum invariant i)
{
	for (int v = 0; v <= NOT_APPLICABLE; v++) {
		const char *label[] = { invariant_name(i), value_name((enum value)v) };
		const struct sample *s = samples_get(&run->samples, METRIC_INV_VERDICT, label);

		if (s && s->value > 0)
			return v;
	}
	return ABSENT;
}

static int verdict_of_all(const struct runs *runs, enum invariant i)
{
	int all = ABSENT;

	for (size_t n = 0; n < runs->n; n++) {
		int v = verdict_in(&runs->list[n], i);

		all = weight(v) > weight(all) ? v : all;
	}
	return all;
}

static const char *name_of(int v)
{
	return v == ABSENT ? "not judged" : value_name((enum value)v);
}

/* One invariant of BASE and of NEW. */
static enum gate_value compare_verdicts(int base, int new)
{
	if (new == VIOLATED)
		return base == VIOLATED ? GATE_PASS : GATE_FAIL;
	if (new == HELD)
		return GATE_PASS;
	if (new == INCONCLUSIVE || new == ABSENT)
		return GATE_INCONCLUSIVE;
	/* had no occasion: nothing was shown if BASE shows that there can be one */
	return base == HELD || base == VIOLATED ? GATE_INCONCLUSIVE : GATE_PASS;
}

/* "NAME BASE, now NEW", and how many more */
static void tell(struct outcome *o, const char *name, int base, int new, int more)
{
	size_t len;

	snprintf(o->why, sizeof(o->why), "%s was %s and is %s", name, name_of(base), name_of(new));
	len = strlen(o->why);
	if (more)
		snprintf(o->why + len, sizeof(o->why) - len, "; so are %d more", more);
}

void gate_verdicts(struct outcome *o, const struct runs *base, const struct runs *new)
{
	int worst = -1, alike = 0, still = 0, first_base = ABSENT, first_new = ABSENT;

	o->value = GATE_PASS;
	o->nbase = base->n;
	o->nnew = new->n;
	o->base = o->new = 0;
	for (int i = 0; i < INV_NR; i++) {
		int was = verdict_of_all(base, (enum invariant)i),
		    is = verdict_of_all(new, (enum invariant)i);
		enum gate_value v = compare_verdicts(was, is);

		if (!(o->rule->invariants & (1u << i)))
			continue;
		o->base += was == HELD;
		o->new += is == HELD;
		still += was == VIOLATED && is == VIOLATED;
		alike += v == o->value && v != GATE_PASS;
		if (v != GATE_PASS &&
		    (o->value == GATE_PASS || (v == GATE_FAIL && o->value != GATE_FAIL))) {
			o->value = v;
			worst = i;
			first_base = was;
			first_new = is;
			alike = 0;
		}
	}
	if (worst >= 0)
		tell(o, invariant_name((enum invariant)worst), first_base, first_new, alike);
	else if (still)
		snprintf(o->why, sizeof(o->why), "no worse, but %d are VIOLATED in BASE, too", still);
	else
		snprintf(o->why, sizeof(o->why), "none is worse; %g held", o->new);
}
