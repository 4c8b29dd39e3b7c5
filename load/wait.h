/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything this program waits for: a vCPU, a condition, a line on stdin, a signal. Each wait has
 * a deadline, or ends by a signal; SIGINT and SIGTERM end all of them.
 */
#ifndef LOAD_WAIT_H
#define LOAD_WAIT_H

#include <stdbool.h>

struct waiter {
	int signal_fd;
	bool interrupted;
};

/* Blocks SIGINT, SIGTERM, SIGHUP and SIGUSR1 in the calling thread and all it starts later. */
int waiter_init(struct waiter *w);
void waiter_deinit(struct waiter *w);

double wait_now(void);

/* 1: fd is readable; 0: the time is over; -EINTR: the user wants us to stop. fd may be -1. */
int wait_fd(struct waiter *w, int fd, double seconds);

/* Waits for a line on stdin or SIGUSR1. 0 or -EINTR. */
int wait_go(struct waiter *w);

/* Waits for any of the signals, however long. */
void wait_signal(struct waiter *w);

#endif
