// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which counters speak for and against a claim, and the sentence that they make.
 */
#include "claims.h"
#include "user/base/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	DUN = 1 << INV_DIRTY_UNTIL_NOTIFIED,
	DAM = 1 << INV_DIRTY_AT_MAP,
};

/* a claim's evidence; spoils: the invariants that are blind to the same things */
static const struct {
	const char *name;
	const char *sentence;
	unsigned int agrees;	/* bit sets of enum evidence */
	unsigned int against;
	unsigned int spoils;
} claims[CLAIM_NR] = {
	[CLAIM_MAP_DIRTIES] = {
		"claim-map-dirties",
		"getting a writable mapping from the primary MMU makes the page dirty",
		1 << SEEN_MAP_DIRTY, 1 << SEEN_MAP_CLEAN, DAM,
	},
	[CLAIM_ZAP_MARK_UNNEEDED] = {
		"claim-zap-mark-unneeded",
		"KVM need not mark a page dirty when it zaps its SPTE: it is dirty already",
		1 << SEEN_ZAP_PRIMARY, 1 << SEEN_ZAP_KVM | 1 << SEEN_ZAP_CLEAN, DUN,
	},
	[CLAIM_ZAP_ACCESSED_UNNEEDED] = {
		"claim-zap-accessed-unneeded",
		"KVM need not mark a page accessed when it zaps its SPTE: the page is going away",
		1 << SEEN_ZAP_YOUNG, 1 << SEEN_ZAP_NEWS, DUN,
	},
};

const char *claim_name(enum claim c)
{
	return claims[c].name;
}

const char *claim_sentence(enum claim c)
{
	return claims[c].sentence;
}

const char *claim_value_name(enum claim_value v)
{
	static const char *const names[] = { "CONFIRMED", "REFUTED", "NO EVIDENCE", "UNDECIDED" };

	return names[v];
}

const char *backing_name(enum backing b)
{
	static const char *const names[BACKING_NR] = { "anon", "ksm", "shmem", "hugetlb", "file", "none" };

	return names[b];
}

static uint64_t sum(const uint64_t n[BACKING_NR])
{
	uint64_t all = 0;

	for (int b = 0; b < BACKING_NR; b++)
		all += n[b];
	return all;
}

