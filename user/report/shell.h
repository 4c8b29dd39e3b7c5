/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command line as a shell would have to be given it.
 */
#ifndef MMUSCOPE_REPORT_SHELL_H
#define MMUSCOPE_REPORT_SHELL_H

#include <jansson.h>
#include <stdio.h>

enum { SHELL_ONE_LINE = 1 << 30 };

/*
 * Write the words (an array of strings), quoted where they need it, in lines of at most `columns`: one
 * that goes on ends in a backslash.  column: where in its line the first word begins; indent: of the
 * lines after it, but where a word that is longer than a line goes on: then it is none.  No newline at
 * the end.
 */
void shell_line(FILE *f, const json_t *words, int columns, int column, int indent);

#endif /* MMUSCOPE_REPORT_SHELL_H */
