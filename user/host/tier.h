/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this host lets us do: the ladder of tiers, each with less than the one before, and what is missing for
 * each (docs/tiers.md).  By looking, never by a version.
 */
#ifndef MMUSCOPE_TIER_H
#define MMUSCOPE_TIER_H

#include <stdbool.h>
#include <stddef.h>

/* best first */
enum tier {
#define TIER(id, name, unknown, text) TIER_##id,
#define NEED(id, name, tiers, code, text)
#define QUANTITY(id, name, text)
#include "tiers.def"
#undef TIER
#undef NEED
#undef QUANTITY
	TIER_NR,
};

enum need {
#define TIER(id, name, unknown, text)
#define NEED(id, name, tiers, code, text) NEED_##id,
#define QUANTITY(id, name, text)
#include "tiers.def"
#undef TIER
#undef NEED
#undef QUANTITY
	NEED_NR,
};

enum quantity {
#define TIER(id, name, unknown, text)
#define NEED(id, name, tiers, code, text)
#define QUANTITY(id, name, text) QUANTITY_##id,
#include "tiers.def"
#undef TIER
#undef NEED
#undef QUANTITY
	QUANTITY_NR,
};

#define UNKNOWN(id) (1u << QUANTITY_##id)

struct need_state {
	bool there;
	char why[192];		/* if not: a sentence without its full stop */
	char remedy[128];
};

struct tiers {
	struct need_state need[NEED_NR];
	char lockdown[16];		/* none, integrity, confidentiality; "": this kernel has no lockdown */
	bool tdp_mmu;			/* new VMs use the TDP MMU, whose changes have a tracepoint */
	bool faults_have_vcpu;		/* the tracepoint of faults has the vCPU as its first argument */
	bool faults;			/* and it is there */
	bool unmaps;			/* the tracepoint of invalidations is there */
};

const char *tier_name(enum tier t);
/* What it gives, in few words. */
const char *tier_text(enum tier t);
/* TIER_NR: there is none of this name. */
enum tier tier_named(const char *name);
/* Bit set of 1 << enum quantity. */
unsigned int tier_unknown(enum tier t);
const char *need_name(enum need n);
const char *need_text(enum need n);
const char *quantity_name(enum quantity q);
const char *quantity_text(enum quantity q);

/* Look at the running host; all: at what is needed below fentry, too, though nothing is missing for that. */
void tiers_look(struct tiers *t, bool all);
bool tier_needs(enum tier t, enum need n);
/* The first thing that a tier misses, NEED_NR: nothing. */
enum need tier_misses(const struct tiers *t, enum tier tier);
/* The best tier, none above `most`, for which all is there. */
enum tier tiers_best(const struct tiers *t, enum tier most);
/* Say on stderr why `fentry` cannot be had: exit code (1: a privilege is missing, 4). */
int tiers_refuse(const struct tiers *t);
/* What would be its exit code. */
int need_code(enum need n);
/* Names of the quantities in a bit set: "a, b". */
void quantities_text(unsigned int set, char *buf, size_t size);

#endif /* MMUSCOPE_TIER_H */
