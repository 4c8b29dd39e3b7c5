// SPDX-License-Identifier: GPL-2.0-only
/*
 * drop COMMAND [ARG]...: runs COMMAND as nobody, without privileges.  Lab VMs have no su that would
 * work there.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NOBODY = 65534 };

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: drop COMMAND [ARG]...\n");
		return 1;
	}
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)) {
		fprintf(stderr, "drop: %s\n", strerror(errno));
		return 1;
	}
	execvp(argv[1], &argv[1]);
	fprintf(stderr, "drop: %s: %s\n", argv[1], strerror(errno));
	return 127;
}
