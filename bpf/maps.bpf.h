/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map and every global of the BPF object, and the counters' accessors.  Sizes marked "set at
 * load" are chosen by user/session/session.c from the options and the host.
 */
#ifndef MMUSCOPE_MAPS_BPF_H
#define MMUSCOPE_MAPS_BPF_H

#include "block.h"
#include "candidate.h"
#include "compat.bpf.h"
#include "event.h"
#include "hist.h"
#include "lookup.h"
#include "spare.h"
#include "state.bpf.h"

/*
 * Configuration, constant once loaded: branches on it cost nothing.  Globals are __u32 and __u64, since
 * the skeleton repeats their declarations to user space.
 */
const volatile bool cfg_check = false;		/* judge invariants */
const volatile bool cfg_walk = false;		/* the walker beside GUP at every hva_to_pfn */
const volatile bool cfg_candidate = false;	/* a function of the user's beside the walker */
const volatile bool cfg_times = false;		/* take the time of every hva_to_pfn */
const volatile bool cfg_causes = true;		/* keep account of who opens windows */
const volatile bool cfg_record = false;		/* tell every step of a model, see record.bpf.h */
const volatile __u32 cfg_record_wake = 0;	/* bytes in the recorder's ring buffer that wake it */
const volatile bool cap_marks_at_map = false;	/* KVM marks pages dirty at the install, not at the zap */
const volatile bool cap_flushes_unseen = false;	/* no hook sees KVM flush TLBs */
const volatile __u32 cfg_scope_pid = 0;		/* 0: every VM; else VMs of this process... */
const volatile bool cfg_scope_tree = false;	/* ...and of its descendants */
const volatile __u32 cfg_blocks = 0;		/* size of the block map */
const volatile __u32 cfg_max_stories = 0;		/* violations that are told in full */
const volatile bool cfg_never = false;

/* addresses and masks of the running kernel, read once by the program `init` */
__u64 k_page_offset_base;
__u64 k_vmemmap_base;
__u64 k_physical_mask;	/* of a page-table entry: address bits, without the SME bit */
__u64 k_saved_dirty;	/* PTE_SAVED_DIRTY where the kernel has it */
__u64 k_mmu_writable_mask;
__u64 k_dirty_mask;
__u64 k_accessed_mask;
__u64 k_spte_usual;	/* what most leaves have when they go: writable, written through, accessed */
__u64 k_shmem_aops;
__u64 k_hugetlb_aops;
__u64 k_secret_aops;
__u32 k_five_levels;
__u32 k_tdp_mmu;	/* new page tables are the TDP MMU's */
__u32 k_ad_disabled;	/* KVM keeps no accessed/dirty bits in SPTEs */
__u64 k_vm_list;		/* address of KVM's list of VMs */
__u64 k_nx_huge_pages;	/* address of KVM's parameter; 0: not known */
__u32 k_max_level;	/* KVM maps no larger than this PG_LEVEL_x; 0: not known */

/* VMs met lately, by vm_place(): kvm | index, one word so that it cannot be torn; 0: none */
enum { RECENT_VMS = 1024 };

__u64 recent_vms[RECENT_VMS];

/* marks of the tasks that are in a hook, by a hash of the task, for the programs that stand in (spare.h) */
enum { PASSES_SHIFT = 10 };

__u32 passes[1 << PASSES_SHIFT];

/* by slot of a task: of its outermost window */
struct usual usuals[TASK_SLOTS];

/* on: judge and count; off: hooks fall through (set after attaching, cleared before detaching) */
__u32 enabled;
__u64 losses[LOSS_NR];
__u64 spared[GUARD_NR];	/* runs that the kernel skipped and a spare made good */
__u64 carried;		/* skipped ends of faults that were judged at the next lookup of their task */
__u32 stories;
__u32 causes_named;	/* places of cause_rows that are given away */
__u32 tasks_stored;	/* tasks whose state is not in task_slots now */
__u32 shadow_pages;	/* the shadow MMU has been used by one of our VMs */

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

/*
 * The states of tasks that are in a fault or a window now, by a hash of the task: a fifth of the price of a
 * task's storage, which serves those that meet with another task here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TASK_SLOTS);
	__type(key, u32);
	__type(value, struct task_state);
} task_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_pins);
} pins SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);		/* set at load, as vms */
	__type(key, u32);
	__type(value, struct vm_state);
} vm_states SEC(".maps");

