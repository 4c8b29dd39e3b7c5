// SPDX-License-Identifier: GPL-2.0-only
/*
 * From what a host has to what works on it.
 */
#include "doctor.h"
#include "user/base/reason.h"
#include "user/judge/spoils.h"
#include "user/judge/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* what commands do besides judging invariants, and the hooks that it needs at the tier fentry */
static const struct {
	const char *name;
	enum needed needed;
	unsigned int quantities;	/* below it: what it shows of these */
} parts[] = {
	{ "levels: stock", FOR_COUNTS, UNKNOWN(STOCK) },
	{ "levels: flow", FOR_COUNTS, UNKNOWN(FLOW) | UNKNOWN(WHOSE) },
	{ "levels: ledger", FOR_COUNTS, UNKNOWN(LEDGER) },
	{ "faults", FOR_COUNTS, UNKNOWN(FAULTS) | UNKNOWN(RETRIES) },
	{ "lookups", FOR_COUNTS, UNKNOWN(LOOKUPS) | UNKNOWN(LOOKUP_RESULTS) },
	{ "windows", FOR_COUNTS, UNKNOWN(WINDOWS) | UNKNOWN(WINDOW_EVENTS) | UNKNOWN(WINDOW_TIMES) },
	{ "check: claims", FOR_CHECK, 0 },
	{ "record", FOR_TIMES, 0 },
	{ "walk", FOR_WALK, 0 },
	{ "walk --candidate", FOR_WALK, 0 },
	{ "walk --payoff", FOR_PAYOFF, 0 },
};

static const unsigned int spoils[HOOK_NR] = {
#define HOOK(id, name, needed, spoils_, text) [HOOK_##id] = spoils_,
#define SHAPE(id, program, how, target, args, arg2)
#include "user/host/hooks.def"
#undef HOOK
#undef SHAPE
};

const char *works_name(enum works_state s)
{
	static const char *const names[] = { "yes", "reduced", "no" };

	return names[s];
}

int doctor_missing(const struct doctor *d, enum tier t, char *buf, size_t size)
{
	size_t len = 0;
	int count = 0;

	*buf = '\0';
	for (enum need n = 0; n < NEED_NR; n++) {
		if (!tier_needs(t, n) || d->tiers.need[n].there)
			continue;
		if (len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", count ? ", " : "", need_name(n));
		count++;
	}
	return count;
}

int doctor_attached(const struct doctor *d)
{
	int n = 0;

	for (int h = 0; d->session && h < HOOK_NR; h++)
		n += session_hook(d->session, h)->attached;
	return n;
}

static void __attribute__((format(printf, 4, 5)))
add(struct doctor *d, const char *name, enum works_state state, const char *why, ...)
{
	struct works *w = &d->works[d->nworks++];
	va_list ap;

	w->name = name;
	w->state = state;
	va_start(ap, why);
	vsnprintf(w->why, sizeof(w->why), why, ap);
	va_end(ap);
}

/* A hook that failed and without which this cannot be; NULL: none. */
static const char *failed_hook(const struct doctor *d, enum needed needed, unsigned int invariant)
{
	for (int h = 0; h < HOOK_NR; h++) {
		enum needed of = hook_needed(h);
		bool needs = of == FOR_ALL || of == needed || (spoils[h] & invariant) ||
			     (of == FOR_COUNTS && needed != FOR_PAYOFF) ||
			     (of == FOR_CHECK && needed == FOR_TIMES);

		if (!hook_here(h))
			continue;
		/* of an invariant only those that say so, and those that everything needs */
		if (invariant && of == FOR_CHECK && !(spoils[h] & invariant))
			continue;
		if (needs && !session_hook(d->session, h)->attached)
			return hook_name(h);
	}
	return NULL;
}

static void add_part(struct doctor *d, size_t i, const char *reason)
{
	unsigned int unknown = tier_unknown(d->best);
	char text[160];

	if (!d->tiers.need[NEED_STATS].there)
		unknown |= UNKNOWN(STOCK);
	if (!d->tiers.tdp_mmu)
		unknown |= UNKNOWN(FLOW);
	if (!d->tiers.faults)
		unknown |= UNKNOWN(FAULTS);
	unknown &= parts[i].quantities;
	/* the first one of them is the thing itself, the others are details of it */
	if (!parts[i].quantities || d->best == TIER_NONE ||
	    (unknown & -unknown) == (parts[i].quantities & -parts[i].quantities)) {
		add(d, parts[i].name, WORKS_NOT, "%s", reason);
		return;
	}
	quantities_text(unknown, text, sizeof(text));
	if (unknown)
		add(d, parts[i].name, WORKS_REDUCED, "not known: %s; %s", text, reason);
	else
		add(d, parts[i].name, WORKS, "%s", "");
}

/* Why not everything: the first thing missing for fentry. */
static void first_reason(const struct doctor *d, char *buf, size_t size)
{
	enum need n = tier_misses(&d->tiers, TIER_FENTRY);

	if (n == NEED_NR) {
		snprintf(buf, size, "needs the tier fentry, whose programs cannot be loaded: stderr says why");
		return;
	}
	snprintf(buf, size, "needs the tier fentry, which needs %s: %s", need_name(n), d->tiers.need[n].remedy);
}

void doctor_conclude(struct doctor *d)
{
	char reason[256];
	const char *hook;

	d->nworks = 0;
	if (!d->session)
		first_reason(d, reason, sizeof(reason));
	for (int i = 0; i < INV_NR; i++) {
		hook = d->session ? failed_hook(d, FOR_CHECK, 1u << i) : NULL;
		if (!d->session)
			add(d, invariant_name(i), WORKS_NOT, "%s", reason);
		else
			add(d, invariant_name(i), hook ? WORKS_NOT : WORKS, hook ? "hook %s failed" : "%s",
			    hook ? hook : "");
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		hook = d->session ? failed_hook(d, parts[i].needed, 0) : NULL;
		if (!d->session)
			add_part(d, i, reason);
		else
			add(d, parts[i].name, hook ? WORKS_NOT : WORKS, hook ? "hook %s failed" : "%s",
			    hook ? hook : "");
	}
}

int doctor_look(struct doctor *d)
{
	struct session_options so = {
		.check = true, .walk = true, .payoff = true, .times = true, .max_vms = 1, .try_all = true,
	};
	int result = EXIT_OK;

	tiers_look(&d->tiers, true);
	d->best = tiers_best(&d->tiers, TIER_FENTRY);
	if (d->best == TIER_FENTRY) {
		result = session_open(&d->session, &so);
		if (d->session) {
			result = session_attach(d->session);
			session_disable(d->session);
		}
	} else {
		result = tiers_refuse(&d->tiers);
	}
	if (d->best == TIER_FENTRY && !d->session)
		d->best = tiers_best(&d->tiers, TIER_FENTRY + 1);
	doctor_conclude(d);
	return result;
}

void doctor_free(struct doctor *d)
{
	session_leave(d->session);
	d->session = NULL;
}
