// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of judging: a violation counts whatever was missed; anything missed that could matter
 * keeps HELD from being said; nothing checked is never HELD.
 */
#include "verdict.h"
#include "user/base/format.h"
#include "user/host/probe.h"
#include "spoils.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
#include "user/host/hooks.def"
#undef HOOK
#undef SHAPE
};

#define NO_PAGE "pages without struct page"
#define RESERVED "reserved pages: they have no dirty state"
#define IS_DAX "pages of DAX: their dirty state is not in the page"
#define IS_SPECIAL "pages of drivers (VM_PFNMAP): nobody keeps their dirty state"

/* what cannot be judged by a rule, and by whose rule */
static const struct {
	const char *name;
	const char *text;
	unsigned int of;
} exempts[EXEMPT_NR] = {
	[EXEMPT_ZAP_NO_PAGE] = { "no-page", NO_PAGE, DUN },
	[EXEMPT_ZAP_RESERVED] = { "reserved", RESERVED, DUN },
	[EXEMPT_ZAP_DAX] = { "dax", IS_DAX, DUN },
	[EXEMPT_ZAP_SPECIAL] = { "special", IS_SPECIAL, DUN },
	[EXEMPT_MAP_NO_PAGE] = { "no-page", NO_PAGE, DAM },
	[EXEMPT_MAP_RESERVED] = { "reserved", RESERVED, DAM },
	[EXEMPT_MAP_DAX] = { "dax", IS_DAX, DAM },
	[EXEMPT_MAP_SPECIAL] = { "special", IS_SPECIAL, DAM },
	[EXEMPT_WINDOW_NO_PAGE] = { "no-page", NO_PAGE, DTW },
	[EXEMPT_WINDOW_RESERVED] = { "reserved", RESERVED, DTW },
	[EXEMPT_WINDOW_DAX] = { "dax", IS_DAX, DTW },
	[EXEMPT_INVALIDATED] = { "invalidated", "faults whose page was invalidated before they ended", DAM },
	[EXEMPT_DISCARD_UNMAP] = { "discard-unmap", "pages given up: anonymous memory unmapped", DTW },
	[EXEMPT_DISCARD_FREE] = { "discard-free", "pages given up: MADV_FREE", DTW },
	[EXEMPT_DISCARD_CUT] = { "discard-cut", "pages given up: truncated, or a hole punched", DTW },
	[EXEMPT_DISCARD_COPIED] = { "discard-copied", "pages whose contents went to another page", DTW },
	[EXEMPT_DISCARD_WRITTEN] = { "written-back", "pages written back before their window ended", DTW },
	[EXEMPT_LARGE_REFS] = { "large-refs", "lookups of large folios: others share their references",
				RFR },
	[EXEMPT_LARGER_LEAF] = { "larger-leaf", "huge leaves over a smaller window, which KVM allows", ZAS | NMW },
	[EXEMPT_INVALID_ROOT] = { "invalid-root", "starts while a root was being zapped, which flushes itself", FAS },
	[EXEMPT_GMEM] = { "guest-memfd", "leaves of a guest_memfd: KVM does not ask the host's page tables",
			  SPA | LVF | WNW },
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
	static const char *const names[] = { "HELD", "VIOLATED", "INCONCLUSIVE", "NO OCCASION",
					     "NOT APPLICABLE" };

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

static struct remark __attribute__((format(printf, 5, 6))) *
remark(struct remarks *r, enum remark_kind kind, const char *name, uint64_t n, const char *fmt, ...)
{
	struct remark *m;
	va_list ap;

	/* all that there can be fit (tests/unit/verdict.c) */
	if (r->n == REMARKS_MAX)
		return &r->list[REMARKS_MAX - 1];
	m = &r->list[r->n++];
	*m = (struct remark){ .kind = kind, .name = name, .n = n };
	va_start(ap, fmt);
	vsnprintf(m->text, sizeof(m->text), fmt, ap);
	va_end(ap);
	return m;
}

/* "1 VM" or "3 VMs" and what is the matter with them */
static void missed_vms(struct remarks *r, const char *name, uint64_t n, const char *what)
{
	char number[FORMAT_LEN];

	if (n)
		remark(r, REMARK_MISSED, name, n, "%s VM%s %s", format_count(number, (int64_t)n),
		       n == 1 ? "" : "s", what);
}

/* Of the VMs older than the run, those whose mappings were not taken over. */
static uint64_t unadopted(const struct snapshot *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->nvms; i++)
		n += (s->vms[i].info.flags & VM_LATE) && !(s->vms[i].info.flags & VM_ADOPTED);
	return n > s->unadopted_vms ? n : s->unadopted_vms;
}

