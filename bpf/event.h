/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What crosses the boundary between the BPF programs and user space: limits, identifiers, counters
 * and records.  Plain fixed-width structures only, no holes; both sides assert the sizes.  Nothing
 * here knows a kernel structure.  Change a layout: raise EVENT_VERSION.
 */
#ifndef MMUSCOPE_EVENT_H
#define MMUSCOPE_EVENT_H

#include <linux/types.h>

#define EVENT_VERSION 1

enum {
	LEVELS = 3,		/* 4K, 2M, 1G: index = PG_LEVEL_x - 1 */
	MAX_VMS = 4095,		/* VM indices 1..MAX_VMS; 0 means "not tracked" */
	STACK_FRAMES = 24,
	COMM_LEN = 16,
	COUNT_SHARDS = 8,	/* copies of a VM's counters, picked by CPU: less contention */
	BLOCK_SHIFT = 9,	/* a block of the block map: 512 pages of 4K = 2 MiB */
	HIST_BUCKETS = 64,
};

/* the invariants this build judges, in the order of every report (docs/invariants.md) */
enum invariant {
	INV_DIRTY_UNTIL_NOTIFIED,
	INV_NOTIFIED_BEFORE_CLEAN,
	INV_ZAPPED_AT_START,
	INV_NR,
};

/* why a thing was looked at and left out: it cannot be judged by the rule, and not judging is right */
enum exempt {
	EXEMPT_NO_PAGE,		/* no struct page behind the pfn (VM_PFNMAP, MMIO) */
	EXEMPT_RESERVED,	/* PG_reserved: neither KVM nor mm keeps a dirty state for it */
	EXEMPT_DAX,		/* dirty state is the xarray tag, PG_dirty means nothing */
	EXEMPT_NR,
};

/* what was missed; any of these can turn HELD into INCONCLUSIVE (user/losses.def says which) */
enum loss {
	LOSS_EVENT,		/* ring buffer full: a story, or the end of a VM with its counts */
	LOSS_VM_TABLE,		/* more VMs at a time than --max-vms */
	LOSS_TASK_STATE,	/* no per-task state to be had */
	LOSS_WINDOW_DEPTH,	/* more windows open in one task than we follow */
	LOSS_SLOT_SPANS,	/* a window covers more memslots than we follow */
	LOSS_SLOT_LOOKUP,	/* a gfn without a memslot: hva unknown */
	LOSS_SCAN_STEPS,	/* a window too large to be scanned in one go */
	LOSS_BLOCK_RANGE,	/* a pfn beyond the block map (memory hotplug) */
	LOSS_SIDE_TABLE,	/* table of pages mapped more than once is full */
	LOSS_SHADOW_MMU,	/* a shadow page was used: its SPTEs are not followed */
	LOSS_RACED,		/* a decision could not be completed because memory changed under it */
	LOSS_NR,
};

/* outcomes of hva_to_pfn: error classes of include/linux/kvm_host.h, KVM_PFN_ERR_* */
enum hva_result {
	HVA_CALLS,
	HVA_WRITE,		/* asked for a writable mapping */
	HVA_ERR_FAULT,
	HVA_ERR_HWPOISON,
	HVA_ERR_RO,
	HVA_ERR_SIGPENDING,
	HVA_ERR_IO,		/* needs I/O: KVM asks again, blocking */
	HVA_ERR_OTHER,
	HVA_NR,
};

/* mmu_notifier_event, same numbers in 6.1 to 7.3 (include/linux/mmu_notifier.h); last: anything newer */
enum { NOTIFIER_EVENTS = 9 };

enum vm_flag {
	VM_LATE = 1 << 0,	/* existed before we attached */
	VM_DYING = 1 << 1,	/* being torn down: zaps are its end, not a loss of mappings */
};

/* one VM, as the programs know it; written by BPF, read by user space */
struct vm_info {
	__u64 kvm;		/* struct kvm *, identity only; 0: free. Never printed */
	__u64 pgd;		/* the host page tables of its mm */
	__u64 mm;
	__u64 born_ns;		/* CLOCK_MONOTONIC, 0 if VM_LATE */
	__u32 index;
	__u32 flags;		/* enum vm_flag */
	__u32 pid;		/* process that created it */
	__u32 pad;
	char comm[COMM_LEN];
};

