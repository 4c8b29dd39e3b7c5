// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope report: a recording for people, for lists, and for other programs.
 */
#include "commands.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/sink/report.h"
#include "user/report/forms.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
"Usage: mmuscope report [OPTION]... FILE.mms\n"
"\n"
"Tell what is in a recording ('-': stdin).  It needs neither KVM nor privilege.\n"
"\n"
"      --text          for a terminal (default)\n"
"      --html          one page with plots that needs no network\n"
"      --lkml          a mail to a kernel list, 72 columns\n"
"      --perfetto      a trace for ui.perfetto.dev or trace_processor\n"
"      --folded        folded stacks of windows, for flame graphs\n"
"      --csv           all numbers of all snapshots, one value a row\n"
"      --json          what the page draws, for other programs\n"
"  -o, --output FILE   write it to FILE\n"
"  -q, --quiet         errors only\n"
"  -h, --help          this text\n"
"\n"
"Exit status: 0 done, 1 error, 3 done, but the recording is damaged or not all\n"
"was seen when it was made; the output begins with what is missing.\n";

typedef int report_fn(FILE *f, struct digest *d, const char *name);

/* The forms, by the values of their options. */
enum { FORM_FIRST = 256, FORM_TEXT = FORM_FIRST, FORM_HTML, FORM_LKML, FORM_PERFETTO, FORM_FOLDED, FORM_CSV,
       FORM_JSON, FORM_END };

static report_fn *const forms[FORM_END - FORM_FIRST] = {
	report_text, report_html, report_lkml, report_perfetto, report_folded, report_csv, report_json,
};

static const struct option longs[] = {
	{ "text", no_argument, NULL, FORM_TEXT },
	{ "html", no_argument, NULL, FORM_HTML },
	{ "lkml", no_argument, NULL, FORM_LKML },
	{ "perfetto", no_argument, NULL, FORM_PERFETTO },
	{ "folded", no_argument, NULL, FORM_FOLDED },
	{ "csv", no_argument, NULL, FORM_CSV },
	{ "json", no_argument, NULL, FORM_JSON },
	{ "output", required_argument, NULL, 'o' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct job {
	const char *file;
	const char *output;
	int form;		/* 0: none was named */
};

static int bad(const char *what, const char *text)
{
	log_error("report: %s%s%s%s", what, *text ? " '" : "", text, *text ? "'" : "");
	fprintf(stderr, "Try 'mmuscope report --help'.\n");
	return -1;
}

/* 0: go on; 1: help was printed; -1: bad usage was reported. */
static int parse(struct job *j, int argc, char **argv)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:qh", longs, NULL)) != -1) {
		if (c >= FORM_FIRST && j->form)
			return bad("one form at a time, not also", argv[optind - 1]);
		if (c >= FORM_FIRST)
			j->form = c;
		else if (c == 'o')
			j->output = optarg;
		else if (c == 'q')
			log_level = LOG_QUIET;
		else if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		} else if (c == ':') {
			return bad("a value is missing after", argv[optind - 1]);
		} else {
			return bad("unknown option", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return bad("which recording?", "");
	if (optind + 1 < argc)
		return bad("one recording at a time, not also", argv[optind + 1]);
	j->file = argv[optind];
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(path, "-") ? "stdin" : slash ? slash + 1 : path;
}

/* The name of a file may hold anything, too. */
static void clean_name(const char *path, char *name, size_t size)
{
	snprintf(name, size, "%s", base_name(path));
	for (char *p = name; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static int write_report(const struct job *j, struct digest *d)
{
	int form = j->form ? j->form : FORM_TEXT, err;
	struct output *out = output_open(j->output);
	char name[256];

	if (!out)
		return -1;
	clean_name(j->file, name, sizeof(name));
	err = forms[form - FORM_FIRST](output_file(out), d, name);
	if (err)
		log_error("cannot make the report: %s", strerror(-err));
	if (output_close(out))
		err = -1;
	return err;
}

int cmd_report(int argc, char **argv)
{
	struct job j = { 0 };
	struct digest *d = NULL;
	int result = EXIT_OK, err = parse(&j, argc, argv);

	if (err)
		return err < 0 ? EXIT_FAILED : EXIT_OK;
	if (digest_read(j.file, &d))
		return EXIT_FAILED;
	if (write_report(&j, d))
		result = EXIT_FAILED;
	else if (!digest_is_complete(d))
		result = EXIT_INCONCLUSIVE;
	if (result == EXIT_INCONCLUSIVE)
		log_note("%s: %s%s", j.file, d->nwarnings ? d->warnings[0] : "not lossless",
			 d->nwarnings > 1 ? ", and more: the report begins with it" : "");
	digest_free(d);
	return result;
}
