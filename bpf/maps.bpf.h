/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map and every global of the BPF object, and the counters' accessors.  Sizes marked "set at
 * load" are chosen by user/session.c from the options and the host.
 */
#ifndef MMUSCOPE_MAPS_BPF_H
#define MMUSCOPE_MAPS_BPF_H

#include "block.h"
#include "compat.bpf.h"
#include "event.h"
#include "hist.h"

/*
 * Configuration, constant once loaded: branches on it cost nothing.  Globals are __u32 and __u64, since
 * the skeleton repeats their declarations to user space.
 */
const volatile bool cfg_check = false;		/* judge invariants */
const volatile __u32 cfg_scope_pid = 0;		/* 0: every VM; else VMs of this process... */
const volatile bool cfg_scope_tree = false;	/* ...and of its descendants */
const volatile __u32 cfg_blocks = 0;		/* size of the block map */
const volatile __u32 cfg_max_stories = 0;		/* violations that are told in full */

/* addresses and masks of the running kernel, read once by the program `init` */
__u64 k_page_offset_base;
__u64 k_vmemmap_base;
__u64 k_physical_mask;	/* of a page-table entry: address bits, without the SME bit */
__u64 k_mmu_writable_mask;
__u64 k_dirty_mask;
__u32 k_five_levels;
__u32 k_ad_disabled;	/* KVM keeps no accessed/dirty bits in SPTEs */
__u64 k_vm_list;		/* address of KVM's list of VMs */

/* on: judge and count; off: hooks fall through (set after attaching, cleared before detaching) */
__u32 enabled;
__u64 losses[LOSS_NR];
__u32 stories;

/* one window a task has open (kvm_mmu_notifier_invalidate_range_start .. _end), for one VM */
enum { WINDOW_DEPTH = 4, WINDOW_SPANS = 4 };

struct span {			/* part of a window that lies in one memslot */
	u64 gfn;
	u64 end;		/* exclusive */
	u64 base_gfn;
	u64 uaddr;		/* hva of base_gfn */
	u32 as_id;
	u32 pad;
};

struct window {
	u64 range;		/* struct mmu_notifier_range *: pairs start and end */
	u64 start;		/* hva */
	u64 end;
	u64 ns;
	u64 zapped;		/* 4K pages */
	u32 vm;
	u32 event;
	u32 spans;
	u32 scratch;
	struct span span[WINDOW_SPANS];
};

/* an SPTE lost while its page was not dirty; judged when the start returns or the next one is lost */
struct debt {
	u64 pfn;
	u64 gfn;
	u64 hva;
	u64 old_spte;
	u64 new_spte;
	u32 level;
	u32 vm;
	u32 as_id;
	u32 state;		/* enum dun_state */
};

enum { SCAN_CHUNK = 64 };

struct task_state {
	u32 depth;
	u32 pad;
	struct debt debt;
	struct window window[WINDOW_DEPTH];
	u64 chunk[SCAN_CHUNK];	/* entries of a leaf table under inspection */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

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
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HIST_NR);
	__type(key, u32);
	__type(value, struct hist);
} hists SEC(".maps");

/* the last VM seen on this CPU: kvm | index, one word so that it cannot be torn */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} last_vm SEC(".maps");

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

static __always_inline void hist_add(u32 id, u64 v)
{
	struct hist *h = bpf_map_lookup_elem(&hists, &id);
	u32 b = hist_bucket(v);

	if (!h || b >= HIST_BUCKETS)
		return;
	h->bucket[b]++;
	h->sum += v;
}

/* The current task's state, made on first use; NULL (counted) when there is none to be had. */
static __always_inline struct task_state *task_state(void)
{
	struct task_state *t = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0,
						    BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!t)
		lost(LOSS_TASK_STATE);
	return t;
}

#endif /* MMUSCOPE_MAPS_BPF_H */
