// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: any text as a report that is put into a run store, and read back.  What comes out is
 * what went in, and the store stays sound.
 */
#include "user/store/store.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_same(const struct sample *a, const struct sample *b)
{
	require(a->metric == b->metric);
	require(a->value == b->value);
	require(!a->hist == !b->hist);
	require(!a->hist || !memcmp(a->hist->bucket, b->hist->bucket, sizeof(a->hist->bucket)));
	for (int i = 0; i < METRIC_LABELS && a->label[i]; i++)
		require(b->label[i] && !strcmp(a->label[i], b->label[i]));
}

static void require_same_run(const struct run *a, const struct run *b)
{
	require(!strcmp(a->kernel, b->kernel) && !strcmp(a->host, b->host));
	require(!strcmp(a->workload, b->workload) && !strcmp(a->verdict, b->verdict));
	require(a->samples.n == b->samples.n);
	for (size_t i = 0; i < a->samples.n; i++)
		require_same(&a->samples.list[i], &b->samples.list[i]);
}

/* A store in memory: 0 runs before, 1 after, and none again. */
static void store_and_read(struct run *r)
{
	char why[STORE_WHY];
	struct store *s;
	struct run back;
	int64_t *ids;
	size_t n;

	require(!store_open(":memory:", STORE_CREATE, &s, why));
	require(!store_add(s, r));
	require(!store_read(s, r->id, &back));
	require_same_run(r, &back);
	run_free(&back);
	require(store_add(s, r) == (r->digest ? -EEXIST : 0));
	require(!store_find(s, r->tag, &ids, &n));
	require(n == 1 && ids[0] == r->id);
	free(ids);
	require(!store_check(s));
	require(!store_delete(s, r->id));
	require(store_read(s, r->id, &back) == -ENOENT);
	store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *report = json_loadb((const char *)data, size, 0, NULL);
	struct run r = { .name = "fuzz" };
	char why[256] = "";
	int err;

	if (!report)
		return 0;
	err = run_from_json(&r, report, why, sizeof(why));
	json_decref(report);
	require(!err || (err == -EINVAL && *why));
	if (!err)
		store_and_read(&r);
	run_free(&r);
	return 0;
}