static void __attribute__((format(printf, 3, 4))) say(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

const char *backings_text(const uint64_t n[BACKING_NR], char *buf, size_t size)
{
	bool said[BACKING_NR] = { false };
	char number[FORMAT_LEN];

	buf[0] = '\0';
	for (;;) {
		int most = -1;

		for (int b = 0; b < BACKING_NR; b++)
			if (n[b] && !said[b] && (most < 0 || n[b] > n[most]))
				most = b;
		if (most < 0)
			return buf;
		said[most] = true;
		say(buf, size, "%s%s %s", *buf ? ", " : "", backing_name(most),
		    format_count(number, (int64_t)n[most]));
	}
}

static void add(uint64_t to[BACKING_NR], const __u64 (*seen)[BACKING_NR], unsigned int evidence)
{
	for (int e = 0; e < SEEN_NR; e++)
		for (int b = 0; evidence & (1u << e) && b < BACKING_NR; b++)
			to[b] += seen[e][b];
}

/* Row of a cause; the last one takes what does not fit. */
static struct claim_cause *row_of(struct claim_result *r, const char *name, enum page_fate fate)
{
	struct claim_cause *c;

	for (size_t i = 0; i < r->ncauses; i++)
		if (!strcmp(r->causes[i].name, name))
			return &r->causes[i];
	if (r->ncauses == CLAIM_CAUSES)
		return &r->causes[CLAIM_CAUSES - 1];
	c = &r->causes[r->ncauses++];
	c->fate = fate;
	snprintf(c->name, sizeof(c->name), "%s", r->ncauses < CLAIM_CAUSES ? name : "others");
	if (r->ncauses == CLAIM_CAUSES)
		c->fate = FATE_UNKNOWN;
	return c;
}

static void by_cause(const struct cause_list *list, enum claim c, struct claim_result *r)
{
	uint64_t agrees[BACKING_NR] = { 0 }, against[BACKING_NR] = { 0 };
	struct claim_cause *rest;

	for (size_t i = 0; i < list->n; i++) {
		const struct cause_group *g = &list->groups[i];
		uint64_t a[BACKING_NR] = { 0 }, b[BACKING_NR] = { 0 };
		struct claim_cause *row;

		add(a, (const __u64 (*)[BACKING_NR])g->seen, claims[c].agrees);
		add(b, (const __u64 (*)[BACKING_NR])g->seen, claims[c].against);
		if (!sum(a) && !sum(b))
			continue;
		row = row_of(r, g->name, cause_fate(g->id));
		for (int k = 0; k < BACKING_NR; k++) {
			row->agrees[k] += a[k];
			row->against[k] += b[k];
			agrees[k] += a[k];
			against[k] += b[k];
		}
	}
	/* what a lookup shows has no cause */
	if (c == CLAIM_MAP_DIRTIES)
		return;
	if (sum(agrees) >= sum(r->agrees) && sum(against) >= sum(r->against))
		return;
	/* counted for a VM, but in no cause's row: the table was full */
	rest = row_of(r, "not attributed", FATE_UNKNOWN);
	for (int k = 0; k < BACKING_NR; k++) {
		rest->agrees[k] += r->agrees[k] > agrees[k] ? r->agrees[k] - agrees[k] : 0;
		rest->against[k] += r->against[k] > against[k] ? r->against[k] - against[k] : 0;
	}
}

static void sort(struct claim_result *r)
{
	for (size_t i = 1; i < r->ncauses; i++) {
		struct claim_cause c = r->causes[i];
		size_t k = i;

		for (; k > 0 && (sum(r->causes[k - 1].against) < sum(c.against) ||
				 (sum(r->causes[k - 1].against) == sum(c.against) &&
				  sum(r->causes[k - 1].agrees) < sum(c.agrees))); k--)
			r->causes[k] = r->causes[k - 1];
		r->causes[k] = c;
	}
}

static uint64_t against_by_fate(const struct claim_result *r, enum page_fate fate)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->ncauses; i++)
		if (r->causes[i].fate == fate)
			n += sum(r->causes[i].against);
	return n;
}

/* "reclaim 4,096, writeback 3": causes of that fate with evidence against the claim */
static void say_causes(const struct claim_result *r, enum page_fate fate, char *buf, size_t size)
{
	char n[FORMAT_LEN];
	int said = 0;

	for (size_t i = 0; i < r->ncauses && said < 4; i++) {
		const struct claim_cause *c = &r->causes[i];

		if (c->fate == fate && sum(c->against))
			say(buf, size, "%s%s %s", said++ ? ", " : "", c->name,
			    format_count(n, (int64_t)sum(c->against)));
	}
}

static void answer_map(const struct snapshot *s, struct claim_result *r)
{
	char n[FORMAT_LEN], m[FORMAT_LEN], list[160];

	format_count(n, (int64_t)r->seen);
	format_count(m, (int64_t)r->refuting);
	if (!r->seen) {
		say(r->answer, CLAIM_TEXT, "KVM was handed no writable mapping.");
	} else if (!r->refuting) {
		say(r->answer, CLAIM_TEXT, "All %s writable mappings handed to KVM were of pages that the "
		    "primary MMU had dirtied (%s).", n, backings_text(r->agrees, list, sizeof(list)));
	} else {
		say(r->answer, CLAIM_TEXT, "Of %s writable mappings handed to KVM, the primary MMU had not dirtied "
		    "the page of %s (%s). Until KVM %s, nobody but the SPTE knows that the "
		    "guest may have written them.", n, m, backings_text(r->against, list, sizeof(list)),
		    s->marks_at_map ? "marks them itself, at the end of the fault" : "marks them at the zap");
	}
}

static void answer_mark(const struct snapshot *s, const uint64_t clean[BACKING_NR],
			struct claim_result *r)
{
	char n[FORMAT_LEN], m[FORMAT_LEN], k[FORMAT_LEN], list[160];
	uint64_t kept = r->refuting - sum(clean);

