/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of many words in 80 columns.
 */
#ifndef LOAD_WRAP_H
#define LOAD_WRAP_H

#include <stddef.h>

/* Prints a label, then the words of text; each line of words starts at column indent. */
void wrap_print(const char *label, size_t indent, const char *text);

/* Adds to the text in a buffer, as far as there is room. */
__attribute__((format(printf, 3, 4)))
void wrap_add(char *text, size_t size, const char *fmt, ...);

#endif
