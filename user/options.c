// SPDX-License-Identifier: GPL-2.0-only
/*
 * Option parsing.
 */
#include "options.h"
#include "log.h"
#include "verdict.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_FOR = 256, LONG_JSON, LONG_ONLY, LONG_MAX_VMS, LONG_STORIES, LONG_CLAIMS,
       LONG_STACKS, LONG_CANDIDATE, LONG_PAYOFF };

static const struct option longs[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "for", required_argument, NULL, LONG_FOR },
	{ "json", no_argument, NULL, LONG_JSON },
	{ "only", required_argument, NULL, LONG_ONLY },
	{ "max-vms", required_argument, NULL, LONG_MAX_VMS },
	{ "stories", required_argument, NULL, LONG_STORIES },
	{ "claims", no_argument, NULL, LONG_CLAIMS },
	{ "stacks", no_argument, NULL, LONG_STACKS },
	{ "candidate", required_argument, NULL, LONG_CANDIDATE },
	{ "payoff", no_argument, NULL, LONG_PAYOFF },
	{ "output", required_argument, NULL, 'o' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	return errno || *value < low || *value > high ? -ERANGE : 0;
}

int parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "m", 60 }, { "h", 3600 } };
	char *end;
	double n;

	if ((*text < '0' || *text > '9') && *text != '.')
		return -EINVAL;
	n = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		n *= units[i].seconds;
		/* a year bounds it well below what a timer can hold */
		if (!(n > 0 && n <= 366 * 86400.0))
			return -EINVAL;
		*ns = (uint64_t)(n * 1e9);
		return *ns ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int bad(const char *name, const char *what, const char *text)
{
	log_error("%s: %s '%s'", name, what, text);
	fprintf(stderr, "Try 'mmuscope %s --help'.\n", name);
	return -1;
}

/* "a,b" to a bit set of invariants. */
static int parse_only(const char *name, const char *text, unsigned int *only)
{
	char *copy = strdup(text), *save = NULL;
	int err = copy ? 0 : -1;

	for (char *t = copy ? strtok_r(copy, ",", &save) : NULL; t && !err;
	     t = strtok_r(NULL, ",", &save)) {
		int i = invariant_find(t);

		if (i < 0) {
			err = bad(name, "unknown invariant", t);
			for (int k = 0; k < INV_NR; k++)
				fprintf(stderr, "  %s\n", invariant_name(k));
		} else {
			*only |= 1u << i;
		}
	}
	if (!err && !*only)
		err = bad(name, "no invariant in", text);
	free(copy);
	return err;
}

int options_parse(struct options *o, int argc, char **argv, const char *name, unsigned int accepts,
		  const char *usage)
{
	uint64_t n;
	int c;

	*o = (struct options){ .max_vms = 256, .stories = 16 };
	optind = 0;	/* glibc: forget a former command line too */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:p:o:vqh", longs, NULL)) != -1) {
		bool target = c == 'p' || c == LONG_FOR || c == LONG_MAX_VMS;

		if ((target && !(accepts & OPT_TARGET)) || (c == LONG_ONLY && !(accepts & OPT_ONLY)) ||
		    (c == LONG_STORIES && !(accepts & OPT_STORIES)) ||
		    (c == LONG_CLAIMS && !(accepts & OPT_CLAIMS)) ||
		    (c == LONG_STACKS && !(accepts & OPT_STACKS)) ||
		    (c == LONG_CANDIDATE && !(accepts & OPT_CANDIDATE)) ||
		    (c == LONG_PAYOFF && !(accepts & OPT_PAYOFF)))
			return bad(name, "not an option of this command:", argv[optind - 1]);
		switch (c) {
		case 'p':
			if (parse_number(optarg, 1, INT32_MAX, &n))
				return bad(name, "not a process id:", optarg);
			o->pid = (uint32_t)n;
			break;
		case LONG_FOR:
			if (parse_duration(optarg, &o->for_ns))
				return bad(name, "not a duration (60s, 500ms, 5m):", optarg);
			break;
		case LONG_JSON:
			o->json = true;
			break;
		case LONG_ONLY:
			if (parse_only(name, optarg, &o->only))
				return -1;
			break;
		case LONG_MAX_VMS:
			if (parse_number(optarg, 1, MAX_VMS, &n))
				return bad(name, "--max-vms takes 1 to 4095, not", optarg);
			o->max_vms = (uint32_t)n;
			break;
		case LONG_STORIES:
			if (parse_number(optarg, 0, 1000, &n))
				return bad(name, "--stories takes 0 to 1000, not", optarg);
			o->stories = (uint32_t)n;
			break;
		case LONG_CLAIMS:
			o->claims = true;
			break;
		case LONG_STACKS:
			o->stacks = true;
			break;
		case LONG_CANDIDATE:
			o->candidate = optarg;
			break;
		case LONG_PAYOFF:
			o->payoff = true;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'v':
			log_level++;
			break;
		case 'q':
			log_level = LOG_QUIET;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case ':':
			return bad(name, "missing argument after", argv[optind - 1]);
		default:
			return bad(name, "unknown option", argv[optind - 1]);
		}
	}
	if (optind < argc) {
		/* only what stands behind "--" is a command: a mistyped word must not be run */
		if (!(accepts & OPT_TARGET) || strcmp(argv[optind - 1], "--"))
			return bad(name, "unexpected argument", argv[optind]);
		o->command = &argv[optind];
	} else if (optind > 1 && !strcmp(argv[optind - 1], "--")) {
		return bad(name, "no command after", "--");
	}
	if (o->command && o->pid)
		return bad(name, "-p and a command exclude each other:", o->command[0]);
	return 0;
}
