// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dispatcher: one table of subcommands.
 */
#include "user/base/features.h"
#include "user/cmd/commands.h"
#include "user/base/log.h"
#include "user/base/reason.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} commands[] = {
	{ "doctor", cmd_doctor, "try every hook on this kernel and say what it enables" },
	{ "check", cmd_check, "judge KVM's MMU invariants while a workload runs" },
	{ "record", cmd_record, "the same, and keep everything seen in a file" },
	{ "judge", cmd_judge, "judge a recording again" },
	{ "levels", cmd_levels, "show what is mapped at 4K, 2M and 1G, per VM" },
	{ "top", cmd_top, "every VM, live, or out of a recording" },
	{ "walk", cmd_walk, "compare a lockless page table walk with GUP at each lookup" },
	{ "report", cmd_report, "a recording as text, page, trace, table or mail" },
	{ "serve", cmd_serve, "the same for Prometheus and as a live page, over HTTP" },
	{ "gate", cmd_gate, "compare runs of a new build with a baseline, by rules" },
	{ "runs", cmd_runs, "the run store: list, show, tag, delete and add runs" },
	{ "metrics", cmd_metrics, "list every number by its name, with its labels" },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void help(FILE *f)
{
	fprintf(f, "mmuscope %s: watches and judges KVM's MMU on a running Linux host\n\n", VERSION);
	fprintf(f, "Usage: mmuscope COMMAND [OPTION]... [-- WORKLOAD [ARG]...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].text);
	fprintf(f, "\n'mmuscope COMMAND --help' tells the options; mmuscope(8) is the reference.\n"
		"Start with: mmuscope doctor\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		help(stderr);
		return EXIT_FAILED;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		help(stdout);
		return EXIT_OK;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		printf("mmuscope %s", VERSION);
		if (features_missing())
			printf(" (static: without %s)", features_missing());
		putchar('\n');
		return EXIT_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	log_error("unknown command '%s'", name);
	fprintf(stderr, "Try 'mmuscope --help'.\n");
	return EXIT_FAILED;
}
