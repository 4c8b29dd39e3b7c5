// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope walk --payoff for a person and for machines: what lookups cost, and what a walk would save.
 */
#include "user/base/format.h"
#include "user/judge/payoff.h"
#include "parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static double seconds(const struct snapshot *s)
{
	return (double)s->seconds_ns / 1e9;
}

/* ns, also negative, as a person reads it */
static const char *signed_ns(char buf[FORMAT_LEN], double ns)
{
	buf[0] = '-';
	format_ns(buf + (ns < 0), (uint64_t)fabs(ns));
	return buf;
}

static double share(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

void text_payoff_sentence(const struct snapshot *s, char *buf, size_t size)
{
	char a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN], d[FORMAT_LEN], e[FORMAT_LEN];
	struct payoff_result r;
	const struct payoff_sum *sum = &r.sum;

	payoff_judge(s->payoff, &r);
	if (sum->faults)
		snprintf(buf, size,
			 "%s faults took %s. A walk first, for writing, would have saved %.1f%% of that "
			 "if it cost what KVM's level lookup does (%.1f%% as our walk does, %.1f%% for "
			 "nothing); it would have served %s of %s lookups, and saved %s each second.",
			 format_count(a, (int64_t)sum->faults), format_ns(b, (uint64_t)sum->faults_ns),
			 share(sum->saved_ns[WALK_NATIVE], sum->faults_ns),
			 share(sum->saved_ns[WALK_OURS], sum->faults_ns),
			 share(sum->saved_ns[WALK_FREE], sum->faults_ns),
			 format_count(c, (int64_t)sum->served), format_count(d, (int64_t)sum->writes),
			 signed_ns(e, sum->saved_ns[WALK_NATIVE] / seconds(s)));
	else
		snprintf(buf, size, "There was no fault to time.");
	payoff_result_free(&r);
}

static const char *cell(char buf[FORMAT_LEN], const struct estimate *e)
{
	if (!e->n)
		return "-";
	return format_short(buf, (uint64_t)llround(e->median));
}

static uint64_t calls_of(const struct payoff_row *r)
{
	uint64_t n = 0;

	for (int p = 0; p < PAYOFF_PARTS; p++)
		n = r->part[p].n > n ? r->part[p].n : n;
	return n;
}

static void row_text(FILE *f, const struct payoff_row *r)
{
	char n[FORMAT_LEN], t[PAYOFF_PARTS][FORMAT_LEN], saved[2 * FORMAT_LEN] = "-";
	const char *at = r->key.level ? level_name(r->key.level - 1) : "-";

	if (r->judged)
		snprintf(saved, sizeof(saved), "%.0f +-%.0f", r->saved[WALK_NATIVE], r->error);
	fprintf(f, "  %-7s %-2s %-6s %-8s %7s %7s %7s %7s %7s %9s\n", backing_name(r->key.backing), at,
		payoff_before_name(r->key.before), payoff_path_name(r->key.path),
		format_short(n, calls_of(r)), cell(t[0], &r->part[PART_WALK]),
		cell(t[1], &r->part[PART_LOOKUP]), cell(t[2], &r->part[PART_LEVEL]),
		cell(t[3], &r->part[PART_FAULT]), saved);
}

static void table(FILE *f, const struct payoff_row *rows, size_t n)
{
	static const char *const heads[PAYOFF_FROMS] = {
		[FROM_FAULT] = "FAULTS OF GUESTS",
		[FROM_AHEAD] = "MAPPED AHEAD",
		[FROM_ELSEWHERE] = "OTHER LOOKUPS",
	};

	for (size_t i = 0; i < n; i++) {
		const struct payoff_key *k = &rows[i].key;

		if (!i || k->from != rows[i - 1].key.from || k->write != rows[i - 1].key.write) {
			fprintf(f, "\n%s, FOR %s: medians in ns\n",
				k->from < PAYOFF_FROMS ? heads[k->from] : "OTHERS",
				k->write ? "WRITING" : "READING");
			fprintf(f, "  %-7s %-2s %-6s %-8s %7s %7s %7s %7s %7s %9s\n", "BACKING", "AT",
				"BEFORE", "PATH", "CALLS", "WALK", "LOOKUP", "LEVEL", "FAULT", "SAVED");
		}
		row_text(f, &rows[i]);
	}
	fputc('\n', f);
}

