// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork, then writes on both sides: copy on write under a running guest.
 */
#include "run.h"
#include "step_guest.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 120.0

/* In the child, after a fork of a process with threads: nothing but memory and system calls. */
static void child(const struct run *r, unsigned int vm, int go_fd)
{
	const char *hva = r->mems[vm].hva;
	bool private = !r->mems[vm].backing->shared;
	char c;

	if (read(go_fd, &c, 1) != 1)
		_exit(2);
	for (size_t i = 0; private && i < r->pages; i++) {
		volatile uint32_t *page = (volatile uint32_t *)(hva + i * GUEST_PAGE);

		if (r->data.known[i] && *page != r->data.want[i])
			_exit(1);
		*page = ~r->data.want[i];
	}
	_exit(0);
}

/* 0, or a status; wrong says whether the child found other data than at the fork. */
static int wait_child(struct run *r, pid_t pid, bool *wrong)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int got = fd < 0 ? -errno : wait_fd(&r->wait, fd, CHILD_SECONDS);
	int code = 0;

	if (fd >= 0)
		close(fd);
	if (got != 1)
		kill(pid, SIGKILL);
	if (waitpid(pid, &code, 0) != pid)
		got = -errno;
	if (got == -EINTR)
		return why_set(&r->why, STATUS_ERROR, "interrupted");
	if (got == 0)
		return why_set(&r->why, STATUS_ERROR, "the child made no end within %.0f s",
			       CHILD_SECONDS);
	if (got < 0)
		return why_set(&r->why, STATUS_ERROR, "cannot wait for the child: %s",
			       strerror(-got));
	*wrong = WIFEXITED(code) && WEXITSTATUS(code) == 1;
	if (*wrong || (WIFEXITED(code) && WEXITSTATUS(code) == 0))
		return 0;
	return why_set(&r->why, STATUS_ERROR, "the child died (wait status 0x%x)",
		       (unsigned int)code);
}

static void model_fork(struct run *r, unsigned int vm)
{
	struct model *m = &r->models[vm];

	if (r->mems[vm].backing->shared)
		return;		/* nothing is copied on write, nothing write-protected */
	model_invalidate(m, 0, r->pages, HOST_COW);
	if (m->unit != 1)
		expect_blur(&r->expect, BLUR_ALL, "a huge page copied on write is split first");
}

int step_fork_write(struct run *r, const struct step *s, struct step_log *log)
{
	int go[2];
	bool wrong = false;

	if (pipe(go) < 0)
		return why_set(&r->why, STATUS_ERROR, "cannot make a pipe: %s", strerror(errno));

	pid_t pid = fork();

	if (pid == 0) {
		close(go[1]);
		child(r, s->vm, go[0]);
	}
	close(go[0]);
	if (pid < 0) {
		close(go[1]);
		return why_set(&r->why, STATUS_ERROR, "cannot fork: %s", strerror(errno));
	}
	model_fork(r, s->vm);

	int status = step_write(r, s, log);

	if (!status && write(go[1], "g", 1) != 1)
		status = why_set(&r->why, STATUS_ERROR, "cannot start the child: %s",
				 strerror(errno));
	close(go[1]);

	int child_status = wait_child(r, pid, &wrong);

	if (status || child_status)
		return status ? status : child_status;
	r->report.guest_wrong += wrong;
	step_say(log, "guest wrote after fork; the child's copy was %s", wrong ? "changed" : "intact");
	return 0;
}
