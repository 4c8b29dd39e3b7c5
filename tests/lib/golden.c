// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing texts with those of tests/golden, and reading JSON back.
 */
#include "lib/golden.h"
#include "unit/unit.h"
#include "user/sink/report.h"

enum { TEXT_MAX = 1 << 18 };

static void golden_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f)
		fail_msg("cannot write %s: run from the top of the tree", path);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

void golden_compare(const char *name, const char *text)
{
	static char want[TEXT_MAX];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (getenv("UPDATE_GOLDEN"))
		golden_write(path, text);
	f = fopen(path, "r");
	if (!f)
		fail_msg("cannot read %s: run from the top of the tree", path);
	want[fread(want, 1, sizeof(want) - 1, f)] = '\0';
	fclose(f);
	if (strcmp(want, text)) {
		fprintf(stderr, "%s", text);
		fail_msg("differs from %s", path);
	}
}

void fits_80_columns(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > 80)
			fail_msg("%zu columns: %.*s", len, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* What a sink prints. */
static const char *printed(void (*sink)(FILE *, const struct report *), const struct report *r)
{
	static char text[TEXT_MAX];
	FILE *f = fmemopen(text, sizeof(text), "w");

	assert_non_null(f);
	sink(f, r);
	assert_int_equal(fclose(f), 0);
	return text;
}

void golden_report(const char *name, void (*sink)(FILE *, const struct report *), const struct report *r)
{
	const char *text = printed(sink, r);

	fits_80_columns(text);
	golden_compare(name, text);
}

static void json_sink(FILE *f, const struct report *r)
{
	assert_int_equal(json_report(f, r), 0);
}

json_t *json_read_back(const struct report *r)
{
	json_error_t error;
	json_t *o = json_loads(printed(json_sink, r), JSON_REJECT_DUPLICATES, &error);

	if (!o)
		fail_msg("line %d: %s", error.line, error.text);
	return o;
}
