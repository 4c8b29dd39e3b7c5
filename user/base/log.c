// SPDX-License-Identifier: GPL-2.0-only
/*
 * The logger.
 */
#include "log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>

int log_level = LOG_NORMAL;

static void say(const char *fmt, va_list ap)
{
	fputs("mmuscope: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void log_note(const char *fmt, ...)
{
	va_list ap;

	if (log_level < LOG_NORMAL)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void log_verbose(const char *fmt, ...)
{
	va_list ap;

	if (log_level < LOG_VERBOSE)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

static int libbpf_says(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (log_level < LOG_VERBOSE || (level != LIBBPF_WARN && log_level < LOG_DEBUG))
		return 0;
	return vfprintf(stderr, fmt, ap);
}

void log_attach_libbpf(void)
{
	libbpf_set_print(libbpf_says);
}
