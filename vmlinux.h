/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types mmuscope reads: only these structures, only these fields.
 *
 * This file is the list of our dependencies on kernel internals.  Every access is relocated at load
 * time (CO-RE), so neither the order nor the types of unnamed neighbours matter; tests/btf proves
 * every name below against the BTF of every kernel in lab/kernels.  The newest kernel is the plain
 * structure; what older kernels have instead is a flavour (struct x___pre_v6_18) in compat.bpf.h.
 * A dump of a kernel's BTF would not do: KVM's own types live in the kvm module's split BTF.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct preempt_notifier {
	struct hlist_node link;
};

struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct rb_root_cached {
	struct rb_root rb_root;
};

struct interval_tree_node {
	struct rb_node rb;
	unsigned long start;
	unsigned long last;
	unsigned long __subtree_last;
};

/* read through it: any structure that starts with a plain 64-bit integer (compat.bpf.h, read64) */
struct timespec64 {
	long long tv_sec;
};

/* mm */
struct mm_struct {
	void *pgd;
	struct task_struct *owner;
};

struct vm_area_struct {
	unsigned long vm_flags;
};

struct task_struct {
	unsigned int flags;
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct hlist_head preempt_notifiers;
	u64 start_time;
	unsigned long nvcsw;
	unsigned long nivcsw;
	char comm[16];
};

typedef struct {
	unsigned long f;
} memdesc_flags_t;

typedef struct {
	int counter;
} atomic_t;

struct page {
	memdesc_flags_t flags;
	unsigned long compound_info;
	unsigned long private;
	atomic_t _mapcount;
	atomic_t _refcount;
};

struct inode {
	unsigned int i_flags;
};

struct address_space_operations;

struct address_space {
	struct inode *host;
	const struct address_space_operations *a_ops;
};

struct folio {
	struct address_space *mapping;
	unsigned long index;
	unsigned long _flags_1;
	atomic_t _pincount;
};

struct mmu_notifier {
	struct mm_struct *mm;
};

enum mmu_notifier_event {
	MMU_NOTIFY_UNMAP,
};

struct mmu_notifier_range {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	enum mmu_notifier_event event;
};

/* bit numbers; taken from the running kernel's own enum when the programs are loaded */
enum pageflags {
	PG_active,
	PG_dirty,
	PG_head,
	PG_locked,
	PG_lru,
	PG_private,
	PG_referenced,
	PG_reserved,
	PG_swapbacked,
	PG_swapcache,
};

/* KVM */
struct kvm_lpage_info {
	int disallow_lpage;
};

struct kvm_arch_memory_slot {
	struct kvm_rmap_head *rmap[3];
	struct kvm_lpage_info *lpage_info[2];
};

struct kvm_memory_slot {
	struct interval_tree_node hva_node[2];
	struct rb_node gfn_node[2];
	u64 base_gfn;
	unsigned long npages;
	unsigned long userspace_addr;
	struct kvm_arch_memory_slot arch;
	u32 flags;
	short id;
	u16 as_id;
};

struct kvm_memslots {
	u64 generation;
	struct rb_root_cached hva_tree;
	struct rb_root gfn_tree;
	int node_idx;
};

struct kvm_arch {
	bool disable_nx_huge_pages;
	bool shadow_root_allocated;
	struct list_head tdp_mmu_roots;
};

struct kvm_vm_stat_generic {
	u64 remote_tlb_flush_requests;
};

struct kvm_vm_stat {
	struct kvm_vm_stat_generic generic;
};

struct kvm {
	struct mm_struct *mm;
	struct kvm_memslots *memslots[2];
	struct mmu_notifier mmu_notifier;
	struct list_head vm_list;
	int userspace_pid;
	unsigned long mmu_invalidate_seq;
	long mmu_invalidate_in_progress;
	struct kvm_vm_stat stat;
	struct kvm_arch arch;
};

struct kvm_vcpu {
	struct kvm *kvm;
	struct preempt_notifier preempt_notifier;
};

union kvm_mmu_page_role {
	u32 word;
	struct {
		unsigned int direct : 1;
		unsigned int invalid : 1;
	};
};

struct kvm_mmu_page {
	struct list_head link;
	bool tdp_mmu_page;
	bool nx_huge_page_disallowed;
	union kvm_mmu_page_role role;
	u64 gfn;
	u64 *spt;
	u64 *shadowed_translation;
	int root_count;
};

struct kvm_follow_pfn {
	unsigned long hva;
	unsigned int flags;
	bool pin;
	bool *map_writable;
	struct page **refcounted_page;
};

struct kvm_page_fault {
	bool prefetch;
	bool write;
	u8 goal_level;
	u64 gfn;
	struct kvm_memory_slot *slot;
	u64 pfn;
};

struct kvm_host_map {
	struct page *pinned_page;
	u64 pfn;
	bool writable;
};

#pragma clang attribute pop

/* the registers a kprobe sees; a stable ABI, so not relocated */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

/* the same, arm64 */
struct user_pt_regs {
	u64 regs[31];
	u64 sp, pc, pstate;
};

#endif /* __VMLINUX_H__ */
