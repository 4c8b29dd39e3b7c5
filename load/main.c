// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope-load: a tiny KVM guest with named scenarios, exact expected counts and a check of the
 * guest's data. This file reads the command line.
 */
#include "nearest.h"
#include "run.h"
#include "scenario.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

#define PAGES_DEFAULT 4099
#define PAGES_MAX ((GUEST_MEM_END - GUEST_MEM_GPA) / GUEST_PAGE)
#define ROUNDS_MAX 1000000
#define HOLD_MAX 86400
#define SECONDS_MAX 86400
#define SEED_MAX 1000000000UL
#define VMS_MAX 100000

enum {
	OPT_STEPS = 256,
	OPT_DEVICE,
	OPT_DEVICE_OFFSET,
	OPT_CUT,
	OPT_VMS,
	OPT_SECONDS,
	OPT_SEED,
	OPT_HOLD,
	OPT_HOLD_UNTIL_SIGNAL,
	OPT_WAIT,
	OPT_JSON,
	OPT_LIST,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "pages", required_argument, NULL, 'p' },
	{ "vcpus", required_argument, NULL, 'c' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "dir", required_argument, NULL, 'd' },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "device-offset", required_argument, NULL, OPT_DEVICE_OFFSET },
	{ "steps", required_argument, NULL, OPT_STEPS },
	{ "cut", required_argument, NULL, OPT_CUT },
	{ "vms", required_argument, NULL, OPT_VMS },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "hold-until-signal", no_argument, NULL, OPT_HOLD_UNTIL_SIGNAL },
	{ "wait", no_argument, NULL, OPT_WAIT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"Usage: mmuscope-load [OPTION]... SCENARIO\n"
	"       mmuscope-load [OPTION]... --steps 'backing=NAME STEP...'\n"
	"Runs a tiny KVM guest, tells which counts to expect of KVM's MMU, and checks the\n"
	"guest's data at the end. --list names the scenarios.\n"
	"\n"
	"  -p, --pages N            4K pages of guest memory under test (default 4099)\n"
	"  -c, --vcpus N            vCPUs, each for its part of the pages (default 1)\n"
	"  -r, --rounds N           repeat the steps (default 1)\n"
	"  -d, --dir PATH           where files are made (default /tmp)\n"
	"      --device PATH        whose memory device and device-2m map\n"
	"      --device-offset N    from this byte of it on (default 0)\n"
	"      --cut PAGE           a second memslot begins with this page of the memory\n"
	"      --vms N              VMs of vm-churn (default 17) and stress (2)\n"
	"      --seconds N          how long stress goes on (default 3)\n"
	"      --seed N             repeat the random choices of a stress\n"
	"      --steps 'STEP...'    steps by hand instead of a scenario\n"
	"      --wait               start the guest after a line on stdin, or SIGUSR1\n"
	"      --hold SECONDS       keep the guest alive at the end\n"
	"      --hold-until-signal  the same, until SIGUSR1, SIGINT or SIGTERM\n"
	"      --json               one JSON object on stdout\n"
	"      --list               scenarios, backings, steps and what they need\n"
	"  -v, --verbose            more of the kernel's counters\n"
	"  -q, --quiet              nothing but errors\n"
	"  -h, --help\n"
	"      --version\n"
	"\n"
	"Exit: 0 ok and data intact, 1 error or usage, 4 not possible on this host,\n"
	"5 guest data lost.\n";

/* Bad usage: what is wrong, and what to do. */
static int bad_usage(const char *problem, const char *text, const char *remedy)
{
	fprintf(stderr, "mmuscope-load: %s '%s'\n%s\n", problem, text, remedy);
	return STATUS_ERROR;
}

static const char *option_name(size_t i)
{
	return options[i].name;
}

/* How getopt left off: an unknown option, or one without its argument. */
static int bad_option(char **argv, int c)
{
	char remedy[96] = "see mmuscope-load --help";
	char flag[3] = { '-', (char)optopt, '\0' };
	const char *text = argv[optind - 1];

	if (c == ':')
		return bad_usage("an argument is missing behind", text, remedy);
	if (optopt && optopt < 128)
		return bad_usage("unknown option", flag, remedy);
	if (optopt)
		return bad_usage("this option takes no argument:", text, remedy);

	const char *near = nearest_name(text + strspn(text, "-"), option_name);

	if (near)
		snprintf(remedy, sizeof(remedy), "did you mean '--%s'?", near);
	return bad_usage("unknown option", text, remedy);
}

static int read_number(const char *what, const char *text, unsigned long min, unsigned long max,
		       unsigned long *n)
{
	char remedy[96];
	char *end;

	errno = 0;
	*n = strtoul(text, &end, 10);
	if (!errno && *text >= '0' && *text <= '9' && !*end && *n >= min && *n <= max)
		return 0;
	snprintf(remedy, sizeof(remedy), "%s takes a number from %lu to %lu", what, min, max);
	return bad_usage("bad number", text, remedy);
}

/* Where mmap is to begin: bytes, decimal or 0x..., whole pages. */
static int read_offset(const char *text, uint64_t *offset)
{
	bool hex = !strncmp(text, "0x", 2);
	char *end;

	errno = 0;
	*offset = strtoull(text, &end, hex ? 16 : 10);
	if (!errno && *text >= '0' && *text <= '9' && !*end && *offset % GUEST_PAGE == 0 &&
	    *offset <= INT64_MAX)
		return 0;
	return bad_usage("bad offset", text, "--device-offset takes bytes, a multiple of 4096");
}

/* Words of the form backing=NAME choose the backing; the others are steps. */
static int custom_scenario(const char *line, struct scenario *sc, char *steps, size_t size)
{
	const char *key = "backing=";
	char name[32] = "anon-4k";
	const char *at = strstr(line, key);

	if (at && (at == line || strchr(" ,", at[-1]))) {
		size_t len = strcspn(at + strlen(key), " ,");

		snprintf(name, sizeof(name), "%.*s", (int)len, at + strlen(key));
		snprintf(steps, size, "%.*s %s", (int)(at - line), line, at + strlen(key) + len);
	} else {
		snprintf(steps, size, "%s", line);
	}

	const struct backing *b = backing_find(name);

	if (!b)
		return bad_usage("unknown backing", name, "see mmuscope-load --list for the backings");
	sc->name = "custom";
	sc->text = "steps from the command line";
	sc->backing = b->name;
	sc->steps = steps;
	return 0;
}

static int choose_scenario(const char *name, struct scenario *sc)
{
	const struct scenario *found = scenario_find(name);
	char remedy[96] = "see mmuscope-load --list for the scenarios";

	if (found) {
		*sc = *found;
		return 0;
	}

	const char *near = nearest_name(name, scenario_name);

	if (near)
		snprintf(remedy, sizeof(remedy), "did you mean '%s'? --list names them all", near);
	return bad_usage("unknown scenario", name, remedy);
}

struct command {
	unsigned long pages;
	unsigned long vcpus;
	unsigned long rounds;
	unsigned long cut;
	unsigned long vms;
	unsigned long seconds;
	unsigned long seed;
	unsigned long hold;
	const char *steps;
	bool list;
	bool done;	/* --help, --version */
};

static int take_option(int c, struct command *cmd, struct run *r)
{
	switch (c) {
	case 'p':
		return read_number("--pages", optarg, 1, PAGES_MAX, &cmd->pages);
	case 'c':
		return read_number("--vcpus", optarg, 1, VM_VCPUS_MAX, &cmd->vcpus);
	case 'r':
		return read_number("--rounds", optarg, 1, ROUNDS_MAX, &cmd->rounds);
	case 'd':
		r->dir = optarg;
		return 0;
	case OPT_DEVICE:
		r->device = optarg;
		return 0;
	case OPT_DEVICE_OFFSET:
		return read_offset(optarg, &r->device_offset);
	case OPT_STEPS:
		cmd->steps = optarg;
		return 0;
	case OPT_CUT:
		return read_number("--cut", optarg, 1, PAGES_MAX - 1, &cmd->cut);
	case OPT_VMS:
		return read_number("--vms", optarg, 1, VMS_MAX, &cmd->vms);
	case OPT_SECONDS:
		return read_number("--seconds", optarg, 1, SECONDS_MAX, &cmd->seconds);
	case OPT_SEED:
		return read_number("--seed", optarg, 1, SEED_MAX, &cmd->seed);
	case OPT_HOLD:
		return read_number("--hold", optarg, 1, HOLD_MAX, &cmd->hold);
	case OPT_HOLD_UNTIL_SIGNAL:
		r->hold_until_signal = true;
		return 0;
	case OPT_WAIT:
		r->wait_for_go = true;
		return 0;
	case OPT_JSON:
		r->report.json = true;
		return 0;
	case OPT_LIST:
		cmd->list = true;
		return 0;
	case 'v':
		r->report.verbose = 1;
		return 0;
	case 'q':
		r->report.verbose = -1;
		return 0;
	case 'h':
		fputs(usage, stdout);
		cmd->done = true;
		return 0;
	default:
		printf("mmuscope-load %s\n", VERSION);
		cmd->done = true;
		return 0;
	}
}

static int read_options(int argc, char **argv, struct command *cmd, struct run *r)
{
	int status = 0;
	int c;

	opterr = 0;
	while (!status && !cmd->done &&
	       (c = getopt_long(argc, argv, ":p:c:r:d:vqh", options, NULL)) != -1)
		status = c == '?' || c == ':' ? bad_option(argv, c) : take_option(c, cmd, r);
	if (status || cmd->done || cmd->list)
		return status;
	if (argc - optind > 1)
		return bad_usage("one argument too many:", argv[optind + 1],
				 "name one scenario; options may stand anywhere");
	if (cmd->steps && optind < argc)
		return bad_usage("--steps stands in place of the scenario", argv[optind],
				 "give one of the two");
	if (!cmd->steps && optind == argc) {
		fprintf(stderr, "mmuscope-load: no scenario named\n"
			"see mmuscope-load --list, or try: mmuscope-load anon-4k\n");
		return STATUS_ERROR;
	}
	return 0;
}

/* Scenarios that lay out memslots themselves are not cut. */
static int check_cut(const struct scenario *sc, unsigned long cut)
{
	if (!cut || !(sc->slots || sc->two_slots || sc->own_vms))
		return 0;
	return bad_usage("--cut is not for the scenario", sc->name, "it has several memslots already");
}

static int prepare(struct run *r, const struct scenario *sc, const struct command *cmd)
{
	const struct backing *b = backing_find(sc->backing);
	int status = steps_parse(sc->steps, r->steps, &r->nsteps, &r->why);

	if (status) {
		fprintf(stderr, "mmuscope-load: %s\n", r->why.text);
		return status;
	}
	status = check_cut(sc, cmd->cut);
	if (status)
		return status;
	r->scenario = sc;
	r->pages = cmd->pages;
	r->cut = cmd->cut;
	r->rounds = (unsigned int)cmd->rounds;
	r->seconds = (double)cmd->seconds;
	r->seed = cmd->seed ? cmd->seed : (uint64_t)(wait_now() * 1e6) % SEED_MAX + 1;
	r->many_vms = (unsigned int)cmd->vms;
	r->hold_seconds = (double)cmd->hold;
	r->nvcpus = (unsigned int)cmd->vcpus;
	if (!r->nvcpus)
		r->nvcpus = sc->vcpus ? sc->vcpus : 1;
	r->needs = b->needs;
	r->span = b->unit;
	for (size_t i = 0; i < r->nsteps; i++) {
		r->needs |= r->steps[i].kind->needs;
		if (r->steps[i].kind->span > r->span)
			r->span = r->steps[i].kind->span;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct run run = { .dir = "/tmp", .why = { STATUS_OK, "" } };
	static char steps[4096];
	struct command cmd = { .pages = PAGES_DEFAULT, .rounds = 1 };
	struct scenario sc = { 0 };
	int status = read_options(argc, argv, &cmd, &run);

	if (status || cmd.done)
		return status;
	if (cmd.list)
		return report_list(run.report.json);
	status = cmd.steps ? custom_scenario(cmd.steps, &sc, steps, sizeof(steps))
			   : choose_scenario(argv[optind], &sc);
	if (!status)
		status = prepare(&run, &sc, &cmd);
	if (status)
		return status;

	int err = waiter_init(&run.wait);

	if (err) {
		fprintf(stderr, "mmuscope-load: cannot wait for signals: %s\n", strerror(-err));
		return STATUS_ERROR;
	}
	status = run_scenario(&run);
	if (run.why.text[0])
		fprintf(stderr, "mmuscope-load: %s\n", run.why.text);
	waiter_deinit(&run.wait);
	/* A vCPU thread that is stuck in the kernel must not keep the process from ending. */
	fflush(stdout);
	_Exit(status);
}
