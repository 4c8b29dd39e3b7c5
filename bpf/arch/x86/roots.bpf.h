/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The roots of the TDP MMU's page tables.  They are freed after an RCU grace period, and so are the tables.
 */
#ifndef MMUSCOPE_ARCH_X86_ROOTS_BPF_H
#define MMUSCOPE_ARCH_X86_ROOTS_BPF_H

enum { ROOTS_MAX = 8 };

/* a walk over a VM's list of TDP roots, invalid ones too: a vCPU may still be using one */
struct roots {
	u64 head;		/* address of the list's head */
	u64 link;		/* the next root's */
	u64 table;		/* of the current one */
	u32 role;
	u32 invalid;
};

/* role.smm is the top byte and is the address space; role.level the lowest 4 bits (kvm_host.h) */
enum {
	ROLE_LEVEL = 15,
	ROLE_AS_SHIFT = 24,
};

static __always_inline void roots_begin(struct roots *r, u64 kvm)
{
	r->head = kvm + bpf_core_field_offset(struct kvm, arch.tdp_mmu_roots);
	r->link = read64(r->head);
}

/* Go on to the next root; 0: there is none. */
GLOBAL int roots_next(struct roots *r)
{
	u64 sp;

	/* without the TDP MMU the list has never been made */
	if (!r || !r->link || r->link == r->head)
		return 0;
	sp = r->link - bpf_core_field_offset(struct kvm_mmu_page, link);
	r->role = FIELD32(sp, struct kvm_mmu_page, role.word);
	r->invalid = role_invalid(sp);
	r->table = FIELD64(sp, struct kvm_mmu_page, spt);
	r->link = read64(r->link);
	return 1;
}

static __always_inline bool roots_over(const struct roots *r)
{
	return r->link == r->head;
}

/* Were these all?  Without the TDP MMU there are none. */
static __always_inline bool roots_seen(const struct roots *r)
{
	return roots_over(r) || !read64(r->head);
}

/*
 * Is a root being zapped as a whole that may have mapped this gfn?  tdp_mmu_zap_leafs() of a window
 * also comes over such roots (6.12 on), and need not flush for them: whoever invalidated the root
 * does.  An invalid root can live on for long, in a vCPU's cache of roots, but it is empty then.
 */
GLOBAL int has_invalid_root(u64 kvm, u64 gfn)
{
	struct roots r = {};

	roots_begin(&r, kvm);
	for (u32 i = 0; i < ROOTS_MAX; i++) {
		u32 shift;

		if (!roots_next(&r))
			break;
		shift = ((r.role & ROLE_LEVEL) - 1) * 9;
		if (r.invalid && spte_present(read64(r.table + ((gfn >> (shift & 63)) & 511) * 8)))
			return 1;
	}
	return 0;
}

static __always_inline bool flushes_unseen(void)
{
	return false;
}

/* How often the VM's remote TLBs were flushed. */
static __always_inline u64 kvm_flush_requests(u64 kvm)
{
	return FIELD64(kvm, struct kvm, stat.generic.remote_tlb_flush_requests);
}

#endif /* MMUSCOPE_ARCH_X86_ROOTS_BPF_H */
