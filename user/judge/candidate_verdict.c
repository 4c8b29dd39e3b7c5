// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a candidate's calls come to: from counts to verdicts.  Pure.
 */
#include "candidate.h"
#include "user/base/format.h"

#include <stdio.h>

static const struct {
	const char *name;
	const char *text;
} rows[JUDGED_NR] = {
#define JUDGED_ROW(id, name, text) [id] = { name, text },
#include "user/session/judged.def"
#undef JUDGED_ROW
};

const char *judged_name(enum judged j)
{
	return rows[j].name;
}

const char *judged_text(enum judged j)
{
	return rows[j].text;
}

bool judged_guilty(enum judged j)
{
	return j >= JUDGED_GUILTY;
}

uint64_t candidate_sum(const struct candidate_counts *c, enum judged j)
{
	uint64_t n = 0;

	for (int b = 0; b < BACKING_NR; b++)
		n += c->judged[j][b];
	return n;
}

uint64_t candidate_missed(const struct candidate_report *r)
{
	const struct candidate_counts *c = &r->counts;

	/* a call that has begun before us, or is not over at our end, is one of each */
	return r->missed_runs + r->lost_state + c->unfinished + c->unreadable + c->unmatched;
}

void candidate_counts_add(struct candidate_counts *dst, const struct candidate_counts *src)
{
	const __u64 *from = (const __u64 *)src;
	__u64 *to = (__u64 *)dst;

	for (size_t i = 0; i < sizeof(*dst) / sizeof(*to); i++)
		to[i] += from[i];
}

static const struct {
	const char *name;
	const char *sentence;
} rules[CANDIDATE_RULES] = {
	[WALKER_AGREES] = {
		"walker-agrees",
		"whatever the candidate answers is what the host's page tables said at a moment of the call: page, "
		"level and rights",
	},
	[NEVER_SECRET] = { "never-secret", "the candidate never hands out a page of memfd_secret" },
};

const char *candidate_rule_name(enum candidate_rule rule)
{
	return rules[rule].name;
}

const char *candidate_rule_sentence(enum candidate_rule rule)
{
	return rules[rule].sentence;
}

struct candidate_verdict candidate_judge(const struct candidate_report *r, enum candidate_rule rule)
{
	const struct candidate_counts *c = &r->counts;
	struct candidate_verdict v = { .checked = c->pages };

	if (rule == NEVER_SECRET)
		v.violations = candidate_sum(c, GUILTY_SECRET);
	else
		v.checked = c->answers - candidate_sum(c, JUDGED_RACED);
	for (int j = GUILTY_SECRET + 1; rule == WALKER_AGREES && j < JUDGED_NR; j++)
		v.violations += candidate_sum(c, j);
	v.value = v.checked ? HELD : NO_OCCASION;
	if (candidate_missed(r))
		v.value = INCONCLUSIVE;
	if (v.violations)
		v.value = VIOLATED;
	return v;
}

enum value candidate_overall(const struct candidate_report *r)
{
	enum value agrees = candidate_judge(r, WALKER_AGREES).value;
	enum value secret = candidate_judge(r, NEVER_SECRET).value;

	if (agrees == VIOLATED || secret == VIOLATED)
		return VIOLATED;
	return agrees == HELD && secret != INCONCLUSIVE ? HELD : INCONCLUSIVE;
}

void candidate_sentence(const struct candidate_report *r, char *buf, size_t size)
{
	struct candidate_verdict agrees = candidate_judge(r, WALKER_AGREES);
	struct candidate_verdict secret = candidate_judge(r, NEVER_SECRET);
	char n[FORMAT_LEN], m[FORMAT_LEN];

	format_count(n, (int64_t)(agrees.violations + secret.violations));
	format_count(m, (int64_t)r->counts.answers);
	if (candidate_overall(r) == VIOLATED)
		snprintf(buf, size, "VIOLATED: %s of %s answers of %s must not be.", n, m, r->function);
	else if (!r->counts.answers)
		snprintf(buf, size, "INCONCLUSIVE: %s was called %s times, and gave no answer.", r->function,
			 format_count(n, (int64_t)r->counts.calls));
	else if (candidate_overall(r) == HELD)
		snprintf(buf, size, "HELD: %s gave %s answers, each what the page tables said.", r->function,
			 m);
	else
		snprintf(buf, size, "INCONCLUSIVE: %s gave %s answers and none was wrong, but calls were missed.",
			 r->function, m);
}
