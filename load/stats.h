/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's own numbers of one VM, from its binary statistics.
 */
#ifndef LOAD_STATS_H
#define LOAD_STATS_H

#include "vm.h"

enum vm_stat {
	STAT_PAGES_4K,
	STAT_PAGES_2M,
	STAT_PAGES_1G,
	STAT_PF_TAKEN,
	STAT_PF_FIXED,
	STAT_PF_FAST,
	STAT_PF_SPURIOUS,
	STAT_PF_EMULATE,
	STAT_EXITS,
	STATS
};

struct vm_stats {
	bool have[STATS];
	uint64_t n[STATS];
};

const char *stat_name(enum vm_stat stat);

/* The VM's own statistics and the sum over its vCPUs. What the kernel lacks stays unset. */
void stats_read(const struct vm *vm, struct vm_stats *stats);

#endif
