/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is kept of a task and of a VM from one hook to the next, and is of no interest outside the programs.
 */
#ifndef MMUSCOPE_STATE_BPF_H
#define MMUSCOPE_STATE_BPF_H

#include "event.h"

/* one window a task has open (kvm_mmu_notifier_invalidate_range_start .. _end), for one VM */
enum {
	WINDOW_SPANS = 4,
	WINDOW_PAGES = 16,	/* lost pages that are looked at again at its end */
	OPEN_WINDOWS = 16,	/* of one VM at a time */
	PINS = 8,		/* pages that a task holds outside mmu_notifiers */
	PREFETCHED = 8,		/* SPTEs that one fault maps besides its own: PTE_PREFETCH_NUM, mmu.c */
};

struct span {			/* part of a window that lies in one memslot */
	u64 gfn;
	u64 end;		/* exclusive */
	u64 base_gfn;
	u64 uaddr;		/* hva of base_gfn */
	u64 slot;		/* struct kvm_memory_slot * */
	u32 as_id;
	u32 pad;
};

/* a page that was lost in a window while it was dirty */
struct window_page {
	u64 pfn;
	u64 hva;
	u64 gfn;
	u64 mapping;		/* of its folio, at the loss */
};

struct window {
	u64 range;		/* struct mmu_notifier_range *: pairs start and end */
	u64 start;		/* hva */
	u64 end;
	u64 ns;
	u64 zapped;		/* 4K pages */
	u64 flushes;		/* the VM's flush requests at the last zap */
	u64 cause_known;	/* windows of this cause so far; 0: its row is to be looked for */
	u32 cause_place;	/* of its row */
	u32 cause_pad;
	u64 kvm;
	u64 pgd;		/* of its mm */
	u64 table;		/* address of the host's page table of ... */
	u64 table_part;		/* ...these 2M of hvas; 0: none */
	u32 vm;
	u32 event;
	u32 spans;
	u32 scratch;
	u32 adopting;		/* its VM was being taken over when it began */
	u32 usual;		/* its task's place in usuals[] + 1; 0: none */
	u32 flush_state;	/* enum fas_state */
	u32 open;		/* place in the VM's table of open windows + 1; 0: none */
	u32 npages;
	u32 ending;		/* its end is being looked at: the VM to close it for */
	u64 number;		/* recording: its id */
	u32 evidenced;		/* bit set of enum evidence: what of seen[] is not 0 */
	u32 pad;
	u32 flush_steps;	/* recording: steps of flushed-at-start so far */
	u32 retries;		/* recording: faults that came into it, once it is off the VM's table */
	struct cause_key cause;
	struct span span[WINDOW_SPANS];
	struct window_page page[WINDOW_PAGES];
	u32 seen[SEEN_NR][BACKING_NR];
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
	u32 backing;
	u32 pad;
	u64 object;		/* recording: the instance */
};

/* what a vCPU's fault has been told by the primary MMU, and what it has mapped */
struct fault {
	u64 hva;		/* of the last hva_to_pfn; 0: none since the last fault ended */
	u64 pfn;
	u64 head;		/* of the page that it holds a reference of; 0: none */
	u64 gfn;		/* of the first SPTE installed */
	u64 spte;
	u64 map_seq;		/* mmu_invalidate_seq at the install */
	s32 refs;
	u32 vm;			/* that it was asked for */
	u32 level;		/* of the SPTE; 0: none was installed */
	u32 as_id;
	u32 nprefetched;
	u32 pad;
	u64 prefetched_gfn[PREFETCHED];
	u64 prefetched[PREFETCHED];	/* SPTEs, 4K */
};

enum { SCAN_CHUNK = 64 };

/* why a state may not be another task's next: bit i < WINDOW_DEPTH: window i */
enum {
	USE_WINDOWS = (1 << WINDOW_DEPTH) - 1,
	USE_FAULT = 1 << WINDOW_DEPTH,
	USE_DEBT = 1 << (WINDOW_DEPTH + 1),
};

/* the only memslot that any of [uaddr, top) lies in, as long as the VM's memslots are those of then */
struct slot_hint {
	u64 kvm;		/* 0: none */
	u64 born_ns;		/* another VM may come to lie at its address, and have as many changes */
	u64 slots[2];		/* struct kvm_memslots * of each address space */
	u64 generation[2];
	u64 uaddr;
	u64 top;
	u64 base_gfn;
	u64 slot;
	u64 last;		/* memslot of the last window that was in one only, hinted at or not */
	u32 scratch;
	u32 pad;
};

struct task_state {
	u64 owner;		/* tag of the task that uses it; 0: none */
	u32 uses;		/* bit set of USE_x */
	u32 stored;		/* it lies in the task's own storage */
	u32 pad;
	u32 newest;		/* place of the window opened last, which may have ended; 0: none */
	struct debt debt;
	struct fault fault;
	struct slot_hint hint;
	struct window window[WINDOW_DEPTH];
	u64 chunk[SCAN_CHUNK];	/* entries of a leaf table under inspection */
};

/* a page held by kvm_vcpu_map() */
struct pin {
	u64 map;		/* struct kvm_host_map *; 0: free */
	u64 head;
	u64 pfn;
	u64 mapping;
	u64 gfn;
	u32 vm;
	u32 dirty;		/* PG_dirty at the map */
	u64 object;		/* recording: the instance */
};

struct task_pins {
	struct pin pin[PINS];
};

/* a window as other tasks see it: which gfns nobody may map now */
struct open_window {
	u64 id;			/* struct mmu_notifier_range *; 0: free */
	u32 state;		/* enum nmw_state */
	u32 spans;
	struct cause_key cause;
	u64 number;		/* recording: the window's id */
	u64 retries;
	u64 gfn[WINDOW_SPANS];
	u64 end[WINDOW_SPANS];
	u32 as_id[WINDOW_SPANS];
};

struct vm_state {
	u64 adopt;		/* how far adoption has come: cursor_of() and flags (adopt.bpf.h) */
	u32 busy;		/* windows whose start has begun and whose end has not returned */
	u32 nopen;		/* of open[] */
	u32 settled;		/* KVM's in-progress count has been 0 since we follow the VM */
	struct open_window open[OPEN_WINDOWS];
};

#endif /* MMUSCOPE_STATE_BPF_H */
