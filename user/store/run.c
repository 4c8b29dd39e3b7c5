// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run out of its JSON report.
 */
#include "run.h"
#include "user/base/log.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Text of a member, or "" */
static void text_of(char *out, size_t size, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	snprintf(out, size, "%s", text ? text : "");
}

static void join_words(char *out, size_t size, const json_t *list)
{
	size_t i, len = 0;
	json_t *word;

	*out = '\0';
	json_array_foreach(list, i, word)
		if (len < size && json_is_string(word))
			len += (size_t)snprintf(out + len, size - len, "%s%s", i ? " " : "",
						json_string_value(word));
}

/* FNV-1a of the report in one fixed form: tells whether it is the same one. */
static uint64_t digest_of(const json_t *report)
{
	char *text = json_dumps(report, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (const char *p = text ? text : ""; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3ULL;
	if (!text)
		return 0;
	free(text);
	return hash;
}

int run_from_json(struct run *r, const json_t *report, char *why, size_t size)
{
	const json_t *host = json_object_get(report, "host");
	int err = metrics_from_json(report, &r->samples, why, size);

	if (err)
		return err;
	r->digest = digest_of(report);
	text_of(r->kernel, sizeof(r->kernel), host, "kernel");
	text_of(r->machine, sizeof(r->machine), host, "machine");
	text_of(r->host, sizeof(r->host), host, "name");
	text_of(r->command, sizeof(r->command), report, "command");
	text_of(r->tier, sizeof(r->tier), report, "tier");
	text_of(r->version, sizeof(r->version), report, "mmuscope");
	text_of(r->verdict, sizeof(r->verdict), report, "verdict");
	join_words(r->workload, sizeof(r->workload), json_object_get(report, "workload"));
	return 0;
}

int run_from_file(struct run *r, const char *path)
{
	char why[256];
	json_error_t error;
	struct stat st;
	json_t *report;
	int err;

	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", path);
	if (stat(path, &st)) {
		log_error("cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	r->time = st.st_mtime;
	report = json_load_file(path, 0, &error);
	if (!report) {
		log_error("cannot read %s: %s (line %d); it is to be a report of 'mmuscope check "
			  "--json'",
			  path, error.text, error.line);
		return -1;
	}
	err = run_from_json(r, report, why, sizeof(why));
	json_decref(report);
	if (err) {
		log_error("cannot use %s: %s", path, err == -ENOMEM ? strerror(ENOMEM) : why);
		run_free(r);
	}
	return err ? -1 : 0;
}

void run_free(struct run *r)
{
	samples_free(&r->samples);
}

unsigned int run_differs(const struct run *a, const struct run *b)
{
	unsigned int d = 0;

	if (strcmp(a->kernel, b->kernel))
		d |= DIFFERS_KERNEL;
	if (strcmp(a->machine, b->machine) || strcmp(a->host, b->host))
		d |= DIFFERS_HOST;
	if (strcmp(a->tier, b->tier))
		d |= DIFFERS_TIER;
	if (strcmp(a->command, b->command) || strcmp(a->workload, b->workload))
		d |= DIFFERS_COMMAND;
	return d;
}

const char *difference_name(enum difference d)
{
	switch (d) {
	case DIFFERS_KERNEL:
		return "kernel";
	case DIFFERS_HOST:
		return "host";
	case DIFFERS_TIER:
		return "tier";
	default:
		return "command";
	}
}

const char *run_trait(const struct run *r, enum difference d)
{
	switch (d) {
	case DIFFERS_KERNEL:
		return r->kernel;
	case DIFFERS_HOST:
		return *r->host ? r->host : r->machine;
	case DIFFERS_TIER:
		return r->tier;
	default:
		return *r->workload ? r->workload : r->command;
	}
}
