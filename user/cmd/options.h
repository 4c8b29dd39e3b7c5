/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that all commands share, parsed and range-checked.
 */
#ifndef MMUSCOPE_OPTIONS_H
#define MMUSCOPE_OPTIONS_H

#include "user/host/tier.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	OPT_TARGET = 1 << 0,	/* -p, --for, --tier, -- COMMAND */
	OPT_ONLY = 1 << 1,	/* --only */
	OPT_STORIES = 1 << 2,	/* --stories */
	OPT_CLAIMS = 1 << 3,	/* --claims */
	OPT_STACKS = 1 << 4,	/* --stacks */
	OPT_RECORD = 1 << 5,	/* --ring, --rotate-size, --rotate-time, --keep, --force */
	OPT_JUDGE = 1 << 6,	/* FILE, --vm, --from, --to */
	OPT_CANDIDATE = 1 << 7,	/* --candidate */
	OPT_PAYOFF = 1 << 8,	/* --payoff */
	OPT_TOP = 1 << 9,	/* [FILE], -b, -n, -d, --sort, --filter, --ascii, --no-check */
};

struct candidate;
struct observe_hooks;

struct options {
	uint32_t pid;		/* 0: every VM */
	uint64_t for_ns;	/* 0: until interrupted, or until the command ends */
	char **command;		/* NULL: none */
	const char *output;	/* NULL: stdout */
	bool json;
	enum tier most;		/* --tier */
	bool reducible;		/* set by the command: below the tier fentry, do what remains */
	bool walk;		/* set by the command: the reference walker beside GUP */
	const char *candidate;	/* SPEC; NULL: none */
	const struct candidate *judged;	/* set by the command: the same, parsed */
	bool payoff;
	bool times;		/* set by the command: how long lookups take */
	bool claims;
	bool stacks;
	unsigned int only;	/* bit set of invariants asked for by name; 0: all */
	uint32_t max_vms;
	uint32_t stories;
	/* record */
	uint32_t ring_bytes;	/* a power of 2 */
	uint64_t rotate_bytes;	/* 0: not */
	uint64_t rotate_ns;	/* 0: not */
	uint32_t keep;		/* 0: all parts */
	bool force;
	const struct observe_hooks *hooks;	/* set by the command; NULL: nobody records */
	void *hooks_arg;
	/* judge */
	const char *file;
	uint32_t vm;		/* 0: all */
	uint64_t from_ns;	/* of the recording's time */
	uint64_t to_ns;		/* 0: to its end */
	/* top; a file: of a recording */
	bool batch;
	bool ascii;
	bool no_check;
	uint32_t pictures;	/* 0: no end */
	uint64_t every_ns;	/* between two of them */
	const char *sort;	/* NULL: not said */
	const char *filter;
};

/*
 * Parse argv of the subcommand `name`.  accepts: OPT_* beyond those that every command has; usage:
 * text for --help.  0: go on; 1: help was printed, stop and succeed; -1: bad usage was reported.
 */
int options_parse(struct options *o, int argc, char **argv, const char *name, unsigned int accepts,
		  const char *usage);

/*
 * One of the options that every command has (-o, -v, -q, -h), or what getopt_long() makes of a bad one, for
 * commands with a loop of their own.  c: what getopt_long() returned.  As options_parse().
 */
int options_common(int c, char **argv, const char *name, const char *usage, const char **output);
/* --tier, whose argument is optarg.  0, or -1 after having reported it. */
int options_tier(const char *name, enum tier *most);
/* "NAME: WHAT 'TEXT'" and where help is; text: NULL or what it is about.  -1. */
int options_bad(const char *name, const char *what, const char *text);

/* "90", "1.5s", "250ms", "2m", "1h" to ns.  0 or -EINVAL. */
int parse_duration(const char *text, uint64_t *ns);
/* "65536", "64K", "16M", "2G" to bytes, at least 1.  0, -EINVAL or -ERANGE. */
int parse_size(const char *text, uint64_t *bytes);
/* Decimal number in [low, high].  0, -EINVAL or -ERANGE. */
int parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *value);

#endif /* MMUSCOPE_OPTIONS_H */
