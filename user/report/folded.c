// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows as folded stacks, outermost function first, for any flame graph program: cause;...;function n.
 * Their order is that of the text, so that two recordings can be compared by diff.
 */
#include "forms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 64 };

struct line {
	char *text;
	uint64_t windows;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

/* A function without its offset, and without what would part it. */
static void frame(FILE *f, const char *text, size_t len)
{
	fputc(';', f);
	for (size_t i = 0; i < len && text[i] != '+'; i++)
		fputc(text[i] == ';' || text[i] == ' ' ? '_' : text[i], f);
}

static char *fold_text(const struct digest *d, const struct fold *k)
{
	const char *stack = digest_stack(d, (uint32_t)(k->key - 1)), *at[FRAMES_MAX];
	size_t len[FRAMES_MAX], n = 0, size;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (const char *p = stack; *p && n < FRAMES_MAX; p += strspn(p, "\n")) {
		at[n] = p;
		len[n] = strcspn(p, "\n");
		p += len[n++];
	}
	fputs(cause_name((enum cause_id)((k->key - 1) >> 32)), f);
	if (!n)
		fputs(";(stack not recorded)", f);
	while (n--)
		frame(f, at[n], len[n]);
	fclose(f);
	return text;
}

static size_t make_lines(const struct digest *d, struct line *lines)
{
	size_t n = 0;

	for (size_t i = 0; i < d->folds_size; i++) {
		if (!d->folds[i].key)
			continue;
		lines[n].text = fold_text(d, &d->folds[i]);
		lines[n].windows = d->folds[i].windows;
		if (!lines[n++].text)
			break;
	}
	return n;
}

int report_folded(FILE *f, struct digest *d, const char *name)
{
	struct line *lines = calloc(d->nfolds + 1, sizeof(*lines));
	size_t n;
	bool all;

	(void)name;
	if (!lines)
		return -ENOMEM;
	n = make_lines(d, lines);
	all = n == d->nfolds && (!n || lines[n - 1].text);
	for (size_t i = 0; i < d->nwarnings; i++)
		fprintf(f, "# %s.\n", d->warnings[i]);
	if (all)
		qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; all && i < n; i++) {
		uint64_t windows = lines[i].windows;

		/* stacks that differ in offsets only */
		while (i + 1 < n && !strcmp(lines[i].text, lines[i + 1].text))
			windows += lines[++i].windows;
		fprintf(f, "%s %" PRIu64 "\n", lines[i].text, windows);
	}
	for (size_t i = 0; i < n; i++)
		free(lines[i].text);
	free(lines);
	return all ? 0 : -ENOMEM;
}
