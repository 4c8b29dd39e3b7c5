/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuscope walk --payoff: how long a fault takes, and in it the lookup, the level lookup and the reference
 * walk.  Entry programs read the clock last and exit programs first; what they do besides is timed too and
 * taken off, and so is what the kernel needs to call them, which is calibrated before (user/session/timed.c).
 */
#ifndef MMUSCOPE_PAYOFF_BPF_H
#define MMUSCOPE_PAYOFF_BPF_H

#include "compare.bpf.h"
#include "payoff.h"

/* ns, from the calibration */
__u64 cost_clock;		/* of reading the clock */
__u64 cost_inside;		/* from one program's last reading to the first of the next one */
__u64 cost_pair;		/* of an entry and an exit program, besides what is between readings of one */
__u64 cost_entry;		/* of an entry program alone */

__u64 payoff_switched;	/* faults and lookups during which the task was scheduled away: not filed */
__u64 payoff_pinned;	/* lookups that pin the page: not timed */
__u64 payoff_unmatched;	/* exits without an entry, or the other way round */
__u64 payoff_full;	/* not filed for want of a row */
__u64 payoff_probes;	/* ns that faults took longer for our programs */
__u64 payoff_rows_used;

/* a fault, or a lookup, that a task is in */
struct payoff_call {
	u64 fault_ns;		/* clock at the start; 0: in no fault */
	u64 fault_began;	/* the same, before our program had done anything */
	u64 probes;		/* ns in and for our programs since */
	u64 switches;		/* of the task, at the start */
	u64 began;		/* clock at the start of an entry's program... */
	u64 part_ns;		/* ...and at its end; 0: in no lookup, nor level lookup */
	u64 marks;		/* ns in and for programs inside the lookup */
	u64 spent[PAYOFF_PARTS];
	u64 hva;
	u32 vm;
	u32 done;		/* bit set of enum payoff_part */
	u8 from;
	u8 path;
	u8 before;
	u8 write;
	u8 level;
	u8 backing;
	u8 tries;		/* the fast path will be tried first */
	u8 slow;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct payoff_call);
} payoff_calls SEC(".maps");

/* struct payoff_key, as a number, -> its row */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TIME_ROWS);
	__type(key, u64);
	__type(value, u32);
} payoff_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* set at load: TIME_ROWS * TIME_SHARDS */
	__type(key, u32);
	__type(value, struct time_hist);
} payoff_times SEC(".maps");

static __always_inline struct payoff_call *payoff_call(u64 flags)
{
	return bpf_task_storage_get(&payoff_calls, bpf_get_current_task_btf(), 0, flags);
}

static __always_inline u64 task_switches(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->nvcsw + task->nivcsw;
}

