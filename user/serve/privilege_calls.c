// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is not listed fails with EPERM: a C library of tomorrow that tries something new goes on without it.
 * What only an attacker would try ends the process.
 */
#include "user/serve/privilege_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* reading and writing what is open, memory, time, connections */
static const int allowed[] = {
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(fcntl), SCMP_SYS(brk),
	SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(nanosleep), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(getrusage), SCMP_SYS(uname), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall), SCMP_SYS(membarrier), SCMP_SYS(sched_yield),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(timerfd_settime), SCMP_SYS(eventfd2),
	SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(sendfile), SCMP_SYS(shutdown), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
};

/* nobody here has any business with these */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(mount),
	SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
	SCMP_SYS(unshare), SCMP_SYS(perf_event_open), SCMP_SYS(open_by_handle_at), SCMP_SYS(keyctl),
	SCMP_SYS(reboot), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(setuid), SCMP_SYS(setgid),
	SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(capset),
};

/* of bpf(2): to read and write maps that are there and run programs that are loaded */
static const unsigned int bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_BATCH, BPF_PROG_TEST_RUN, BPF_OBJ_GET_INFO_BY_FD, BPF_LINK_DETACH,
};

/* An argument has this value. */
static struct scmp_arg_cmp is(unsigned int arg, uint64_t value)
{
	return (struct scmp_arg_cmp){ .arg = arg, .op = SCMP_CMP_EQ, .datum_a = value };
}

static int add_if(scmp_filter_ctx f, uint32_t action, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add_array(f, action, call, 1, &condition);
}

static int allow_some(scmp_filter_ctx f)
{
	static const struct scmp_arg_cmp not_executable = {
		.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0,
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(bpf_commands) / sizeof(bpf_commands[0]); i++)
		err = err ?: add_if(f, SCMP_ACT_ALLOW, SCMP_SYS(bpf), is(0, bpf_commands[i]));
	/* the journal and systemd: datagrams on a unix socket */
	err = err ?: add_if(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), is(0, AF_UNIX));
	err = err ?: seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	/* memory, never to be executed */
	err = err ?: add_if(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), not_executable);
	err = err ?: add_if(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), not_executable);
	/* at the end probes are switched off */
	return err ?: add_if(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), is(1, PERF_EVENT_IOC_DISABLE));
}

int privilege_allow_calls(bool files, bool folders)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = f ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		err = err ?: seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	err = err ?: allow_some(f);
	if (files)
		err = err ?: add_if(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), is(2, O_RDONLY | O_CLOEXEC));
	if (folders)
		err = err ?: seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(getdents64), 0);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		err = err ?: seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	/* a program or a map more */
	err = err ?: add_if(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(bpf), is(0, BPF_PROG_LOAD));
	err = err ?: seccomp_load(f);
	if (f)
		seccomp_release(f);
	return err;
}
