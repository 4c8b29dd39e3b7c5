// SPDX-License-Identifier: GPL-2.0-only
/*
 * drop COMMAND [ARG]...: runs COMMAND as nobody, without privileges.  Lab VMs have no su that would
 * work there.
 * drop -c N[,N]... COMMAND [ARG]...: runs it as root that lacks the capabilities of these numbers.
 */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* What is not in the bounding set is not got by root's exec either. */
static int drop_some(const char *list)
{
	char *end;

	do {
		if (prctl(PR_CAPBSET_DROP, strtoul(list, &end, 10), 0, 0, 0))
			return -1;
		list = end + 1;
	} while (*end == ',');
	return 0;
}

int main(int argc, char **argv)
{
	bool some = argc > 3 && !strcmp(argv[1], "-c");
	int err;

	if (argc < 2) {
		fprintf(stderr, "usage: drop [-c N,...] COMMAND [ARG]...\n");
		return 1;
	}
	err = some ? drop_some(argv[2]) : setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY);
	if (err) {
		fprintf(stderr, "drop: %s\n", strerror(errno));
		return 1;
	}
	argv += some ? 3 : 1;
	execvp(argv[0], argv);
	fprintf(stderr, "drop: %s: %s\n", argv[0], strerror(errno));
	return 127;
}
