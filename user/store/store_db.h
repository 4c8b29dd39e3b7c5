/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of the run store share: store.c opens it, store_runs.c reads and writes runs.
 */
#ifndef MMUSCOPE_STORE_DB_H
#define MMUSCOPE_STORE_DB_H

#include "store.h"

#include <sqlite3.h>

struct store {
	sqlite3 *db;
	char why[STORE_WHY];
};

/* SQLite's last error as text in s->why and as negative errno. */
int store_fail(struct store *s);
int store_exec(struct store *s, const char *sql);
int store_prepare(struct store *s, const char *sql, sqlite3_stmt **out);

#endif /* MMUSCOPE_STORE_DB_H */
