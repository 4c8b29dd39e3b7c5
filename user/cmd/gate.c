// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope gate: is a build worse than its baseline?
 */
#include "user/gate/baseline.h"
#include "commands.h"
#include "user/gate/gather.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/sink/report.h"
#include "user/sink/gate.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
"Usage: mmuscope gate [OPTION]... BASE NEW...\n"
"\n"
"Compare runs of a new build with those of a baseline, rule by rule.  BASE and\n"
"NEW are reports of 'mmuscope check --json', directories of them, tag:NAME or\n"
"run:NUMBER of the run store, or several of these with commas.\n"
"\n"
"      --rules FILE      what to compare and how (docs/gate.md); without it:\n"
"                        invariants, share of 2M and 1G mappings, poisoned pages\n"
"      --store FILE      the run store (MMUSCOPE_STORE, else runs.db)\n"
"      --allow WHAT,...  compare although they differ in kernel, host, tier or\n"
"                        command; the output says so\n"
"      --junit FILE      also as JUnit XML, for the page of a CI system\n"
"      --markdown FILE   also as Markdown, for a merge request\n"
"      --json            machine-readable\n"
"  -o, --output FILE     write the result to FILE\n"
"      --update          NEW becomes the baseline, whatever the rules say\n"
"  -v, -q                reasons of what passed, too; errors only\n"
"  -h, --help            this text\n"
"\n"
"Exit status: 0 every rule passed (or --update done), 1 error, 2 a rule failed,\n"
"3 none failed but some cannot be told, 4 the runs cannot be compared.\n";

enum { LONG_RULES = 256, LONG_STORE, LONG_ALLOW, LONG_JUNIT, LONG_MARKDOWN, LONG_JSON, LONG_UPDATE };

static const struct option longs[] = {
	{ "rules", required_argument, NULL, LONG_RULES },
	{ "store", required_argument, NULL, LONG_STORE },
	{ "allow", required_argument, NULL, LONG_ALLOW },
	{ "junit", required_argument, NULL, LONG_JUNIT },
	{ "markdown", required_argument, NULL, LONG_MARKDOWN },
	{ "json", no_argument, NULL, LONG_JSON },
	{ "update", no_argument, NULL, LONG_UPDATE },
	{ "output", required_argument, NULL, 'o' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* everything that is to be freed, and what the command line says */
struct job {
	const char *rules_file;
	const char *store_path;
	const char *junit;
	const char *markdown;
	const char *output;
	bool json;
	bool update;
	unsigned int allow;
	char **words;		/* BASE NEW... */
	struct rules rules;
	struct store *store;
	struct runs base;
	struct runs new;
	struct runs history;
	bool has_history;
	struct gate gate;
	struct gate_report report;
	char new_name[RUN_NAME];
};

static int bad(const char *what, const char *text)
{
	log_error("gate: %s '%s'", what, text);
	fprintf(stderr, "Try 'mmuscope gate --help'.\n");
	return -1;
}

static int parse_allow(const char *text, unsigned int *allow)
{
	char *copy = strdup(text), *save = NULL;
	int err = copy ? 0 : -1;

	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w && !err;
	     w = strtok_r(NULL, ",", &save)) {
		unsigned int d = DIFFERS_KERNEL;

		while (d <= DIFFERS_COMMAND && strcmp(w, difference_name((enum difference)d)))
			d <<= 1;
		if (d > DIFFERS_COMMAND)
			err = bad("--allow takes kernel, host, tier and command, not", w);
		*allow |= d;
	}
	free(copy);
	return err;
}

/* 0: go on; 1: help was printed; -1: bad usage was reported. */
static int parse(struct job *j, int argc, char **argv)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:vqh", longs, NULL)) != -1) {
		switch (c) {
		case LONG_RULES:
			j->rules_file = optarg;
			break;
		case LONG_STORE:
			j->store_path = optarg;
			break;
		case LONG_ALLOW:
			if (parse_allow(optarg, &j->allow))
				return -1;
			break;
		case LONG_JUNIT:
			j->junit = optarg;
			break;
		case LONG_MARKDOWN:
			j->markdown = optarg;
			break;
		case LONG_JSON:
			j->json = true;
			break;
		case LONG_UPDATE:
			j->update = true;
			break;
		case 'o':
			j->output = optarg;
			break;
		case 'v':
			log_level++;
			break;
		case 'q':
			log_level = LOG_QUIET;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case ':':
			return bad("missing argument after", argv[optind - 1]);
		default:
			return bad("unknown option", argv[optind - 1]);
		}
	}
	if (argc - optind < 2)
		return bad("BASE and NEW are needed; there is only", optind < argc ? argv[optind] : "");
	j->words = argv + optind;
	if (j->update && strchr(j->words[0], ','))
		return bad("--update needs one file, directory or tag as BASE, not", j->words[0]);
	return 0;
}

