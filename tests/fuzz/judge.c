// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the records of a recording that is whole, or would be if they were records; its file is the
 * target recording's business.  The first eight bytes are the options.  What is not whole is never HELD.
 */
#include "lib/forge.h"

#include "user/cmd/commands.h"
#include "user/judge/judge_file.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/judge/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS = 8, STORIES = 3 };

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Is all that is known enough to say HELD? */
static bool judge_once(const char *path, const uint8_t *options)
{
	struct judge_options o = { .vm = options[0] & 3, .to_ns = UINT64_MAX, .stories = STORIES };
	uint64_t from = (uint64_t)options[1] * 1000, to = (uint64_t)options[2] * 1000;
	struct judge *j = judge_new(&o);
	struct judged_file f;
	bool whole;
	size_t n;

	require(j);
	require(!judge_file(j, path, from, to ? from + to : 0, &f));
	whole = !*f.not_whole;
	for (int i = 0; i < INV_NR; i++) {
		struct verdict v;

		verdict_of(judge_snapshot(j), i, options[3] & 1, &v);
		require(v.violations <= v.checked);
		require(whole || (v.value != HELD && v.value != NO_OCCASION));
		require(v.value != HELD || v.checked);
	}
	judge_told(j, &n);
	require(n <= STORIES && f.unknown_steps <= f.steps && f.steps <= f.records);
	judged_file_free(&f);
	judge_free(j);
	return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char json[] = "--json", path[32];
	char *argv[] = { "judge", "-q", "-o", "/dev/null", path, NULL, NULL };
	bool whole;
	int fd, code;

	if (size < OPTIONS)
		return 0;
	log_level = LOG_QUIET;
	/* records begin at multiples of 8 */
	fd = forge_recording(data + OPTIONS, (size - OPTIONS) & ~(size_t)7);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	whole = judge_once(path, data);
	if (data[4] & 1) {
		argv[5] = path;
		argv[4] = json;
	}
	code = cmd_judge(data[4] & 1 ? 6 : 5, argv);
	require(code == EXIT_OK || code == EXIT_VIOLATED || code == EXIT_INCONCLUSIVE);
	require(whole || code != EXIT_OK);
	close(fd);
	return 0;
}
