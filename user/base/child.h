/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The COMMAND behind "--": started stopped, so that the hooks are there before its first instruction.
 */
#ifndef MMUSCOPE_CHILD_H
#define MMUSCOPE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;		/* 0: none */
	int gate;		/* write end: closing it lets the child go */
	int error;		/* read end: errno of a failed exec */
	bool ended;
	int status;		/* of waitpid, once ended */
};

/* Fork; the child waits at the gate.  0 or negative errno. */
int child_start(struct child *c, char **argv);
/* Let it exec.  0, or the negative errno of the exec. */
int child_release(struct child *c);
/* Reap it if it has ended. */
void child_reap(struct child *c);
/* End it: SIGTERM, and SIGKILL when it has not ended within a second or two. */
void child_stop(struct child *c);

#endif /* MMUSCOPE_CHILD_H */
