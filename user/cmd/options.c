// SPDX-License-Identifier: GPL-2.0-only
/*
 * Option parsing.
 */
#include "options.h"
#include "user/base/log.h"
#include "user/judge/verdict.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_FOR = 256, LONG_JSON, LONG_ONLY, LONG_MAX_VMS, LONG_STORIES, LONG_CLAIMS,
       LONG_STACKS, LONG_RING, LONG_ROTATE_SIZE, LONG_ROTATE_TIME, LONG_KEEP, LONG_FORCE, LONG_VM,
       LONG_FROM, LONG_TO, LONG_CANDIDATE, LONG_PAYOFF, LONG_SORT, LONG_FILTER, LONG_ASCII, LONG_NO_CHECK,
       LONG_TIER };

#define DELAY_MIN 100000000ULL

enum { RING_MIN = 64 << 10, RING_MAX = 1 << 30, RING_DEFAULT = 16 << 20 };

static const struct option longs[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "for", required_argument, NULL, LONG_FOR },
	{ "json", no_argument, NULL, LONG_JSON },
	{ "only", required_argument, NULL, LONG_ONLY },
	{ "max-vms", required_argument, NULL, LONG_MAX_VMS },
	{ "tier", required_argument, NULL, LONG_TIER },
	{ "stories", required_argument, NULL, LONG_STORIES },
	{ "claims", no_argument, NULL, LONG_CLAIMS },
	{ "stacks", no_argument, NULL, LONG_STACKS },
	{ "ring", required_argument, NULL, LONG_RING },
	{ "rotate-size", required_argument, NULL, LONG_ROTATE_SIZE },
	{ "rotate-time", required_argument, NULL, LONG_ROTATE_TIME },
	{ "keep", required_argument, NULL, LONG_KEEP },
	{ "force", no_argument, NULL, LONG_FORCE },
	{ "vm", required_argument, NULL, LONG_VM },
	{ "from", required_argument, NULL, LONG_FROM },
	{ "to", required_argument, NULL, LONG_TO },
	{ "candidate", required_argument, NULL, LONG_CANDIDATE },
	{ "payoff", no_argument, NULL, LONG_PAYOFF },
	{ "batch", no_argument, NULL, 'b' },
	{ "times", required_argument, NULL, 'n' },
	{ "delay", required_argument, NULL, 'd' },
	{ "sort", required_argument, NULL, LONG_SORT },
	{ "filter", required_argument, NULL, LONG_FILTER },
	{ "ascii", no_argument, NULL, LONG_ASCII },
	{ "no-check", no_argument, NULL, LONG_NO_CHECK },
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

int parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t n;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	for (int i = 0; unit && i <= unit - units; i++) {
		if (n > UINT64_MAX / 1024)
			return -ERANGE;
		n *= 1024;
	}
	*bytes = n;
	return errno || !n ? -ERANGE : 0;
}

int options_bad(const char *name, const char *what, const char *text)
{
	log_error("%s: %s%s%s%s", name, what, text ? " '" : "", text ? text : "", text ? "'" : "");
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
			err = options_bad(name, "unknown invariant", t);
			for (int k = 0; k < INV_NR; k++)
				fprintf(stderr, "  %s\n", invariant_name(k));
		} else {
			*only |= 1u << i;
		}
	}
	if (!err && !*only)
		err = options_bad(name, "no invariant in", text);
	free(copy);
	return err;
}

/* Which VMs, and for how long. */
int options_tier(const char *name, enum tier *most)
{
	*most = tier_named(optarg);
	if (*most == TIER_NR)
		return options_bad(name, "--tier takes fentry, kprobe, tracepoint and stats, not", optarg);
	return 0;
}