bool remarks_skipped(const struct snapshot *s, enum hook h, struct remarks *out)
{
	char n[FORMAT_LEN];

	if (!s->missed[h])
		return false;
	for (size_t i = 0; i < out->n; i++)
		if (out->list[i].kind == REMARK_SKIPPED && !strcmp(out->list[i].name, hook_name(h)))
			return true;
	remark(out, REMARK_SKIPPED, hook_name(h), s->missed[h],
	       "%s runs of hook %s skipped by the kernel", format_count(n, (int64_t)s->missed[h]),
	       hook_name(h));
	return true;
}

bool remarks_missed(const struct snapshot *s, unsigned int which, struct remarks *out)
{
	size_t before = out->n;
	char n[FORMAT_LEN];

	for (int l = 0; l < LOSS_NR; l++)
		if (s->losses[l] && (losses[l].spoils & which))
			remark(out, REMARK_MISSED, losses[l].name, s->losses[l], "%s %s",
			       format_count(n, (int64_t)s->losses[l]), losses[l].text);
	for (int h = 0; h < HOOK_NR; h++)
		if (hook_spoils[h] & which)
			remarks_skipped(s, h, out);
	missed_vms(out, "unadopted-vms", unadopted(s), "older than this run: what they had mapped is unknown");
	missed_vms(out, "unbalanced-vms", s->unbalanced_vms, "whose installs and zaps do not cancel out");
	return out->n > before;
}

/* What only one invariant can miss. */
static bool missed_by(enum invariant i, const struct vm_counts *c, struct remarks *out)
{
	char n[FORMAT_LEN];

	if (i == INV_DIRTY_UNTIL_NOTIFIED && c->owed > c->settled) {
		remark(out, REMARK_MISSED, "unsettled", c->owed - c->settled,
		       "%s zaps outside a window left unjudged",
		       format_count(n, (int64_t)(c->owed - c->settled)));
		return true;
	}
	return false;
}

/* What a recording lacks that a session had. */
static bool missed_in_recording(const struct snapshot *s, enum invariant i, struct remarks *out)
{
	size_t before = out->n;
	char n[FORMAT_LEN];

	if (s->not_whole)
		remark(out, REMARK_MISSED, "not-whole", 1, "the recording is not whole: %s", s->not_whole);
	if (s->unrecorded[i])
		remark(out, REMARK_MISSED, "unrecorded", s->unrecorded[i],
		       "%s steps not recorded, ring buffer full",
		       format_count(n, (int64_t)s->unrecorded[i]));
	if (s->torn[i])
		remark(out, REMARK_MISSED, "torn", s->torn[i], "%s steps whose predecessors are not in the recording",
		       format_count(n, (int64_t)s->torn[i]));
	if (s->differs[i])
		remark(out, REMARK_MISSED, "differs", 1, "the live report has other numbers");
	return out->n > before;
}

/* What was looked at and left out, what was sampled, and what else is worth knowing. */
static void scope_of(const struct snapshot *s, enum invariant i, const struct vm_counts *c,
		     struct remarks *out)
{
	char n[FORMAT_LEN], m[FORMAT_LEN], p[FORMAT_LEN];
	uint64_t followed = c->window_pages_followed, pages = c->window_pages;

