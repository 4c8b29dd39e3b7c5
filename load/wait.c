// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting with deadlines on one signalfd and one other descriptor.
 */
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

int waiter_init(struct waiter *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	w->interrupted = false;
	w->signal_fd = -1;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signal_fd < 0 ? -errno : 0;
}

void waiter_deinit(struct waiter *w)
{
	if (w->signal_fd >= 0)
		close(w->signal_fd);
	w->signal_fd = -1;
}

double wait_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The signal that came, or 0. */
static int take_signal(struct waiter *w)
{
	struct signalfd_siginfo info;

	if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo != SIGUSR1)
		w->interrupted = true;
	return (int)info.ssi_signo;
}

int wait_fd(struct waiter *w, int fd, double seconds)
{
	double end = wait_now() + seconds;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = w->signal_fd, .events = POLLIN },
			{ .fd = fd, .events = POLLIN },
		};
		double left = end - wait_now();
		int ms = left <= 0 ? 0 : (int)(left * 1000) + 1;
		int n = poll(fds, 2, ms);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[0].revents)
			take_signal(w);
		if (w->interrupted)
			return -EINTR;
		if (n > 0 && fds[1].revents)
			return 1;
		if (n == 0 && wait_now() >= end)
			return 0;
	}
}

int wait_go(struct waiter *w)
{
	int in = STDIN_FILENO;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = w->signal_fd, .events = POLLIN },
			{ .fd = in, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents && take_signal(w) == SIGUSR1)
			return 0;
		if (w->interrupted)
			return -EINTR;
		if (!fds[1].revents)
			continue;

		char c;
		ssize_t n = read(in, &c, 1);

		if (n == 1 && c == '\n')
			return 0;
		if (n <= 0)
			in = -1;	/* no stdin: only a signal can start us */
	}
}

void wait_signal(struct waiter *w)
{
	struct pollfd fd = { .fd = w->signal_fd, .events = POLLIN };

	while (!w->interrupted) {
		if (poll(&fd, 1, -1) == 1 && take_signal(w))
			return;
	}
}
