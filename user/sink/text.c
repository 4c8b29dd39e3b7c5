// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports for a person at a terminal of 80 columns.
 */
#include "user/base/format.h"
#include "user/host/tier.h"
#include "report.h"
#include "parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *text_colour(FILE *f, enum value v)
{
	if (!isatty(fileno(f)) || getenv("NO_COLOR"))
		return "";
	switch (v) {
	case HELD:
		return "\033[32m";
	case VIOLATED:
		return "\033[1;31m";
	case INCONCLUSIVE:
		return "\033[33m";
	default:
		return "\033[2m";
	}
}

const char *text_colour_off(FILE *f, enum value v)
{
	return *text_colour(f, v) ? "\033[0m" : "";
}

static void head(FILE *f, const struct report *r)
{
	char t[FORMAT_LEN], missing[256], text[320];

	if (r->snapshot->reduced) {
		fprintf(f, "mmuscope %s: Linux %s %s\ntier %s, %s observed\n", r->command, r->kernel, r->machine, r->tier,
			format_ns(t, r->snapshot->seconds_ns));
		quantities_text(r->snapshot->unknown, missing, sizeof(missing));
		snprintf(text, sizeof(text), "not known here: %s; `mmuscope doctor` says why", missing);
		text_wrapped(f, 0, text);
		return;
	}
	fprintf(f, "mmuscope %s: Linux %s %s\nhooks by %s, %s observed\n", r->command, r->kernel,
		r->machine, r->tier, format_ns(t, r->snapshot->seconds_ns));
}

void text_wrapped(FILE *f, int indent, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > 78 - (size_t)indent) {
			fputc('\n', f);
			column = 0;
		}
		fprintf(f, "%*s%.*s", column ? 1 : indent, "", (int)len, text);
		column += len + (column ? 1 : 0);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

/* Is it missed by every one of the verdicts shown that something was missed by? */
static bool is_common(const struct report *r, const struct remark *m)
{
	int with = 0, without = 0;

	for (int i = 0; i < INV_NR; i++) {
		const struct remarks *list = &r->verdicts[i].remarks;
		bool has = false;

		if (!(r->selected & (1u << i)) || r->verdicts[i].value == NOT_APPLICABLE)
			continue;
		for (size_t k = 0; k < list->n; k++)
			has |= list->list[k].kind == m->kind && !strcmp(list->list[k].text, m->text);
		with += has;
		without += !has;
	}
	return with > 1 && !without;
}

static bool is_missed(const struct remark *m)
{
	return m->kind == REMARK_MISSED || m->kind == REMARK_SKIPPED;
}

/* Does this line matter to somebody who has not asked for all of them? */
static bool matters(const struct report *r, const struct verdict *v, const struct remark *m)
{
	if (is_missed(m))
		return !is_common(r, m) && (r->verbose || v->value == INCONCLUSIVE);
	if (r->verbose)
		return true;
	switch (m->kind) {
	case REMARK_SAMPLED:
		return m->n < m->of;
	case REMARK_IDLE:
		return v->value != NO_OCCASION;
	case REMARK_NOTE:
		return !strcmp(m->name, "cleaned-while-held");
	default:
		return false;
	}
}

/* What spoils everything is said once, and not fourteen times. */
static void common_remarks(FILE *f, const struct report *r)
{
	bool first = true;

	for (int i = 0; i < INV_NR; i++) {
		const struct verdict *v = &r->verdicts[i];

		if (!(r->selected & (1u << i)) || v->value == NOT_APPLICABLE)
			continue;
		for (size_t k = 0; k < v->remarks.n; k++) {
			if (!is_missed(&v->remarks.list[k]) || !is_common(r, &v->remarks.list[k]))
				continue;
			if (first)
				fprintf(f, "missed, and could matter to every invariant:\n");
			first = false;
			text_wrapped(f, 4, v->remarks.list[k].text);
		}
		break;
	}
	if (!first)
		fputc('\n', f);
}