	for (int e = 0; e < EXEMPT_NR; e++)
		if (c->exempt[e] && (exempts[e].of & (1u << i)))
			remark(out, REMARK_EXEMPT, exempts[e].name, c->exempt[e], "left out: %s %s",
			       format_count(n, (int64_t)c->exempt[e]), exempts[e].text);
	if (i == INV_DIRTY_THROUGH_WINDOW && pages)
		remark(out, REMARK_SAMPLED, "pages", followed, "looked at %s of %s pages (%s)",
		       format_count(n, (int64_t)followed), format_count(m, (int64_t)pages),
		       format_percent(p, followed, pages))->of = pages;
	if (i == INV_PINNED_OUTSIDE && c->pinned_cleaned)
		remark(out, REMARK_NOTE, "cleaned-while-held", c->pinned_cleaned,
		       "%s pages were cleaned while held, and dirtied by their release",
		       format_count(n, (int64_t)c->pinned_cleaned));
	if (i == INV_PINNED_OUTSIDE && s->late_vms)
		remark(out, REMARK_NOTE, "older-vms", s->late_vms,
		       "what %s VM%s older than this run held before it is not judged",
		       format_count(n, (int64_t)s->late_vms), s->late_vms == 1 ? "" : "s");
	if (i == INV_NOTIFIED_BEFORE_CLEAN && s->audit_sptes && !s->losses[LOSS_AUDIT])
		remark(out, REMARK_NOTE, "audit", s->audit_sptes,
		       "block map equals KVM's page tables: %s SPTEs compared",
		       format_count(n, (int64_t)s->audit_sptes));
}

/* KVM marks at the zap: that a page is not dirty when mapped is the claim's business, and no fault. */
static void not_applicable(const struct vm_counts *c, struct verdict *out)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	out->value = NOT_APPLICABLE;
	out->violations = 0;
	remark(&out->remarks, REMARK_IDLE, "marks-at-zap", c->violated[INV_DIRTY_AT_MAP],
	       "this kernel marks at the zap instead; not dirty when mapped: %s of %s",
	       format_count(n, (int64_t)c->violated[INV_DIRTY_AT_MAP]),
	       format_count(m, (int64_t)c->checked[INV_DIRTY_AT_MAP]));
}

/* Where KVM flushes inside the zap, and the hypervisor does it, no hook sees it. */
static void flushes_unseen(struct verdict *out)
{
	out->value = NOT_APPLICABLE;
	out->violations = 0;
	remark(&out->remarks, REMARK_IDLE, "flushes-unseen", 0,
	       "the hypervisor of this host (arm64 without VHE) flushes inside each zap, where no hook sees it");
}

static void verdict_of_total(const struct snapshot *s, const struct vm_counts *total, enum invariant i,
			     bool required, struct verdict *out)
{
	bool missed;

	memset(out, 0, sizeof(*out));
	out->checked = total->checked[i];
	out->violations = total->violated[i];
	if (i == INV_DIRTY_AT_MAP && !s->marks_at_map) {
		not_applicable(total, out);
		return;
	}
	if (i == INV_FLUSHED_AT_START && s->flushes_unseen) {
		flushes_unseen(out);
		return;
	}
	missed = remarks_missed(s, 1u << i, &out->remarks);
	missed |= missed_by(i, total, &out->remarks);
	missed |= missed_in_recording(s, i, &out->remarks);
	/* pages were lost in windows, and none was looked at: that is no lack of occasion */
	missed |= i == INV_DIRTY_THROUGH_WINDOW && total->window_pages && !total->window_pages_followed;
	if (out->violations) {
		out->value = VIOLATED;
	} else if (missed) {
		out->value = INCONCLUSIVE;
	} else if (!out->checked) {
		out->value = required ? INCONCLUSIVE : NO_OCCASION;
		remark(&out->remarks, REMARK_IDLE, "no-occasion", 0, "%s",
		       i == INV_DIRTY_THROUGH_WINDOW && total->window_pages ?
		       "every dirty page lost in a window was given up in it" : invariants[i].idle);
	} else {
		out->value = HELD;
	}
	scope_of(s, i, total, &out->remarks);
}

