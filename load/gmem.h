/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest_memfd: guest memory that KVM takes from a file of its own instead of asking the host's page
 * tables by hva_to_pfn(). Only one that user space may map is of use here, since the host has to
 * compare what the guest wrote.
 */
#ifndef LOAD_GMEM_H
#define LOAD_GMEM_H

#include "why.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* Answers of KVM_CHECK_EXTENSION; 0 also from a kernel that does not know the question. */
struct gmem_caps {
	unsigned int vm_types;		/* KVM_CAP_VM_TYPES: bits by KVM_X86_*_VM */
	unsigned int guest_memfd;	/* KVM_CAP_GUEST_MEMFD */
	unsigned int flags;		/* KVM_CAP_GUEST_MEMFD_FLAGS, since 6.18 */
	unsigned int attributes;	/* KVM_CAP_MEMORY_ATTRIBUTES: private memory can be had */
};

/* Of /dev/kvm. 0 or -errno. */
int gmem_caps(struct gmem_caps *caps);

/* 0, or a status: this KVM has none that can be mapped. The sentence has all answers. */
int gmem_prepare(struct why *why);

/* A guest_memfd of a VM that may be mapped and is shared from the start. Its fd, or -errno. */
int gmem_create(int vm_fd, size_t size);

/* Sets or deletes a memslot on a guest_memfd. 0 or -errno. */
int gmem_set_slot(int vm_fd, const struct kvm_userspace_memory_region *r, int gmem_fd,
		  uint64_t offset);

#endif
