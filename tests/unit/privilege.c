// SPDX-License-Identifier: GPL-2.0-only
/*
 * After the drop: no capability, no way back, and each system call that serving does not need fails or ends
 * the process.  Each try is made in a child.
 */
#include "user/serve/privilege.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { DONE, REFUSED, OTHER, NOT_DROPPED };

/* What becomes of a function after the drop: its exit code, or 128 + signal. */
static int after_drop(int (*fn)(void))
{
	const struct rlimit no_core = { 0, 0 };
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &no_core);
		_exit(privilege_drop(NULL, true, -1) ? NOT_DROPPED : fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int outcome(long result)
{
	return result >= 0 ? DONE : errno == EPERM || errno == EACCES ? REFUSED : OTHER;
}

static int try_open(void)
{
	return outcome(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
}

static int try_read(void)
{
	return outcome(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int try_write(void)
{
	return outcome(syscall(SYS_openat, AT_FDCWD, "/proc/self/comm", O_WRONLY | O_CLOEXEC));
}

/* What tells the name of a VM. */
static int try_proc(void)
{
	return outcome(syscall(SYS_openat, AT_FDCWD, "/proc/1/cmdline", O_RDONLY | O_CLOEXEC));
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static int try_inet(void)
{
	return outcome(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static int try_unix(void)
{
	return outcome(syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0));
}

static int try_mmap(int prot)
{
	return outcome(syscall(SYS_mmap, NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int try_executable(void)
{
	return try_mmap(PROT_READ | PROT_EXEC);
}

static int try_memory(void)
{
	return try_mmap(PROT_READ | PROT_WRITE);
}

static int try_kill(void)
{
	return outcome(syscall(SYS_kill, 1, 0));
}

static int try_unlink(void)
{
	return outcome(syscall(SYS_unlinkat, AT_FDCWD, "/nothing", 0));
}

static int try_map_create(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1,
	};

	return outcome(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int try_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return OTHER;
}

static int try_ptrace(void)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_unshare(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int try_setuid(void)
{
	return outcome(syscall(SYS_setuid, 0));
}

static int try_prog_load(void)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };

	return outcome(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static void refused(void **arg)
{
	(void)arg;
	assert_int_equal(after_drop(try_open), REFUSED);
	assert_int_equal(after_drop(try_read), REFUSED);
	assert_int_equal(after_drop(try_write), REFUSED);
	assert_int_equal(after_drop(try_inet), REFUSED);
	assert_int_equal(after_drop(try_executable), REFUSED);
	assert_int_equal(after_drop(try_kill), REFUSED);
	assert_int_equal(after_drop(try_unlink), REFUSED);
	assert_int_equal(after_drop(try_map_create), REFUSED);
}

static void deadly(void **arg)
{
	(void)arg;
	assert_int_equal(after_drop(try_exec), 128 + SIGSYS);
	assert_int_equal(after_drop(try_ptrace), 128 + SIGSYS);
	assert_int_equal(after_drop(try_unshare), 128 + SIGSYS);
	assert_int_equal(after_drop(try_setuid), 128 + SIGSYS);
	assert_int_equal(after_drop(try_prog_load), 128 + SIGSYS);
}

static void still_allowed(void **arg)
{
	(void)arg;
	assert_int_equal(after_drop(try_unix), DONE);
	assert_int_equal(after_drop(try_memory), DONE);
	assert_int_equal(after_drop(try_proc), has_landlock() ? DONE : REFUSED);
}

static int status_fd;

/* The child's own view of itself, by a file that was opened before. */
static int look_at_status(void)
{
	static const char *const lines[] = {
		"\nCapInh:\t0000000000000000\n", "\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n",
		"\nCapAmb:\t0000000000000000\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n",
	};
	char text[8192];
	ssize_t n = pread(status_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			return OTHER;
	return DONE;
}

static void status_says_so(void **arg)
{
	const struct rlimit no_core = { 0, 0 };
	pid_t pid = fork();
	int status;

	(void)arg;
	if (!pid) {
		setrlimit(RLIMIT_CORE, &no_core);
		status_fd = open("/proc/self/status", O_RDONLY);
		_exit(status_fd < 0 || privilege_drop(NULL, true, -1) ? NOT_DROPPED : look_at_status());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void no_such_user(void **arg)
{
	static struct catch c;
	pid_t pid = fork();
	int status;

	(void)arg;
	catch_begin(&c, stderr);
	if (!pid)
		_exit(privilege_drop("no-such-user-here", false, -1) ? 7 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	catch_end(&c, stderr);
	assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused), cmocka_unit_test(deadly), cmocka_unit_test(still_allowed),
		cmocka_unit_test(status_says_so), cmocka_unit_test(no_such_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
