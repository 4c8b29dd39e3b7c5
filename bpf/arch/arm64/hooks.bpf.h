/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks of stage 2 (arch/arm64/kvm/hyp/pgtable.c).  All changes are made by walkers, functions that a
 * walk calls for each entry; they are not told whose table it is, so that the walk itself is a hook, too.
 */
#ifndef MMUSCOPE_ARCH_ARM64_HOOKS_BPF_H
#define MMUSCOPE_ARCH_ARM64_HOOKS_BPF_H

/* struct kvm of a stage 2; 0: a page table of the host's (get_user_mapping_size()), or a nested guest's. */
static __always_inline u64 stage2_kvm(u64 pgt)
{
	u64 mmu = FIELD64(pgt, struct kvm_pgtable, mmu), kvm;

	if (!mmu)
		return 0;
	kvm = FIELD64(mmu, struct kvm_s2_mmu, arch) - bpf_core_field_offset(struct kvm, arch);
	return mmu == stage2_of(kvm) ? kvm : 0;
}

SEC("fentry/kvm_pgtable_walk")
int BPF_PROG(stage2_walk_begin, struct kvm_pgtable *pgt, u64 addr, u64 size)
{
	struct stage2_walk *w;
	u64 kvm;

	if (!enabled)
		return 0;
	kvm = stage2_kvm(arg_number(ctx, 0));
	if (!kvm || !vm_index(kvm))
		return 0;
	w = bpf_task_storage_get(&stage2_walks, bpf_get_current_task_btf(), 0,
				 BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!w) {
		lost(LOSS_TASK_STATE);
		return 0;
	}
	w->kvm = kvm;
	w->start = addr & ~0xfffULL;
	w->end = (w->start + size + 0xfff) & ~0xfffULL;
	return 0;
}

/* struct kvm of the walk that visits an entry; 0: none that we follow. */
static __always_inline u64 visit_kvm(const struct kvm_pgtable_visit_ctx *v)
{
	struct stage2_walk *w = bpf_task_storage_get(&stage2_walks, bpf_get_current_task_btf(), 0, 0);

	return w && w->start == v->start && w->end == v->end ? w->kvm : 0;
}

static __always_inline u32 visit_level(const struct kvm_pgtable_visit_ctx *v)
{
	return 4 - v->level;
}

static __always_inline int stage2_changed(u64 kvm, u64 gfn, u64 old, u64 new, u32 level)
{
	if (level < 1 || level > LEVELS)
		return 0;
	return spte_changed(kvm, 0, gfn & ~(level_pages(level) - 1), old, new, level, false);
}

/* leaves that go without being visited */
struct stage2_leaves {
	u64 kvm;
	u64 table;		/* of them; 0: it is the one leaf */
	u64 leaf;
	u64 gfn;
	u32 level;
	u32 pad;
};

static long stage2_leave(u32 i, struct stage2_leaves *l)
{
	u64 spte = l->table ? read64(l->table + i * 8) : l->leaf;
	u32 level = l->level;

	if (level >= 1 && level <= LEVELS && spte_leaf(spte, level))
		stage2_changed(l->kvm, l->gfn + i * level_pages(level), spte, 0, level);
	return 0;
}

/*
 * A leaf takes the place of another page's, or of a table, whose leaves nobody visits any more but an RCU
 * callback that frees them.  A program of its own, for a stack of its own.
 */
SEC("fentry/stage2_make_pte")
int BPF_PROG(stage2_replace, const struct kvm_pgtable_visit_ctx *v, u64 new)
{
	struct stage2_leaves l = { .level = visit_level(v), .leaf = v->old };
	bool was = spte_leaf(l.leaf, l.level);
	u32 n = 512;

	if (!enabled || !spte_leaf(new, l.level) || !spte_present(l.leaf))
		return 0;
	if (was && spte_pfn(l.leaf) == spte_pfn(new))
		return 0;
	l.kvm = visit_kvm(v);
	if (!l.kvm)
		return 0;
	l.gfn = v->addr >> 12 & ~(level_pages(l.level & 3) - 1);
	if (was) {
		n = 1;
	} else {
		l.table = table_of(l.leaf);
		l.level--;
	}
	bpf_loop(n, stage2_leave, &l, 0);
	return 0;
}

