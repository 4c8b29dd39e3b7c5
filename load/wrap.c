// SPDX-License-Identifier: GPL-2.0-only
/*
 * Word wrap for the terminal.
 */
#include "wrap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 79

void wrap_print(const char *label, size_t indent, const char *text)
{
	size_t at = strlen(label);

	fputs(label, stdout);
	if (at < indent) {
		printf("%*s", (int)(indent - at), "");
		at = indent;
	} else {
		putchar(' ');
		at++;
	}

	size_t start = at;

	for (;;) {
		text += strspn(text, " ");

		size_t len = strcspn(text, " ");

		if (!len)
			break;
		if (at > start && at + 1 + len > COLUMNS) {
			printf("\n%*s", (int)indent, "");
			at = start = indent;
		}
		if (at > start) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, text);
		at += len;
		text += len;
	}
	putchar('\n');
}

void wrap_add(char *text, size_t size, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + used, size - used, fmt, ap);
	va_end(ap);
}
