/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs that user space runs: reading the kernel's variables, older VMs, looking into page tables
 * and at pages.
 */
#ifndef MMUSCOPE_CALLS_BPF_H
#define MMUSCOPE_CALLS_BPF_H

#include "adopt.bpf.h"

#include ARCH_INIT

enum { OLD_VMS_MAX = 4096 };

struct vm_walk {
	u64 link;
	u64 head;
};

/* kvm_memslots_have_rmaps(), arch/x86/kvm/mmu.h */
static __always_inline bool has_rmaps(u64 kvm)
{
	u8 shadow = 0;

	if (!HAS_SHADOW_MMU)
		return false;
	bpf_probe_read_kernel(&shadow, 1, (void *)(kvm + bpf_core_field_offset(struct kvm,
									       arch.shadow_root_allocated)));
	return shadow || !k_tdp_mmu;
}

static long old_vm_step(u32 i, struct vm_walk *v)
{
	struct vm_info *vm;
	u32 pid, *known;
	u64 kvm;

	if (!v->link || v->link == v->head)
		return 1;
	kvm = v->link - bpf_core_field_offset(struct kvm, vm_list);
	v->link = read64(v->link);
	known = bpf_map_lookup_elem(&vm_ids, &kvm);
	if (known) {
		/* entered by its creation, after we attached */
		vm = bpf_map_lookup_elem(&vms, known);
		if (vm && vm->flags & VM_LATE && has_rmaps(kvm))
			__sync_fetch_and_or(&vm->flags, VM_SHADOW);
		return 0;
	}
	pid = FIELD32(kvm, struct kvm, userspace_pid);
	/* a command that we start ourselves cannot own a VM that is older than it */
	bool scoped = !cfg_scope_pid || (!cfg_scope_tree && pid == cfg_scope_pid);

	/* what the shadow MMU had mapped is not in the tables that adoption walks */
	vm_enter(kvm, pid, has_rmaps(kvm) ? VM_LATE | VM_SHADOW : VM_LATE, scoped);
	return 0;
}

/*
 * Enter the VMs that were there before we attached.  Not a syscall program: those may sleep, and 6.1
 * lets no program that may sleep use a queue.
 */
SEC("raw_tp")
int enter_old_vms(void *ctx)
{
	struct vm_walk v = { .head = k_vm_list };

	v.link = read64(v.head);
	bpf_loop(OLD_VMS_MAX, old_vm_step, &v, 0);
	return INIT_OK;
}

/* Look through a range of a VM's page tables: struct scan_args in, and out. */
SEC("syscall")
int scan_vm(struct scan_args *a)
{
	u32 index = a->vm;
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct scan s = {};

	if (!vm || !vm->kvm)
		return 1;
	s.gfn = a->gfn;
	s.end = a->end;
	s.by_pfn = a->want_pfn;
	s.only_root = a->root;
	s.want_pfn = a->pfn;
	a->complete = scan_roots(&s, vm->kvm, a->as_id, SCAN_STEPS_CALL);
	a->gfn = s.gfn;
	a->roots = s.roots;
	a->leaves[0] = s.leaves[0];
	a->leaves[1] = s.leaves[1];
	a->leaves[2] = s.leaves[2];
	a->found = s.found;
	a->found_gfn = s.found_gfn;
	a->found_spte = s.found_spte;
	a->found_level = s.found_level;
	a->found_hva = s.found ? gfn_to_hva(vm->kvm, a->as_id, s.found_gfn) : 0;
	return 0;
}

/*
 * The programs that adopt and audit do not sleep, so that the page tables that they walk are not freed under
 * them: the TDP MMU frees them after an RCU grace period.  They take adopt_call, since only programs that
 * may sleep are given arguments that they can change.
 */

/* The first part of a step of an adoption: look at a chunk, or at empty ones.  0, or 1: no such VM. */
SEC("raw_tp")
int adopt_begin(void *ctx)
{
	u32 index = adopt_call.vm;
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_state *st = vm_state(index);

	adopt_call.by_level[0] = adopt_call.by_level[1] = adopt_call.by_level[2] = 0;
	if (!vm || !vm->kvm || !st)
		return 1;
	adopt_look(vm->kvm, st, &adopt_call);
	return 0;
}

/* The second part, after a grace period: the chunk is left behind, or spoiled. */
SEC("raw_tp")
int adopt_end(void *ctx)
{
	u32 index = adopt_call.vm;
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_state *st = vm_state(index);
	struct vm_counts *c = counts_of(index);

	if (!vm || !vm->kvm || !st)
		return 1;
	adopt_leave(st, &adopt_call);
	if (adopt_call.result > ADOPT_MORE)
		return 0;
	COUNT(c, adopted[0], adopt_call.by_level[0]);
	COUNT(c, adopted[1], adopt_call.by_level[1]);
	COUNT(c, adopted[2], adopt_call.by_level[2]);
	if (adopt_call.result == ADOPT_DONE && adopt_call.as_id == 1) {
		__sync_fetch_and_and(&vm->flags, ~VM_ADOPTING);
		__sync_fetch_and_or(&vm->flags, VM_ADOPTED);
	}
	return 0;
}

/* After another one: what the block map counts of a spoiled chunk is taken back. */
SEC("raw_tp")
int adopt_undo(void *ctx)
{
	struct vm_state *st = vm_state(adopt_call.vm);

	if (!st)
		return 1;
	adopt_take_back(st);
	return 0;
}

/* Compare a part of what a VM has mapped with the block map. */
SEC("raw_tp")
int audit_vm(void *ctx)
{
	u32 index = adopt_call.vm;
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct adopt_root root = {};
	struct adopt a = {};

	adopt_call.leaves = adopt_call.differ = 0;
	if (!vm || !vm->kvm)
		return 1;
	adopt_root(vm->kvm, adopt_call.as_id, &root);
	adopt_call.roots = root.n;
	a.root = root.table;
	a.level = root.level;
	a.as_id = adopt_call.as_id;
	a.mode = ADOPT_AUDIT;
	a.gfn = adopt_call.gfn;
	a.end = ADOPT_GFN_END;
	if (root.n == 1)
		bpf_loop(ADOPT_STEPS, adopt_step, &a, 0);
	adopt_call.leaves = a.leaves;
	adopt_call.differ = a.differ;
	adopt_call.gfn = a.gfn;
	adopt_call.result = a.gfn >= ADOPT_GFN_END || root.n != 1 ? ADOPT_DONE : ADOPT_MORE;
	return 0;
}

/* Look at one page: struct look_args in, and out. */
SEC("syscall")
int look_at_page(struct look_args *args)
{
	u64 head = pfn_head(args->pfn);

	args->flags = page_flags(head);
	args->mapping = folio_mapping_word(head);
	args->page_index = FIELD64(head, struct folio, index);
	args->refs = page_refs(head);
	args->mapcount = (s32)read32(head + bpf_core_field_offset(struct page, _mapcount.counter)) + 1;
	args->order = folio_order(head, args->flags);
	return 0;
}

#endif /* MMUSCOPE_CALLS_BPF_H */
