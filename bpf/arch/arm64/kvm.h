/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types of arm64's stage 2, as vmlinux.h has the others: only what is read.  tests/btf proves
 * each against every arm64 kernel of the lab.
 */
#ifndef MMUSCOPE_ARCH_ARM64_KVM_H
#define MMUSCOPE_ARCH_ARM64_KVM_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kvm_s2_mmu {
	struct kvm_pgtable *pgt;
	struct kvm_arch *arch;
};

struct kvm_arch___arm64 {
	struct kvm_s2_mmu mmu;
};

/* levels are a signed byte, and from 7.x on most of this lies in a union: read by offset */
struct kvm_pgtable {
	u32 ia_bits;
	s8 start_level;
	void *pgd;
	struct kvm_s2_mmu *mmu;
};

struct kvm_pgtable_visit_ctx {
	u64 *ptep;
	u64 old;
	void *arg;
	u64 start;
	u64 addr;
	u64 end;
	s8 level;
};

struct stage2_attr_data {
	u64 attr_set;
	u64 attr_clr;
};

#pragma clang attribute pop

#endif /* MMUSCOPE_ARCH_ARM64_KVM_H */
