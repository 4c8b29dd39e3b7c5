// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints how many BPF programs and links the kernel has, with an argument maps too: proof that nothing was
 * left.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int count(int cmd)
{
	union bpf_attr attr;
	int n = 0;

	memset(&attr, 0, sizeof(attr));
	while (!syscall(SYS_bpf, cmd, &attr, sizeof(attr))) {
		attr.start_id = attr.next_id;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	(void)argv;
	printf("programs %d links %d", count(BPF_PROG_GET_NEXT_ID), count(BPF_LINK_GET_NEXT_ID));
	if (argc > 1)
		printf(" maps %d", count(BPF_MAP_GET_NEXT_ID));
	printf("\n");
	return 0;
}