void verdict_of(const struct snapshot *s, enum invariant i, bool required, struct verdict *out)
{
	struct vm_counts total;

	snapshot_total(s, &total);
	verdict_of_total(s, &total, i, required, out);
}

void verdicts_of(const struct snapshot *s, bool required, struct verdict out[INV_NR])
{
	struct vm_counts total;

	snapshot_total(s, &total);
	for (int i = 0; i < INV_NR; i++)
		verdict_of_total(s, &total, (enum invariant)i, required, &out[i]);
}

bool verdict_any_missed(const struct snapshot *s)
{
	for (int l = 0; l < LOSS_NR; l++)
		if (s->losses[l] && losses[l].spoils)
			return true;
	for (int h = 0; h < HOOK_NR; h++)
		if (hook_spoils[h] && s->missed[h])
			return true;
	return unadopted(s) || s->unbalanced_vms;
}

enum value verdict_of_vm(const struct snapshot *s, const struct vm_row *vm)
{
	return verdict_of_vm_given(s, vm, verdict_any_missed(s));
}

enum value verdict_of_vm_given(const struct snapshot *s, const struct vm_row *vm, bool any_missed)
{
	uint64_t checked = 0;

	for (int i = 0; i < INV_NR; i++) {
		/* it is no violation where KVM marks at the zap */
		if (vm->counts.violated[i] && (i != INV_DIRTY_AT_MAP || s->marks_at_map))
			return VIOLATED;
		checked += vm->counts.checked[i];
	}
	if ((vm->info.flags & VM_LATE) && !(vm->info.flags & VM_ADOPTED))
		return INCONCLUSIVE;
	if (any_missed)
		return INCONCLUSIVE;
	return checked ? HELD : NO_OCCASION;
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

/* Append to a text of limited size. */
static void __attribute__((format(printf, 3, 4))) say(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

static const char *is_or_are(int n)
{
	return n == 1 ? "is" : "are";
}

void verdict_sentence(const struct verdict v[INV_NR], unsigned int selected, char *buf, size_t size)
{
	enum value overall = verdict_overall(v, selected);
	int n[NOT_APPLICABLE + 1] = { 0 }, all = 0, named = 0;

	for (int i = 0; i < INV_NR; i++) {
		if (selected & (1u << i)) {
			n[v[i].value]++;
			all++;
		}
	}
	snprintf(buf, size, "%s: ", value_name(overall));
	if (overall == VIOLATED) {
		for (int i = 0; i < INV_NR; i++)
			if ((selected & (1u << i)) && v[i].value == VIOLATED)
				say(buf, size, "%s%s", named++ ? ", " : "", invariant_name(i));
		say(buf, size, " %s broken: a bug in this kernel or in a module; guest data may be lost.",
		    is_or_are(named));
	} else if (overall == HELD) {
		say(buf, size, "%d of %d invariants had an occasion, and %s held every time; nothing was "
		    "missed that could matter.", n[HELD], all, n[HELD] == 1 ? "it" : "they");
	} else if (n[INCONCLUSIVE]) {
		say(buf, size, "nothing seen was wrong, but of %d invariants %d cannot be said to hold.", all,
		    n[INCONCLUSIVE]);
	} else if (n[NOT_APPLICABLE] == all) {
		say(buf, size, "this kernel keeps guest writes safe in another way; nothing was judged.");
	} else {
		say(buf, size, "nothing happened that an invariant speaks of, so that nothing was judged.");
	}
}
