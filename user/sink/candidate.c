// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope walk --candidate: its verdicts, for a person and for machines.
 */
#include "user/judge/candidate.h"
#include "user/base/format.h"
#include "parts.h"

#include <inttypes.h>
#include <string.h>

/* ---- for a person ---- */

static void verdicts(FILE *f, const struct candidate_report *r)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	fprintf(f, "%-24s %-14s %15s %12s\n", "INVARIANT", "VERDICT", "CHECKED", "VIOLATIONS");
	for (int i = 0; i < CANDIDATE_RULES; i++) {
		struct candidate_verdict v = candidate_judge(r, i);

		fprintf(f, "%-24s %-14s %15s %12s\n", candidate_rule_name(i), value_name(v.value),
			format_count(n, (int64_t)v.checked), format_count(m, (int64_t)v.violations));
	}
}

static void missed_one(FILE *f, uint64_t n, const char *text)
{
	char buf[FORMAT_LEN];

	if (n)
		fprintf(f, "    %s %s\n", format_count(buf, (int64_t)n), text);
}

static void missed(FILE *f, const struct candidate_report *r)
{
	const struct candidate_counts *c = &r->counts;

	if (candidate_missed(r))
		fprintf(f, "missed, so that HELD cannot be said:\n");
	missed_one(f, r->missed_runs, "runs of our programs were skipped by the kernel");
	missed_one(f, r->lost_state, "calls had no memory for what they began with");
	missed_one(f, c->unreadable, "calls whose hva, or what ok asks for, could not be read");
	missed_one(f, c->unfinished, "calls whose end was not seen");
	missed_one(f, c->unmatched, "calls whose begin was not seen");
	if (c->no_mm)
		fprintf(f, "left out:\n");
	missed_one(f, c->no_mm, "calls by kernel threads, which have no address space");
}

/* A row of a number for each backing. */
static void row(FILE *f, const char *name, const __u64 *n, uint64_t all)
{
	char text[FORMAT_LEN];

	if (!all)
		return;
	fprintf(f, "  %-30s", name);
	for (int b = 0; b < BACKING_NR; b++)
		fprintf(f, " %7s", n[b] ? format_short(text, n[b]) : "-");
	fputc('\n', f);
}

static void classes(FILE *f, const struct candidate_counts *c)
{
	char name[32];

	fprintf(f, "  %-30s", "WHAT THE TABLES HAVE IS");
	for (int b = 0; b < BACKING_NR; b++)
		fprintf(f, " %7s", backing_name(b));
	fputc('\n', f);
	for (int j = 0; j < JUDGED_NR; j++)
		row(f, judged_text(j), c->judged[j], candidate_sum(c, j));
	for (int l = 0; l < LEVELS; l++) {
		uint64_t all = 0;

		for (int b = 0; b < BACKING_NR; b++)
			all += c->level[l][b];
		snprintf(name, sizeof(name), "answers at %s", level_name(l));
		row(f, name, c->level[l], all);
	}
}

static const char *level_text(uint32_t level)
{
	return level >= 1 && level <= LEVELS ? level_name((int)level - 1) : "no level";
}

static void says(FILE *f, const char *who, const struct candidate_says *s)
{
	static const char *const why[] = {
		"nothing", "no address of user space", "nothing mapped, nor near it", "nothing mapped", "PROT_NONE",
		"a leaf about to be split", "swapped or migrating",
	};

	if (s->found)
		fprintf(f, "    %-9s pfn 0x%" PRIx64 ", %s, %s%s\n", who, (uint64_t)s->pfn, level_text(s->level),
			s->writable ? "writable" : "read-only", s->special ? ", special" : "");
	else
		fprintf(f, "    %-9s %s\n", who, s->why < sizeof(why) / sizeof(why[0]) ? why[s->why] : "?");
}

