/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks for news in samples, one gathering after the other: verdicts that change, violations nobody has told
 * of, another tier.  News go to the journal and to stderr.
 */
#ifndef MMUSCOPE_WATCHER_H
#define MMUSCOPE_WATCHER_H

#include "user/metrics/metrics.h"

struct journal;
struct watcher;

/* NULL: out of memory. */
struct watcher *watcher_new(struct journal *j);
void watcher_free(struct watcher *w);
/* s: sorted; now_ns: CLOCK_MONOTONIC. */
void watcher_look(struct watcher *w, const struct samples *s, uint64_t now_ns);

#endif /* MMUSCOPE_WATCHER_H */