static char *read_all(const char *path, size_t *len)
{
	char *text = malloc(RULES_TEXT_MAX + 1);
	FILE *f = text ? fopen(path, "r") : NULL;

	if (!f) {
		log_error("cannot read the rules %s: %s", path, strerror(errno));
		free(text);
		return NULL;
	}
	*len = fread(text, 1, RULES_TEXT_MAX + 1, f);
	if (ferror(f)) {
		log_error("cannot read the rules %s: %s", path, strerror(errno));
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

static int read_rules(struct job *j)
{
	struct rules_error error;
	char *text = NULL;
	size_t len;
	int err;

	if (!j->rules_file)
		return rules_parse(rules_builtin, strlen(rules_builtin), &j->rules, &error);
	text = read_all(j->rules_file, &len);
	if (!text)
		return -1;
	err = rules_parse(text, len, &j->rules, &error);
	if (err)
		log_error("%s, line %zu, column %zu: %s", j->rules_file, error.line, error.column,
			  error.text);
	free(text);
	return err;
}

static size_t longest_history(const struct rules *rules)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n; i++)
		n = rules->list[i].last > n ? rules->list[i].last : n;
	return n;
}

static int open_store(struct job *j)
{
	bool needed;

	needed = longest_history(&j->rules) && (j->store_path || !access(store_default_path(), F_OK));
	for (char **w = j->words; *w; w++)
		needed |= words_need_store(*w);
	needed |= j->update && !strncmp(j->words[0], "tag:", 4);
	if (!j->store_path)
		j->store_path = store_default_path();
	if (!needed)
		return 0;
	j->store = store_open_or_say(j->store_path, j->update ? STORE_WRITE : STORE_READ);
	return j->store ? 0 : -1;
}

static int gather_runs(struct job *j)
{
	size_t len = 0;

	if (gather(&j->base, j->words[0], j->store, j->store_path))
		return -1;
	for (char **w = j->words + 1; *w; w++) {
		if (gather(&j->new, *w, j->store, j->store_path))
			return -1;
		if (len < sizeof(j->new_name))
			len += (size_t)snprintf(j->new_name + len, sizeof(j->new_name) - len,
						"%s%s", len ? " " : "", *w);
	}
	return 0;
}

/* A change that BASE has seen is accepted: the series begins with the oldest run of it. */
static void forget_before(struct runs *history, const struct runs *base)
{
	for (size_t i = 1; i < history->n; i++) {
		bool of_base = false;

		for (size_t k = 0; k < base->n; k++)
			of_base |= base->list[k].id && base->list[k].id == history->list[i].id;
		if (!of_base)
			continue;
		for (size_t k = 0; k < i; k++)
			run_free(&history->list[k]);
		history->n -= i;
		memmove(history->list, history->list + i, history->n * sizeof(*history->list));
		return;
	}
}

/* Runs of the store, and what is new and not yet in it. */
static int gather_past(struct job *j)
{
	size_t n = longest_history(&j->rules);
	int err;

	if (!n || !j->store)
		return 0;
	err = gather_history(&j->history, &j->new.list[0], j->allow, n, j->store, j->store_path);
	if (!err)
		forget_before(&j->history, &j->base);
	for (size_t i = 0; i < j->new.n && !err; i++) {
		struct run copy = j->new.list[i];

		if (copy.id)
			continue;
		err = samples_copy(&copy.samples, &j->new.list[i].samples) ||
				      !runs_add(&j->history, &copy)
			      ? -1
			      : 0;
	}
	j->has_history = true;
	return err;
}