/* cause -> place of its row; a window remembers that, so that it need not ask the hash again */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CAUSE_ROWS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cause_key);
	__type(value, u32);
} causes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CAUSE_ROWS);
	__type(key, u32);
	__type(value, struct cause_row);
} cause_rows SEC(".maps");

/* room for a stack trace */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(value_size, CAUSE_FRAMES * 8);
	__uint(key_size, 4);
} cause_stack SEC(".maps");

/* pfn -> page whose references did not go back to what they were, to be looked at again */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct suspect);
} suspects SEC(".maps");

/* the leaf table that adoption looks at */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(value_size, 4096);
	__uint(key_size, 4);
} adopt_table SEC(".maps");

/* two sets of the words of a chunk of gfns that is being adopted (adopt.bpf.h) */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * ADOPT_CHUNK_WORDS);
	__type(key, u32);
	__type(value, u64);
} adopt_words SEC(".maps");

struct grace_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} grace_inner SEC(".maps");

/*
 * Nothing is in it.  An update of such a map returns after an RCU grace period: maybe_wait_bpf_programs(),
 * kernel/bpf/syscall.c, from 6.1 to 7.3.  That is the one way to wait for one that every kernel has:
 * membarrier(2) does not where CPUs are nohz_full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct grace_inner);
} grace SEC(".maps") = {
	.values = { &grace_inner },
};

struct adopt_args adopt_call;	/* what user space asks of the programs that adopt and audit */

/* struct kvm * -> VM index; 0 = seen and out of scope */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u32);
} vm_ids SEC(".maps");

/* mm_struct * -> VM index, for hooks that know only the faulting task */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u32);
} mm_vms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);		/* set at load: VM indices + 1 */
	__type(key, u32);
	__type(value, struct vm_info);
} vms SEC(".maps");

/* indices that no VM uses; filled by user space, which also returns those of VMs it has read out */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_VMS);
	__uint(value_size, sizeof(u32));
} free_vms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNT_SHARDS);	/* set at load: (VM indices + 1) * COUNT_SHARDS */
	__type(key, u32);
	__type(value, struct vm_counts);
} vm_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNT_SHARDS);	/* set at load, as vm_counts if cfg_walk */
	__type(key, u32);
	__type(value, struct walk_counts);
} vm_walks SEC(".maps");

/* how long a VM's calls of hva_to_pfn took, ns */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNT_SHARDS);	/* set at load, as vm_counts if cfg_times */
	__type(key, u32);
	__type(value, struct hist);
} vm_times SEC(".maps");

/* when the task entered the call of hva_to_pfn that it is in, CLOCK_MONOTONIC; 0: not known */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} lookup_starts SEC(".maps");

/* the call of hva_to_pfn that a task is in, and what the walk at its entry found */
struct lookup {
	u64 hva;		/* 0: none */
	u64 seq;		/* mmu_invalidate_seq */
	u32 vm;
	u8 write;		/* the call is for writing */
	u8 found;		/* a leaf that does what it is for */
	u8 writable;		/* a writable leaf */
	u8 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lookup);
} lookups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct candidate_spec);
} candidate_specs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNT_SHARDS);
	__type(key, u32);
	__type(value, struct candidate_counts);
} candidate_counted SEC(".maps");

/* the call of the candidate that a task is in, and what the walk at its entry found */
struct candidate_call {
	struct candidate_args args;
	struct candidate_walk before;
	u64 hva;
	u64 pgd;
	u64 kvm;		/* of the mm; 0: none */
	u64 seq;		/* its mmu_invalidate_seq */
	u32 write;
	u32 open;		/* enum candidate_open */
};

enum candidate_open {
	CALL_NONE,
	CALL_OPEN,		/* between entry and exit */
	CALL_LEFT_OUT,		/* the same, but there was nothing to walk */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct candidate_call);
} candidate_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HIST_NR);
	__type(key, u32);
	__type(value, struct hist);
} hists SEC(".maps");

/* the block map: 2 MiB of host memory each, see track.bpf.h */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* set at load */
	__type(key, u32);
	__type(value, struct block);
} blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* set at load, as blocks */
	__type(key, u32);
	__type(value, struct block_extra);
} block_extras SEC(".maps");

/* may-write 1G SPTEs per GiB of host memory */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* set at load */
	__type(key, u32);
	__type(value, u64);
} gigs SEC(".maps");

