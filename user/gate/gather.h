/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From words of a command line to runs: report files, directories of them, tags and numbers of the
 * run store.
 */
#ifndef MMUSCOPE_GATHER_H
#define MMUSCOPE_GATHER_H

#include "gate.h"
#include "user/store/store.h"

/* MMUSCOPE_STORE, or runs.db in the working directory. */
const char *store_default_path(void);
/* Open; NULL after having reported the reason. */
struct store *store_open_or_say(const char *path, enum store_mode mode);

/* Does one of the words of a comma list name something in the store? */
bool words_need_store(const char *words);
/*
 * Append the runs that a comma list names: FILE, DIRECTORY (every *.json in it, by name), tag:NAME,
 * run:NUMBER. store may be NULL if words_need_store says no.  0, or -1 after having reported the
 * reason.
 */
int gather(struct runs *out, const char *words, struct store *store, const char *store_path);
void runs_free(struct runs *runs);

/*
 * The last n runs of the store that are like `like` but for what is allowed (set of enum
 * difference), oldest first. 0, or -1 after having reported the reason.
 */
int gather_history(struct runs *out, const struct run *like, unsigned int allowed, size_t n,
		   struct store *store, const char *store_path);
/* Append a run; takes over its samples.  False: out of memory, and they are freed. */
bool runs_add(struct runs *runs, const struct run *run);

#endif /* MMUSCOPE_GATHER_H */