static int target_option(struct options *o, const char *name, int c)
{
	uint64_t n;

	switch (c) {
	case 'p':
		if (parse_number(optarg, 1, INT32_MAX, &n))
			return options_bad(name, "not a process id:", optarg);
		o->pid = (uint32_t)n;
		return 0;
	case LONG_FOR:
		if (parse_duration(optarg, &o->for_ns))
			return options_bad(name, "not a duration (60s, 500ms, 5m):", optarg);
		return 0;
	case LONG_TIER:
		return options_tier(name, &o->most);
	default:
		if (parse_number(optarg, 1, MAX_VMS, &n))
			return options_bad(name, "--max-vms takes 1 to 4095, not", optarg);
		o->max_vms = (uint32_t)n;
		return 0;
	}
}

static int stories_option(struct options *o, const char *name)
{
	uint64_t n;

	if (parse_number(optarg, 0, 1000, &n))
		return options_bad(name, "--stories takes 0 to 1000, not", optarg);
	o->stories = (uint32_t)n;
	return 0;
}

/* An option of the recorder.  0, or -1 after having reported what is wrong with it. */
static int record_option(struct options *o, const char *name, int c)
{
	uint64_t n;

	switch (c) {
	case LONG_RING:
		if (parse_size(optarg, &n) || n < RING_MIN || n > RING_MAX || n & (n - 1))
			return options_bad(name, "--ring takes a power of 2 from 64K to 1G, not", optarg);
		o->ring_bytes = (uint32_t)n;
		return 0;
	case LONG_ROTATE_SIZE:
		if (parse_size(optarg, &o->rotate_bytes) || o->rotate_bytes < RING_MIN)
			return options_bad(name, "--rotate-size takes a size from 64K on, not", optarg);
		return 0;
	case LONG_ROTATE_TIME:
		if (parse_duration(optarg, &o->rotate_ns))
			return options_bad(name, "not a duration (60s, 5m, 1h):", optarg);
		return 0;
	case LONG_KEEP:
		if (parse_number(optarg, 1, 1000000, &n))
			return options_bad(name, "--keep takes 1 to 1000000, not", optarg);
		o->keep = (uint32_t)n;
		return 0;
	default:
		o->force = true;
		return 0;
	}
}

static int judge_option(struct options *o, const char *name, int c)
{
	uint64_t n;

	if (c == LONG_VM) {
		if (parse_number(optarg, 1, MAX_VMS, &n))
			return options_bad(name, "--vm takes 1 to 4095, not", optarg);
		o->vm = (uint32_t)n;
		return 0;
	}
	/* from the very start is what is done without it */
	if (parse_duration(optarg, c == LONG_FROM ? &o->from_ns : &o->to_ns))
		return options_bad(name, "not a time of the recording (90, 1.5s, 2m):", optarg);
	return 0;
}

static int top_option(struct options *o, const char *name, int c)
{
	uint64_t n;

	switch (c) {
	case 'b':
		o->batch = true;
		return 0;
	case 'n':
		if (parse_number(optarg, 1, UINT32_MAX, &n))
			return options_bad(name, "-n takes how many pictures, from 1 on, not", optarg);
		o->pictures = (uint32_t)n;
		return 0;
	case 'd':
		if (parse_duration(optarg, &o->every_ns) || o->every_ns < DELAY_MIN)
			return options_bad(name, "-d takes a time from 100ms on (1, 500ms, 1m), not", optarg);
		return 0;
	case LONG_SORT:
		o->sort = optarg;
		return 0;
	case LONG_FILTER:
		o->filter = optarg;
		return 0;
	case LONG_ASCII:
		o->ascii = true;
		return 0;
	default:
		o->no_check = true;
		return 0;
	}
}

/* What is left is a command behind "--", or a recording. */
static int top_rest(struct options *o, int argc, char **argv, const char *name)
{
	if (optind < argc && strcmp(argv[optind - 1], "--"))
		o->file = argv[optind++];
	if (o->file && optind < argc)
		return options_bad(name, "unexpected argument", argv[optind]);
	if (o->file && (o->pid || o->for_ns || o->no_check || o->most != TIER_FENTRY))
		return options_bad(name, "-p, --for, --tier and --no-check are for a host, not for a recording:", o->file);
	return 0;
}

