/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A terminal that pictures are shown on.  While it is open, standard output and error of this process, and
 * of a command that it starts, go to a file, which is shown when it is closed: nothing else writes on the
 * screen.
 */
#ifndef MMUSCOPE_TOP_TERM_H
#define MMUSCOPE_TOP_TERM_H

#include "screen.h"

struct term;

/* Does the locale of this process have more than ASCII?  Sets it from the environment. */
bool term_is_utf8(void);
/* NULL after having reported the reason. */
struct term *term_open(void);
/* Readable when keys wait, or the size has changed. */
int term_fd(const struct term *t);
/* The next key: a character, enum top_key; -1: there is none, -2: the terminal is gone. */
int term_key(struct term *t);
void term_size(struct term *t, int *rows, int *cols);
/* Only what differs from the last picture is sent. */
void term_show(struct term *t, const struct screen *s);
/* NULL is fine. */
void term_close(struct term *t);

#endif /* MMUSCOPE_TOP_TERM_H */