/*
 * An entry is written: a leaf or a table in the place of what was there.  A block that a fault replaces by a
 * table is gone, since that table is empty; one that KVM splits ahead has been copied into it.
 */
SEC("fentry/stage2_make_pte")
int BPF_PROG(stage2_install, const struct kvm_pgtable_visit_ctx *v, u64 new)
{
	u32 level = visit_level(v);
	u64 old = v->old, kvm;
	bool was = spte_leaf(old, level), is = spte_leaf(new, level);

	if (!enabled || (!was && !is))
		return 0;
	kvm = visit_kvm(v);
	if (!kvm)
		return 0;
	if (was && is && spte_pfn(old) != spte_pfn(new))
		old = 0;
	if (!is && spte_present(new) && !spte_present(read64(table_of(new))))
		new = 0;
	return stage2_changed(kvm, v->addr >> 12, old, new, level);
}

static __always_inline int stage2_gone(const struct kvm_pgtable_visit_ctx *v)
{
	u64 old = v->old, kvm;
	u32 level = visit_level(v);

	if (!enabled || !spte_leaf(old, level))
		return 0;
	kvm = visit_kvm(v);
	return kvm ? stage2_changed(kvm, v->addr >> 12, old, 0, level) : 0;
}

SEC("fentry/stage2_unmap_walker")
int BPF_PROG(stage2_zap, const struct kvm_pgtable_visit_ctx *v)
{
	return stage2_gone(v);
}

SEC("fentry/stage2_free_walker")
int BPF_PROG(stage2_free, const struct kvm_pgtable_visit_ctx *v)
{
	return stage2_gone(v);
}

/* At the exit, since it may fail.  What it has written is not looked at: another may have changed that. */
SEC("fexit/stage2_attr_walker")
int BPF_PROG(stage2_rights, const struct kvm_pgtable_visit_ctx *v, int visit, int ret)
{
	u64 old = v->old, new, kvm, data = (u64)v->arg;
	u32 level = visit_level(v);

	if (!enabled || ret || !spte_leaf(old, level))
		return 0;
	new = (old & ~FIELD64(data, struct stage2_attr_data, attr_clr)) |
	      FIELD64(data, struct stage2_attr_data, attr_set);
	if (new == old)
		return 0;
	kvm = visit_kvm(v);
	return kvm ? stage2_changed(kvm, v->addr >> 12, old, new, level) : 0;
}

/*
 * KVM flushes the TLBs inside the zap, or, where the CPU can flush ranges, at the end of an unmap.
 * Without VHE these are calls of the hypervisor, and cannot be seen.
 */
static __always_inline int stage2_flushed(void)
{
	struct stage2_walk *w;

	if (!enabled || !cfg_check)
		return 0;
	w = bpf_task_storage_get(&stage2_walks, bpf_get_current_task_btf(), 0, 0);
	if (w)
		w->flushes++;
	return 0;
}

SEC("fentry/__kvm_tlb_flush_vmid_ipa")
int BPF_PROG(stage2_flush)
{
	return stage2_flushed();
}

SEC("fentry/kvm_tlb_flush_vmid_range")
int BPF_PROG(stage2_flush_range)
{
	return stage2_flushed();
}

/* ---- the end of a fault ---- */

/* Which page it was of is not told: that which was looked up last.  One that maps nothing is made again. */
static __always_inline int abort_end(struct kvm_vcpu *vcpu)
{
	struct task_state *t;
	struct fault *f;

	if (!enabled || !cfg_check)
		return 0;
	t = task_state_found();
	if (!t || !(t->uses & USE_FAULT))
		return 0;
	f = &t->fault;
	return fault_end(vcpu, f->gfn, f->pfn, f->level ? 0 : RET_PF_RETRY);
}

SPARED("fexit/kvm_handle_guest_abort", fault_abort, GUARD_FAULT_ABORT, abort_end(vcpu), struct kvm_vcpu *vcpu,
       int ret)

#endif /* MMUSCOPE_ARCH_ARM64_HOOKS_BPF_H */
