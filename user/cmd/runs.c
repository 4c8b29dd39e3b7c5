// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope runs: what is in the run store, and what is to be in it.
 */
#include "commands.h"
#include "user/gate/gather.h"
#include "user/base/log.h"
#include "options.h"
#include "user/base/reason.h"
#include "user/sink/report.h"
#include "user/sink/runs.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
"Usage: mmuscope runs [OPTION]... list\n"
"       mmuscope runs [OPTION]... show RUN\n"
"       mmuscope runs [OPTION]... add REPORT.json...\n"
"       mmuscope runs [OPTION]... tag NAME RUN...\n"
"       mmuscope runs [OPTION]... delete RUN...\n"
"\n"
"Keep runs with all their numbers in a file, for baselines and history: 'mmuscope\n"
"gate' compares them.  RUN is the number of a run or tag:NAME, all runs with that\n"
"tag.  A run has one tag; the tag '' takes it off.\n"
"\n"
"      --store FILE    the run store (MMUSCOPE_STORE, else runs.db)\n"
"      --tag NAME      give what is added this tag\n"
"      --json          list and show: machine-readable\n"
"  -o, --output FILE   write to FILE\n"
"  -v, -q              say more; errors only\n"
"  -h, --help          this text\n"
"\n"
"Exit status: 0 done, 1 error.\n";

enum { LONG_STORE = 256, LONG_TAG, LONG_JSON };