/* counters of one VM (index 0: of the host, where no VM can be named) */
struct vm_counts {
	__u64 hva[HVA_NR];
	__u64 installed[LEVELS];	/* leaf SPTEs that appeared */
	__u64 zapped[LEVELS];		/* that went away while the VM lived */
	__u64 torn_down[LEVELS];	/* that went away with the VM */
	__u64 split[LEVELS];		/* replaced by 512 of the next smaller level */
	__u64 collapsed[LEVELS];	/* of installed: in place of a page table */
	__u64 windows[NOTIFIER_EVENTS];
	__u64 windows_followed;		/* of windows: from start to end */
	__u64 zapped_in_window;		/* 4K pages */
	__u64 cleaned;			/* guest-written folios cleaned (index 0 only) */
	__u64 kvm_marked;		/* pages dirty only by KVM's own mark at the zap */
	__u64 owed;			/* SPTEs lost while not D(h): to be judged a moment later */
	__u64 settled;			/* of owed: judged */
	__u64 checked[INV_NR];
	__u64 violated[INV_NR];
	__u64 exempt[EXEMPT_NR];
};

enum hist_id {
	HIST_WINDOW_NS,		/* start to end of a window */
	HIST_WINDOW_PAGES,	/* 4K pages zapped in a window */
	HIST_NR,
};

struct hist {
	__u64 bucket[HIST_BUCKETS];
	__u64 sum;
};

enum event_type {
	EVENT_VM_NEW = 1,
	EVENT_VM_GONE,
	EVENT_VIOLATION,
};

struct event_head {
	__u32 type;		/* enum event_type */
	__u32 size;		/* of the whole record */
	__u64 ns;		/* CLOCK_MONOTONIC */
};

struct event_vm {
	struct event_head head;
	struct vm_info vm;
};

struct event_violation {
	struct event_head head;
	__u32 invariant;
	__u32 vm;		/* VM index, 0: unknown, to be looked for by pfn */
	__u64 gfn;
	__u64 hva;
	__u64 pfn;
	__u64 old_spte;
	__u64 new_spte;
	__u64 page_flags;	/* flags word of the folio's head */
	__u64 window_start;	/* hva range of the window, 0/0: outside any */
	__u64 window_end;
	__u64 pages;		/* 4K pages concerned */
	__u32 level;		/* PG_LEVEL_x */
	__u32 as_id;
	__u32 order;		/* of the folio */
	__u32 notifier_event;
	__u32 pid;
	__u32 tid;
	char comm[COMM_LEN];
	__u32 frames;
	__u32 pad;
	__u64 stack[STACK_FRAMES];
};

/*
 * Request and answer of the program that looks through a VM's page tables: for the leaves that map a
 * pfn, or to count them all.
 */
struct scan_args {
	__u32 vm;		/* in: index */
	__u32 want_pfn;		/* in: 1 = look for pfn, 0 = count leaves */
	__u64 pfn;		/* in */
	__u64 gfn;		/* in: where to start; out: where it stopped */
	__u64 end;		/* in: exclusive */
	__u64 leaves[LEVELS];	/* out */
	__u64 found_gfn;	/* out: first hit */
	__u64 found_spte;
	__u64 found_hva;
	__u32 found_level;
	__u32 found;		/* out: hits */
	__u32 complete;		/* out: 1 = reached the end */
	__u32 as_id;		/* in: address space */
	__u32 root;		/* in: look only through the root of this number, ALL_ROOTS: all */
	__u32 roots;		/* out: roots of the address space */
};

#define ALL_ROOTS 0xffffffffU

_Static_assert(sizeof(struct vm_info) == 64, "vm_info has a hole");
_Static_assert(sizeof(struct vm_counts) % 8 == 0, "vm_counts has a hole");
_Static_assert(sizeof(struct event_head) == 16, "event_head has a hole");
_Static_assert(sizeof(struct event_vm) == 80, "event_vm has a hole");
_Static_assert(sizeof(struct event_violation) == 336, "event_violation has a hole");
_Static_assert(sizeof(struct scan_args) == 104, "scan_args has a hole");

#endif /* MMUSCOPE_EVENT_H */
