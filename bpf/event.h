/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What crosses the boundary between the BPF programs and user space: limits, identifiers, counters
 * and records.  Plain fixed-width structures only, no holes; both sides assert the sizes.  Nothing
 * here knows a kernel structure.  Change a layout: raise EVENT_VERSION.
 */
#ifndef MMUSCOPE_EVENT_H
#define MMUSCOPE_EVENT_H

#include <linux/types.h>

#define EVENT_VERSION 2

enum {
	LEVELS = 3,		/* 4K, 2M, 1G: index = PG_LEVEL_x - 1 */
	MAX_VMS = 4095,		/* VM indices 1..MAX_VMS; 0 means "not tracked" */
	STACK_FRAMES = 24,
	COMM_LEN = 16,
	COUNT_SHARDS = 8,	/* copies of a VM's counters, picked by CPU: less contention */
	BLOCK_SHIFT = 9,	/* a block of the block map: 512 pages of 4K = 2 MiB */
	HIST_BUCKETS = 64,
	WINDOW_DEPTH = 4,	/* windows of a task */
	TASK_SLOTS_SHIFT = 9,	/* tasks in a fault or a window that are found at once */
	TASK_SLOTS = 1 << TASK_SLOTS_SHIFT,
	CAUSE_ROWS = 4096,
	CAUSE_FRAMES = 24,
	USER_FRAMES = 8,
	CAUSE_BUCKETS = 32,	/* of a cause's duration histogram: hist_bucket(ns) - CAUSE_BUCKET_LOW */
	CAUSE_BUCKET_LOW = 7,
};

/* the invariants this build judges, in the order of every report (docs/invariants.md) */
enum invariant {
	INV_DIRTY_UNTIL_NOTIFIED,
	INV_DIRTY_AT_MAP,
	INV_NOTIFIED_BEFORE_CLEAN,
	INV_DIRTY_THROUGH_WINDOW,
	INV_ZAPPED_AT_START,
	INV_FLUSHED_AT_START,
	INV_NO_MAP_IN_WINDOW,
	INV_WINDOWS_BALANCED,
	INV_WRITE_NEEDS_WRITE,
	INV_SAME_PAGE,
	INV_LEVEL_FITS,
	INV_NEVER_SECRET,
	INV_REFS_RETURNED,
	INV_PINNED_OUTSIDE,
	INV_NR,
};

/* what is behind a guest page, by its folio's mapping */
enum backing {
	BACKING_ANON,
	BACKING_KSM,
	BACKING_SHMEM,		/* memfd and tmpfs */
	BACKING_HUGETLB,
	BACKING_FILE,
	BACKING_NONE,		/* no mapping: zero page, device memory, a page just cut off its file */
	BACKING_NR,
};

/* evidence for the claims of the mail: what was seen, by backing (docs/invariants.md, Claims) */
enum evidence {
	SEEN_MAP_DIRTY,		/* hva_to_pfn gave a writable mapping, D(h) true */
	SEEN_MAP_CLEAN,		/* the same, D(h) false: the primary MMU has not dirtied it */
	SEEN_ZAP_PRIMARY,	/* lost, the guest may have written it: D(h) true before any mark of KVM's */
	SEEN_ZAP_KVM,		/* D(h) false, KVM's own mark at the zap made it true */
	SEEN_ZAP_CLEAN,		/* D(h) false, and nobody made it true */
	SEEN_ZAP_YOUNG,		/* lost while accessed, and the host knew it already */
	SEEN_ZAP_NEWS,		/* lost while accessed, and the host did not know */
	SEEN_NR,
};

/* why the dirty state of a page cannot be judged */
enum page_reason {
	PAGE_NO_PAGE,		/* no struct page behind the pfn (VM_PFNMAP, MMIO) */
	PAGE_RESERVED,		/* PG_reserved: neither KVM nor mm keeps a dirty state for it */
	PAGE_DAX,		/* dirty state is the xarray tag, PG_dirty means nothing */
	PAGE_REASONS,		/* it can */
};

