// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report as one HTML page.  The page is user/report/page/ with uPlot, put together by the Makefile; here
 * its two marks are replaced: by the data, and by the text report for those without scripts.
 */
#include "forms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* made by the Makefile; a syntax check knows no paths */
#ifndef REPORT_PAGE
#define REPORT_PAGE "build/page.html"
#endif

extern const char page_start[], page_end[];

__asm__(".section .rodata\n"
	".global page_start\n"
	".global page_end\n"
	"page_start:\n"
	".incbin \"" REPORT_PAGE "\"\n"
	"page_end:\n"
	".byte 0\n"
	".previous\n");

static const char mark_data[] = "@MMUSCOPE-DATA@";
static const char mark_text[] = "@MMUSCOPE-TEXT@";

/* JSON within <script>: '<' ends it, and occurs in strings only, where it can be written otherwise. */
static int write_json(const char *text, size_t n, void *arg)
{
	FILE *f = arg;

	for (size_t i = 0; i < n; i++)
		if (strchr("<>&", text[i]) && text[i])
			fprintf(f, "\\u%04x", (unsigned int)text[i]);
		else
			fputc(text[i], f);
	return ferror(f) ? -1 : 0;
}

static void write_escaped(FILE *f, const char *text)
{
	for (; *text; text++)
		if (strchr("<>&\"'", *text))
			fprintf(f, "&#%d;", *text);
		else
			fputc(*text, f);
}

static int write_text(FILE *f, struct digest *d, const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *m = open_memstream(&text, &size);
	int err = m ? report_text(m, d, name) : -ENOMEM;

	if (m && fclose(m))
		err = -ENOMEM;
	if (!err)
		write_escaped(f, text);
	free(text);
	return err;
}

static int write_data(FILE *f, struct digest *d, const char *name)
{
	json_t *o = report_object(d, name);
	int err = o ? json_dump_callback(o, write_json, f, JSON_COMPACT | JSON_PRESERVE_ORDER |
					 JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)) : -1;

	json_decref(o);
	return !o ? -ENOMEM : err ? -EIO : 0;
}

int report_html(FILE *f, struct digest *d, const char *name)
{
	size_t size = (size_t)(page_end - page_start);
	const char *data = memmem(page_start, size, mark_data, strlen(mark_data));
	const char *text = memmem(page_start, size, mark_text, strlen(mark_text)), *rest;
	int err;

	if (!data || !text || data < text)
		return -EINVAL;
	fwrite(page_start, 1, (size_t)(text - page_start), f);
	err = write_text(f, d, name);
	rest = text + strlen(mark_text);
	fwrite(rest, 1, (size_t)(data - rest), f);
	if (!err)
		err = write_data(f, d, name);
	rest = data + strlen(mark_data);
	fwrite(rest, 1, (size_t)(page_end - rest), f);
	return err;
}
