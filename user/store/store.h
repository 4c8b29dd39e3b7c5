/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run store: runs with their samples in one SQLite file.  Several processes may write to it at
 * a time; one transaction is one run, so that it is there as a whole or not at all.
 */
#ifndef MMUSCOPE_STORE_H
#define MMUSCOPE_STORE_H

#include "run.h"

enum { STORE_VERSION = 2, STORE_WHY = 256 };

enum store_mode {
	STORE_READ,	/* must exist */
	STORE_WRITE,	/* must exist */
	STORE_CREATE,	/* is made if there is none */
};

struct store;

/*
 * Open, and bring to STORE_VERSION what an older program wrote.  0, or negative errno and why is
 * filled (what is wrong and what to do, no full stop): -ENOENT, -EACCES, -EINVAL (no store of
 * ours), -ENOTSUP (newer than this program), -EBUSY, -ENOSPC, -EIO, -ENOMEM.
 */
int store_open(const char *path, enum store_mode mode, struct store **out, char why[STORE_WHY]);
void store_close(struct store *s);
/* Why the last call failed; as above. */
const char *store_why(const struct store *s);

/* Between these, what is written is there as a whole or not at all.  0 or negative errno. */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);

/*
 * Add a run, of which all but the id and the name is used.  0 and r->id; -EEXIST: the same report
 * is there already, as r->id.
 */
int store_add(struct store *s, struct run *r);

/* Called for each run, oldest first, without its samples; not 0 ends it and is returned. */
typedef int (*store_fn)(const struct run *r, void *arg);
/* All runs, or those with a tag (NULL: all). */
int store_list(struct store *s, const char *tag, store_fn fn, void *arg);
/* One run by its id with its samples.  0, -ENOENT. */
int store_read(struct store *s, int64_t id, struct run *out);
/* Ids of the runs with this tag ("": all), oldest first; free() them.  0, -ENOENT: none. */
int store_find(struct store *s, const char *tag, int64_t **ids, size_t *n);
/* Give a run a tag ("": none).  0, -ENOENT. */
int store_tag(struct store *s, int64_t id, const char *tag);
/* Take a tag off all runs that have it. */
int store_untag(struct store *s, const char *tag);
int store_delete(struct store *s, int64_t id);
/* PRAGMA integrity_check and the references: 0, -EIO and store_why() says what is wrong. */
int store_check(struct store *s);

#endif /* MMUSCOPE_STORE_H */
