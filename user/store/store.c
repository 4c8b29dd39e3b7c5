// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening the run store: schema, migrations, and what can be wrong with a file.  A rollback
 * journal, not WAL: one file to copy, readable on a read-only file system, and a run is written in
 * milliseconds.
 */
#include "store_db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	APPLICATION_ID = 0x6d6d7573,	/* "mmus": a file of SQLite's that is not ours is not touched */
	BUSY_MS = 20000,		/* for other writers */
};

/* [v]: from version v to v + 1; version 0 is an empty file */
static const char *const migrations[STORE_VERSION] = {
	"CREATE TABLE runs(id INTEGER PRIMARY KEY, tag TEXT NOT NULL DEFAULT '', time INTEGER NOT NULL,"
	" kernel TEXT NOT NULL, machine TEXT NOT NULL, host TEXT NOT NULL, command TEXT NOT NULL,"
	" workload TEXT NOT NULL, tier TEXT NOT NULL, version TEXT NOT NULL, verdict TEXT NOT NULL);"
	"CREATE INDEX runs_tag ON runs(tag);"
	"CREATE TABLE metrics(run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
	" metric TEXT NOT NULL, labels TEXT NOT NULL, value REAL NOT NULL,"
	" PRIMARY KEY(run, metric, labels)) WITHOUT ROWID;"
	"CREATE TABLE histograms(run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
	" metric TEXT NOT NULL, labels TEXT NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY(run, metric, labels, bucket)) WITHOUT ROWID;"
	"CREATE TABLE verdicts(run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
	" invariant TEXT NOT NULL, verdict TEXT NOT NULL, checked INTEGER NOT NULL,"
	" violations INTEGER NOT NULL, PRIMARY KEY(run, invariant)) WITHOUT ROWID;",
	/* the same report twice would count as two runs */
	"ALTER TABLE runs ADD COLUMN digest INTEGER;"
	"CREATE UNIQUE INDEX runs_digest ON runs(digest);",
};

static int __attribute__((format(printf, 3, 4))) because(struct store *s, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return err;
}

int store_fail(struct store *s)
{
	int code = sqlite3_errcode(s->db) & 0xff, os = sqlite3_system_errno(s->db);

	switch (code) {
	case SQLITE_FULL:
		return because(s, -ENOSPC, "the disk is full; nothing was changed");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return because(s, -EBUSY, "another process has been writing to it for %d s; try again",
			       BUSY_MS / 1000);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return because(
			s, -EACCES,
			"it cannot be written to; check its permissions and its directory's");
	case SQLITE_NOTADB:
		return because(s, -EINVAL, "it is no run store (not a database); name another file");
	case SQLITE_CORRUPT:
		return because(
			s, -EIO,
			"it is damaged (%s); restore it, or delete it and add the runs again",
			sqlite3_errmsg(s->db));
	case SQLITE_NOMEM:
		return because(s, -ENOMEM, "out of memory");
	case SQLITE_CANTOPEN:
		return because(s, os == EACCES ? -EACCES : -ENOENT, "%s", strerror(os ? os : ENOENT));
	case SQLITE_IOERR:
		return because(s, -EIO, "%s (%s); nothing was changed", sqlite3_errmsg(s->db),
			       strerror(os ? os : EIO));
	default:
		return because(s, -EIO, "%s", sqlite3_errmsg(s->db));
	}
}

int store_exec(struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s);
}

int store_prepare(struct store *s, const char *sql, sqlite3_stmt **out)
{
	return sqlite3_prepare_v2(s->db, sql, -1, out, NULL) == SQLITE_OK ? 0 : store_fail(s);
}

/* A number that a statement gives; negative errno if it fails. */
static int64_t ask(struct store *s, const char *sql)
{
	sqlite3_stmt *st;
	int64_t n = 0;
	int err = store_prepare(s, sql, &st);

	if (err)
		return err;
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		n = sqlite3_column_int64(st, 0);
		break;
	case SQLITE_DONE:
		break;
	default:
		n = store_fail(s);
	}
	sqlite3_finalize(st);
	return n;
}