static void costs(FILE *f, const struct payoff *p)
{
	const struct payoff_costs *c = &p->costs;
	char n[FORMAT_LEN];

	fprintf(f, "taken off, by %" PRIu64 " runs: clock %" PRIu64 ", entry and exit %" PRIu64
		" (of it %" PRIu64 " inside),\n  entry alone %" PRIu64 " ns; in all %s\n",
		c->runs, c->clock, c->pair, c->inside, c->entry, format_ns(n, p->probes_ns));
	fprintf(f, "%d instructions of known cost took %" PRIu64 " ns\n", KNOWN_STEPS, c->known);
}

static void left_out(FILE *f, const struct payoff *p)
{
	if (p->switched)
		fprintf(f, "left out: %" PRIu64 " during which the task was scheduled away\n", p->switched);
	if (p->pinned)
		fprintf(f, "left out: %" PRIu64 " lookups that pin the page, which no walk can serve\n",
			p->pinned);
	if (p->unmatched || p->full)
		fprintf(f, "lost: %" PRIu64 " without beginning or end, %" PRIu64 " for want of a row\n",
			p->unmatched, p->full);
}

void text_payoff(FILE *f, const struct snapshot *s)
{
	struct payoff_result r;

	payoff_judge(s->payoff, &r);
	table(f, r.rows, r.n);
	if (r.native.n)
		fprintf(f, "SAVED is by a walk of %.0f ns, which KVM's longest level lookup takes\n",
			r.native.median);
	costs(f, s->payoff);
	left_out(f, s->payoff);
	payoff_result_free(&r);
}

static json_t *estimate_json(const struct estimate *e)
{
	if (!e->n)
		return json_null();
	return json_pack("{s:I, s:f, s:f, s:f, s:f}", "n", (json_int_t)e->n, "median_ns", e->median,
			 "low_ns", e->low, "high_ns", e->high, "mean_ns", e->mean);
}

static json_t *saved_json(const double *saved)
{
	json_t *o = json_object();

	for (int w = 0; w < PAYOFF_WALKS; w++)
		json_object_set_new(o, payoff_walk_name(w), json_real(saved[w]));
	return o;
}

static json_t *row_json(const struct payoff_row *r)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s}", "from", payoff_from_name(r->key.from), "for",
			      r->key.write ? "write" : "read", "before", payoff_before_name(r->key.before),
			      "path", payoff_path_name(r->key.path), "at",
			      r->key.level ? level_name(r->key.level - 1) : NULL, "backing",
			      backing_name(r->key.backing));

	for (int p = 0; p < PAYOFF_PARTS; p++)
		json_object_set_new(o, payoff_part_name(p), estimate_json(&r->part[p]));
	json_object_set_new(o, "saved_ns", r->judged ? saved_json(r->saved) : json_null());
	json_object_set_new(o, "saved_error_ns", r->judged ? json_real(r->error) : json_null());
	return o;
}

static json_t *costs_json(const struct payoff_costs *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:i}", "runs", (json_int_t)c->runs, "clock_ns",
			 (json_int_t)c->clock, "inside_ns", (json_int_t)c->inside, "pair_ns",
			 (json_int_t)c->pair, "entry_ns", (json_int_t)c->entry, "known_ns",
			 (json_int_t)c->known, "known_instructions", KNOWN_STEPS);
}

static json_t *sum_json(const struct snapshot *s, const struct payoff_result *r)
{
	const struct payoff_sum *sum = &r->sum;

	return json_pack("{s:I, s:f, s:I, s:I, s:o, s:f, s:f, s:o}", "faults", (json_int_t)sum->faults,
			 "faults_ns", sum->faults_ns, "write_lookups", (json_int_t)sum->writes,
			 "write_lookups_served", (json_int_t)sum->served, "saved_ns",
			 saved_json(sum->saved_ns), "saved_error_ns", sum->error_ns, "saved_ns_per_second",
			 sum->saved_ns[WALK_NATIVE] / seconds(s), "native_walk",
			 estimate_json(&r->native));
}

json_t *json_payoff(const struct snapshot *s)
{
	const struct payoff *p = s->payoff;
	json_t *list = json_array(), *o;
	struct payoff_result r;

	payoff_judge(p, &r);
	for (size_t i = 0; i < r.n; i++)
		json_array_append_new(list, row_json(&r.rows[i]));
	o = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "calibration", costs_json(&p->costs),
		      "calls", list, "sum", sum_json(s, &r), "probes_ns", (json_int_t)p->probes_ns,
		      "switched", (json_int_t)p->switched, "pinned", (json_int_t)p->pinned, "unmatched",
		      (json_int_t)p->unmatched, "not_filed", (json_int_t)p->full);
	payoff_result_free(&r);
	return o;
}
