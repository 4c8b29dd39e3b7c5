/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SPEC of mmuscope walk --candidate, as it is written (candidate.c), and what it comes to on a
 * kernel whose types are known (candidate_types.c).  docs/candidate.md is the grammar.
 */
#ifndef MMUSCOPE_CANDIDATE_USER_H
#define MMUSCOPE_CANDIDATE_USER_H

#include "bpf/candidate.h"
#include "verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CANDIDATE_NAME = 64, CANDIDATE_FIELDS = 6, CANDIDATE_ERROR = 160 };

struct candidate_field {
	bool arrow;		/* by a pointer, "->"; else inside, "." */
	char name[CANDIDATE_NAME];
};

/* one value as it is written: [*] argN|ret [->field...] [:width] [&mask] [comparison number] */
struct candidate_term {
	bool given;
	size_t at;		/* column in the SPEC, from 1 */
	uint32_t source;	/* place in candidate_args + 1 */
	bool deref;
	size_t nfields;
	struct candidate_field field[CANDIDATE_FIELDS];
	uint32_t width;		/* bytes; 0: as the type says */
	bool is_signed;
	bool masked;
	uint64_t mask;
	uint32_t compare;	/* enum candidate_compare */
	uint64_t operand;
};

struct candidate {
	char function[CANDIDATE_NAME];
	struct candidate_term term[CANDIDATE_KEYS];
};

struct candidate_error {
	size_t column;		/* from 1 */
	char text[CANDIDATE_ERROR];
};

/* Read a SPEC.  0, or -EINVAL and where and why. */
int candidate_parse(const char *spec, struct candidate *out, struct candidate_error *error);

/* The word of a key: "hva", "pfn"... */
const char *candidate_key_name(enum candidate_key key);

struct btf;

/* a function's types, if BTF has it */
struct candidate_types {
	const struct btf *btf;	/* NULL: it does not */
	int function;		/* BTF id of the function */
};

/*
 * Where the values are, by the function's types.  Without types a value is a register of eight bytes
 * unless the SPEC says its width, and memory behind it needs one.  0, or -EINVAL and why.
 */
int candidate_resolve(const struct candidate *c, const struct candidate_types *types,
		      struct candidate_spec *out, struct candidate_error *error);
/* Can arguments and result of the function be taken by a trampoline (fentry, fexit)? */
bool candidate_fits_trampoline(const struct candidate_types *types);

/* what became of a candidate, for the report */
enum { CANDIDATE_VMA = 96 };

struct candidate_story {
	struct event_candidate e;
	int64_t since_start_ns;
	char vma[CANDIDATE_VMA];
};

struct candidate_report {
	const char *function;
	const char *spec;
	const char *how;	/* "fexit", "kretprobe" */
	struct candidate_counts counts;
	uint64_t missed_runs;	/* of our programs, skipped by the kernel */
	uint64_t lost_state;	/* no memory for a task's record */
	const struct candidate_story *stories;
	size_t nstories;
};

/* Stable name of a class; and for a person, at most 45 columns. */
const char *judged_name(enum judged j);
const char *judged_text(enum judged j);
bool judged_guilty(enum judged j);

/* the invariants that a candidate is judged by */
enum candidate_rule { WALKER_AGREES, NEVER_SECRET, CANDIDATE_RULES };

struct candidate_verdict {
	enum value value;
	uint64_t checked;	/* answers */
	uint64_t violations;
};

const char *candidate_rule_name(enum candidate_rule rule);
const char *candidate_rule_sentence(enum candidate_rule rule);
struct candidate_verdict candidate_judge(const struct candidate_report *r, enum candidate_rule rule);
/* The whole: HELD only if there were answers, none of them was wrong, and nothing was missed. */
enum value candidate_overall(const struct candidate_report *r);
/* The whole in a sentence, without a line's end. */
void candidate_sentence(const struct candidate_report *r, char *buf, size_t size);

/* Calls of a class, of any backing. */
uint64_t candidate_sum(const struct candidate_counts *c, enum judged j);
/* What could have been seen and was not: then HELD cannot be said. */
uint64_t candidate_missed(const struct candidate_report *r);
void candidate_counts_add(struct candidate_counts *dst, const struct candidate_counts *src);

#endif /* MMUSCOPE_CANDIDATE_USER_H */
