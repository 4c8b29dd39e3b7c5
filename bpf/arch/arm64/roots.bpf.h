/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The root of a VM's stage 2 (kvm_pgtable_stage2_init(), arch/arm64/kvm/hyp/pgtable.c), of which it has one.
 */
#ifndef MMUSCOPE_ARCH_ARM64_ROOTS_BPF_H
#define MMUSCOPE_ARCH_ARM64_ROOTS_BPF_H

#include "kvm.h"

enum {
	ROOTS_MAX = 1,
	/* of what stands for a role: it says nothing but the level */
	ROLE_LEVEL = 0xffff,
	ROLE_AS_SHIFT = 24,
};

struct roots {
	u64 pgt;		/* the next one's */
	u64 table;
	u32 role;
	u32 invalid;
};

static __always_inline u64 stage2_of(u64 kvm)
{
	return kvm + bpf_core_field_offset(struct kvm, arch) +
	       bpf_core_field_offset(struct kvm_arch___arm64, mmu);
}

static __always_inline void roots_begin(struct roots *r, u64 kvm)
{
	/* none any more when the VM ends */
	r->pgt = FIELD64(stage2_of(kvm), struct kvm_s2_mmu, pgt);
	r->invalid = 0;
}

GLOBAL int roots_next(struct roots *r)
{
	s8 level;
	u64 pgt;

	if (!r || !r->pgt)
		return 0;
	pgt = r->pgt;
	r->pgt = 0;
	level = FIELD32(pgt, struct kvm_pgtable, start_level);
	r->role = (4 - level) | FIELD32(pgt, struct kvm_pgtable, ia_bits) << ROOT_BITS_SHIFT;
	r->table = FIELD64(pgt, struct kvm_pgtable, pgd);
	return 1;
}

static __always_inline bool roots_over(const struct roots *r)
{
	return !r->pgt;
}

static __always_inline bool roots_seen(const struct roots *r)
{
	return roots_over(r);
}

static __always_inline int has_invalid_root(u64 kvm, u64 gfn)
{
	(void)kvm;
	(void)gfn;
	return 0;
}

/*
 * The task's last walk of a VM's stage 2.  An entry belongs to it if it is visited for the same range: tables
 * that are not linked (yet, or any more) are walked, too, some by an RCU callback in whatever task, and all
 * of those begin at 0 and end in the same table.
 */
struct stage2_walk {
	u64 kvm;
	u64 start;
	u64 end;
	u64 flushes;		/* of stage 2, by this task */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stage2_walk);
} stage2_walks SEC(".maps");

/* With VHE alone they are calls of functions. */
static __always_inline bool flushes_unseen(void)
{
	return cap_flushes_unseen;
}

/* KVM counts no flush of one address: those of the task, which are all that a window of its own waits for. */
static __always_inline u64 kvm_flush_requests(u64 kvm)
{
	struct stage2_walk *w = bpf_task_storage_get(&stage2_walks, bpf_get_current_task_btf(), 0, 0);

	/* or the compiler drops the argument of who calls this, which the verifier would have */
	barrier_var(kvm);
	return w ? w->flushes : 0;
}

#endif /* MMUSCOPE_ARCH_ARM64_ROOTS_BPF_H */
