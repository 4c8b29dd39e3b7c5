/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers as people read them.  The caller gives the buffer.
 */
#ifndef MMUSCOPE_FORMAT_H
#define MMUSCOPE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { FORMAT_LEN = 32 };

/* 1234567 as "1,234,567" */
const char *format_count(char buf[FORMAT_LEN], int64_t n);
/* "16.0 MiB" */
const char *format_bytes(char buf[FORMAT_LEN], int64_t bytes);
/* "1.5 ms" */
const char *format_ns(char buf[FORMAT_LEN], uint64_t ns);
/* n as a part of `of`, rounded down: "100%" is all of it */
const char *format_percent(char buf[FORMAT_LEN], uint64_t n, uint64_t of);
/* The same in at most 7 columns: "999,999", "1.2M"; "1.5ms" */
const char *format_short(char buf[FORMAT_LEN], uint64_t n);
const char *format_short_ns(char buf[FORMAT_LEN], uint64_t ns);
/*
 * A task's name of at most len bytes.  Anybody may give his task any bytes as name: what is not
 * printable ASCII becomes '?', so that it neither reaches a terminal nor makes JSON invalid.
 */
const char *format_comm(char buf[FORMAT_LEN], const char *comm, size_t len);

#endif /* MMUSCOPE_FORMAT_H */