/* a - b, or 0: what was subtracted is a mean */
static __always_inline u64 less(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

/* The row of a key, made on first use; TIME_ROWS: there is none left. */
GLOBAL u32 payoff_row(u64 key)
{
	u32 *row = bpf_map_lookup_elem(&payoff_rows, &key), next;

	if (row)
		return *row;
	next = __sync_fetch_and_add(&payoff_rows_used, 1);
	if (next >= TIME_ROWS)
		return TIME_ROWS;
	/* another CPU may have been first: then its row counts, and this one stays empty */
	bpf_map_update_elem(&payoff_rows, &key, &next, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&payoff_rows, &key);
	return row ? *row : TIME_ROWS;
}

/* File v ns under a key. */
GLOBAL int payoff_add(u64 key, u64 v)
{
	u32 row = payoff_row(key), slot, b = time_bucket(v);
	struct time_hist *h;

	if (row >= TIME_ROWS) {
		__sync_fetch_and_add(&payoff_full, 1);
		return 0;
	}
	slot = row * TIME_SHARDS + (bpf_get_smp_processor_id() & (TIME_SHARDS - 1));
	h = bpf_map_lookup_elem(&payoff_times, &slot);
	b = below(b, TIME_BUCKETS);
	if (!h)
		return 0;
	__sync_fetch_and_add(&h->n[b], 1);
	__sync_fetch_and_add(&h->sum[b], v);
	return 0;
}

/* File what has been timed, and forget it. */
static __always_inline void payoff_file(struct payoff_call *p)
{
	u64 key = (u64)p->from << 8 | (u64)p->path << 16 | (u64)p->before << 24 | (u64)p->write << 32 |
		  (u64)p->level << 40 | (u64)p->backing << 48;
	u32 done = p->done;

	p->done = 0;
	if (task_switches() != p->switches) {
		__sync_fetch_and_add(&payoff_switched, 1);
		return;
	}
	for (u32 part = 0; part < PAYOFF_PARTS; part++)
		if (done & 1 << part)
			payoff_add(key | part, p->spent[part]);
}

static __always_inline void payoff_reset(struct payoff_call *p, u32 from, u32 write)
{
	p->done = 0;
	p->from = from;
	p->path = PATH_NONE;
	p->before = BEFORE_NONE;
	p->write = write;
	p->level = 0;
	p->backing = BACKING_NONE;
	p->part_ns = 0;
}

/* A vCPU's fault begins. */
GLOBAL int payoff_fault(u64 began, u64 kvm, u32 ahead, u32 write)
{
	u32 index = vm_index(kvm);
	struct payoff_call *p;

	if (!index)
		return 0;
	p = payoff_call(BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!p) {
		lost(LOSS_TASK_STATE);
		return 0;
	}
	payoff_reset(p, ahead ? FROM_AHEAD : FROM_FAULT, write);
	p->vm = index;
	p->probes = 0;
	p->fault_began = began;
	p->switches = task_switches();
	p->fault_ns = bpf_ktime_get_ns();
	return 0;
}

GLOBAL int payoff_faulted(u64 now)
{
	struct payoff_call *p = payoff_call(0);

	if (!p || !p->fault_ns)
		return 0;
	if (p->part_ns)
		__sync_fetch_and_add(&payoff_unmatched, 1);
	p->spent[PART_FAULT] = less(now - p->fault_ns, p->probes + cost_inside);
	p->done |= 1 << PART_FAULT;
	payoff_file(p);
	p->probes += p->fault_ns - p->fault_began + cost_pair;
	p->fault_ns = 0;
	p->part_ns = 0;
	__sync_fetch_and_add(&payoff_probes, p->probes + bpf_ktime_get_ns() - now);
	return 0;
}

static __always_inline u32 payoff_before(u32 says)
{
	if (says == SERVES)
		return BEFORE_WARM;
	return says == SERVES_NOT_MAPPED || says == SERVES_NOT_SWAP ? BEFORE_COLD : BEFORE_UNFIT;
}

enum { ASK_WRITE = 1, ASK_TRIES = 2 };

/* hva_to_pfn is entered.  how: ASK_*. */
GLOBAL int payoff_ask(u64 began, u64 hva, u32 how)
{
	struct payoff_call *p = payoff_call(BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct leaf leaf = {};
	struct vm_info *vm;
	u64 start, end;
	u32 index, says;
	int r;

	if (!p) {
		lost(LOSS_TASK_STATE);
		return 0;
	}
	index = p->fault_ns ? p->vm : task_vm();
	vm = bpf_map_lookup_elem(&vms, &index);
	if (!index || !vm)
		return 0;
	/* an earlier lookup of the same fault, which has given no page, is filed by itself */
	if (p->fault_ns && p->done)
		payoff_file(p);
	if (!p->fault_ns) {
		payoff_reset(p, FROM_ELSEWHERE, 0);
		p->switches = task_switches();
	}
	start = bpf_ktime_get_ns();
	r = walk_twice(host_walk, vm->pgd, hva, &leaf);
	end = bpf_ktime_get_ns();
	says = walk_serves(r, &leaf, how & ASK_WRITE, mapping_is_secret(leaf_mapping(&leaf)));
	p->spent[PART_WALK] = less(end - start, cost_clock);
	p->done = 1 << PART_WALK;
	p->write = how & ASK_WRITE;
	p->tries = !!(how & ASK_TRIES);
	p->slow = PATH_FAST;
	p->before = payoff_before(says);
	p->level = r == WALK_OK ? leaf.level : 0;
	p->marks = 0;
	p->hva = hva;
	p->began = began;
	p->part_ns = bpf_ktime_get_ns();
	return 0;
}

/* A part ends at `now`: ns between its programs.  inside: of these, in and for other programs. */
static __always_inline u64 payoff_part(struct payoff_call *p, u64 now, u64 inside)
{
	u64 spent = less(now - p->part_ns, cost_inside + inside);

	p->probes += p->part_ns - p->began + cost_pair + inside;
	p->part_ns = 0;
	return spent;
}

/* hva_to_pfn has returned pfn. */
GLOBAL int payoff_told(u64 now, u64 hva, u64 pfn)
{
	struct payoff_call *p = payoff_call(0);

	if (!p || !p->part_ns || p->hva != hva) {
		if (p && p->fault_ns)
			__sync_fetch_and_add(&payoff_unmatched, 1);
		return 0;
	}
	p->spent[PART_LOOKUP] = payoff_part(p, now, p->marks);
	p->done |= 1 << PART_LOOKUP;
	p->hva = 0;
	p->path = pfn & PFN_ERROR_MASK ? PATH_FAILED : p->slow;
	if (p->path != PATH_FAILED)
		p->backing = backing_of(folio_mapping_word(pfn_head(pfn)));
	if (!p->fault_ns)
		payoff_file(p);
	p->probes += bpf_ktime_get_ns() - now;
	return 0;
}

/* The lookup goes this way: enum payoff_path. */
GLOBAL int payoff_mark(u64 now, u32 path)
{
	struct payoff_call *p = payoff_call(0);

	if (!p || !p->part_ns || !p->hva)
		return 0;
	if (p->slow == PATH_FAST && p->tries) {
		p->spent[PART_TRY] = less(now - p->part_ns, cost_inside);
		p->done |= 1 << PART_TRY;
	}
	p->slow = path;
	p->marks += bpf_ktime_get_ns() - now + cost_entry;
	return 0;
}

/* The level lookup begins, and ends. */
GLOBAL int payoff_level(u64 began)
{
	struct payoff_call *p = payoff_call(0);

	if (!p || !p->fault_ns)
		return 0;
	p->began = began;
	p->part_ns = bpf_ktime_get_ns();
	return 0;
}

GLOBAL int payoff_leveled(u64 now, u32 level)
{
	struct payoff_call *p = payoff_call(0);

	if (!p || !p->fault_ns)
		return 0;
	if (!p->part_ns) {
		__sync_fetch_and_add(&payoff_unmatched, 1);
		return 0;
	}
	p->spent[PART_LEVEL] = payoff_part(p, now, 0);
	p->done |= 1 << PART_LEVEL;
	p->level = level;
	p->probes += bpf_ktime_get_ns() - now;
	return 0;
}

#endif /* MMUSCOPE_PAYOFF_BPF_H */
