// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints what the window histogram of the mmuscope that runs here has counted so far: so that one
 * session, whose start takes most of the time, gives many runs (tests/power/collect).
 */
#include "bpf/event.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CPUS_MAX = 256 };

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* The map of this name, or -1. */
static int map_open(const char *name)
{
	struct bpf_map_info info;
	union bpf_attr next, attr;

	memset(&next, 0, sizeof(next));
	while (!bpf(BPF_MAP_GET_NEXT_ID, &next)) {
		int fd;

		memset(&attr, 0, sizeof(attr));
		attr.map_id = next.next_id;
		fd = (int)bpf(BPF_MAP_GET_FD_BY_ID, &attr);
		memset(&info, 0, sizeof(info));
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (__u32)fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (__u64)(unsigned long)&info;
		if (fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) && !strcmp(info.name, name))
			return fd;
		close(fd);
		next.start_id = next.next_id;
	}
	return -1;
}

int main(void)
{
	static struct hist per_cpu[CPUS_MAX], all;
	__u32 key = HIST_WINDOW_NS;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (__u32)map_open("hists");
	attr.key = (__u64)(unsigned long)&key;
	attr.value = (__u64)(unsigned long)per_cpu;
	if (sysconf(_SC_NPROCESSORS_CONF) > CPUS_MAX || bpf(BPF_MAP_LOOKUP_ELEM, &attr)) {
		fprintf(stderr, "hists: no window histogram can be read: %s\n", strerror(errno));
		return 1;
	}
	for (int cpu = 0; cpu < CPUS_MAX; cpu++) {
		all.sum += per_cpu[cpu].sum;
		for (int b = 0; b < HIST_BUCKETS; b++)
			all.bucket[b] += per_cpu[cpu].bucket[b];
	}
	printf("%llu", (unsigned long long)all.sum);
	for (int b = 0; b < HIST_BUCKETS; b++)
		printf(" %llu", (unsigned long long)all.bucket[b]);
	printf("\n");
	return 0;
}