/* why a thing was looked at and left out: it cannot be judged by the rule, and not judging is right */
enum exempt {
	EXEMPT_ZAP_NO_PAGE,	/* dirty-until-notified: in the order of enum page_reason */
	EXEMPT_ZAP_RESERVED,
	EXEMPT_ZAP_DAX,
	EXEMPT_ZAP_SPECIAL,	/* VM_PFNMAP and the like: mm keeps no dirty state for a special leaf */
	EXEMPT_MAP_NO_PAGE,	/* dirty-at-map */
	EXEMPT_MAP_RESERVED,
	EXEMPT_MAP_DAX,
	EXEMPT_MAP_SPECIAL,
	EXEMPT_WINDOW_NO_PAGE,	/* dirty-through-window */
	EXEMPT_WINDOW_RESERVED,
	EXEMPT_WINDOW_DAX,
	EXEMPT_INVALIDATED,	/* mapping judged at a fault's end, but invalidated before that */
	EXEMPT_DISCARD_UNMAP,	/* lost in a window and given up in it: anonymous memory unmapped */
	EXEMPT_DISCARD_FREE,	/* MADV_FREE */
	EXEMPT_DISCARD_CUT,	/* truncated, or a hole punched */
	EXEMPT_DISCARD_COPIED,	/* its contents went to another page: copy on write, collapse, KSM */
	EXEMPT_DISCARD_WRITTEN,	/* not given up: written back between the zap and the end */
	EXEMPT_LARGE_REFS,	/* references of a large folio that several lookups share */
	EXEMPT_LARGER_LEAF,	/* a huge leaf over a smaller window: KVM asks only for the faulting gfn */
	EXEMPT_INVALID_ROOT,	/* zapped, not flushed: a root was being invalidated, which flushes itself */
	EXEMPT_GMEM,		/* from a guest_memfd: not by the host's page tables */
	EXEMPT_NR,
};

/* what was missed; any of these can turn HELD into INCONCLUSIVE (user/judge/losses.def says which) */
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
	LOSS_RACED,		/* a decision could not be completed because memory changed under it */
	LOSS_OPEN_WINDOWS,	/* more windows of one VM open at a time than are followed */
	LOSS_CAUSES,		/* table of initiators full: windows without a cause */
	LOSS_SUSPECTS,		/* table of pages with unexplained references full */
	LOSS_ADOPTION,		/* mappings older than the run that could not be taken over */
	LOSS_AUDIT,		/* block map and KVM's page tables differ at the end */
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
	VM_ADOPTING = 1 << 2,	/* late, and its page tables are being walked */
	VM_ADOPTED = 1 << 3,	/* late, and the block map knows all that it maps */
	VM_SHADOW = 1 << 4,	/* has used shadow pages: tdp_mmu=0, npt=0, nested guests */
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
	__u64 seen[SEEN_NR][BACKING_NR];
	__u64 fault_ends;		/* faults that vCPUs brought to an end */
	__u64 fault_retries;		/* of them: to be made again, the host was invalidating */
	__u64 window_pages;		/* pages lost in windows while D(h): dirty-through-window */
	__u64 window_pages_followed;	/* of them: remembered until the end */
	__u64 pinned_cleaned;		/* pages cleaned while kvm_vcpu_map() held them (S14) */
	__u64 adopted[LEVELS];		/* leaf SPTEs taken over from before the run */
	__u64 unrecorded[INV_NR];	/* steps that found no room in the recorder's ring buffer */
	__u64 unrecorded_windows;	/* the same, windows; VMs that came or went (index 0 only) */
};

/*
 * 4K pages lost in a task's window that is still open, in the usual way: change_usual(), change.bpf.h.  At
 * its end they go to the counters of its VM; until then whoever reads these adds them.
 */
struct usual {
	__u64 task;		/* struct task_struct *, identity only; 0: no window is open */
	__u64 kvm;		/* the same, struct kvm * */
	__u32 vm;		/* index */
	__u32 n;
	__u32 followed;		/* of them: remembered until the end */
	__u32 backing;		/* of them all */
};

/*
 * Who opened windows: one row for each task, VM and call path.  Stacks are sampled (the 1st, 2nd, 4th,
 * 8th... window of a row), since each costs 11,000 instructions.
 */
struct cause_key {
	__u32 tid;
	__u32 vm;
	__u32 path;		/* system call, its advice, distance on the stack; see cause.bpf.h */
	__u32 event;		/* mmu_notifier_event; NOTIFIER_EVENTS: outside any window */
};