static const struct option longs[] = {
	{ "store", required_argument, NULL, LONG_STORE },
	{ "tag", required_argument, NULL, LONG_TAG },
	{ "json", no_argument, NULL, LONG_JSON },
	{ "output", required_argument, NULL, 'o' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct job {
	const char *path;
	const char *tag;
	const char *output;
	bool json;
	char **words;		/* after the verb */
	int nwords;
	struct store *store;
};

static int bad(const char *what, const char *text)
{
	log_error("runs: %s '%s'", what, text);
	fprintf(stderr, "Try 'mmuscope runs --help'.\n");
	return -1;
}

static int failed(const struct job *j)
{
	log_error("run store %s: %s", j->path, store_why(j->store));
	return EXIT_FAILED;
}

/* "12", "run:12" or "tag:NAME" to ids; free() them.  0, or -1 after having reported the reason. */
static int find(struct job *j, const char *word, int64_t **ids, size_t *n)
{
	uint64_t id;

	if (!strncmp(word, "tag:", 4)) {
		if (!word[4])
			return bad("no tag in", word);
		if (!store_find(j->store, word + 4, ids, n))
			return 0;
		failed(j);
		return -1;
	}
	if (parse_number(strncmp(word, "run:", 4) ? word : word + 4, 1, INT64_MAX, &id))
		return bad("neither a run's number nor tag:NAME:", word);
	*ids = malloc(sizeof(**ids));
	if (!*ids)
		return bad("out of memory at", word);
	**ids = (int64_t)id;
	*n = 1;
	return 0;
}

static int add_to_list(const struct run *r, void *arg)
{
	return runs_add(arg, r) ? 0 : -ENOMEM;
}

static int list(struct job *j)
{
	struct runs runs = { 0 };
	struct output *out;
	int err = store_list(j->store, NULL, add_to_list, &runs);

	if (err)
		return err == -ENOMEM ? EXIT_FAILED : failed(j);
	out = output_open(j->output);
	if (out && j->json)
		err = runs_json(output_file(out), &runs);
	else if (out)
		runs_text(output_file(out), &runs);
	if (!out || output_close(out) || err)
		err = EXIT_FAILED;
	runs_free(&runs);
	return err;
}

static int show(struct job *j)
{
	struct runs runs = { 0 };
	struct output *out = NULL;
	int64_t *ids = NULL;
	size_t n;
	int err = find(j, j->words[0], &ids, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct run run;

		err = store_read(j->store, ids[i], &run);
		if (err)
			failed(j);
		else if (!runs_add(&runs, &run))
			err = -1;
	}
	free(ids);
	if (!err)
		out = output_open(j->output);
	for (size_t i = 0; out && !j->json && i < runs.n; i++)
		run_text(output_file(out), &runs.list[i]);
	if (out && j->json)
		err = runs_json(output_file(out), &runs);
	if (!out || output_close(out) || err)
		err = EXIT_FAILED;
	runs_free(&runs);
	return err;
}

static int add(struct job *j)
{
	int err = 0;

	for (int i = 0; i < j->nwords && !err; i++) {
		struct run run;

		if (run_from_file(&run, j->words[i]))
			return EXIT_FAILED;
		if (j->tag)
			snprintf(run.tag, sizeof(run.tag), "%s", j->tag);
		err = store_add(j->store, &run);
		if (err == -EEXIST) {
			log_note("%s is run %lld already", j->words[i], (long long)run.id);
			err = j->tag ? store_tag(j->store, run.id, j->tag) : 0;
		} else if (!err) {
			log_note("%s is run %lld", j->words[i], (long long)run.id);
		}
		run_free(&run);
	}
	return err ? failed(j) : EXIT_OK;
}

/* Do something to every run that is named; all of it or nothing. */
static int for_all(struct job *j, char **words, int nwords, int (*fn)(struct job *j, int64_t id))
{
	int err = store_begin(j->store);

	if (err)
		return failed(j);
	for (int i = 0; i < nwords && !err; i++) {
		int64_t *ids;
		size_t n;

		err = find(j, words[i], &ids, &n);
		if (err)
			break;
		for (size_t k = 0; k < n && !err; k++) {
			err = fn(j, ids[k]);
			if (err)
				failed(j);
		}
		free(ids);
	}
	if (err) {
		store_rollback(j->store);
		return EXIT_FAILED;
	}
	return store_commit(j->store) ? failed(j) : EXIT_OK;
}

static int tag_one(struct job *j, int64_t id)
{
	return store_tag(j->store, id, j->words[0]);
}

static int delete_one(struct job *j, int64_t id)
{
	return store_delete(j->store, id);
}

static int tag(struct job *j)
{
	if (strchr(j->words[0], ',') || strlen(j->words[0]) >= RUN_TEXT) {
		bad("a tag is short and has no comma, unlike", j->words[0]);
		return EXIT_FAILED;
	}
	return for_all(j, j->words + 1, j->nwords - 1, tag_one);
}

static int delete(struct job *j)
{
	return for_all(j, j->words, j->nwords, delete_one);
}

static const struct verb {
	const char *name;
	int (*run)(struct job *j);
	enum store_mode mode;
	int least;		/* words that it needs */
	int most;
} verbs[] = {
	{ "list", list, STORE_READ, 0, 0 },
	{ "show", show, STORE_READ, 1, 1 },
	{ "add", add, STORE_CREATE, 1, INT32_MAX },
	{ "tag", tag, STORE_WRITE, 2, INT32_MAX },
	{ "delete", delete, STORE_WRITE, 1, INT32_MAX },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* 0: go on; 1: help was printed; -1: bad usage was reported. */
static int parse(struct job *j, int argc, char **argv)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:vqh", longs, NULL)) != -1) {
		switch (c) {
		case LONG_STORE:
			j->path = optarg;
			break;
		case LONG_TAG:
			if (strchr(optarg, ',') || strlen(optarg) >= RUN_TEXT)
				return bad("a tag is short and has no comma, unlike", optarg);
			j->tag = optarg;
			break;
		case LONG_JSON:
			j->json = true;
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
	j->words = argv + optind;
	j->nwords = argc - optind;
	return 0;
}

int cmd_runs(int argc, char **argv)
{
	struct job j = { .path = store_default_path() };
	int err = parse(&j, argc, argv);
	const struct verb *verb;

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	verb = j.nwords ? find_verb(j.words[0]) : NULL;
	if (!verb) {
		bad("list, show, add, tag or delete is needed, not", j.nwords ? j.words[0] : "");
		return EXIT_FAILED;
	}
	j.words++;
	j.nwords--;
	if (j.nwords < verb->least || j.nwords > verb->most) {
		bad(j.nwords < verb->least ? "too few words after" : "too many words after",
		    verb->name);
		return EXIT_FAILED;
	}
	j.store = store_open_or_say(j.path, verb->mode);
	if (!j.store)
		return EXIT_FAILED;
	err = verb->run(&j);
	store_close(j.store);
	return err;
}
