// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hooking costs at all: empty programs on exactly the hooks that another tool has.
 *   floor list               prints the hooks of every BPF link that there is now, one a line
 *   floor run FILE CMD...    attaches an empty program to each hook of such a list, and runs CMD
 *   floor fill FILE CMD...   the same, with as many on the first of them as the kernel takes
 *   floor clock              prints CLOCK_MONOTONIC, in ns
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* one hook: what libbpf calls attach type, and the function or tracepoint in a BTF of the kernel */
struct hook {
	unsigned int how;
	unsigned int btf;
	unsigned int id;
};

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int open_id(int cmd, unsigned int id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_id = id;	/* as of programs and BTFs, in the same place */
	return (int)bpf(cmd, &attr);
}

static int info_of(int fd, void *info, unsigned int size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(info, 0, size);
	attr.info.bpf_fd = (unsigned int)fd;
	attr.info.info_len = size;
	attr.info.info = (unsigned long)info;
	return (int)bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static int fail(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	return 1;
}

/* 0, or 1 for a link of which we do not know how to make another */
static int say_link(int fd)
{
	struct bpf_link_info link;
	struct bpf_prog_info prog;
	unsigned int how;
	int p;

	if (info_of(fd, &link, sizeof(link)))
		return fail("link");
	if (link.type == BPF_LINK_TYPE_TRACING)
		how = link.tracing.attach_type;
	else if (link.type == BPF_LINK_TYPE_RAW_TRACEPOINT)
		how = BPF_TRACE_RAW_TP;
	else
		return fprintf(stderr, "floor: link of type %u: not known here\n", link.type), 1;
	p = open_id(BPF_PROG_GET_FD_BY_ID, link.prog_id);
	if (p < 0 || info_of(p, &prog, sizeof(prog)))
		return fail("program");
	close(p);
	printf("%u %u %u %s\n", how, prog.attach_btf_obj_id, prog.attach_btf_id, prog.name);
	return 0;
}

static int list(void)
{
	union bpf_attr attr;
	int result = 0;

	memset(&attr, 0, sizeof(attr));
	while (!bpf(BPF_LINK_GET_NEXT_ID, &attr)) {
		unsigned int id = attr.next_id;
		int fd = open_id(BPF_LINK_GET_FD_BY_ID, id);

		if (fd >= 0)
			result |= say_link(fd);
		close(fd);
		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
	}
	return result;
}

/* the last hook takes no more programs */
static bool full;

static int attach(const struct hook *h)
{
	static const struct bpf_insn empty[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },	/* r0 = 0 */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static char log[4096];
	union bpf_attr attr;
	int btf = open_id(BPF_BTF_GET_FD_BY_ID, h->btf), fd;

	if (btf < 0)
		return fail("BTF");
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = h->how;
	attr.attach_btf_obj_fd = (unsigned int)btf;
	attr.attach_btf_id = h->id;
	attr.insns = (unsigned long)empty;
	attr.insn_cnt = 2;
	attr.license = (unsigned long)"GPL";
	attr.log_buf = (unsigned long)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	fd = (int)bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		return fprintf(stderr, "%s", log), fail("load");
	close(btf);
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = (unsigned int)fd;
	if (bpf(BPF_RAW_TRACEPOINT_OPEN, &attr) >= 0)
		return 0;
	full = errno == E2BIG;	/* BPF_MAX_TRAMP_LINKS */
	return fail("attach");
}

static int attach_list(const char *file, bool fill)
{
	FILE *f = fopen(file, "r");
	char line[128];
	int n = 0;

	if (!f)
		return fail(file);
	while (fgets(line, sizeof(line), f)) {
		struct hook h;

		if (sscanf(line, "%u %u %u", &h.how, &h.btf, &h.id) != 3)
			return fprintf(stderr, "floor: not a hook: %s", line), 1;
		do {
			if (attach(&h))
				return fill && full ? 0 : 1;
			n++;
		} while (fill);
	}
	fclose(f);
	return n ? 0 : (fprintf(stderr, "floor: %s names no hook\n", file), 1);
}

static int run(const char *file, bool fill, char **argv)
{
	int status, err = attach_list(file, fill);
	pid_t pid;

	if (err)
		return err;
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fail("command");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int say_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	printf("%llu\n", (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "clock"))
		return say_clock();
	if (argc > 3 && !strcmp(argv[1], "run"))
		return run(argv[2], false, argv + 3);
	if (argc > 3 && !strcmp(argv[1], "fill"))
		return run(argv[2], true, argv + 3);
	fprintf(stderr, "usage: floor list | floor run|fill FILE CMD... | floor clock\n");
	return 1;
}
