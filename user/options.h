/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that all commands share, parsed and range-checked.
 */
#ifndef MMUSCOPE_OPTIONS_H
#define MMUSCOPE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	OPT_TARGET = 1 << 0,	/* -p, --for, -- COMMAND */
	OPT_ONLY = 1 << 1,	/* --only */
	OPT_STORIES = 1 << 2,	/* --stories */
	OPT_CLAIMS = 1 << 3,	/* --claims */
	OPT_STACKS = 1 << 4,	/* --stacks */
	OPT_CANDIDATE = 1 << 5,	/* --candidate */
	OPT_PAYOFF = 1 << 6,	/* --payoff */
};

struct candidate;

struct options {
	uint32_t pid;		/* 0: every VM */
	uint64_t for_ns;	/* 0: until interrupted, or until the command ends */
	char **command;		/* NULL: none */
	const char *output;	/* NULL: stdout */
	bool json;
	bool walk;		/* set by the command: the reference walker beside GUP */
	const char *candidate;	/* SPEC; NULL: none */
	const struct candidate *judged;	/* set by the command: the same, parsed */
	bool payoff;
	bool claims;
	bool stacks;
	unsigned int only;	/* bit set of invariants asked for by name; 0: all */
	uint32_t max_vms;
	uint32_t stories;
};

/*
 * Parse argv of the subcommand `name`.  accepts: OPT_* beyond those that every command has; usage:
 * text for --help.  0: go on; 1: help was printed, stop and succeed; -1: bad usage was reported.
 */
int options_parse(struct options *o, int argc, char **argv, const char *name, unsigned int accepts,
		  const char *usage);

/* "90", "1.5s", "250ms", "2m", "1h" to ns.  0 or -EINVAL. */
int parse_duration(const char *text, uint64_t *ns);
/* Decimal number in [low, high].  0, -EINVAL or -ERANGE. */
int parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *value);

#endif /* MMUSCOPE_OPTIONS_H */
