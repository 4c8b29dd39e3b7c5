/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts compared with tests/golden/: UPDATE_GOLDEN=1 writes them anew (look at the diff).  For tests that
 * run from the top of the tree.
 */
#ifndef TESTS_LIB_GOLDEN_H
#define TESTS_LIB_GOLDEN_H

#include <jansson.h>
#include <stdio.h>

struct report;

/* Fail unless text is what tests/golden/NAME holds. */
void golden_compare(const char *name, const char *text);
/* Fail if a line has more than 80 columns. */
void fits_80_columns(const char *text);
/* Both, for what a sink prints of a report. */
void golden_report(const char *name, void (*sink)(FILE *, const struct report *), const struct report *r);
/* The JSON of a report, a new reference; fails if it is none. */
json_t *json_read_back(const struct report *r);

#endif /* TESTS_LIB_GOLDEN_H */
