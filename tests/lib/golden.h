/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts compared with tests/golden/: UPDATE_GOLDEN=1 writes them anew (look at the diff).  For tests that
 * run from the top of the tree.
 */
#ifndef TESTS_LIB_GOLDEN_H
#define TESTS_LIB_GOLDEN_H

/* Fail unless text is what tests/golden/NAME holds. */
void golden_compare(const char *name, const char *text);
/* Fail if a line has more than 80 columns. */
void fits_80_columns(const char *text);

#endif /* TESTS_LIB_GOLDEN_H */