	format_count(n, (int64_t)r->seen);
	if (!r->seen) {
		say(r->answer, CLAIM_TEXT, "No page that a guest may have written lost its SPTE.");
		return;
	}
	if (!r->refuting) {
		say(r->answer, CLAIM_TEXT, "All %s pages that a guest may have written were dirty when they "
		    "lost their SPTE, without a mark at the zap (%s).%s", n,
		    backings_text(r->agrees, list, sizeof(list)),
		    s->marks_at_map ? " KVM had marked them when it mapped them: see claim-map-dirties." : "");
		return;
	}
	say(r->answer, CLAIM_TEXT, "Of %s pages that a guest may have written and that lost their SPTE, %s were "
	    "not dirty then (%s).", n, format_count(m, (int64_t)r->refuting),
	    backings_text(r->against, list, sizeof(list)));
	if (kept)
		say(r->answer, CLAIM_TEXT, " KVM's own mark at the zap kept %s of them.",
		    format_count(k, (int64_t)kept));
	if (sum(clean))
		say(r->answer, CLAIM_TEXT, " Nobody marked %s: their contents can be lost.",
		    format_count(k, (int64_t)sum(clean)));
}

static void answer_accessed(struct claim_result *r, uint64_t news, uint64_t unknown)
{
	char n[FORMAT_LEN], m[FORMAT_LEN], k[FORMAT_LEN];

	format_count(n, (int64_t)r->seen);
	if (!r->seen) {
		say(r->answer, CLAIM_TEXT, "No page that a guest had accessed lost its SPTE.");
		return;
	}
	if (!news) {
		say(r->answer, CLAIM_TEXT, "Of %s accessed pages that lost their SPTE the host knew already of all "
		    "that they were in use.", n);
		return;
	}
	say(r->answer, CLAIM_TEXT, "Of %s accessed pages that lost their SPTE, the host did not know of %s that "
	    "they were in use.", n, format_count(m, (int64_t)news));
	if (r->refuting) {
		say(r->answer, CLAIM_TEXT, " %s of these stay with the guest (", format_count(k, (int64_t)r->refuting));
		say_causes(r, FATE_KEEPS, r->answer, CLAIM_TEXT);
		say(r->answer, CLAIM_TEXT, "): without a mark the host takes them for idle.");
	}
	if (news > r->refuting + unknown) {
		say(r->answer, CLAIM_TEXT, " %s were taken away (",
		    format_count(k, (int64_t)(news - r->refuting - unknown)));
		say_causes(r, FATE_TAKES, r->answer, CLAIM_TEXT);
		say(r->answer, CLAIM_TEXT, "): for them it is of no value.");
	}
	if (unknown)
		say(r->answer, CLAIM_TEXT, " What becomes of %s is not known.", format_count(k, (int64_t)unknown));
}

void claim_weigh(const struct snapshot *s, const struct cause_list *causes, enum claim c,
		 struct claim_result *out)
{
	uint64_t clean[BACKING_NR] = { 0 }, unknown = 0;
	struct vm_counts total;
	bool missed;

	memset(out, 0, sizeof(*out));
	snapshot_total(s, &total);
	add(out->agrees, total.seen, claims[c].agrees);
	add(out->against, total.seen, claims[c].against);
	add(clean, total.seen, 1 << SEEN_ZAP_CLEAN);
	out->seen = sum(out->agrees) + sum(out->against);
	out->refuting = sum(out->against);
	by_cause(causes, c, out);
	sort(out);
	missed = remarks_missed(s, claims[c].spoils, &out->missed);
	/* the evidence is taken at the lookup, the invariant judges later */
	if (c == CLAIM_MAP_DIRTIES)
		missed |= remarks_skipped(s, HOOK_HVA_TO_PFN, &out->missed);
	if (c == CLAIM_ZAP_ACCESSED_UNNEEDED) {
		/* of a page that is going away it is no use to the host to know that it was in use */
		unknown = against_by_fate(out, FATE_UNKNOWN);
		out->refuting = against_by_fate(out, FATE_KEEPS);
	}
	if (out->refuting)
		out->value = REFUTED;
	else if (missed || unknown)
		out->value = UNDECIDED;
	else
		out->value = out->seen ? CONFIRMED : NO_EVIDENCE;
	if (c == CLAIM_MAP_DIRTIES)
		answer_map(s, out);
	else if (c == CLAIM_ZAP_MARK_UNNEEDED)
		answer_mark(s, clean, out);
	else
		answer_accessed(out, sum(out->against), unknown);
}
