// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be counted where KVM's functions cannot be hooked by their types: an object of its own, so that
 * it loads where mmuscope.bpf.c does not.  It knows KVM's tracepoints, which need no BTF, and at the tier
 * kprobe the first argument of some functions.
 *
 * The programs of tracepoints read no kernel memory but through typed pointers: a kernel that is locked down
 * (confidentiality) refuses bpf_probe_read_kernel(), and still runs these.
 */
#include "../vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "tiers.h"

char LICENSE[] SEC("license") = "GPL";

enum {
	PARENTS_MAX = 32,
	KVMS_MAX = 4096,
	/* include/linux/sched.h */
	PF_EXITING = 0x4,
	PF_KTHREAD = 0x200000,
	/* arch/x86/kvm/mmu/spte.h, arch/x86/include/asm/kvm_host.h: the same from 6.1 to 7.x */
	SPTE_MMU_PRESENT = 1 << 11,
	SPTE_HUGE = 1 << 7,
	PFERR_RSVD = 1 << 3,
	TOP_LEVEL = 5,
};

const volatile __u32 cfg_scope_pid = 0;
const volatile bool cfg_scope_tree = false;
/* which argument of kvm_page_fault is the error code: it got the vCPU as a first one in 6.2 */
const volatile __u32 cfg_error_arg = 2;

__u32 enabled;
__u64 tier_losses[TIER_LOSS_NR];

/* by process; 0: what belongs to none that is known */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TIER_PROCESSES);
	__type(key, u32);
	__type(value, struct tier_counts);
} processes SEC(".maps");

/* tier kprobe: whose is a struct kvm */
struct kvm_owner {
	u32 tgid;
	u32 dying;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KVMS_MAX);
	__type(key, u64);
	__type(value, struct kvm_owner);
} kvms SEC(".maps");

/* tier kprobe: a change is about to be told by its tracepoint, and whose it is */
struct told {
	u64 kvm;
	u64 gfn;
	u32 tid;
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct told);
} tellings SEC(".maps");

static __always_inline bool in_scope(struct task_struct *task)
{
	if (!cfg_scope_pid)
		return true;
	for (int i = 0; i < PARENTS_MAX && task; i++) {
		int tgid = task->tgid;

		if (tgid == (int)cfg_scope_pid)
			return true;
		if (!cfg_scope_tree || tgid <= 1)
			return false;
		task = task->real_parent;
	}
	return false;
}

static __always_inline struct tier_counts *counts_found(u32 tgid)
{
	return bpf_map_lookup_elem(&processes, &tgid);
}

/* The current task has a VM: its numbers. */
static __always_inline struct tier_counts *counts_made(struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct tier_counts *c = counts_found(tgid), new = {};

	if (c)
		return c;
	new.in_scope = in_scope(task);
	bpf_get_current_comm(new.comm, sizeof(new.comm));
	bpf_map_update_elem(&processes, &tgid, &new, BPF_NOEXIST);
	c = counts_found(tgid);
	if (!c)
		__sync_fetch_and_add(&tier_losses[TIER_LOSS_TABLE], 1);
	return c;
}

static __always_inline bool is_leaf(u64 spte, u32 level)
{
	return (spte & SPTE_MMU_PRESENT) && (level == 1 || (spte & SPTE_HUGE));
}

/* Whose change is it, if a kprobe has just said so?  NULL: it has not. */
static __always_inline struct kvm_owner *change_owner(u64 gfn, u64 *kvm)
{
	u32 zero = 0, tid = bpf_get_current_pid_tgid();
	struct told *t = bpf_map_lookup_elem(&tellings, &zero);

	if (!t || t->tid != tid || t->gfn != gfn || !t->kvm)
		return NULL;
	*kvm = t->kvm;
	t->kvm = 0;
	return bpf_map_lookup_elem(&kvms, kvm);
}

/* as_id, gfn, level, old, new: include/trace of arch/x86/kvm/mmu/mmutrace.h, since 5.12 */
SEC("raw_tp/kvm_tdp_mmu_spte_changed")
int tier_spte(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 as_id = ctx->args[0], gfn = ctx->args[1], old = ctx->args[3], new = ctx->args[4], kvm = 0;
	u32 level = ctx->args[2], l = level - 1;
	struct kvm_owner *owner;
	struct tier_counts *c = NULL;
	bool was, is, dying;

	if (!enabled)
		return 0;
	if ((u32)as_id > 1 || level < 1 || level > TOP_LEVEL) {
		__sync_fetch_and_add(&tier_losses[TIER_LOSS_SHAPE], 1);
		return 0;
	}
	was = is_leaf(old, level);
	is = is_leaf(new, level);
	if (was == is)
		return 0;
	owner = change_owner(gfn, &kvm);
	dying = (owner && owner->dying) || (task->flags & PF_EXITING);
	if (owner && owner->tgid)
		c = counts_found(owner->tgid);
	/* a page is given only for a vCPU or an ioctl of its process */
	if (!c && is && !(task->flags & PF_KTHREAD))
		c = counts_made(task);
	if (!c && !(owner && owner->tgid) && !(task->flags & PF_KTHREAD))
		c = counts_found(task->tgid);
	if (!c)
		c = counts_found(0);
	asm volatile("" : "+r"(l));
	if (!c || l >= LEVELS)
		return 0;
	if (is) {
		__sync_fetch_and_add(&c->installed[l], 1);
		if (old & SPTE_MMU_PRESENT)
			__sync_fetch_and_add(&c->collapsed[l], 1);
	} else if (new & SPTE_MMU_PRESENT) {
		__sync_fetch_and_add(&c->split[l], 1);
	} else if (dying) {
		__sync_fetch_and_add(&c->torn_down[l], 1);
	} else {
		__sync_fetch_and_add(&c->zapped[l], 1);
	}
	return 0;
}

