// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gate for machines: JSON, JUnit XML and Markdown.
 */
#include "gate.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>

enum { GATE_JSON_VERSION = 1 };

/* JSON knows neither NaN nor infinity. */
static json_t *real(double n)
{
	return isfinite(n) ? json_real(n) : json_null();
}

static json_t *interval_json(const struct outcome *o, const struct interval *i)
{
	return o->has_interval ? json_pack("[o, o]", real(i->low), real(i->high)) : json_null();
}

static json_t *outcome_json(const struct outcome *o)
{
	const struct rule *r = o->rule;

	return json_pack(
		"{s:s, s:I, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
		"verdict", gate_word(o->value), "line", (json_int_t)r->line, "rule", r->text,
		"reason", o->why, "unit", rule_unit(r), "base", real(o->base), "new", real(o->new),
		"base_runs", (json_int_t)o->nbase, "new_runs", (json_int_t)o->nnew, "change",
		real(outcome_change(o)), "interval", interval_json(o, &o->relative),
		"difference_interval", interval_json(o, &o->difference), "limit",
		r->has_relative ? real(r->relative) : json_null(), "difference_limit",
		r->has_absolute ? real(r->absolute) : json_null(), "p",
		o->tested ? real(o->p) : json_null(), "tested", o->tested ? 1 : 0);
}

static json_t *names_json(const struct runs *runs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < runs->n; i++)
		json_array_append_new(list, json_string(runs->list[i].name));
	return list;
}

int gate_json(FILE *f, const struct gate_report *r)
{
	json_t *rules = json_array(), *allowed = json_array(), *o;
	char text[256];
	int err;

	gate_sentence(r->gate, text, sizeof(text));
	for (size_t i = 0; i < r->gate->n; i++)
		json_array_append_new(rules, outcome_json(&r->gate->list[i]));
	for (size_t i = 0; i < r->nallowed; i++)
		json_array_append_new(allowed, json_string(r->allowed[i]));
	o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:o, s:f, s:I, s:o, s:o, s:o}", "mmuscope_gate",
		      VERSION, "version", GATE_JSON_VERSION, "verdict", gate_word(r->gate->value),
		      "summary", text, "rules_file", r->rules_name, "allowed", allowed,
		      "false_alarms", r->gate->alpha, "tests", (json_int_t)r->gate->tests, "base",
		      names_json(r->base), "new", names_json(r->new), "rules", rules);
	if (!o)
		return -ENOMEM;
	err = json_dumpf(o, f,
			 JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII |
				 JSON_REAL_PRECISION(12));
	fputc('\n', f);
	json_decref(o);
	return err ? -EIO : 0;
}

static void xml(FILE *f, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		switch (c) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			/*
			 * XML 1.0 has no control characters; other encodings than UTF-8 are not
			 * known
			 */
			fputc(c < ' ' || c > '~' ? '?' : c, f);
		}
	}
}

static void numbers_line(FILE *f, const struct outcome *o, void (*put)(FILE *, const char *))
{
	char base[CELL_LEN], new[CELL_LEN], change[CELL_LEN], interval[CELL_LEN], limit[CELL_LEN],
		text[512];

	snprintf(text, sizeof(text), "base %s, new %s, change %s, interval %s, limit %s",
		 gate_number(base, o->rule, o->base), gate_number(new, o->rule, o->new),
		 gate_change(change, outcome_change(o)), gate_interval(interval, o),
		 gate_limit(limit, o->rule));
	put(f, text);
}

static void junit_case(FILE *f, const struct outcome *o)
{
	/* inconclusive is no skipped test: it must not look like a passed one */
	const char *tag = o->value == GATE_FAIL ? "failure" : "error";

	fputs("    <testcase classname=\"mmuscope.gate\" name=\"", f);
	xml(f, o->rule->text);
	fputs("\">\n", f);
	if (o->value != GATE_PASS) {
		fprintf(f, "      <%s type=\"%s\" message=\"", tag, gate_word(o->value));
		xml(f, o->why);
		fputs("\">", f);
		numbers_line(f, o, xml);
		fprintf(f, "</%s>\n", tag);
	} else {
		fputs("      <system-out>", f);
		xml(f, o->why);
		fputs("; ", f);
		numbers_line(f, o, xml);
		fputs("</system-out>\n", f);
	}
	fputs("    </testcase>\n", f);
}

void gate_junit(FILE *f, const struct gate_report *r)
{
	size_t failed = 0, open = 0;

	for (size_t i = 0; i < r->gate->n; i++) {
		failed += r->gate->list[i].value == GATE_FAIL;
		open += r->gate->list[i].value == GATE_INCONCLUSIVE;
	}
	fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuites name=\"mmuscope gate\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n"
		"  <testsuite name=\"", r->gate->n, failed, open);
	xml(f, r->rules_name);
	fprintf(f, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", r->gate->n, failed, open);
	fputs("    <properties>\n      <property name=\"base\" value=\"", f);
	xml(f, r->base_name);
	fputs("\"/>\n      <property name=\"new\" value=\"", f);
	xml(f, r->new_name);
	fputs("\"/>\n", f);
	for (size_t i = 0; i < r->nallowed; i++) {
		fputs("      <property name=\"allowed\" value=\"", f);
		xml(f, r->allowed[i]);
		fputs("\"/>\n", f);
	}
	fputs("    </properties>\n", f);
	for (size_t i = 0; i < r->gate->n; i++)
		junit_case(f, &r->gate->list[i]);
	fputs("  </testsuite>\n</testsuites>\n", f);
}

/* Text of a table's cell: nothing that Markdown or HTML would take for more than text. */
static void cell(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '|' || *text == '`' || *text == '*' || *text == '_' ||
			 *text == '~' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else
			fputc(*text < ' ' || *text > '~' ? '?' : *text, f);
	}
}

static void markdown_row(FILE *f, const struct outcome *o)
{
	static const char *const marks[] = { "pass", "**FAIL**", "**inconclusive**" };
	char text[CELL_LEN];

	fprintf(f, "| %s | ", marks[o->value]);
	cell(f, o->rule->text);
	fprintf(f, " | ");
	cell(f, gate_number(text, o->rule, o->base));
	fprintf(f, " | ");
	cell(f, gate_number(text, o->rule, o->new));
	fprintf(f, " | ");
	cell(f, gate_change(text, outcome_change(o)));
	fprintf(f, " | ");
	cell(f, gate_interval(text, o));
	fprintf(f, " | ");
	cell(f, gate_limit(text, o->rule));
	fprintf(f, " | ");
	cell(f, o->why);
	fprintf(f, " |\n");
}

void gate_markdown(FILE *f, const struct gate_report *r)
{
	char text[256];

	gate_sentence(r->gate, text, sizeof(text));
	fprintf(f, "### mmuscope gate: %s\n\n", text);
	for (size_t i = 0; i < r->nallowed; i++) {
		fputs("- ", f);
		cell(f, r->allowed[i]);
		fputs("\n", f);
	}
	fprintf(f, "%s| | rule | base | new | change | 99%% interval | limit | why |\n"
		"| --- | --- | ---: | ---: | ---: | ---: | --- | --- |\n", r->nallowed ? "\n" : "");
	for (size_t i = 0; i < r->gate->n; i++)
		markdown_row(f, &r->gate->list[i]);
	fprintf(f, "\n%zu and %zu runs; %zu tests share a rate of false alarms of %g%%.\n",
		r->base->n, r->new->n, r->gate->tests, r->gate->alpha * 100);
}
