/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a struct kvm pointer to the small index under which everything about that VM is kept.  A VM
 * enters at its creation, or late (it existed before us); it leaves when it is destroyed.
 */
#ifndef MMUSCOPE_VM_BPF_H
#define MMUSCOPE_VM_BPF_H

#include "maps.bpf.h"

/* struct kvm comes from vmalloc (kvm_arch_alloc_vm, x86): its low 12 bits are free for an index */
#define KVM_INDEX_MASK 0xfffULL

enum { PARENTS_MAX = 16 };

/* Where in recent_vms a VM is, if it is. */
static __always_inline u32 vm_place(u64 kvm)
{
	return (kvm >> 12) & (RECENT_VMS - 1);
}

/* Is a VM made by the current task one that we were asked to look at? */
static __always_inline bool task_in_scope(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int tgid;

	if (!cfg_scope_pid)
		return true;
	for (int i = 0; i < PARENTS_MAX; i++) {
		tgid = BPF_CORE_READ(task, tgid);
		if (tgid == (int)cfg_scope_pid)
			return true;
		if (!cfg_scope_tree || tgid <= 1)
			return false;
		task = BPF_CORE_READ(task, real_parent);
	}
	return false;
}

static __always_inline void vm_fill(struct event_vm *e, u32 type, const struct vm_info *vm)
{
	e->head.type = type;
	e->head.size = sizeof(*e);
	e->head.ns = bpf_ktime_get_ns();
	e->vm = *vm;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void vm_tell(u32 type, const struct vm_info *vm)
{
	struct event_vm *e;

	/* to the recorder in its own ring: before the VM's first step, and behind its last */
	if (cfg_record) {
		e = bpf_ringbuf_reserve(&steps, sizeof(*e), 0);
		if (e) {
			vm_fill(e, type, vm);
		} else {
			struct vm_counts *c = counts_of(0);

			COUNT(c, unrecorded_windows, 1);
		}
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e)
		vm_fill(e, type, vm);
	else
		lost(LOSS_EVENT);
}

static __always_inline struct vm_state *vm_state(u32 index)
{
	return bpf_map_lookup_elem(&vm_states, &index);
}

/* KVM's own count of invalidations in progress. */
static __always_inline u64 kvm_in_progress(u64 kvm)
{
	return FIELD64(kvm, struct kvm, mmu_invalidate_in_progress);
}

static __always_inline u64 kvm_invalidate_seq(u64 kvm)
{
	return FIELD64(kvm, struct kvm, mmu_invalidate_seq);
}

/* The state of a VM index, as for a VM that has just been made, or found. */
static __always_inline void vm_reset(u32 index, u32 flags)
{
	struct vm_state *st = vm_state(index);

	if (!st)
		return;
	st->adopt = 0;
	st->busy = 0;
	st->nopen = 0;
	/* a late VM may be in a window whose start we have not seen */
	st->settled = !(flags & VM_LATE);
	for (u32 i = 0; i < OPEN_WINDOWS; i++)
		st->open[i].id = 0;
}

/*
 * Enter a VM.  pid: its creator; flags: VM_LATE or 0; scoped: we are to look at it.  Returns its
 * record, NULL if it is out of scope or there is no index left (counted).
 */
static __always_inline struct vm_info *vm_enter(u64 kvm, u32 pid, u32 flags, bool scoped)
{
	struct vm_info *vm = NULL;
	u32 index = 0, *known;
	u64 mm = FIELD64(kvm, struct kvm, mm);

	recent_vms[vm_place(kvm)] = 0;
	known = bpf_map_lookup_elem(&vm_ids, &kvm);
	if (known && !*known) {
		/* the address of a VM out of scope whose creation failed after we had seen it */
		bpf_map_delete_elem(&vm_ids, &kvm);
		known = NULL;
	}
	if (known) {
		/* the same, in scope: take it over */
		index = *known;
	} else if (scoped && bpf_map_pop_elem(&free_vms, &index)) {
		lost(LOSS_VM_TABLE);
		index = 0;
	}
	if (index) {
		vm = bpf_map_lookup_elem(&vms, &index);
		if (!vm)
			return NULL;
		vm->mm = mm;
		vm->pgd = FIELD64(mm, struct mm_struct, pgd);
		vm->born_ns = flags & VM_LATE ? 0 : bpf_ktime_get_ns();
		vm->index = index;
		vm->flags = flags & VM_LATE && cfg_check ? flags | VM_ADOPTING : flags;
		vm->pid = pid;
		vm_reset(index, flags);
		vm->kvm = kvm;
		if (flags & VM_LATE)
			__builtin_memset(vm->comm, 0, sizeof(vm->comm));
		else
			bpf_get_current_comm(vm->comm, sizeof(vm->comm));
	}
	if (!known && bpf_map_update_elem(&vm_ids, &kvm, &index, BPF_NOEXIST)) {
		if (vm) {
			vm->kvm = 0;
			bpf_map_push_elem(&free_vms, &index, 0);
		}
		lost(LOSS_VM_TABLE);
		return NULL;
	}
	if (vm) {
		bpf_map_update_elem(&mm_vms, &mm, &index, BPF_NOEXIST);
		vm_tell(EVENT_VM_NEW, vm);
	}
	return vm;
}

/* vm_index() for a VM that recent_vms does not know; afterwards it does. */
GLOBAL u32 vm_search(u64 kvm)
{
	u32 *known = bpf_map_lookup_elem(&vm_ids, &kvm), index;
	struct vm_info *vm;

	if (!known)
		return 0;
	index = *known;
	if (index) {
		vm = bpf_map_lookup_elem(&vms, &index);
		if (!vm || vm->kvm != kvm)
			return 0;
	}
	if (!(kvm & KVM_INDEX_MASK))
		recent_vms[vm_place(kvm)] = kvm | index;
	return index;
}

/*
 * The index of a VM, 0 if it is not to be looked at.  What recent_vms says of a VM is taken back when it
 * comes or goes, and nobody works for it then.
 */
static __always_inline u32 vm_index(u64 kvm)
{
	u64 index = recent_vms[vm_place(kvm)] ^ kvm;

	return index <= KVM_INDEX_MASK ? index : vm_search(kvm);
}

/* The record of a VM, NULL if it is not to be looked at. */
static __always_inline struct vm_info *vm_get(u64 kvm)
{
	u32 index = vm_index(kvm);

	return index ? bpf_map_lookup_elem(&vms, &index) : NULL;
}

/*
 * The index of the VM of the vCPU that the current task has loaded, 0 if there is none: it is on the task's
 * list of preempt notifiers (vcpu_load(), kvm_main.c).
 */
static __always_inline u32 vcpu_vm(void)
{
	u64 vcpu = (u64)bpf_get_current_task_btf()->preempt_notifiers.first;

	if (!vcpu)
		return 0;
	vcpu -= bpf_core_field_offset(struct kvm_vcpu, preempt_notifier.link);
	return vm_index(FIELD64(vcpu, struct kvm_vcpu, kvm));
}

/* The index of the VM of the current task's mm; of several VMs of a process that is one. */
GLOBAL u32 mm_vm(void)
{
	u64 mm = (u64)bpf_get_current_task_btf()->mm;
	u32 *index = bpf_map_lookup_elem(&mm_vms, &mm);

	return index ? *index : 0;
}

/* The index of the VM that the current task works for, 0 if it is none of ours. */
static __always_inline u32 task_vm(void)
{
	return vcpu_vm() ?: mm_vm();
}

struct heir {
	u64 mm;
	u32 index;		/* of the VM that goes */
};

static long heir_step(u32 i, struct heir *h)
{
	u32 index = i + 1;
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);

	if (!vm)
		return 1;
	if (index == h->index || vm->mm != h->mm || !vm->kvm)
		return 0;
	bpf_map_update_elem(&mm_vms, &h->mm, &index, BPF_ANY);
	return 1;
}

/* A VM goes: its mm belongs to another VM of the same process, if there is one, or to none. */
GLOBAL int mm_hand_over(u64 mm, u32 index)
{
	struct heir h = { .mm = mm, .index = index };
	u32 *by_mm = bpf_map_lookup_elem(&mm_vms, &mm);

	if (!by_mm || *by_mm != index)
		return 0;
	bpf_map_delete_elem(&mm_vms, &mm);
	bpf_loop(MAX_VMS, heir_step, &h, 0);
	return 0;
}

static __always_inline void vm_leave(u64 kvm)
{
	u32 *known = bpf_map_lookup_elem(&vm_ids, &kvm), index;
	struct vm_info *vm;

	if (!known)
		return;
	index = *known;
	bpf_map_delete_elem(&vm_ids, &kvm);
	recent_vms[vm_place(kvm)] = 0;
	vm = index ? bpf_map_lookup_elem(&vms, &index) : NULL;
	if (!vm)
		return;
	mm_hand_over(vm->mm, index);
	/* user space reads the counters out and gives the index back */
	vm_tell(EVENT_VM_GONE, vm);
	vm->kvm = 0;
}

#endif /* MMUSCOPE_VM_BPF_H */
