// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope metrics: the table of metrics as a page; docs/metrics.md is its output.
 */
#include "commands.h"
#include "user/metrics/metrics.h"
#include "options.h"
#include "user/base/reason.h"
#include "user/sink/report.h"

#include <string.h>

static const char usage[] =
"Usage: mmuscope metrics [OPTION]...\n"
"\n"
"List every number that mmuscope gives away: its name, type, unit and labels, and\n"
"where a JSON report has it.  Rules of 'mmuscope gate' speak of them by name.\n"
"\n"
"      --json          for machines\n"
"  -o, --output FILE   write the list to FILE\n"
"  -v, -q              say more; errors only\n"
"  -h, --help          this text\n"
"\n"
"Exit status: 0 done, 1 error.\n";

static const struct {
	int values;
	const char *text;
} labels[LABEL_NR] = {
#define LABEL(id, name, values_, text_) [LABEL_##id] = { .values = values_, .text = text_ },
#define METRIC(id, name, type, unit, scale, labels, presence, source, text)
#include "user/metrics/metrics.def"
#undef LABEL
#undef METRIC
};

static void print_labels(FILE *f, const struct metric_info *m)
{
	for (int i = 0; i < METRIC_LABELS && m->labels[i]; i++)
		fprintf(f, "%s%s", i ? ", " : "", label_name(m->labels[i]));
}

/* Series that the labels can make, the VM apart: a host has as many VMs as it has. */
static void print_series(FILE *f, const struct metric_info *m)
{
	bool vm = false, open = false;
	long n = 1;

	for (int i = 0; i < METRIC_LABELS && m->labels[i]; i++) {
		if (m->labels[i] == LABEL_VM)
			vm = true;
		else if (!labels[m->labels[i]].values)
			open = m->labels[i] != LABEL_PID && m->labels[i] != LABEL_COMM;
		else
			n *= labels[m->labels[i]].values;
	}
	fprintf(f, "%ld%s%s", n, open ? " x open" : "", vm ? " a VM" : "");
}

/* A table's cell: a bar would end it. */
static void print_source(FILE *f, const char *text)
{
	if (!*text) {
		fprintf(f, "`mmuscope serve` only");
		return;
	}
	fputc('`', f);
	for (; *text; text++)
		fprintf(f, *text == '|' ? "\\|" : "%c", *text);
	fputc('`', f);
}

static void print_page(FILE *f)
{
	fprintf(f, "# Metrics\n\n"
		   "Every number of mmuscope, by its one name. Made by `make docs` from "
		   "`user/metrics/metrics.def`; do not\n"
		   "edit. Reports in JSON have it at *source*; the run store and the rules of "
		   "`mmuscope gate` use the\n"
		   "name; `mmuscope serve` speaks nothing else. A page is 4096 bytes. Of a gauge whose text says \"1\" the labels are "
		   "what counts. *Series*\n"
		   "is the most that the labels can make; open ones are bounded by what a host has "
		   "(see the labels).\n"
		   "A histogram NAME counts as NAME_count and NAME_sum too.\n\n"
		   "| name | type | unit | labels | series | what it is | source |\n"
		   "| --- | --- | --- | --- | --- | --- | --- |\n");
	for (int i = 0; i < METRIC_NR; i++) {
		const struct metric_info *m = metric_info((enum metric)i);

		fprintf(f, "| `%s` | %s | %s | ", m->name, metric_type_name(m->type), m->unit);
		print_labels(f, m);
		fprintf(f, " | ");
		print_series(f, m);
		fprintf(f, " | %s | ", m->text);
		print_source(f, m->source);
		fprintf(f, " |\n");
	}
	fprintf(f, "\n## Labels\n\n| label | values at most | what it is |\n| --- | --- | --- |\n");
	for (int l = LABEL_NONE + 1; l < LABEL_NR; l++) {
		fprintf(f, "| `%s` | ", label_name((enum label)l));
		if (labels[l].values)
			fprintf(f, "%d", labels[l].values);
		else
			fprintf(f, "open");
		fprintf(f, " | %s |\n", labels[l].text);
	}
}

static void print_json(FILE *f)
{
	fprintf(f, "{\n  \"version\": 1,\n  \"metrics\": [\n");
	for (int i = 0; i < METRIC_NR; i++) {
		const struct metric_info *m = metric_info((enum metric)i);

		/* none of these texts has a character that JSON would want escaped */
		fprintf(f,
			"    { \"name\": \"%s\", \"type\": \"%s\", \"unit\": \"%s\", \"help\": \"%s\", "
			"\"source\": \"%s\", \"labels\": [",
			m->name, metric_type_name(m->type), m->unit, m->text, m->source);
		for (int l = 0; l < METRIC_LABELS && m->labels[l]; l++)
			fprintf(f, "%s\"%s\"", l ? ", " : "", label_name(m->labels[l]));
		fprintf(f, "] }%s\n", i + 1 < METRIC_NR ? "," : "");
	}
	fprintf(f, "  ]\n}\n");
}

int cmd_metrics(int argc, char **argv)
{
	struct options o;
	struct output *out;
	int err = options_parse(&o, argc, argv, "metrics", 0, usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	out = output_open(o.output);
	if (!out)
		return EXIT_FAILED;
	if (o.json)
		print_json(output_file(out));
	else
		print_page(output_file(out));
	return output_close(out) ? EXIT_FAILED : EXIT_OK;
}