struct cause_row {
	__u64 windows;		/* that have ended; outside any window: changes */
	__u64 ns;		/* sum of their durations */
	__u64 ns_max;
	__u64 zapped;		/* 4K pages */
	__u64 retries;		/* vCPU faults that came into one of them and have to be made again */
	__u64 seen[SEEN_NR][BACKING_NR];
	__u32 ns_bucket[CAUSE_BUCKETS];
	__u32 pid;
	__u32 samples;		/* stacks taken */
	__u32 differs;		/* of them: not like the first */
	__u32 frames;
	__u32 user_frames;
	__u32 pad;
	char comm[COMM_LEN];
	__u64 stack[CAUSE_FRAMES];
	__u64 user_stack[USER_FRAMES];
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
	EVENT_STEP,
	EVENT_WINDOW,
	EVENT_CANDIDATE,	/* candidate.h */
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
 * Bodies of records of a recording (docs/recording.md): written by BPF, put into the file as they are.
 * A new field goes to the end and raises the version.
 */
enum {
	STEP_VERSION = 1,
	WINDOW_VERSION = 1,
	STEP_EXEMPT = 128,	/* events from here on: looked at, left out; less this an enum exempt */
};

/* one event given to one instance of one model */
struct record_step {
	__u32 vm;		/* 0: not known, the host's */
	__u32 tid;
	__u64 object;		/* the instance; 0: this is its only event */
	__u8 invariant;		/* enum invariant */
	__u8 event;		/* of its model, or STEP_EXEMPT and above */
	__u8 level;		/* 0: none, else PG_LEVEL_x */
	__u8 backing;		/* enum backing; BACKING_NR: not looked at */
	__u16 order;		/* of the folio */
	__u16 as_id;
	__u64 gfn;
	__u64 hva;
	__u64 pfn;
	__u64 old_spte;
	__u64 new_spte;
	__u64 flags;		/* of the folio, 0: not looked at */
	__u64 pages;		/* 4K pages concerned; of an exemption: how many times */
	__u64 window;		/* id of the window it happened in, 0: none */
	__u32 stack;		/* id of a stack record, 0: none */
	__u32 number;		/* at least so many steps of this instance came before */
};

/* a window that has ended */
struct record_window {
	__u64 id;
	__u64 start;		/* ns, CLOCK_MONOTONIC */
	__u64 end;
	__u32 vm;
	__u32 tid;
	__u32 pid;
	__u32 event;		/* mmu_notifier_event */
	__u64 pages;		/* 4K, zapped in it */
	__u32 retries;		/* vCPU faults that came into it and have to be made again */
	__u32 cause;		/* enum cause_id, 0: unknown; ring buffer: the path of its cause_key */
	__u32 stack;		/* id of a stack record, 0: none */
	__u32 zero;
	char comm[COMM_LEN];
};

struct event_step {
	struct event_head head;
	struct record_step step;
};

struct event_window {
	struct event_head head;
	struct record_window window;
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

/* a page that had more references at a fault's end than before */
struct suspect {
	__u64 mapping;		/* of its folio: who it was */
	__u64 page_index;
	__u64 hva;
	__u64 gfn;
	__u64 ns;
	__s32 before;		/* references when hva_to_pfn returned, its own included */
	__s32 after;		/* at the end of the fault */
	__u32 vm;
	__u32 tid;
	char comm[COMM_LEN];
	__u64 object;		/* recording: the instance of refs-returned */
};

/* Request and answer of the program that looks at one page. */
struct look_args {
	__u64 pfn;		/* in */
	__u64 flags;		/* out: of the head, as all */
	__u64 mapping;
	__u64 page_index;
	__s32 refs;
	__s32 mapcount;		/* of a small folio */
	__u32 order;
	__u32 pad;
};

/* Request of the program that records how a suspect ended. */
struct settled_args {
	struct suspect was;
	__u64 pfn;
	__u32 event;		/* enum rfr_event */
	__u32 pad;
};

/* Request and answer of the programs that adopt, or audit, what a VM has mapped. */
struct adopt_args {
	__u32 vm;		/* in: index */
	__u32 as_id;		/* address space; audit: in, adoption: out */
	__u32 result;		/* out: enum adopt_result */
	__u32 roots;		/* out: roots of the address space, those being zapped counted twice */
	__u64 gfn;		/* audit, in: where to start; out: where it stopped */
	__u64 leaves;		/* audit, out: may-write leaf SPTEs */
	__u64 differ;		/* audit, out: of leaves: unknown to the block map */
	__u64 by_level[LEVELS];	/* adoption: leaf SPTEs of the chunk */
};

enum adopt_result {
	ADOPT_DONE,		/* with this address space */
	ADOPT_MORE,		/* go on */
	ADOPT_ROOTS,		/* more than one root in this address space: try again later */
	ADOPT_UNDO,		/* the chunk is spoiled: after a grace period, undo it */
	ADOPT_AGAIN,		/* the same, but there is nothing to undo */
};

/* why KVM maps less than the host does, in the order in which KVM asks (user/judge/level_causes.def) */
enum level_cause {
	LOW_GUEST,		/* the guest's own page tables map no larger (shadow paging) */
	LOW_UNPAGED,		/* the guest has no paging on (shadow paging) */
	LOW_DIRTY_LOG,
	LOW_CAP,		/* KVM maps no larger on this host */
	LOW_MISALIGNED,		/* gfn and hva of the memslot to each other */
	LOW_EDGE,		/* the larger page would reach beyond the memslot */
	LOW_MIXED,		/* private and shared pages in it */
	LOW_TRACKED,		/* it holds page tables of the guest's, whose writes KVM has to see */
	LOW_NX,			/* the guest executes from it, and NX huge pages are on */
	LOW_OLD,		/* nothing now: a new fault would map it larger */
	LOW_UNKNOWN,
	LOW_NR,
};

enum { HOST_LEVELS = 1 + LEVELS };	/* 0: the host's page tables have nothing to do with it */

/* Request and answer of the program that takes stock of a part of a memslot. */
struct survey_args {
	__u32 vm;		/* in: index */
	__u32 as_id;		/* in: address space */
	__u64 gfn;		/* in: where to start; out: where it stopped */
	__u32 folios;		/* in: look at every page's folio too, for `promised` */
	__u32 found;		/* out: 0 = no memslot at or above gfn, and nothing else is filled */
	__u64 base_gfn;		/* out: the memslot */
	__u64 npages;
	__u64 uaddr;
	__u32 flags;		/* KVM_MEM_x */
	__u32 id;
	__u32 backings;		/* out: bit set of enum backing */
	__u32 pad;
	__u64 leaves[LEVELS][HOST_LEVELS];	/* out: leaf SPTEs, by their level and the host's */
	__u64 lost[LOW_NR];	/* out: 4K pages that the host maps larger, by cause */
	__u64 promised;		/* out: 4K pages mapped 4K by both, of folios of 2M and more */
};

_Static_assert(sizeof(struct vm_info) == 64, "vm_info has a hole");
_Static_assert(sizeof(struct vm_counts) % 8 == 0, "vm_counts has a hole");
_Static_assert(sizeof(struct usual) == 32, "usual has a hole");
_Static_assert(sizeof(struct event_head) == 16, "event_head has a hole");
_Static_assert(sizeof(struct event_vm) == 80, "event_vm has a hole");
_Static_assert(sizeof(struct event_violation) == 336, "event_violation has a hole");
_Static_assert(sizeof(struct record_step) == 96, "record_step has a hole");
_Static_assert(sizeof(struct record_window) == 80, "record_window has a hole");
_Static_assert(sizeof(struct cause_key) == 16, "cause_key has a hole");
_Static_assert(sizeof(struct cause_row) == 40 + SEEN_NR * BACKING_NR * 8 + CAUSE_BUCKETS * 4 + 24 + 16 +
	       (CAUSE_FRAMES + USER_FRAMES) * 8, "cause_row has a hole");
_Static_assert(sizeof(struct suspect) == 80, "suspect has a hole");
_Static_assert(sizeof(struct look_args) == 48, "look_args has a hole");
_Static_assert(sizeof(struct adopt_args) == 64, "adopt_args has a hole");
_Static_assert(sizeof(struct survey_args) == 64 + (LEVELS * HOST_LEVELS + LOW_NR + 1) * 8,
	       "survey_args has a hole");
_Static_assert(sizeof(struct scan_args) == 104, "scan_args has a hole");

#endif /* MMUSCOPE_EVENT_H */