static void verdicts(FILE *f, const struct report *r)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	common_remarks(f, r);
	fprintf(f, "%-24s %-14s %15s %12s\n", "INVARIANT", "VERDICT", "CHECKED", "VIOLATIONS");
	for (int i = 0; i < INV_NR; i++) {
		const struct verdict *v = &r->verdicts[i];
		bool judged = v->value != NOT_APPLICABLE && v->value != NO_OCCASION;

		if (!(r->selected & (1u << i)))
			continue;
		fprintf(f, "%-24s %s%-14s%s %15s %12s\n", invariant_name(i), text_colour(f, v->value),
			value_name(v->value), text_colour_off(f, v->value),
			judged ? format_count(n, (int64_t)v->checked) : "-",
			judged ? format_count(m, (int64_t)v->violations) : "-");
		for (size_t k = 0; k < v->remarks.n; k++)
			if (matters(r, v, &v->remarks.list[k]))
				text_wrapped(f, 4, v->remarks.list[k].text);
	}
}

/* The whole in a sentence, its first word in the colour of the verdict. */
static void summary(FILE *f, const struct report *r)
{
	char text[512];

	verdict_sentence(r->verdicts, r->selected, text, sizeof(text));
	fputs(text_colour(f, r->overall), f);
	text_wrapped(f, 0, text);
	fputs(text_colour_off(f, r->overall), f);
}

static void claims(FILE *f, const struct report *r)
{
	static const char *const fates[] = { ", page's fate unknown", ", page kept", ", page taken" };
	char n[FORMAT_LEN], m[FORMAT_LEN];

	if (!r->claims)
		return;
	fprintf(f, "\n%-28s %-12s %17s %17s\n", "CLAIM", "ANSWER", "SEEN", "AGAINST IT");
	for (int i = 0; i < CLAIM_NR; i++) {
		const struct claim_result *c = &r->claims[i];
		char quoted[160];

		fprintf(f, "%-28s %-12s %17s %17s\n", claim_name(i), claim_value_name(c->value),
			format_count(n, (int64_t)c->seen), format_count(m, (int64_t)c->refuting));
		snprintf(quoted, sizeof(quoted), "\"%s\"", claim_sentence(i));
		text_wrapped(f, 4, quoted);
		text_wrapped(f, 4, c->answer);
		for (size_t k = 0; k < c->ncauses; k++) {
			char list[160];

			if (!*backings_text(c->causes[k].against, list, sizeof(list)))
				continue;
			fprintf(f, "      by %s%s: %s\n", c->causes[k].name,
				i == CLAIM_ZAP_ACCESSED_UNNEEDED ? fates[c->causes[k].fate] : "", list);
		}
		for (size_t k = 0; c->value == UNDECIDED && k < c->missed.n; k++)
			text_wrapped(f, 6, c->missed.list[k].text);
	}
}

static void histogram(FILE *f, const struct snapshot *s)
{
	const struct hist *h = &s->hists[HIST_WINDOW_NS];
	char a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN];

	if (!hist_count(h))
		return;
	fprintf(f, "windows: %s ended, p50 < %s, p99 < %s\n", format_count(a, (int64_t)hist_count(h)),
		format_ns(b, hist_quantile(h, 0.5)), format_ns(c, hist_quantile(h, 0.99)));
}

/* One more thing lost, on the next line if this one is full. */
static void lost(FILE *f, size_t *column, const char *name, uint64_t n)
{
	char item[64];
	size_t len = (size_t)snprintf(item, sizeof(item), " %s %" PRIu64, name, n);

	if (*column + len > 78) {
		fprintf(f, "\n     ");
		*column = 5;
	}
	fputs(item, f);
	*column += len;
}

static void losses(FILE *f, const struct snapshot *s)
{
	uint64_t all = s->missed_runs;
	size_t column = 5;

	for (int l = 0; l < LOSS_NR; l++)
		all += s->losses[l];
	/* kprobes that are skipped are not all counted by the kernel: nothing can be promised there */
	if (!all && s->reduced)
		return;
	if (!all) {
		fprintf(f, "nothing lost\n");
		return;
	}
	fprintf(f, "lost:");
	for (int l = 0; l < LOSS_NR; l++)
		if (s->losses[l])
			lost(f, &column, loss_name(l), s->losses[l]);
	if (s->missed_runs)
		lost(f, &column, "missed-runs", s->missed_runs);
	fputc('\n', f);
}

/* Was the block map the truth?  Asked at the end, of KVM's own page tables. */
static void audit(FILE *f, const struct snapshot *s)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	if (!s->audited || (!s->audit_sptes && !s->losses[LOSS_AUDIT]))
		return;
	format_count(n, (int64_t)s->audit_sptes);
	if (s->losses[LOSS_AUDIT])
		fprintf(f, "block map and KVM's page tables differ on %s pages, %s SPTEs compared\n",
			format_count(m, (int64_t)s->losses[LOSS_AUDIT]), n);
	else
		fprintf(f, "block map equals KVM's page tables: %s SPTEs compared\n", n);
}

