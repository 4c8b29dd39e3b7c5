// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope walk for a person: which calls a walk would have served, and what GUP said to the others.
 */
#include "user/base/format.h"
#include "parts.h"

#include <inttypes.h>

static const char *const kinds[LOOKUP_KINDS] = { "FOR READING", "FOR WRITING" };

void text_walk_sentence(const struct snapshot *s, char *buf, size_t size)
{
	char a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN], d[FORMAT_LEN];
	struct walk_counts total;
	struct walk_sum sum;

	walk_total(s, &total);
	sum = walk_sum(&total);
	format_count(a, (int64_t)(sum.wrong ? sum.wrong : sum.agreed));
	format_count(b, (int64_t)sum.compared);
	format_count(c, (int64_t)sum.served[LOOKUP_WRITE]);
	format_count(d, (int64_t)sum.calls[LOOKUP_WRITE]);
	if (sum.wrong)
		snprintf(buf, size, "WRONG: GUP's answer is not what the page tables say, %s of %s "
			 "times.", a, b);
	else if (sum.compared)
		snprintf(buf, size, "Page tables and GUP gave the same answer %s of %s times; %s of %s "
			 "lookups for writing would not have needed GUP.", a, b, c, d);
	else
		snprintf(buf, size, "There was no lookup to compare.");
}

/* A row of a number for each backing; none if all are 0. */
static void backings_row(FILE *f, const char *name, const __u64 *n)
{
	char text[FORMAT_LEN];
	uint64_t all = 0;

	for (int b = 0; b < BACKING_NR; b++)
		all += n[b];
	if (!all)
		return;
	fprintf(f, "  %-21s", name);
	for (int b = 0; b < BACKING_NR; b++)
		fprintf(f, " %8s", n[b] ? format_short(text, n[b]) : "-");
	fputc('\n', f);
}

static void backings_head(FILE *f, const char *name)
{
	fprintf(f, "  %-21s", name);
	for (int b = 0; b < BACKING_NR; b++)
		fprintf(f, " %8s", backing_name(b));
	fputc('\n', f);
}

static void served(FILE *f, const struct walk_counts *w, const struct walk_sum *sum, int kind)
{
	char name[32], n[FORMAT_LEN], m[FORMAT_LEN], part[FORMAT_LEN];

	if (!sum->calls[kind])
		return;
	backings_head(f, kinds[kind]);
	for (int s = 0; s < SERVES_NR; s++) {
		backings_row(f, serves_text(s), w->serves[kind][s]);
		for (int l = 0; s == SERVES && l < LEVELS; l++) {
			snprintf(name, sizeof(name), "  at %s", level_name(l));
			backings_row(f, name, w->served_level[kind][l]);
		}
	}
	fprintf(f, "  served: %s of %s (%s)\n", format_count(n, (int64_t)sum->served[kind]),
		format_count(m, (int64_t)sum->calls[kind]),
		format_percent(part, sum->served[kind], sum->calls[kind]));
}

static void found(FILE *f, const struct walk_counts *w)
{
	char name[32];

	backings_head(f, "FOUND AFTERWARDS");
	for (int l = 0; l < LEVELS; l++) {
		snprintf(name, sizeof(name), "at %s", level_name(l));
		backings_row(f, name, w->found_level[l]);
	}
}

/* A row of the second table. */
static void calls_row(FILE *f, const char *name, uint64_t calls)
{
	char n[FORMAT_LEN];

	fprintf(f, "  %-45s %12s\n", name, format_count(n, (int64_t)calls));
}

static void compared(FILE *f, const struct walk_counts *w)
{
	fprintf(f, "  %-45s %12s\n", "COMPARED WITH GUP", "CALLS");
	for (int i = 0; i < COMPARED_NR; i++)
		if (w->compared[i] || i == AGREE)
			calls_row(f, compared_text(i), w->compared[i]);
}

