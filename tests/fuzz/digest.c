// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the records of a recording, told in each form of mmuscope report.  The first eight bytes are
 * the options.  Whatever is in them, no form of text has a byte that is not printable, and JSON is JSON.
 */
#include "lib/forge.h"

#include "user/base/log.h"
#include "user/report/forms.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS = 8 };

typedef int report_fn(FILE *f, struct digest *d, const char *name);

static const struct {
	report_fn *write;
	bool is_text;
} forms[] = {
	{ report_text, true }, { report_lkml, true }, { report_folded, true }, { report_csv, true },
	{ report_json, true }, { report_perfetto, false }, { report_html, false },
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_printable(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		require(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
}

static void report(struct digest *d, size_t form)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	require(f);
	require(!forms[form].write(f, d, "x.mms"));
	require(!fclose(f));
	if (forms[form].is_text)
		require_printable(text, n);
	if (forms[form].write == report_json) {
		json_t *o = json_loadb(text, n, 0, NULL);

		require(json_is_object(o));
		json_decref(o);
	}
	free(text);
}

static void require_sums(const struct digest *d)
{
	uint64_t windows = 0, in_bins = 0;

	for (int c = 0; c < CAUSE_NR; c++)
		windows += d->causes[c].windows;
	for (size_t i = 0; i < d->bins.n; i++)
		for (int c = 0; c < CAUSE_NR; c++)
			in_bins += d->bins.cells[i][c].windows;
	require(windows == d->types[RECORD_WINDOW] && in_bins == windows);
	require(d->bins.n <= DIGEST_BINS && d->npoints <= DIGEST_POINTS + 1 && d->nvms <= DIGEST_VMS);
	require(!digest_is_complete(d) || recording_is_lossless(&d->health));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest *d;
	char path[32];
	int fd;

	if (size < OPTIONS)
		return 0;
	log_level = LOG_QUIET;
	/* records begin at multiples of 8 */
	fd = forge_recording(data + OPTIONS, (size - OPTIONS) & ~(size_t)7);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	require(!digest_read(path, &d));
	require_sums(d);
	report(d, data[0] % FORMS);
	digest_free(d);
	close(fd);
	return 0;
}
