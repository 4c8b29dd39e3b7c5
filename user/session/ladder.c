// SPDX-License-Identifier: GPL-2.0-only
/*
 * The best tier is not fentry: do what remains, if the command can use it, and say what and why.
 */
#include "reduced.h"
#include "session_state.h"
#include "user/base/log.h"
#include "user/base/reason.h"

/* What is asked for cannot be had at the best tier there is: exit code. */
static int refuse(const struct session *s, enum tier best)
{
	enum need n = tier_misses(&s->tiers, s->options.most);

	if (tier_misses(&s->tiers, TIER_FENTRY) == NEED_NR) {
		if (n == NEED_NR)
			log_error("--tier %s: this needs the tier fentry", tier_name(s->options.most));
		else
			log_error("--tier %s: %s; %s", tier_name(s->options.most), s->tiers.need[n].why,
				  s->tiers.need[n].remedy);
		return n == NEED_NR ? EXIT_CANNOT : need_code(n);
	}
	tiers_refuse(&s->tiers);
	if (best < TIER_NONE)
		log_note("what remains is the tier %s (%s), of levels, top and serve; see `mmuscope doctor`",
			 tier_name(best), tier_text(best));
	return need_code(tier_misses(&s->tiers, TIER_FENTRY));
}

int ladder_open(struct session *s, enum tier best)
{
	char text[256];
	enum need n = tier_misses(&s->tiers, TIER_FENTRY);

	if (!s->options.reducible || best == TIER_NONE)
		return refuse(s, best);
	quantities_text(tier_unknown(best), text, sizeof(text));
	if (n != NEED_NR)
		log_note("%s; %s", s->tiers.need[n].why, s->tiers.need[n].remedy);
	log_note("tier %s: %s; not known: %s", tier_name(best), tier_text(best), text);
	return reduced_open(&s->reduced, &s->options, &s->tiers, best);
}

int ladder_descend(struct session *s)
{
	enum tier best;

	if (!s->options.reducible)
		return EXIT_CANNOT;
	tiers_look(&s->tiers, true);
	best = tiers_best(&s->tiers, TIER_FENTRY + 1);
	return best == TIER_NONE ? EXIT_CANNOT : ladder_open(s, best);
}
