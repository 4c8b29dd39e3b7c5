/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What crosses the boundary below the tier fentry (docs/tiers.md): numbers of a process that has VMs, not of
 * a VM, since there the kernel does not say which of them it is.
 */
#ifndef MMUSCOPE_TIERS_H
#define MMUSCOPE_TIERS_H

#include "event.h"

enum { TIER_PROCESSES = 4096 };

struct tier_counts {
	__u64 installed[LEVELS];
	__u64 zapped[LEVELS];
	__u64 torn_down[LEVELS];
	__u64 split[LEVELS];
	__u64 collapsed[LEVELS];
	__u64 faults;		/* of vCPUs, but those of MMIO */
	__u64 lookups;		/* hva_to_pfn; tier kprobe */
	__u64 windows[NOTIFIER_EVENTS];	/* tier tracepoint: all of them are of an event that is not known */
	__u32 in_scope;
	__u32 pad;
	char comm[COMM_LEN];	/* of the thread that was first seen */
};

enum tier_loss {
	TIER_LOSS_SHAPE,	/* arguments that cannot be this tracepoint's: nothing can be counted */
	TIER_LOSS_TABLE,	/* more than TIER_PROCESSES */
	TIER_LOSS_NR,
};

_Static_assert(sizeof(struct tier_counts) == 8 * (5 * LEVELS + 2 + NOTIFIER_EVENTS) + 8 + COMM_LEN, "no holes");

#endif /* MMUSCOPE_TIERS_H */
