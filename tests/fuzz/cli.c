// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: command lines.  The first line of the input is one, split at blanks; the rest is what the
 * files a to c hold that it may name.  The commands that need no kernel are run, of the others the options
 * are parsed.  All in an empty directory, and no word has a '/'.
 */
#include "user/cmd/commands.h"
#include "user/base/log.h"
#include "user/cmd/options.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS = 32, LINE = 512 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/mmuscope-fuzz-XXXXXX";

static void require(bool holds)
{
	if (!holds)
		abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (ftw->level)
		require(!remove(path));
	return 0;
}

/* Nothing of one run is left for the next. */
static void empty_folder(void)
{
	require(!nftw(".", remove_one, 8, FTW_DEPTH | FTW_PHYS));
}

static void leave(void)
{
	empty_folder();
	rmdir(folder);
}

/* The fuzzer keeps its own stderr, and wants absolute paths. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(mkdtemp(folder) && !chdir(folder) && !atexit(leave));
	unsetenv("MMUSCOPE_STORE");
	stdout = fopen("/dev/null", "w");
	stderr = fopen("/dev/null", "w");
	require(stdout && stderr);
	return 0;
}

/* The first part, from its newline to a NUL, is the file a, the next b, and c. */
static void write_files(const uint8_t *data, size_t size)
{
	char name[2] = "a";

	for (; size && *name <= 'c'; name[0]++) {
		const uint8_t *nul = memchr(data + 1, '\0', size - 1);
		size_t len = nul ? (size_t)(nul - data) : size;
		FILE *f = fopen(name, "w");

		require(f && fwrite(data + 1, 1, len - 1, f) == len - 1 && !fclose(f));
		data += len;
		size -= len;
	}
}

static void parse_only(int argc, char **argv)
{
	static const unsigned int accepts[] = {
		0, OPT_TARGET | OPT_ONLY | OPT_STORIES | OPT_CLAIMS | OPT_STACKS | OPT_PAYOFF,
		OPT_TARGET | OPT_STACKS, OPT_TARGET | OPT_CANDIDATE };
	char *copy[WORDS + 1];

	for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
		struct options o;
		int err;

		/* getopt changes their order */
		memcpy(copy, argv, sizeof(copy));
		err = options_parse(&o, argc, copy, argv[0], accepts[i], "usage\n");
		require(err >= -1 && err <= 1);
		require(err || (o.max_vms && (!o.command || *o.command)));
	}
}

static void run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = { { "gate", cmd_gate }, { "runs", cmd_runs }, { "metrics", cmd_metrics } };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[0], commands[i].name)) {
			int status = commands[i].run(argc, argv);

			require(status >= 0 && status <= 4);
			return;
		}
	parse_only(argc, argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;
	char line[LINE], *argv[WORDS + 1] = { NULL }, *save = NULL;
	int argc = 0;

	if (!len || len >= LINE || memchr(data, '/', len))
		return 0;
	memcpy(line, data, len);
	line[len] = '\0';
	for (char *w = strtok_r(line, " ", &save); w && argc < WORDS; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	if (!argc)
		return 0;
	write_files(data + len, size - len);
	log_level = LOG_NORMAL;
	run(argc, argv);
	empty_folder();
	return 0;
}