/* What KVM was given, and how GUP failed. */
static void answers(FILE *f, const struct walk_counts *w, const struct vm_counts *c)
{
	static const char *const errors[HVA_NR] = {
		[HVA_ERR_FAULT] = "failed: fault",
		[HVA_ERR_HWPOISON] = "failed: poisoned",
		[HVA_ERR_RO] = "failed: read-only",
		[HVA_ERR_SIGPENDING] = "failed: a signal was waiting",
		[HVA_ERR_IO] = "failed: needs I/O",
		[HVA_ERR_OTHER] = "failed otherwise",
	};

	fprintf(f, "  %-45s %12s\n", "GUP GAVE A PAGE THAT IS", "CALLS");
	for (int i = 0; i < PFN_CLASSES; i++)
		if (w->pfns[i] || i == PFN_REFCOUNTED)
			calls_row(f, frame_text((unsigned int)i), w->pfns[i]);
	for (int i = HVA_ERR_FAULT; i < HVA_NR; i++)
		if (c->hva[i])
			calls_row(f, errors[i], c->hva[i]);
}

static bool any(const __u64 *n, size_t rows)
{
	while (rows--)
		if (n[rows])
			return true;
	return false;
}

/* A row of the second table, named by two words; none if it is 0. */
static void pair_row(FILE *f, const char *a, const char *b, uint64_t calls)
{
	char name[64];

	if (!calls)
		return;
	snprintf(name, sizeof(name), "%s: %s", a, b);
	calls_row(f, name, calls);
}

/* Leaves that GUP does not take and KVM does, by their level; and what nobody takes, by its mapping. */
static void frames(FILE *f, const struct walk_counts *w)
{
	if (any(&w->special[0][0], (size_t)LEVELS * PFN_CLASSES))
		fprintf(f, "  %-45s %12s\n", "SPECIAL LEAVES (PFNMAP, ZERO PAGE)", "CALLS");
	for (int l = 0; l < LEVELS; l++)
		for (unsigned int p = 0; p < PFN_CLASSES; p++)
			pair_row(f, level_name(l), frame_text(p), w->special[l][p]);
	if (any(&w->failed[0][0], (size_t)FRAME_CLASSES * VMA_KINDS))
		fprintf(f, "  %-45s %12s\n", "FAILED LOOKUPS: MAPPING, PAGE", "CALLS");
	for (int v = 0; v < VMA_KINDS; v++)
		for (unsigned int p = 0; p < FRAME_CLASSES; p++)
			pair_row(f, vma_kind_text(v), frame_text(p), w->failed[p][v]);
}

/* Calls that a lookup without a reference cannot serve, whatever the walk finds. */
static void kept(FILE *f, const struct report *r, const struct walk_counts *w)
{
	uint64_t unasked = w->unasked[LOOKUP_READ] + w->unasked[LOOKUP_WRITE];
	char n[FORMAT_LEN], m[FORMAT_LEN];

	if (r->tells_pins && w->pinned)
		fprintf(f, "  need a pinned page: %s, of which the walk had found %s\n",
			format_count(n, (int64_t)w->pinned),
			format_count(m, (int64_t)w->pinned_served));
	if (unasked)
		fprintf(f, "  did not ask for rights: %s%s\n", format_count(n, (int64_t)unasked),
			r->tells_pins ? "" : "; which keep the page this kernel does not tell");
}

void text_lookups(FILE *f, const struct report *r, const struct walk_counts *w,
		  const struct vm_counts *c)
{
	struct walk_sum sum = walk_sum(w);

	if (!sum.compared && !sum.calls[LOOKUP_READ] && !sum.calls[LOOKUP_WRITE]) {
		fprintf(f, "  no lookup\n");
		return;
	}
	served(f, w, &sum, LOOKUP_WRITE);
	served(f, w, &sum, LOOKUP_READ);
	found(f, w);
	compared(f, w);
	answers(f, w, c);
	frames(f, w);
	kept(f, r, w);
}
