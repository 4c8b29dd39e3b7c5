// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing texts with those of tests/golden.
 */
#include "lib/golden.h"
#include "unit/unit.h"

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