/* pfn -> further may-write 4K SPTEs beyond the one that the block's bit stands for (signed) */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);	/* set at load */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, s64);
} more_maps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

/* what the recorder is told; its size is set at load, and it is 1 page without a recorder */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} steps SEC(".maps");

/* numbers for instances and windows, see record_number() */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} record_numbers SEC(".maps");

static __always_inline void lost(enum loss what)
{
	__sync_fetch_and_add(&losses[what], 1);
}

/* This CPU's copy of the counters of VM index vm (0: the host). */
static __always_inline struct vm_counts *counts_of(u32 vm)
{
	u32 key = vm * COUNT_SHARDS + (bpf_get_smp_processor_id() & (COUNT_SHARDS - 1));

	return bpf_map_lookup_elem(&vm_counts, &key);
}

/* Add n to one field of a VM's counters: COUNT(counts, installed[level], 1) */
#define COUNT(counts, field, n)						\
	do {								\
		if (counts)						\
			__sync_fetch_and_add(&(counts)->field, (n));	\
	} while (0)

/* Count v in a histogram; returns its bucket. */
static __always_inline u32 hist_add(u32 id, u64 v)
{
	struct hist *h = bpf_map_lookup_elem(&hists, &id);
	u32 b = hist_bucket(v);

	asm volatile("" : "+r"(b));	/* older verifiers forget the bound of a copy */
	if (!h || b >= HIST_BUCKETS)
		return 0;
	h->bucket[b]++;
	h->sum += v;
	return b;
}

/* task: what bpf_get_current_task() says */
static __always_inline u32 task_hash(u64 task)
{
	return (u32)task * 0x9e3779b1U;
}

/* No other task has this number. */
static __always_inline u64 task_tag(struct task_struct *task, u32 hash)
{
	return task->start_time ^ (u64)hash << 32;
}

static __always_inline u32 task_slot_key(u32 hash)
{
	return hash >> (32 - TASK_SLOTS_SHIFT);
}

static __always_inline struct task_state *task_slot(u32 hash)
{
	u32 key = task_slot_key(hash);

	return bpf_map_lookup_elem(&task_slots, &key);
}

/* The current task's state if it lies where that is cheap to find out, and user space can find it. */
static __always_inline struct task_state *task_state_near(u64 current)
{
	u32 hash = task_hash(current);
	struct task_state *t = task_slot(hash);

	return t && t->owner == task_tag(bpf_get_current_task_btf(), hash) ? t : NULL;
}

/* The current task's state, NULL if it is in no fault and no window. */
static __always_inline struct task_state *task_state_found(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 hash = task_hash(bpf_get_current_task());
	struct task_state *t = task_slot(hash);
	u64 tag = task_tag(task, hash);

	if (t && t->owner == tag)
		return t;
	if (!tasks_stored)
		return NULL;
	t = bpf_task_storage_get(&task_states, task, 0, 0);
	return t && t->owner == tag ? t : NULL;
}

/*
 * The current task's state, to be given back by task_state_rest(); NULL (counted) when there is none to be
 * had.  What follows is best in a GLOBAL function, or the verifier looks at it for each place of a state.
 */
static __always_inline struct task_state *task_state(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 hash = task_hash(bpf_get_current_task());
	struct task_state *slot = task_slot(hash), *t;
	u64 tag = task_tag(task, hash);

	if (slot && slot->owner == tag)
		return slot;
	if (tasks_stored) {
		t = bpf_task_storage_get(&task_states, task, 0, 0);
		if (t && t->owner == tag)
			return t;
	}
	if (slot && !__sync_val_compare_and_swap(&slot->owner, 0, tag))
		return slot;
	t = bpf_task_storage_get(&task_states, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		lost(LOSS_TASK_STATE);
		return NULL;
	}
	t->owner = tag;
	t->stored = 1;
	__sync_fetch_and_add(&tasks_stored, 1);
	return t;
}

/* The same for room to work, where the stack is deep: in a frame of its own. */
static __attribute__((noinline)) struct task_state *task_scratch(void)
{
	return task_state();
}

/* The task is done with its state for these uses: without any, it is the next task's that wants it. */
static __always_inline void task_state_rest(struct task_state *t, u32 uses)
{
	t->uses &= ~uses;
	if (t->uses)
		return;
	if (t->stored) {
		t->stored = 0;
		__sync_fetch_and_add(&tasks_stored, -1);
	}
	t->owner = 0;
}

#endif /* MMUSCOPE_MAPS_BPF_H */
