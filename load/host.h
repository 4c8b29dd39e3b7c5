/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this program changes on the host, and puts back: sysfs and proc settings, a cgroup of its
 * own, files. Also what it reads there.
 */
#ifndef LOAD_HOST_H
#define LOAD_HOST_H

#include "why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_SETTINGS_MAX 16

struct host_setting {
	char path[128];
	char old[64];
};

struct host {
	struct host_setting settings[HOST_SETTINGS_MAX];
	size_t nsettings;
	char cgroup[192];	/* our cgroup's directory; empty: none */
	char cgroup_home[256];	/* the cgroup.procs that we came from */
	char cgroup_root[96];
	bool gave_memory;	/* we enabled the memory controller for the root's children */
};

/* Reads the first line of a file; a number; -errno on failure. */
int host_read_line(const char *path, char *line, size_t size);
int host_read_number(const char *path, uint64_t *n);
int host_write(const char *path, const char *text);

/* The word in brackets of a file such as "always [madvise] never", or the line itself. */
int host_read_choice(const char *path, char *word, size_t size);

/* Sets and remembers the old value for host_restore. 0 or -errno. */
int host_set(struct host *h, const char *path, const char *text);

/* Moves this process into a new cgroup with the memory controller. */
int host_enter_cgroup(struct host *h, struct why *why);
/* path of a control file of it */
void host_cgroup_file(const struct host *h, const char *name, char *path, size_t size);

void host_restore(struct host *h);

bool host_is_root(void);
uint64_t host_swap_free(void);
bool host_vmstat(const char *name, uint64_t *n);
unsigned int host_nodes(void);

/* Does KVM use its TDP MMU? The other one maps pages ahead, which no one can count. */
bool host_has_tdp_mmu(void);

/* Does KVM keep the guest from executing on huge pages, and splits them (nx_huge_pages)? */
bool host_splits_for_exec(void);

/* One entry of /proc/self/pagemap a page, for n pages from hva. 0 or -errno. */
#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_SWAP	(1ULL << 62)
#define PAGEMAP_PFN	((1ULL << 55) - 1)
int host_pagemap(const void *hva, size_t n, uint64_t *entries);

#endif
