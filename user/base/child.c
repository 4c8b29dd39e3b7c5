// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting, releasing and ending the command.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: wait for the gate, then become the command. */
static void __attribute__((noreturn)) run(int gate, int error, char **argv)
{
	sigset_t none;
	char byte;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* the gate opens with one byte; end of file means that mmuscope is gone */
	if (read(gate, &byte, 1) != 1)
		_exit(127);
	execvp(argv[0], argv);
	err = errno;
	if (write(error, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int child_start(struct child *c, char **argv)
{
	int gate[2], error[2], err;

	memset(c, 0, sizeof(*c));
	if (pipe2(gate, O_CLOEXEC))
		return -errno;
	if (pipe2(error, O_CLOEXEC)) {
		err = -errno;
		close(gate[0]);
		close(gate[1]);
		return err;
	}
	c->pid = fork();
	if (!c->pid) {
		close(gate[1]);
		close(error[0]);
		run(gate[0], error[1], argv);
	}
	err = -errno;
	close(gate[0]);
	close(error[1]);
	if (c->pid < 0) {
		close(gate[1]);
		close(error[0]);
		c->pid = 0;
		return err;
	}
	c->gate = gate[1];
	c->error = error[0];
	return 0;
}

int child_release(struct child *c)
{
	int err = 0;
	ssize_t n;

	if (write(c->gate, "", 1) != 1)
		err = errno;
	close(c->gate);
	c->gate = -1;
	/* a successful exec closes the other end */
	n = err ? 0 : read(c->error, &err, sizeof(err));
	close(c->error);
	c->error = -1;
	return n == sizeof(err) || err ? -err : 0;
}

void child_reap(struct child *c)
{
	if (c->pid && !c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
}

void child_stop(struct child *c)
{
	static const int signals[] = { SIGTERM, SIGKILL };
	int fd;

	child_reap(c);
	if (!c->pid || c->ended)
		return;
	fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	for (size_t i = 0; i < 2 && !c->ended; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		kill(c->pid, signals[i]);
		if (fd >= 0)
			poll(&p, 1, 2000);
		child_reap(c);
	}
	if (fd >= 0)
		close(fd);
	if (!c->ended && waitpid(c->pid, &c->status, 0) == c->pid)
		c->ended = true;
}
