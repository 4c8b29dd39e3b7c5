/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Talk to the person: stderr only, by level.  stdout is for data.
 */
#ifndef MMUSCOPE_LOG_H
#define MMUSCOPE_LOG_H

enum log_level {
	LOG_QUIET = -1,		/* -q: errors only */
	LOG_NORMAL,
	LOG_VERBOSE,		/* -v: what we do, and libbpf's warnings */
	LOG_DEBUG,		/* -vv: everything libbpf says */
};

extern int log_level;

/* Always printed, prefixed with the program's name. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Printed unless -q. */
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Printed with -v. */
void log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Pass libbpf's messages on, one level quieter than it thinks. */
void log_attach_libbpf(void);

#endif /* MMUSCOPE_LOG_H */