SEC("raw_tp/kvm_page_fault")
int tier_fault(struct bpf_raw_tracepoint_args *ctx)
{
	u64 first = ctx->args[1], second = ctx->args[2], error;
	struct tier_counts *c;

	/* two loads: one of a chosen place the verifier refuses, and clang would make it that */
	asm volatile("" : "+r"(first), "+r"(second));
	error = cfg_error_arg == 1 ? first : second;
	if (!enabled || (error & PFERR_RSVD))
		return 0;
	c = counts_made(bpf_get_current_task_btf());
	if (c)
		__sync_fetch_and_add(&c->faults, 1);
	return 0;
}

/* Whoever invalidates is the current task; it is the VM's process, or nobody knows whose VM it is. */
SEC("raw_tp/kvm_unmap_hva_range")
int tier_unmap(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tier_counts *c;

	if (!enabled)
		return 0;
	c = counts_found(task->tgid);
	if (!c)
		c = counts_found(0);
	if (c)
		__sync_fetch_and_add(&c->windows[NOTIFIER_EVENTS - 1], 1);
	return 0;
}

/* ---- tier kprobe: functions by name, of which the first arguments are known ---- */

static __always_inline u32 mm_tgid(struct mm_struct *mm)
{
	if (!bpf_core_field_exists(struct mm_struct, owner))
		return 0;
	return BPF_CORE_READ(mm, owner, tgid);
}

/*
 * kvm, as_id or sp, gfn...: the tracepoint in this function says the gfn as well, so that arguments that are
 * not what we think they are make no difference but that the VM is not known.
 */
SEC("kprobe")
int tier_change(struct pt_regs *ctx)
{
	u32 zero = 0;
	struct told *t = bpf_map_lookup_elem(&tellings, &zero);
	u64 kvm = PT_REGS_PARM1(ctx);
	struct kvm_owner *known, owner = {};

	if (!enabled || !t)
		return 0;
	t->kvm = kvm;
	t->gfn = PT_REGS_PARM3(ctx);
	t->tid = bpf_get_current_pid_tgid();
	known = bpf_map_lookup_elem(&kvms, &kvm);
	if (known && known->tgid)
		return 0;
	if (bpf_core_field_exists(struct kvm, mm))
		owner.tgid = mm_tgid(BPF_CORE_READ((struct kvm *)kvm, mm));
	if (known)
		known->tgid = owner.tgid;
	else
		bpf_map_update_elem(&kvms, &kvm, &owner, BPF_NOEXIST);
	return 0;
}

/* A new VM, perhaps in the place of one that is gone. */
SEC("kprobe")
int tier_born(struct pt_regs *ctx)
{
	struct kvm_owner owner = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	u64 kvm = PT_REGS_PARM1(ctx);

	bpf_map_update_elem(&kvms, &kvm, &owner, BPF_ANY);
	if (enabled)
		counts_made(bpf_get_current_task_btf());
	return 0;
}

SEC("kprobe")
int tier_dies(struct pt_regs *ctx)
{
	u64 kvm = PT_REGS_PARM1(ctx);
	struct kvm_owner *known = bpf_map_lookup_elem(&kvms, &kvm);

	if (known)
		known->dying = 1;
	return 0;
}

SEC("kprobe")
int tier_lookup(struct pt_regs *ctx)
{
	struct tier_counts *c;

	if (!enabled)
		return 0;
	c = counts_found(bpf_get_current_pid_tgid() >> 32);
	if (!c)
		c = counts_found(0);
	if (c)
		__sync_fetch_and_add(&c->lookups, 1);
	return 0;
}

/*
 * kvm_mmu_notifier_invalidate_range_start(mn, range): arguments as struct mmu_notifier_ops has them, which is
 * vmlinux's.  Once for each VM of the mm.
 */
SEC("kprobe")
int tier_window(struct pt_regs *ctx)
{
	struct mmu_notifier_range *range = (void *)PT_REGS_PARM2(ctx);
	struct tier_counts *c;
	u32 event, tgid;

	if (!enabled)
		return 0;
	tgid = mm_tgid(BPF_CORE_READ(range, mm));
	c = tgid ? counts_found(tgid) : NULL;
	if (!c)
		c = counts_found(0);
	if (!c)
		return 0;
	event = BPF_CORE_READ(range, event);
	if (event >= NOTIFIER_EVENTS)
		event = NOTIFIER_EVENTS - 1;
	__sync_fetch_and_add(&c->windows[event], 1);
	return 0;
}
