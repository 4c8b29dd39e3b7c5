/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries for the systemd journal, with fields that can be searched for; a host in trouble does not flood it.
 * The message ids are explained in packaging/mmuscope.catalog.
 */
#ifndef MMUSCOPE_JOURNAL_H
#define MMUSCOPE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum journal_kind {
	JOURNAL_VIOLATION,	/* an invariant was broken */
	JOURNAL_VERDICT,	/* a verdict is another one than before */
	JOURNAL_TIER,		/* how hooks are attached, at the start and when it changes */
	JOURNAL_KINDS,
};

enum {
	JOURNAL_FIELDS = 16,
	JOURNAL_FIELD_LEN = 512,
	JOURNAL_BURST = 10,	/* entries of a kind in JOURNAL_SECONDS */
	JOURNAL_SECONDS = 60,
};

struct journal_entry {
	size_t n;
	char field[JOURNAL_FIELDS][JOURNAL_FIELD_LEN];	/* NAME=value */
};

struct journal_totals {
	uint64_t sent;
	uint64_t suppressed;
	uint64_t failed;
};

struct journal;

/* sd_journal_sendv: 0 or negative errno. */
typedef int journal_send_fn(const struct iovec *iov, int n);

/* send NULL: entries are dropped without being counted.  NULL: out of memory. */
struct journal *journal_new(journal_send_fn *send);
void journal_free(struct journal *j);
/* Add a field NAME=value; one that does not fit is cut off, one too many is left out. */
void journal_field(struct journal_entry *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Send an entry; message: its text, which is said on stderr, too, unless the journal hears that.  Beyond
 * the limit of its kind it is counted instead, and the next one says how many there were.  now_ns:
 * CLOCK_MONOTONIC.
 */
void journal_send(struct journal *j, enum journal_kind kind, struct journal_entry *e, const char *message,
		  uint64_t now_ns);
const struct journal_totals *journal_totals(const struct journal *j);

#endif /* MMUSCOPE_JOURNAL_H */