/* Is it ours?  An empty file may become ours. */
static int check_owner(struct store *s, int64_t version)
{
	int64_t application = ask(s, "PRAGMA application_id");
	int64_t tables = ask(s, "SELECT count(*) FROM sqlite_master");

	if (application < 0 || tables < 0)
		return application < 0 ? (int)application : (int)tables;
	if (application != APPLICATION_ID && (tables || application))
		return because(s, -EINVAL, "it is a database of another program; name another file");
	if (version > STORE_VERSION)
		return because(
			s, -ENOTSUP,
			"it is of version %lld, and this program knows up to %d; use the newer "
			"mmuscope",
			(long long)version, STORE_VERSION);
	return 0;
}

static int migrate(struct store *s)
{
	char pragma[64];
	int64_t version;
	int err = store_begin(s);

	if (err)
		return err;
	/* asked again: another process may have been faster */
	version = ask(s, "PRAGMA user_version");
	err = version < 0 ? (int)version : check_owner(s, version);
	for (int64_t v = version; !err && v < STORE_VERSION; v++)
		err = store_exec(s, migrations[v]);
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION_ID, STORE_VERSION);
	if (!err)
		err = store_exec(s, pragma);
	if (!err)
		return store_commit(s);
	store_rollback(s);
	return err;
}

/* Version and owner at one moment: between two questions another process may have made the schema. */
static int look_closely(struct store *s, int64_t *version)
{
	int err = store_exec(s, "BEGIN");

	if (err)
		return err;
	*version = ask(s, "PRAGMA user_version");
	err = *version < 0 ? (int)*version : check_owner(s, *version);
	store_rollback(s);
	return err;
}

static int look_at(struct store *s, enum store_mode mode)
{
	int64_t version;
	int err = look_closely(s, &version);

	if (err || version == STORE_VERSION)
		return err;
	if (mode == STORE_READ && version == 0)
		return because(s, -EINVAL, "it is empty; 'mmuscope runs add' fills it");
	return migrate(s);
}

int store_open(const char *path, enum store_mode mode, struct store **out, char why[STORE_WHY])
{
	int flags = mode == STORE_CREATE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
					 : SQLITE_OPEN_READWRITE;
	struct store *s = calloc(1, sizeof(*s));
	int err = 0;

	*out = NULL;
	if (!s) {
		snprintf(why, STORE_WHY, "out of memory");
		return -ENOMEM;
	}
	/* an older one that may be written to is migrated by reading it, too */
	if (mode == STORE_READ && access(path, W_OK))
		flags = SQLITE_OPEN_READONLY;
	if (mode != STORE_CREATE && access(path, F_OK))
		err = because(s, -ENOENT, "there is none; 'mmuscope runs add' makes one");
	else if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		err = store_fail(s);
	if (!err) {
		sqlite3_busy_timeout(s->db, BUSY_MS);
		err = store_exec(s, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
	}
	if (!err && mode != STORE_READ && sqlite3_db_readonly(s->db, "main"))
		err = because(s, -EACCES,
			      "it cannot be written to; check its permissions and its directory's");
	if (!err)
		err = look_at(s, mode);
	if (!err) {
		*out = s;
		return 0;
	}
	snprintf(why, STORE_WHY, "%s", s->why);
	store_close(s);
	return err;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	free(s);
}

const char *store_why(const struct store *s)
{
	return s->why;
}

int store_begin(struct store *s)
{
	/* at once: two that had only read could not both go on to write */
	return store_exec(s, "BEGIN IMMEDIATE");
}

int store_commit(struct store *s)
{
	int err = store_exec(s, "COMMIT");

	if (err)
		store_rollback(s);
	return err;
}

void store_rollback(struct store *s)
{
	/* SQLite may have done it by itself, on a full disk for example */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int store_check(struct store *s)
{
	sqlite3_stmt *st;
	int err = store_prepare(s, "PRAGMA integrity_check", &st);

	if (err)
		return err;
	if (sqlite3_step(st) != SQLITE_ROW)
		err = store_fail(s);
	else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok"))
		err = because(s, -EIO, "it is damaged: %s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	if (!err && ask(s, "SELECT count(*) FROM pragma_foreign_key_check"))
		err = because(s, -EIO, "it is damaged: samples of a run that is not there");
	return err;
}