void text_check(FILE *f, const struct report *r)
{
	struct vm_counts total;
	char n[FORMAT_LEN];

	summary(f, r);
	head(f, r);
	fputc('\n', f);
	verdicts(f, r);
	for (size_t i = 0; i < r->ntold; i++)
		text_story(f, r, &r->told[i]);
	claims(f, r);
	text_vms(f, r, false);
	text_causes(f, r);
	snapshot_total(r->snapshot, &total);
	if (total.kvm_marked)
		fprintf(f, "KVM's own mark alone kept %s pages dirty\n",
			format_count(n, (int64_t)total.kvm_marked));
	histogram(f, r->snapshot);
	audit(f, r->snapshot);
	losses(f, r->snapshot);
	fprintf(f, "verdict: %s%s%s\n", text_colour(f, r->overall), value_name(r->overall),
		text_colour_off(f, r->overall));
}

/* Does a recording say what was said live? */
static void compare_live(FILE *f, const struct report *r)
{
	bool known = false, differs = false;

	for (int i = 0; r->recorded->live && i < INV_NR; i++) {
		const struct live_verdict *live = &r->recorded->live[i];
		const struct verdict *v = &r->verdicts[i];

		if (!live->known || !(r->selected & (1u << i)))
			continue;
		known = true;
		if (live->checked == v->checked && live->violations == v->violations &&
		    !strcmp(live->value, value_name(v->value)))
			continue;
		if (!differs)
			fprintf(f, "live it was:\n");
		differs = true;
		fprintf(f, "    %-22s %-16s %12" PRIu64 " %12" PRIu64 "\n", invariant_name(i), live->value,
			live->checked, live->violations);
	}
	if (!known)
		fprintf(f, "not compared with the live report\n");
	else if (!differs)
		fprintf(f, "the live report says the same\n");
}

void text_judge(FILE *f, const struct report *r)
{
	const struct recorded *d = r->recorded;

	summary(f, r);
	head(f, r);
	fprintf(f, "%s: %" PRIu64 " file%s, %" PRIu64 " records, %" PRIu64 " steps\n\n", d->path, d->parts,
		d->parts == 1 ? "" : "s", d->records, d->steps);
	verdicts(f, r);
	for (size_t i = 0; i < r->ntold; i++)
		text_story(f, r, &r->told[i]);
	fputc('\n', f);
	histogram(f, r->snapshot);
	losses(f, r->snapshot);
	compare_live(f, r);
	fprintf(f, "verdict: %s%s%s\n", text_colour(f, r->overall), value_name(r->overall),
		text_colour_off(f, r->overall));
}

void text_levels(FILE *f, const struct report *r)
{
	head(f, r);
	text_vms(f, r, true);
	text_causes(f, r);
	histogram(f, r->snapshot);
	losses(f, r->snapshot);
}

void text_walk(FILE *f, const struct report *r)
{
	const struct snapshot *s = r->snapshot;
	struct walk_counts walk;
	struct vm_counts counts;
	char text[512];

	if (r->candidate) {
		candidate_sentence(r->candidate, text, sizeof(text));
		text_wrapped(f, 0, text);
	}
	if (s->payoff) {
		text_payoff_sentence(s, text, sizeof(text));
		text_wrapped(f, 0, text);
		head(f, r);
		text_payoff(f, s);
		losses(f, s);
		return;
	}
	text_walk_sentence(s, text, sizeof(text));
	text_wrapped(f, 0, text);
	head(f, r);
	if (r->candidate)
		text_candidate(f, r->candidate);
	for (size_t i = 0; i < s->nvms; i++) {
		fputc('\n', f);
		text_vm_title(f, &s->vms[i]);
		text_lookups(f, r, &row_lookups(&s->vms[i])->walk, &s->vms[i].counts);
	}
	if (s->nvms + s->vms_over > 1) {
		walk_total(s, &walk);
		snapshot_total(s, &counts);
		fprintf(f, "\nall %" PRIu64 " VMs\n", s->nvms + s->vms_over);
		text_lookups(f, r, &walk, &counts);
	}
	fputc('\n', f);
	losses(f, s);
}
