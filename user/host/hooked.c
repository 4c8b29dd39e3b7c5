// SPDX-License-Identifier: GPL-2.0-only
/*
 * fentry and fexit programs are called from where ftrace has patched a function.  On 6.18 and 7.3 an
 * fentry on kvm_mmu_notifier_invalidate_range_end() attaches without an error, but the function is not
 * patched and the program never runs; this list is where that shows.
 */
#include "hooked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hooked {
	char *text;		/* the whole file: a function at the start of each line */
};

static FILE *open_list(void)
{
	FILE *f = fopen("/sys/kernel/tracing/enabled_functions", "r");

	return f ? f : fopen("/sys/kernel/debug/tracing/enabled_functions", "r");
}

struct hooked *hooked_read(void)
{
	FILE *f = open_list();
	struct hooked *h = f ? calloc(1, sizeof(*h)) : NULL;
	size_t size = 0;

	/* the file has no NUL byte: this reads all of it */
	if (h && getdelim(&h->text, &size, '\0', f) < 0) {
		hooked_free(h);
		h = NULL;
	}
	if (f)
		fclose(f);
	return h;
}

bool hooked_has(const struct hooked *h, const char *function)
{
	size_t len = strlen(function);

	if (!h)
		return true;
	for (const char *line = h->text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, function, len) && (line[len] == ' ' || line[len] == '\n'))
			return true;
	}
	return false;
}

void hooked_free(struct hooked *h)
{
	if (!h)
		return;
	free(h->text);
	free(h);
}
