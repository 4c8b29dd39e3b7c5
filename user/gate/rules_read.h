/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parser of the rules is made of: one line read word by word, and the selectors in it.
 */
#ifndef MMUSCOPE_RULES_READ_H
#define MMUSCOPE_RULES_READ_H

#include "rules.h"

enum { WORD_LEN = 128 };

/* One line, without its end. */
struct cursor {
	const char *start;
	const char *p;
	const char *end;
	struct rules_error *error;
};

/* Something is wrong at `at`: -EINVAL, and c->error is filled but for its line. */
int rules_wrong(struct cursor *c, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

bool is_blank(char c);
/* Blanks, and a comment, which ends the line. */
void skip_blanks(struct cursor *c);
bool at_end(struct cursor *c);
/*
 * Up to a blank or one of `stops`; what is not printable becomes '?', what is too long is cut.
 * Returns where it begins.
 */
const char *read_word(struct cursor *c, const char *stops, char out[WORD_LEN]);
/* Take this character, this word, if it comes next. */
bool take_char(struct cursor *c, char ch);
bool take_word(struct cursor *c, const char *text);
int expect_word(struct cursor *c, const char *text);
/* NAME{label=value,...}.  0, or -EINVAL. */
int parse_selector(struct cursor *c, struct selector *s);

#endif /* MMUSCOPE_RULES_READ_H */
