/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kinds of host memory that can be under a guest, and one mapping of such memory.
 */
#ifndef LOAD_BACKING_H
#define LOAD_BACKING_H

#include "expect.h"
#include "host.h"
#include "why.h"

/* What a backing or a step asks of the host; a scenario needs what its parts need. */
enum need {
	NEED_ROOT = 1 << 0,
	NEED_SWAP = 1 << 1,
	NEED_CGROUP = 1 << 2,
	NEED_FS = 1 << 3,	/* --dir on a file system with writeback */
	NEED_HUGETLB_2M = 1 << 4,
	NEED_HUGETLB_1G = 1 << 5,
	NEED_THP = 1 << 6,
	NEED_SHMEM_THP = 1 << 7,
	NEED_SECRETMEM = 1 << 8,
	NEED_KSM = 1 << 9,
	NEED_COMPACTION = 1 << 10,
	NEED_NESTED = 1 << 11,
	NEED_SMM = 1 << 12,
	NEED_DEVICE = 1 << 13,	/* --device */
	NEED_GUEST_MEMFD = 1 << 14,
};

#define NEEDS 15

struct backing {
	const char *name;
	const char *text;
	unsigned int needs;
	size_t unit;
	enum level level;
	enum host_pte on_read;
	bool shared;
	bool writeback;		/* msync and sync clean it */
	bool discards;		/* MADV_DONTNEED loses the data */
};

/* Where memory comes from that is not had by its name alone. */
struct mem_source {
	const char *dir;	/* of files */
	const char *device;
	uint64_t device_offset;	/* bytes, whole pages */
	int vm_fd;		/* of the VM whose guest_memfd it is; -1: none */
};

struct mem {
	const struct backing *backing;
	int fd;			/* -1: anonymous */
	uint64_t offset;	/* of hva in fd, bytes */
	char *hva;		/* aligned to the unit */
	size_t size;
	char *area;		/* what was mapped, to unmap */
	size_t area_size;
};

const char *need_name(unsigned int bit);

extern const struct backing backings[];
extern const size_t nbackings;
const struct backing *backing_find(const char *name);

/* Prepares the host (huge pages, sysfs), or says what it lacks. */
int backing_prepare(const struct backing *b, size_t size, struct host *h, struct why *why);

int mem_open(struct mem *m, const struct backing *b, size_t size, const struct mem_source *from,
	     struct why *why);
/* The same memory at another address. */
int mem_share(struct mem *m, const struct mem *of, struct why *why);
void mem_close(struct mem *m);

#endif
