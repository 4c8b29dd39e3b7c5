/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a gate found, for people, for machines, for the page of a CI system and for a merge request.
 */
#ifndef MMUSCOPE_SINK_GATE_H
#define MMUSCOPE_SINK_GATE_H

#include "user/gate/gate.h"

#include <stdio.h>

enum { ALLOWED_MAX = 8, ALLOWED_LEN = 320 };

struct gate_report {
	const struct gate *gate;
	const struct runs *base;
	const struct runs *new;
	const char *base_name;		/* as given by the user */
	const char *new_name;
	const char *rules_name;		/* "built-in rules", or the file */
	size_t nallowed;		/* differences that were allowed */
	char allowed[ALLOWED_MAX][ALLOWED_LEN];
	bool verbose;			/* reasons of what passed, too */
};

void gate_text(FILE *f, const struct gate_report *r);
/* One versioned JSON object.  0 or -ENOMEM. */
int gate_json(FILE *f, const struct gate_report *r);
void gate_junit(FILE *f, const struct gate_report *r);
void gate_markdown(FILE *f, const struct gate_report *r);

/* "PASS", "FAIL", "INCONCLUSIVE", and a sentence. */
const char *gate_word(enum gate_value v);
void gate_sentence(const struct gate *g, char *buf, size_t size);

enum { CELL_LEN = 64 };
/* A number in a rule's unit; "-" for none. */
const char *gate_number(char buf[CELL_LEN], const struct rule *r, double n);
const char *gate_change(char buf[CELL_LEN], double change);
const char *gate_interval(char buf[CELL_LEN], const struct outcome *o);
const char *gate_limit(char buf[CELL_LEN], const struct rule *r);

#endif /* MMUSCOPE_SINK_GATE_H */
