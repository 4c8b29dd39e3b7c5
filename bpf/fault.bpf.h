/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's fault, from the return of hva_to_pfn over the SPTE it installs to its end.
 */
#ifndef MMUSCOPE_FAULT_BPF_H
#define MMUSCOPE_FAULT_BPF_H

#include "mapped.bpf.h"
#include "open.bpf.h"
#include "refs.bpf.h"

enum { RET_PF_RETRY = 1 };	/* arch/x86/kvm/mmu/mmu_internal.h, same in 6.1 to 7.x */

/* A fault has to be made again: whose window is it that it came into? */
GLOBAL int fault_retried(u32 vm, u64 gfn)
{
	struct open_search s = { .gfn = gfn, .end = gfn + 1, .vm = vm };
	struct vm_state *st = vm_state(vm);
	struct cause_row *row;
	u32 *known;

	if (!st || !st->nopen || !open_windows_find(&s))
		return 0;
	known = bpf_map_lookup_elem(&causes, &s.cause);
	row = known ? cause_row_at(*known) : NULL;
	if (row)
		__sync_fetch_and_add(&row->retries, 1);
	return 0;
}

/* The fault has mapped another gfn than the one whose hva it was judged with: again, with its own. */
GLOBAL int fault_elsewhere(struct task_state *t, u32 index)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct change ch = { .vm = index };
	struct fault *f;
	u64 hva;

	if (!t || !vm)
		return 0;
	f = &t->fault;
	ch.kvm = vm->kvm;
	ch.gfn = f->gfn;
	ch.old = ch.new = f->spte;
	ch.level = f->level;
	ch.as_id = f->as_id;
	if (!still_valid(ch.kvm, f->map_seq))
		return 0;
	hva = mapped_hva(ch.kvm, ch.as_id, ch.gfn, index);
	if (hva != HVA_UNASKED)
		check_mapped(&ch, hva, 0);
	return 0;
}

/* A fault is over: judge what it has mapped and what it holds, and forget it. */
GLOBAL int fault_settle(struct task_state *t, u32 index)
{
	struct fault *f;

	if (!t)
		return 0;
	f = &t->fault;
	if (f->head)
		fault_refs(index, f->hva, f->gfn, f->pfn, f->refs);
	if (f->level && cap_marks_at_map)
		fault_marked(index, f->gfn, f->spte, f->map_seq, f->as_id << 8 | (f->level & 3));
	for (u32 i = 0; i < PREFETCHED; i++) {
		if (i >= f->nprefetched)
			break;
		if (cap_marks_at_map)
			fault_marked(index, f->prefetched_gfn[i], f->prefetched[i], f->map_seq,
				     f->as_id << 8 | 1);
		fault_refs(index, 0, f->prefetched_gfn[i], spte_pfn(f->prefetched[i]), 0);
	}
	f->nprefetched = 0;
	f->hva = 0;
	f->level = 0;
	f->head = 0;
	return 0;
}

/*
 * hva_to_pfn has returned: what it was asked, and what it holds.  If the end of the task's last fault was
 * skipped by the kernel, what that one mapped is judged now.
 */
GLOBAL int fault_lookup(struct task_state *t, u32 index, u64 hva, u64 pfn, u32 holds)
{
	struct fault *f;

	if (!t)
		return 0;
	f = &t->fault;
	if (f->level) {
		__sync_fetch_and_add(&carried, 1);
		fault_settle(t, f->vm);
	}
	t->uses |= USE_FAULT;
	f->hva = hva;
	f->pfn = pfn;
	f->head = 0;
	f->vm = index;
	if (!holds)
		return 0;
	f->head = pfn_head(pfn);
	f->refs = page_refs(f->head);
	return 0;
}

/* What a fault of this task that ends now, for this gfn and pfn, has mapped and holds. */
GLOBAL int fault_over(struct task_state *t, u32 index, u64 gfn, u64 pfn)
{
	struct fault *f;

	if (!t)
		return 0;
	f = &t->fault;
	if (f->hva) {
		/* the lookup may have been another's: kvm_vcpu_map() keeps its reference on purpose */
		if (f->pfn != pfn)
			f->head = 0;
		if (f->level == 1 && f->gfn != gfn)
			fault_elsewhere(t, index);
		fault_settle(t, index);
	}
	task_state_rest(t, USE_FAULT);
	return 0;
}

/*
 * The same, if all is as usual: it has mapped what it has looked up, marked that dirty if KVM is to do so,
 * and has given the reference back.  False: nothing is done.
 */
static __always_inline bool fault_usual(u32 how, struct task_state *t, u64 gfn, u64 pfn)
{
	struct fault *f = &t->fault;
	bool marks = cap_marks_at_map && spte_may_write(f->spte);
	u64 head = f->head, flags, mapping;
	struct vm_counts *c;
	s32 refs;

	if (cfg_record || !f->hva || !head || f->pfn != pfn || f->level != 1 || f->gfn != gfn ||
	    f->nprefetched)
		return false;
	flags = page_flags_by(how, head);
	mapping = folio_mapping_by(how, head);
	refs = page_refs_by(how, head);
	if (flags & PAGE_FLAG(reserved) || !mapping || refs >= f->refs)
		return false;
	/* as refs_explained() */
	if (!(flags & PAGE_FLAG(head)) &&
	    refs > page_explained_by(how, head, flags, mapping) + !(flags & PAGE_FLAG(lru)))
		return false;
	if (marks && !(flags & PAGE_FLAG(dirty)))
		return false;
	c = counts_of(f->vm);
	if (!c || rfr_step(rfr_step(RFR_NONE, RFR_LOOKUP).next, RFR_END_RETURNED).says != SAYS_KEPT ||
	    dam_step(dam_step(DAM_IDLE, DAM_MAP).next, DAM_END_DIRTY).says != SAYS_KEPT)
		return false;
	__sync_fetch_and_add(&c->fault_ends, 1);
	__sync_fetch_and_add(&c->checked[INV_REFS_RETURNED], 1);
	if (marks)
		__sync_fetch_and_add(&c->checked[INV_DIRTY_AT_MAP], 1);
	f->hva = 0;
	f->level = 0;
	f->head = 0;
	task_state_rest(t, USE_FAULT);
	return true;
}

/* A fault of this vCPU has ended with this result. */
static __always_inline int fault_end(struct kvm_vcpu *vcpu, u64 gfn, u64 pfn, int result)
{
	struct task_state *t;
	struct vm_counts *c;
	u32 index;

	if (!enabled)
		return 0;
	if (cfg_check && result != RET_PF_RETRY) {
		t = task_state_near(bpf_get_current_task());
		if (t && READING(fault_usual, t, gfn, pfn))
			return 0;
	}
	index = vm_index(FIELD64(vcpu, struct kvm_vcpu, kvm));
	if (!index)
		return 0;
	c = counts_of(index);
	COUNT(c, fault_ends, 1);
	if (result == RET_PF_RETRY) {
		COUNT(c, fault_retries, 1);
		fault_retried(index, gfn);
	}
	return cfg_check ? fault_over(task_state_found(), index, gfn, pfn) : 0;
}

#endif /* MMUSCOPE_FAULT_BPF_H */