static bool same_says(const struct candidate_says *a, const struct candidate_says *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void tell(FILE *f, const struct candidate_story *s)
{
	const struct event_candidate *e = &s->e;
	enum candidate_rule rule = e->judged == GUILTY_SECRET ? NEVER_SECRET : WALKER_AGREES;
	char when[FORMAT_LEN], comm[FORMAT_LEN];

	fprintf(f, "\nVIOLATED %s (%s), %s into the run; it says that\n", candidate_rule_name(rule),
		e->judged < JUDGED_NR ? judged_name(e->judged) : "?",
		format_ns(when, (uint64_t)s->since_start_ns));
	text_wrapped(f, 4, candidate_rule_sentence(rule));
	fprintf(f, "    hva       0x%" PRIx64 ", for %s\n    candidate", (uint64_t)e->hva,
		e->what & ASKED_WRITE ? "writing" : "reading");
	if (e->what & SAID_PFN)
		fprintf(f, " pfn 0x%" PRIx64, (uint64_t)e->said.pfn);
	if (e->what & SAID_LEVEL)
		fprintf(f, "%s %s", e->what & SAID_PFN ? "," : "", level_text(e->said.level));
	if (e->what & SAID_RIGHTS)
		fprintf(f, "%s %s", e->what & (SAID_PFN | SAID_LEVEL) ? "," : "",
			e->said.writable ? "writable" : "read-only");
	fputc('\n', f);
	says(f, "tables", &e->after);
	if (!same_says(&e->before, &e->after))
		says(f, "before", &e->before);
	fprintf(f, "    VMA       %s, backing %s\n", s->vma,
		e->backing < BACKING_NR ? backing_name((int)e->backing) : "?");
	fprintf(f, "    task      %s, pid %u tid %u\n", format_comm(comm, e->comm, COMM_LEN), e->pid, e->tid);
}

void text_candidate(FILE *f, const struct candidate_report *r)
{
	char n[FORMAT_LEN], m[FORMAT_LEN];

	fprintf(f, "candidate %s by %s: %s calls, %s answers\n", r->function, r->how,
		format_count(n, (int64_t)r->counts.calls), format_count(m, (int64_t)r->counts.answers));
	verdicts(f, r);
	missed(f, r);
	classes(f, &r->counts);
	for (size_t i = 0; i < r->nstories; i++)
		tell(f, &r->stories[i]);
}

/* ---- for machines ---- */

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *hex(uint64_t v)
{
	return json_sprintf("0x%" PRIx64, v);
}

static json_t *backings(const __u64 *n)
{
	json_t *o = json_object();

	for (int b = 0; b < BACKING_NR; b++)
		json_object_set_new(o, backing_name(b), number(n[b]));
	return o;
}

static json_t *says_json(const struct candidate_says *s)
{
	static const char *const why[] = {
		"present", "address", "no_table", "empty", "prot_none", "split", "swap",
	};

	if (!s->found)
		return json_pack("{s:b, s:s}", "found", 0, "why",
				 s->why < sizeof(why) / sizeof(why[0]) ? why[s->why] : "?");
	return json_pack("{s:b, s:o, s:s, s:b, s:b}", "found", 1, "pfn", hex(s->pfn), "level",
			 level_text(s->level), "writable", s->writable, "special", s->special);
}

static json_t *story_json(const struct candidate_story *s)
{
	const struct event_candidate *e = &s->e;
	enum candidate_rule rule = e->judged == GUILTY_SECRET ? NEVER_SECRET : WALKER_AGREES;
	json_t *said = json_object();
	char comm[FORMAT_LEN];

	if (e->what & SAID_PFN)
		json_object_set_new(said, "pfn", hex(e->said.pfn));
	if (e->what & SAID_LEVEL)
		json_object_set_new(said, "level", json_string(level_text(e->said.level)));
	if (e->what & SAID_RIGHTS)
		json_object_set_new(said, "writable", json_boolean(e->said.writable));
	return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:s, s:s, s:s, s:i, s:i, s:o}", "invariant",
			 candidate_rule_name(rule), "reason",
			 e->judged < JUDGED_NR ? judged_name(e->judged) : "?", "hva", hex(e->hva), "write",
			 !!(e->what & ASKED_WRITE), "said", said, "tables", says_json(&e->after), "before",
			 says_json(&e->before), "vma", s->vma, "backing",
			 e->backing < BACKING_NR ? backing_name((int)e->backing) : "?", "comm",
			 format_comm(comm, e->comm, COMM_LEN), "pid", e->pid, "tid", e->tid, "since_start_ns",
			 number((uint64_t)s->since_start_ns));
}

static json_t *invariants_json(const struct candidate_report *r)
{
	json_t *list = json_array();

	for (int i = 0; i < CANDIDATE_RULES; i++) {
		struct candidate_verdict v = candidate_judge(r, i);

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name",
						      candidate_rule_name(i), "sentence",
						      candidate_rule_sentence(i), "verdict",
						      value_name(v.value), "checked", number(v.checked),
						      "violations", number(v.violations)));
	}
	return list;
}

static json_t *missed_json(const struct candidate_report *r)
{
	const struct candidate_counts *c = &r->counts;

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "missed_runs", number(r->missed_runs), "lost_state",
			 number(r->lost_state), "unreadable", number(c->unreadable), "unfinished",
			 number(c->unfinished), "unmatched", number(c->unmatched));
}

json_t *json_candidate(const struct candidate_report *r)
{
	const struct candidate_counts *c = &r->counts;
	json_t *judged = json_object(), *levels = json_object(), *stories = json_array();
	char text[256];

	for (int j = 0; j < JUDGED_NR; j++)
		json_object_set_new(judged, judged_name(j), backings(c->judged[j]));
	for (int l = 0; l < LEVELS; l++)
		json_object_set_new(levels, level_name(l), backings(c->level[l]));
	for (size_t i = 0; i < r->nstories; i++)
		json_array_append_new(stories, story_json(&r->stories[i]));
	candidate_sentence(r, text, sizeof(text));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "function",
			 r->function, "spec", r->spec, "how", r->how, "verdict",
			 value_name(candidate_overall(r)), "summary", text, "invariants", invariants_json(r),
			 "calls", number(c->calls), "answers", number(c->answers), "judged", judged,
			 "answered_level", levels, "kernel_threads", number(c->no_mm), "missed",
			 missed_json(r), "violations", stories);
}