static unsigned int option_group(int c)
{
	switch (c) {
	case 'p':
	case LONG_FOR:
	case LONG_MAX_VMS:
	case LONG_TIER:
		return OPT_TARGET;
	case LONG_ONLY:
		return OPT_ONLY;
	case LONG_STORIES:
		return OPT_STORIES;
	case LONG_CLAIMS:
		return OPT_CLAIMS;
	case LONG_STACKS:
		return OPT_STACKS;
	case LONG_CANDIDATE:
		return OPT_CANDIDATE;
	case LONG_PAYOFF:
		return OPT_PAYOFF;
	case LONG_RING:
	case LONG_ROTATE_SIZE:
	case LONG_ROTATE_TIME:
	case LONG_KEEP:
	case LONG_FORCE:
		return OPT_RECORD;
	case LONG_VM:
	case LONG_FROM:
	case LONG_TO:
		return OPT_JUDGE;
	case 'b':
	case 'n':
	case 'd':
	case LONG_SORT:
	case LONG_FILTER:
	case LONG_ASCII:
	case LONG_NO_CHECK:
		return OPT_TOP;
	default:
		return 0;
	}
}

int options_common(int c, char **argv, const char *name, const char *usage, const char **output)
{
	switch (c) {
	case 'o':
		*output = optarg;
		return 0;
	case 'v':
		log_level++;
		return 0;
	case 'q':
		log_level = LOG_QUIET;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case ':':
		return options_bad(name, "missing argument after", argv[optind - 1]);
	default:
		return options_bad(name, "unknown option", argv[optind - 1]);
	}
}

/* An option that only some commands take.  0, or -1 after having reported what is wrong with it. */
static int group_option(struct options *o, const char *name, int c, unsigned int group)
{
	switch (group) {
	case OPT_TARGET:
		return target_option(o, name, c);
	case OPT_ONLY:
		return parse_only(name, optarg, &o->only);
	case OPT_STORIES:
		return stories_option(o, name);
	case OPT_RECORD:
		return record_option(o, name, c);
	case OPT_JUDGE:
		return judge_option(o, name, c);
	case OPT_TOP:
		return top_option(o, name, c);
	case OPT_CLAIMS:
		o->claims = true;
		return 0;
	case OPT_STACKS:
		o->stacks = true;
		return 0;
	case OPT_CANDIDATE:
		o->candidate = optarg;
		return 0;
	default:
		o->payoff = true;
		return 0;
	}
}

int options_parse(struct options *o, int argc, char **argv, const char *name, unsigned int accepts,
		  const char *usage)
{
	unsigned int group;
	int c, err = 0;

	*o = (struct options){ .max_vms = 256, .stories = 16, .ring_bytes = RING_DEFAULT,
			       .every_ns = 1000000000 };
	optind = 0;	/* glibc: forget a former command line too */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:p:o:bn:d:vqh", longs, NULL)) != -1) {
		group = option_group(c);
		if (group & ~accepts)
			return options_bad(name, "not an option of this command:", argv[optind - 1]);
		if (c == LONG_JSON)
			o->json = true;
		else if (!group)
			err = options_common(c, argv, name, usage, &o->output);
		else
			err = group_option(o, name, c, group);
		if (err)
			return err;
	}
	if (accepts & OPT_TOP && top_rest(o, argc, argv, name))
		return -1;
	if (accepts & OPT_JUDGE) {
		o->file = argv[optind];
		if (!o->file)
			return options_bad(name, "no recording is named:", "FILE.mms");
		if (argv[optind + 1])
			return options_bad(name, "unexpected argument", argv[optind + 1]);
	} else if (optind < argc) {
		/* only what stands behind "--" is a command: a mistyped word must not be run */
		if (!(accepts & OPT_TARGET) || strcmp(argv[optind - 1], "--"))
			return options_bad(name, "unexpected argument", argv[optind]);
		o->command = &argv[optind];
	} else if (optind > 1 && !strcmp(argv[optind - 1], "--")) {
		return options_bad(name, "no command after", "--");
	}
	if (o->command && o->pid)
		return options_bad(name, "-p and a command exclude each other:", o->command[0]);
	return 0;
}