static void allow(struct job *j, const struct run *a, const struct run *b, enum difference d)
{
	struct gate_report *r = &j->report;

	if (r->nallowed < ALLOWED_MAX)
		snprintf(r->allowed[r->nallowed++], ALLOWED_LEN,
			 "compared although the %s differs: %.110s and %.110s", difference_name(d),
			 run_trait(a, d), run_trait(b, d));
}

/* Is every run like the first?  EXIT_CANNOT after having said what is not. */
static int compare_origins(struct job *j)
{
	const struct run *first = &j->base.list[0];
	unsigned int told = 0;

	for (size_t i = 0; i < j->base.n + j->new.n; i++) {
		const struct run *run = i < j->base.n ? &j->base.list[i] : &j->new.list[i - j->base.n];
		unsigned int differs = run_differs(first, run);

		for (unsigned int d = DIFFERS_KERNEL; d <= DIFFERS_COMMAND; d <<= 1) {
			const char *name = difference_name((enum difference)d);

			if (!(differs & d) || (told & d))
				continue;
			if (!(j->allow & d)) {
				log_error("cannot compare %s with %s: the %s differs ('%s', '%s'); "
					  "to compare all the same, say --allow %s",
					  first->name, run->name, name,
					  run_trait(first, (enum difference)d),
					  run_trait(run, (enum difference)d), name);
				return EXIT_CANNOT;
			}
			allow(j, first, run, (enum difference)d);
			told |= d;
		}
	}
	return EXIT_OK;
}

typedef void (*sink_fn)(FILE *f, const struct gate_report *r);

static int write_one(const char *path, sink_fn sink, const struct gate_report *r)
{
	struct output *out = output_open(path);
	int err = 0;

	if (!out)
		return -1;
	if (sink)
		sink(output_file(out), r);
	else
		err = gate_json(output_file(out), r);
	return output_close(out) || err ? -1 : 0;
}

static int write_all(struct job *j)
{
	struct gate_report *r = &j->report;

	r->gate = &j->gate;
	r->base = &j->base;
	r->new = &j->new;
	r->base_name = j->words[0];
	r->new_name = j->new_name;
	r->rules_name = j->rules_file ? j->rules_file : "built-in";
	r->verbose = log_level >= LOG_VERBOSE;
	if (write_one(j->output, j->json ? NULL : gate_text, r))
		return -1;
	if (j->junit && write_one(j->junit, gate_junit, r))
		return -1;
	return j->markdown ? write_one(j->markdown, gate_markdown, r) : 0;
}

static bool any_violated(const struct runs *runs)
{
	for (size_t i = 0; i < runs->n; i++) {
		if (strcmp(runs->list[i].verdict, "VIOLATED"))
			continue;
		log_error("no baseline: an invariant is VIOLATED in %s; a baseline must be sound",
			  runs->list[i].name);
		return true;
	}
	return false;
}

static int update(struct job *j)
{
	if (any_violated(&j->new))
		return EXIT_VIOLATED;
	if (baseline_update(j->words[0], &j->new, j->store, j->store_path))
		return EXIT_FAILED;
	log_note("%s is the baseline now", j->new_name);
	return EXIT_OK;
}

static int run_gate(struct job *j)
{
	static const int exits[] = { EXIT_OK, EXIT_VIOLATED, EXIT_INCONCLUSIVE };
	int err;

	if (read_rules(j) || open_store(j) || gather_runs(j))
		return EXIT_FAILED;
	err = compare_origins(j);
	if (err)
		return err;
	if (gather_past(j))
		return EXIT_FAILED;
	gate_judge(&j->rules, &j->base, &j->new, j->has_history ? &j->history : NULL, &j->gate);
	if (write_all(j))
		return EXIT_FAILED;
	return j->update ? update(j) : exits[j->gate.value];
}

int cmd_gate(int argc, char **argv)
{
	struct job *j = calloc(1, sizeof(*j));
	int err;

	if (!j) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	err = parse(j, argc, argv);
	if (err)
		err = err > 0 ? EXIT_OK : EXIT_FAILED;
	else
		err = run_gate(j);
	runs_free(&j->base);
	runs_free(&j->new);
	runs_free(&j->history);
	store_close(j->store);
	free(j);
	return err;
}
