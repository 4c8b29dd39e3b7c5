/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's own statistics of each VM, in debugfs: which VMs there are, and what each has mapped.  The ioctl
 * KVM_GET_STATS_FD is for the VM's own process alone: others get EIO.
 */
#ifndef MMUSCOPE_KVM_STATS_H
#define MMUSCOPE_KVM_STATS_H

#include "bpf/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KVM_STATS_FOLDER "/sys/kernel/debug/kvm"

struct kvm_stats;

struct vm_stats {
	uint32_t pid;
	uint32_t fd;		/* of the VM, in that process */
	bool known;		/* pages[] could be read */
	uint64_t pages[LEVELS];
};

/* NULL: they cannot be had; errno says why.  With what is opened here the rest needs no privilege. */
struct kvm_stats *kvm_stats_open(void);
/* Is it there for the levels (from 5.14 on)? */
bool kvm_stats_has_levels(const struct kvm_stats *k);
/* Every VM there is now: a list of *n, valid until the next call.  NULL: out of memory. */
const struct vm_stats *kvm_stats_read(struct kvm_stats *k, size_t *n);
/* Of their folder. */
int kvm_stats_fd(const struct kvm_stats *k);
void kvm_stats_close(struct kvm_stats *k);

#endif /* MMUSCOPE_KVM_STATS_H */
