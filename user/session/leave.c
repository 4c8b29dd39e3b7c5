// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing a session behind a process that ends.  The kernel takes a second or two to let go of programs that
 * are attached, however they are closed, and whoever closes them waits.  So a process of its own does.
 */
#include "user/base/log.h"
#include "session_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mmuscope.skel.h"

/* Nobody is to wait for files, pipes and terminals that we only inherited: links and maps are anonymous. */
static void close_others(int gate)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);
		char target[32];
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target));

		if (n <= 0 || fd == gate || fd == dirfd(d) ||
		    !strncmp(target, "anon_inode:", strlen("anon_inode:")))
			continue;
		close(fd);
	}
	if (d)
		closedir(d);
}

static void __attribute__((noreturn)) close_behind(struct session *s, const int gate[2])
{
	sigset_t none;
	char byte;

	/* neither Ctrl-C at a prompt that is not ours any more, nor a shell's end */
	setsid();
	close(gate[1]);
	close_others(gate[0]);
	if (chdir("/"))
		log_verbose("cannot leave the directory: %s", strerror(errno));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* until its copies of the descriptors are gone: while ours are there, they cost it nothing */
	while (read(gate[0], &byte, 1) < 0 && errno == EINTR)
		;
	session_close(s);
	_exit(0);
}

void session_leave(struct session *s)
{
	int gate[2];
	pid_t pid;

	if (!s)
		return;
	if (s->skel)
		s->skel->bss->enabled = 0;
	if (pipe2(gate, O_CLOEXEC)) {
		session_close(s);
		return;
	}
	pid = fork();
	if (!pid)
		close_behind(s, gate);
	close(gate[0]);
	if (pid > 0)
		return;	/* the other end of the gate is open until we end */
	close(gate[1]);
	session_close(s);
}
