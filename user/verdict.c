// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of judging: a violation counts whatever was missed; anything missed that could matter
 * keeps HELD from being said; nothing checked is never HELD.
 */
#include "verdict.h"
#include "probe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	DUN = 1 << INV_DIRTY_UNTIL_NOTIFIED,
	NBC = 1 << INV_NOTIFIED_BEFORE_CLEAN,
	DTW = 1 << INV_DIRTY_THROUGH_WINDOW,
	ZAS = 1 << INV_ZAPPED_AT_START,
	NMW = 1 << INV_NO_MAP_IN_WINDOW,
	RFR = 1 << INV_REFS_RETURNED,
	WINDOWS = ZAS | DTW | NMW | 1 << INV_FLUSHED_AT_START | 1 << INV_WINDOWS_BALANCED,
	ALL = (1 << INV_NR) - 1,
};

static const struct {
	const char *name;
	const char *text;
	unsigned int spoils;
} losses[LOSS_NR] = {
#define LOSS(id, name_, text_, spoils_) [id] = { .name = name_, .text = text_, .spoils = spoils_ },
#include "losses.def"
#undef LOSS
};

/* what a skipped run of a hook's program spoils */
static const unsigned int hook_spoils[HOOK_NR] = {
#define HOOK(id, name, needed, spoils, text) [HOOK_##id] = spoils,
#define SHAPE(id, program, how, target, args, arg2)
#include "hooks.def"
#undef HOOK
#undef SHAPE
};

static const struct {
	const char *name;
	const char *sentence;
	const char *idle;
} invariants[INV_NR] = {
#define INVARIANT(id, name_, sentence_, idle_) \
	[id] = { .name = name_, .sentence = sentence_, .idle = idle_ },
#include "invariants.def"
#undef INVARIANT
};

const char *value_name(enum value v)
{
	static const char *const names[] = { "HELD", "VIOLATED", "INCONCLUSIVE", "NO OCCASION" };

	return names[v];
}

const char *invariant_name(enum invariant i)
{
	return invariants[i].name;
}

const char *invariant_sentence(enum invariant i)
{
	return invariants[i].sentence;
}

int invariant_find(const char *name)
{
	for (int i = 0; i < INV_NR; i++)
		if (!strcmp(invariants[i].name, name))
			return i;
	return -1;
}

const char *loss_name(enum loss l)
{
	return losses[l].name;
}

static void __attribute__((format(printf, 2, 3))) add_reason(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	if (v->nreasons == REASONS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(v->reason[v->nreasons++], REASON_LEN, fmt, ap);
	va_end(ap);
}

void verdict_of(const struct snapshot *s, enum invariant i, bool required, struct verdict *out)
{
	static const char *const exempt[EXEMPT_NR] = {
		[EXEMPT_NO_PAGE] = "without struct page",
		[EXEMPT_RESERVED] = "reserved",
		[EXEMPT_DAX] = "DAX",
	};
	struct vm_counts total;
	bool missed = false;

	memset(out, 0, sizeof(*out));
	snapshot_total(s, &total);
	out->checked = total.checked[i];
	out->violations = total.violated[i];

	for (int l = 0; l < LOSS_NR; l++) {
		if (!s->losses[l] || !(losses[l].spoils & (1u << i)))
			continue;
		missed = true;
		add_reason(out, "%" PRIu64 " %s", s->losses[l], losses[l].text);
	}
	for (int h = 0; h < HOOK_NR; h++) {
		if (!s->missed[h] || !(hook_spoils[h] & (1u << i)))
			continue;
		missed = true;
		add_reason(out, "%" PRIu64 " runs of hook %s skipped by the kernel", s->missed[h],
			   hook_name(h));
	}
	if (s->late_vms) {
		missed = true;
		add_reason(out, "%" PRIu64 " VMs older than this run: their pages are unknown",
			   s->late_vms);
	}
	if (s->unbalanced_vms) {
		missed = true;
		add_reason(out, "%" PRIu64 " VMs whose installs and zaps do not cancel out",
			   s->unbalanced_vms);
	}
	if (i == INV_DIRTY_UNTIL_NOTIFIED) {
		if (total.owed > total.settled) {
			missed = true;
			add_reason(out, "%" PRIu64 " zaps outside a window left unjudged",
				   (uint64_t)(total.owed - total.settled));
		}
		for (int e = 0; e < EXEMPT_NR; e++)
			if (total.exempt[e])
				add_reason(out, "not applicable: %" PRIu64 " pages %s",
					   (uint64_t)total.exempt[e], exempt[e]);
	}

	if (out->violations) {
		out->value = VIOLATED;
	} else if (missed) {
		out->value = INCONCLUSIVE;
	} else if (!out->checked) {
		out->value = required ? INCONCLUSIVE : NO_OCCASION;
		add_reason(out, "%s", invariants[i].idle);
	} else {
		out->value = HELD;
	}
}

enum value verdict_overall(const struct verdict v[INV_NR], unsigned int selected)
{
	bool held = false, inconclusive = false;

	for (int i = 0; i < INV_NR; i++) {
		if (!(selected & (1u << i)))
			continue;
		if (v[i].value == VIOLATED)
			return VIOLATED;
		held |= v[i].value == HELD;
		inconclusive |= v[i].value == INCONCLUSIVE;
	}
	return inconclusive || !held ? INCONCLUSIVE : HELD;
}
