// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ladder's tables, and which tier is the best; tier_look.c looks at the host.
 */
#include "tier.h"
#include "user/arch/arch.h"
#include "user/base/log.h"
#include "user/host/probe.h"

#include <stdio.h>
#include <string.h>

#define T(id) (1u << TIER_##id)
#define Q(id) (1u << QUANTITY_##id)

static const struct {
	const char *name;
	const char *text;
	unsigned int unknown;
} tiers[TIER_NR] = {
#define TIER(id, name_, unknown_, text_) \
	[TIER_##id] = { .name = name_, .text = text_, .unknown = unknown_ },
#define NEED(id, name, tiers, code, text)
#define QUANTITY(id, name, text)
#include "tiers.def"
#undef TIER
#undef NEED
#undef QUANTITY
};

static const struct {
	const char *name;
	const char *text;
	unsigned int tiers;
	int code;
} needs[NEED_NR] = {
#define TIER(id, name, unknown, text)
#define NEED(id, name_, tiers_, code_, text_) \
	[NEED_##id] = { .name = name_, .text = text_, .tiers = tiers_, .code = code_ },
#define QUANTITY(id, name, text)
#include "tiers.def"
#undef TIER
#undef NEED
#undef QUANTITY
};

static const struct {
	const char *name;
	const char *text;
} quantities[QUANTITY_NR] = {
#define TIER(id, name, unknown, text)
#define NEED(id, name, tiers, code, text)
#define QUANTITY(id, name_, text_) [QUANTITY_##id] = { .name = name_, .text = text_ },
#include "tiers.def"
#undef TIER
#undef NEED
#undef QUANTITY
};

const char *tier_name(enum tier t)
{
	return tiers[t].name;
}

const char *tier_text(enum tier t)
{
	return tiers[t].text;
}

enum tier tier_named(const char *name)
{
	for (enum tier t = 0; t < TIER_NONE; t++)
		if (!strcmp(tiers[t].name, name))
			return t;
	return TIER_NR;
}

unsigned int tier_unknown(enum tier t)
{
	return tiers[t].unknown & ((1u << QUANTITY_NR) - 1);
}

const char *need_name(enum need n)
{
	return needs[n].name;
}

const char *need_text(enum need n)
{
	return needs[n].text;
}

int need_code(enum need n)
{
	return needs[n].code;
}

const char *quantity_name(enum quantity q)
{
	return quantities[q].name;
}

const char *quantity_text(enum quantity q)
{
	return quantities[q].text;
}

void quantities_text(unsigned int set, char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (int q = 0; q < QUANTITY_NR; q++)
		if (set & (1u << q) && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", quantities[q].name);
}

bool tier_needs(enum tier t, enum need n)
{
	return needs[n].tiers & (1u << t);
}

enum need tier_misses(const struct tiers *t, enum tier tier)
{
	for (enum need n = 0; n < NEED_NR; n++)
		if (tier_needs(tier, n) && !t->need[n].there)
			return n;
	return NEED_NR;
}

enum tier tiers_best(const struct tiers *t, enum tier most)
{
	/* the lower ones know x86's MMUs only */
	for (enum tier i = most; i < TIER_NONE && (i == TIER_FENTRY || arch_hooks() == ON_X86); i++)
		if (tier_misses(t, i) == NEED_NR)
			return i;
	return TIER_NONE;
}

int tiers_refuse(const struct tiers *t)
{
	enum need n = tier_misses(t, TIER_FENTRY);

	if (n == NEED_NR)
		return 0;
	log_error("%s; %s", t->need[n].why, t->need[n].remedy);
	return needs[n].code;
}
