// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs from wherever the user keeps them.
 */
#include "gather.h"
#include "user/base/log.h"
#include "user/cmd/options.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *store_default_path(void)
{
	const char *path = getenv("MMUSCOPE_STORE");

	return path && *path ? path : "runs.db";
}

struct store *store_open_or_say(const char *path, enum store_mode mode)
{
	struct store *s;
	char why[STORE_WHY];

	if (store_open(path, mode, &s, why))
		log_error("run store %s: %s", path, why);
	return s;
}

static bool in_store(const char *word)
{
	return !strncmp(word, "tag:", 4) || !strncmp(word, "run:", 4);
}

bool words_need_store(const char *words)
{
	for (const char *p = words; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (in_store(p))
			return true;
	}
	return false;
}

bool runs_add(struct runs *runs, const struct run *run)
{
	struct run *list = reallocarray(runs->list, runs->n + 1, sizeof(*list)), copy = *run;

	if (!list) {
		log_error("out of memory");
		run_free(&copy);
		return false;
	}
	runs->list = list;
	runs->list[runs->n++] = copy;
	return true;
}

void runs_free(struct runs *runs)
{
	for (size_t i = 0; i < runs->n; i++)
		run_free(&runs->list[i]);
	free(runs->list);
	*runs = (struct runs){ 0 };
}

static int add_file(struct runs *out, const char *path)
{
	struct run *run = malloc(sizeof(*run));
	int err = run ? run_from_file(run, path) : -1;

	if (!err && !runs_add(out, run))
		err = -1;
	free(run);
	return err;
}

static int is_report(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 && !strcmp(d->d_name + len - 5, ".json");
}

static int add_directory(struct runs *out, const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, is_report, versionsort), err = 0;
	char file[4096];

	if (n < 0) {
		log_error("cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	if (!n) {
		log_error("%s has no *.json: it is to hold reports of 'mmuscope check --json'", path);
		err = -1;
	}
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (!err)
			err = add_file(out, file);
		free(names[i]);
	}
	free(names);
	return err;
}

static int add_stored(struct runs *out, int64_t id, struct store *store, const char *store_path)
{
	struct run *run = malloc(sizeof(*run));
	int err = run ? store_read(store, id, run) : -ENOMEM;

	if (err)
		log_error("run store %s: %s", store_path, run ? store_why(store) : "out of memory");
	else if (!runs_add(out, run))
		err = -1;
	free(run);
	return err ? -1 : 0;
}

static int add_tag(struct runs *out, const char *tag, struct store *store, const char *store_path)
{
	int64_t *ids;
	size_t n;
	int err = 0;

	if (!*tag) {
		log_error("no tag after 'tag:'; 'mmuscope runs list' shows them");
		return -1;
	}
	if (store_find(store, tag, &ids, &n)) {
		log_error("run store %s: %s", store_path, store_why(store));
		return -1;
	}
	for (size_t i = 0; i < n && !err; i++)
		err = add_stored(out, ids[i], store, store_path);
	free(ids);
	return err;
}

static int add_word(struct runs *out, const char *word, struct store *store, const char *store_path)
{
	struct stat st;
	uint64_t id;

	if (!strncmp(word, "tag:", 4))
		return add_tag(out, word + 4, store, store_path);
	if (!strncmp(word, "run:", 4)) {
		if (!parse_number(word + 4, 1, INT64_MAX, &id))
			return add_stored(out, (int64_t)id, store, store_path);
		log_error("'%s': after 'run:' there is the number of a run; 'mmuscope runs list' "
			  "shows them",
			  word);
		return -1;
	}
	if (!stat(word, &st) && S_ISDIR(st.st_mode))
		return add_directory(out, word);
	return add_file(out, word);
}

int gather(struct runs *out, const char *words, struct store *store, const char *store_path)
{
	char *copy = strdup(words), *save = NULL;
	size_t before = out->n;
	int err = copy ? 0 : -1;

	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w && !err;
	     w = strtok_r(NULL, ",", &save))
		err = add_word(out, w, store, store_path);
	free(copy);
	if (!err && out->n == before) {
		log_error("'%s' names no run", words);
		err = -1;
	}
	return err;
}

struct like {
	const struct run *run;
	unsigned int allowed;
	int64_t *ids;
	size_t n;
};

static int remember_like(const struct run *r, void *arg)
{
	struct like *l = arg;
	int64_t *ids;

	if (run_differs(r, l->run) & ~l->allowed)
		return 0;
	ids = reallocarray(l->ids, l->n + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	l->ids = ids;
	l->ids[l->n++] = r->id;
	return 0;
}

int gather_history(struct runs *out, const struct run *like, unsigned int allowed, size_t n,
		   struct store *store, const char *store_path)
{
	struct like l = { .run = like, .allowed = allowed };
	int err = store_list(store, NULL, remember_like, &l);

	if (err)
		log_error("run store %s: %s", store_path,
			  err == -ENOMEM ? "out of memory" : store_why(store));
	for (size_t i = l.n > n ? l.n - n : 0; i < l.n && !err; i++)
		err = add_stored(out, l.ids[i], store, store_path);
	free(l.ids);
	return err ? -1 : 0;
}
