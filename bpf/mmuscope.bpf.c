// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks: one program per hook, for every feature; what was not asked for is constant-folded away.
 * A program reads its arguments in the shape that its kernel has, and calls the common body.  Which
 * programs are loaded on which kernel is decided in user/host/hooks.def by looking, never by version.
 */
#include "calls.bpf.h"
#include "candidate.bpf.h"
#include "change.bpf.h"
#include "compare.bpf.h"
#include "ledger.bpf.h"
#include "payoff_hooks.bpf.h"
#include "pins.bpf.h"
#include "shadow.bpf.h"
#include "spared.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- VMs ---- */

/* Before `enabled` not every hook is in place: such a VM is as one that was there before. */
SEC("fentry/kvm_arch_init_vm")
int BPF_PROG(vm_init, struct kvm *kvm)
{
	u32 flags = 0;

	if (!enabled)
		flags = k_tdp_mmu ? VM_LATE : VM_LATE | VM_SHADOW;
	vm_enter(arg_number(ctx, 0), bpf_get_current_pid_tgid() >> 32, flags, task_in_scope());
	return 0;
}

/* The last user is gone or its mm is: what is zapped from here on is the VM's end. */
static __always_inline int vm_dying(u64 kvm)
{
	struct vm_info *vm = vm_get(kvm);

	if (vm)
		__sync_fetch_and_or(&vm->flags, VM_DYING);
	return 0;
}

SEC("fentry/kvm_destroy_vm")
int BPF_PROG(vm_destroy, struct kvm *kvm)
{
	struct vm_info *vm = vm_get(arg_number(ctx, 0));
	struct vm_state *st;

	if (!vm)
		return 0;
	vm_dying(arg_number(ctx, 0));
	st = vm_state(vm->index);
	/* its mm may live on, and another task be in a window: that one's end will be judged */
	if (cfg_check && enabled && st && !st->busy && st->settled) {
		u64 left = kvm_in_progress((u64)kvm);
		struct vm_counts *c = counts_of(vm->index);
		struct story s = { .vm = vm->index, .pages = left };

		step_seen(INV_WINDOWS_BALANCED, left ? WBA_DESTROY_NONZERO : WBA_DESTROY_ZERO, 0, &s, 0, 0);
		judged(c, INV_WINDOWS_BALANCED,
		       wba_step(WBA_QUIET, left ? WBA_DESTROY_NONZERO : WBA_DESTROY_ZERO), &s, NULL);
	}
	return 0;
}

SEC("fentry/kvm_mmu_notifier_release")
int BPF_PROG(vm_release, struct mmu_notifier *mn)
{
	return vm_dying(notifier_kvm(arg_number(ctx, 0)));
}

/* A debt from a zap outside any window has no later hook of its task to fall due at: these are it. */
static __always_inline int settle_now(void)
{
	struct task_state *t;

	if (!cfg_check || !enabled)
		return 0;
	t = task_state_found();
	if (t) {
		debt_settle(t, NULL);
		task_state_rest(t, 0);
	}
	return 0;
}

SEC("fexit/kvm_mmu_notifier_release")
int BPF_PROG(vm_released)
{
	return settle_now();
}

SEC("fexit/kvm_set_memslot")
int BPF_PROG(memslot_set)
{
	return settle_now();
}

SEC("fexit/kvm_destroy_vm")
int BPF_PROG(vm_destroyed, struct kvm *kvm)
{
	settle_now();
	vm_leave(arg_number(ctx, 0));
	return 0;
}

/* ---- faults: hva_to_pfn ---- */

static __always_inline void hva_error(struct vm_counts *c, u64 error)
{
	switch (error) {
	case 0:
		COUNT(c, hva[HVA_ERR_FAULT], 1);
		break;
	case 1:
		COUNT(c, hva[HVA_ERR_HWPOISON], 1);
		break;
	case 2:
		COUNT(c, hva[HVA_ERR_RO], 1);
		break;
	case 3:
		COUNT(c, hva[HVA_ERR_SIGPENDING], 1);
		break;
	case 4:
		COUNT(c, hva[HVA_ERR_IO], 1);
		break;
	default:
		COUNT(c, hva[HVA_ERR_OTHER], 1);
	}
}

/* hva_to_pfn is entered. */
GLOBAL int lookup_timed(void)
{
	u64 *start;

	if (!cfg_times || !enabled || !task_vm())
		return 0;
	start = bpf_task_storage_get(&lookup_starts, bpf_get_current_task_btf(), 0,
				     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

/*
 * hva_to_pfn has returned: how long did it take?  Waiting for I/O is part of it.  Not an entry that was
 * skipped, nor one from before we listened: user space sees how many calls have no time.
 */
GLOBAL int lookup_time(u32 vm)
{
	u64 *start = bpf_task_storage_get(&lookup_starts, bpf_get_current_task_btf(), 0, 0);
	u32 key = vm * COUNT_SHARDS + (bpf_get_smp_processor_id() & (COUNT_SHARDS - 1)), b;
	u64 ns = bpf_ktime_get_ns();
	struct hist *h;

	if (!start || !*start)
		return 0;
	ns -= *start;
	*start = 0;
	h = bpf_map_lookup_elem(&vm_times, &key);
	b = below(hist_bucket(ns), HIST_BUCKETS);
	if (!h)
		return 0;
	__sync_fetch_and_add(&h->bucket[b], 1);
	__sync_fetch_and_add(&h->sum, ns);
	return 0;
}

/*
 * hva_to_pfn has returned.  held: it has left a reference with its caller; writable: where it has told
 * whether the caller may write, 0: it was not asked.
 */
static __always_inline int hva_pfn(u64 hva, bool write, bool held, u64 writable, u64 pfn)
{
	struct vm_counts *c;
	u32 index, faults;

	if (!enabled)
		return 0;
	faults = index = vcpu_vm();
	if (!index)
		index = mm_vm();
	if (!index)
		return 0;
	c = counts_of(index);
	if (!c)
		return 0;
	COUNT(c, hva[HVA_CALLS], 1);
	if (cfg_times)
		lookup_time(index);
	if (write)
		COUNT(c, hva[HVA_WRITE], 1);
	if (cfg_walk)
		lookup_end(hva, pfn, writable, held);
	if (pfn & PFN_ERROR_MASK) {
		hva_error(c, pfn & ~PFN_ERROR_MASK);
		return 0;
	}
	/* without a vCPU it is no fault, and has no end */
	if (cfg_check && faults)
		fault_lookup(task_state(), index, hva, pfn, held);
	return 0;
}

static __always_inline int hva_kfp(struct kvm_follow_pfn *kfp, u64 pfn)
{
	struct page **page = kfp->refcounted_page;
	bool held = page && read64((u64)page);
	/* as a number: 7.x has the field as a pointer to memory that may be read */
	u64 writable = cfg_walk ? (u64)BPF_CORE_READ(kfp, map_writable) : 0;

	return hva_pfn(kfp->hva, kfp->flags & FOLL_WRITE, held, writable, pfn);
}

SPARED("fexit/hva_to_pfn", hva_pfn_kfp, GUARD_HVA_TO_PFN, hva_kfp(kfp, pfn),
       struct kvm_follow_pfn *kfp, u64 pfn)

SPARED("fexit/hva_to_pfn", hva_pfn_six, GUARD_HVA_TO_PFN,
       hva_pfn(addr, write, true, (u64)writable, pfn), u64 addr, bool atomic, bool intr, bool *async,
       bool write,
       bool *writable, u64 pfn)

SPARED("fexit/hva_to_pfn", hva_pfn_five, GUARD_HVA_TO_PFN,
       hva_pfn(addr, write, true, (u64)writable, pfn), u64 addr, bool atomic, bool *async, bool write,
       bool *writable, u64 pfn)

SPARED("fentry/hva_to_pfn", hva_time, GUARD_HVA_TIME, lookup_timed(), u64 first)

SPARED("fentry/hva_to_pfn", hva_ask_kfp, GUARD_HVA_ASK,
       lookup_begin(kfp->hva, kfp->flags & FOLL_WRITE, kfp->pin), struct kvm_follow_pfn *kfp)

SPARED("fentry/hva_to_pfn", hva_ask_six, GUARD_HVA_ASK, lookup_begin(addr, write, 0), u64 addr,
       bool atomic, bool intr, bool *async, bool write, bool *writable)

SPARED("fentry/hva_to_pfn", hva_ask_five, GUARD_HVA_ASK, lookup_begin(addr, write, 0), u64 addr,
       bool atomic, bool *async, bool write, bool *writable)

/* ---- the end of a fault ---- */

SPARED("fexit/kvm_tdp_page_fault", fault_tdp, GUARD_FAULT_TDP,
       fault_end(vcpu, fault->gfn, fault->pfn, ret), struct kvm_vcpu *vcpu, struct kvm_page_fault *fault,
       int ret)

/* nested guests with nested paging, and 64-bit guests without */
SAME_AS("fexit/paging64_page_fault", fault_paging64, GUARD_FAULT_PAGING64, fault_tdp)
SAME_AS("fexit/paging32_page_fault", fault_paging32, GUARD_FAULT_PAGING32, fault_tdp)
SAME_AS("fexit/nonpaging_page_fault", fault_nonpaging, GUARD_FAULT_NONPAGING, fault_tdp)
SAME_AS("fexit/ept_page_fault", fault_ept, GUARD_FAULT_EPT, fault_tdp)

/* ---- windows: KVM's mmu_notifier callbacks ---- */

/* what the entry of KVM's start has found out */
struct window_begins {
	u64 range;
	u64 start;
	u64 end;
	u32 event;
	u32 depth;		/* of the caller's range on the stack, see cause.bpf.h */
};

GLOBAL int window_begin(struct task_state *t, const struct window_begins *b, u32 index)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_counts *c = counts_of(index);
	struct vm_state *st;
	struct window *w;
	u32 place, event;

	if (!t || !b || !vm)
		return 0;
	event = b->event;
	if (event >= NOTIFIER_EVENTS)
		event = NOTIFIER_EVENTS - 1;
	asm volatile("" : "+r"(event));
	if (event < NOTIFIER_EVENTS)
		COUNT(c, windows[event], 1);
	if (cfg_check)
		debt_settle(t, NULL);
	place = t->uses & USE_WINDOWS ? window_new_place(t, b->range, index) : 1;
	w = window_at(t, place);
	if (!w) {
		lost(LOSS_WINDOW_DEPTH);
		return 0;
	}
	COUNT(c, windows_followed, 1);
	if (w->usual)
		window_usual(w, NULL);	/* it has lost its end */
	if (!t->stored) {
		u64 task = bpf_get_current_task();
		u32 key = task_slot_key(task_hash(task));
		struct usual *u = &usuals[key];

		u->task = 0;	/* one inside another is out of the usual */
		if (place == 1) {
			u->vm = index;
			u->kvm = vm->kvm;
			u->task = task;
			w->usual = key + 1;
		}
	}
	t->newest = place;
	t->uses |= 1 << (place - 1);
	w->start = b->start;
	w->end = b->end;
	w->zapped = 0;
	w->kvm = vm->kvm;
	w->vm = index;
	w->event = event;
	w->spans = 0;
	w->open = 0;
	w->ending = 0;
	w->range = b->range;
	if (cfg_record) {
		w->number = record_number();
		w->retries = 0;
		w->flush_steps = 1;
		window_seen(w, STEP_WHAT(INV_FLUSHED_AT_START, FAS_ENTER, 0));
	}
	if (cfg_causes)
		cause_begin(w, b->depth);
	w->ns = bpf_ktime_get_ns();
	if (!cfg_check)
		return 0;
	w->pgd = vm->pgd;
	w->table_part = 0;
	w->adopting = vm->flags & VM_ADOPTING;
	w->npages = 0;
	w->flush_state = fas_step(FAS_IDLE, FAS_ENTER).next;
	if (w->evidenced)
		__builtin_memset(w->seen, 0, sizeof(w->seen));
	w->evidenced = 0;
	st = vm_state(index);
	if (st)
		__sync_fetch_and_add(&st->busy, 1);
	return window_find_spans(w, &t->hint, vm->kvm, vm->born_ns);
}

static __always_inline int window_start(void *ctx, struct mmu_notifier_range *range)
{
	struct window_begins b = {};
	struct task_state *t;
	u32 index;

	if (!enabled)
		return 0;
	index = vm_index(notifier_kvm(arg_number(ctx, 0)));
	if (!index)
		return 0;
	b.range = arg_number(ctx, 1);
	b.start = range->start;
	b.end = range->end;
	b.event = range->event;
	b.depth = (void *)range - ctx;
	t = task_state();
	window_begin(t, &b, index);
	if (t)
		task_state_rest(t, 0);
	return 0;
}

SPARED("fentry/kvm_mmu_notifier_invalidate_range_start", win_start, GUARD_WINDOW_START,
       window_start(ctx, range), struct mmu_notifier *mn, struct mmu_notifier_range *range)

/* failed: a start that could not block has zapped nothing, and will be made again. */
static __always_inline int window_begun(struct task_state *t, u64 range, u32 index, u32 failed)
{
	struct window *w;

	if (!t)
		return 0;
	w = window_find(t, range, index);
	debt_settle(t, w);
	if (w && !failed) {
		check_zapped(w->kvm, w);
		window_flushed(w->kvm, w);
		/* zaps from here to the end are another's: not part of the start */
		w->flush_state = FAS_IDLE;
		window_publish(w);
	}
	task_state_rest(t, 0);
	return 0;
}

static __always_inline int window_started(void *ctx, int ret)
{
	u32 index;

	if (!cfg_check || !enabled)
		return 0;
	index = vm_index(notifier_kvm(arg_number(ctx, 0)));
	if (!index)
		return 0;
	return window_begun(task_state_found(), arg_number(ctx, 1), index, !!ret);
}

SPARED("fexit/kvm_mmu_notifier_invalidate_range_start", win_started, GUARD_WINDOW_STARTED,
       window_started(ctx, ret), struct mmu_notifier *mn, struct mmu_notifier_range *range,
       int ret)

/*
 * The end is taken from mm's side, just before it calls KVM's callback: on 6.18 and 7.3 an fentry on
 * kvm_mmu_notifier_invalidate_range_end() attaches without an error and never runs.
 */
GLOBAL int windows_close(struct task_state *t, u64 range)
{
	u64 now = 0;

	if (!t)
		return 0;
	if (cfg_check)
		debt_settle(t, NULL);
	/* one for each VM of the mm */
	for (u32 i = 0; i < WINDOW_DEPTH; i++) {
		struct window *w = &t->window[i];

		if (w->range != range)
			continue;
		if (!now)
			now = bpf_ktime_get_ns();
		window_close(w, now);
		/* with check there is the end's exit, too */
		if (!cfg_check)
			t->uses &= ~(1 << i);
	}
	task_state_rest(t, 0);
	return 0;
}

static __always_inline int window_end(u64 range)
{
	return enabled ? windows_close(task_state_found(), range) : 0;
}

SPARED("fentry/__mmu_notifier_invalidate_range_end", win_end, GUARD_WINDOW_END,
       window_end(arg_number(ctx, 0)), struct mmu_notifier_range *range)

GLOBAL int windows_ended(struct task_state *t)
{
	if (!t)
		return 0;
	for (u32 i = 0; i < WINDOW_DEPTH; i++) {
		struct window *w = &t->window[i];
		u32 vm = w->ending;

		if (!vm || w->range)
			continue;
		w->ending = 0;
		w->vm = 0;
		window_balance(vm);
		t->uses &= ~(1 << i);
	}
	task_state_rest(t, 0);
	return 0;
}

static __always_inline int window_ended(void)
{
	return enabled ? windows_ended(task_state_found()) : 0;
}

SPARED("fexit/__mmu_notifier_invalidate_range_end", win_ended, GUARD_WINDOW_ENDED,
       window_ended(), struct mmu_notifier_range *range)

/* ---- SPTE changes ---- */

SEC("fentry/__handle_changed_spte")
int BPF_PROG(spte_sp, struct kvm *kvm, struct kvm_mmu_page *sp, u64 gfn, u64 old, u64 new, int level)
{
	u32 as_id;

	if (!enabled)
		return 0;
	as_id = cfg_check ? FIELD32(sp, struct kvm_mmu_page, role.word) >> ROLE_AS_SHIFT : 0;
	if (level == 1 && change_usual(kvm, as_id, gfn, old, new))
		return 0;
	return spte_changed(arg_number(ctx, 0), as_id, gfn, old, new, level, false);
}

SEC("fentry/handle_changed_spte")
int BPF_PROG(spte_as, struct kvm *kvm, int as_id, u64 gfn, u64 old, u64 new, int level)
{
	if (!enabled || (level == 1 && change_usual(kvm, as_id, gfn, old, new)))
		return 0;
	return spte_changed(arg_number(ctx, 0), as_id, gfn, old, new, level, false);
}

/* 6.1: the function has seven arguments, one more than that kernel's trampolines can pass */
SEC("kprobe/__handle_changed_spte")
int spte_kprobe(struct pt_regs *regs)
{
	if (!enabled || ((u32)regs->r9 == 1 && change_usual((void *)regs->di, (u32)regs->si, regs->dx,
							    regs->cx, regs->r8)))
		return 0;
	return spte_changed(regs->di, (u32)regs->si, regs->dx, regs->cx, regs->r8, (u32)regs->r9,
			    false);
}

/* ---- the same, shadow MMU ---- */

SEC("fentry/__rmap_add")
int BPF_PROG(shadow_add, struct kvm *kvm, void *cache, void *slot, u64 *sptep, u64 gfn)
{
	struct shadow_spte where = {};

	if (!enabled)
		return 0;
	shadow_spte((u64)sptep, &where);
	if (!where.ok)
		return 0;
	gfn &= ~(level_pages(where.level & 3) - 1);
	if (!shadow_pages && vm_get(arg_number(ctx, 0)))
		shadow_pages = 1;
	return spte_changed(arg_number(ctx, 0), where.as_id, gfn, 0, read64((u64)sptep), where.level,
			    false);
}

SEC("fexit/mmu_spte_clear_track_bits")
int BPF_PROG(shadow_clear, struct kvm *kvm, u64 *sptep, u64 old)
{
	struct shadow_spte where = {};

	if (!enabled || !spte_present(old))
		return 0;
	shadow_spte((u64)sptep, &where);
	if (!where.ok)
		return 0;
	return spte_changed(arg_number(ctx, 0), where.as_id, where.gfn, old, 0, where.level,
			    !cap_marks_at_map);
}

/* A change of rights.  Made by a vCPU or an ioctl of the VM's process: the mm tells the VM. */
SEC("fentry/mmu_spte_update")
int BPF_PROG(shadow_update, u64 *sptep, u64 new)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct shadow_spte where = {};
	struct vm_info *vm;
	u64 mm, old;
	u32 *index;

	if (!enabled)
		return 0;
	mm = (u64)task->mm;
	index = bpf_map_lookup_elem(&mm_vms, &mm);
	vm = index ? bpf_map_lookup_elem(&vms, index) : NULL;
	if (!vm || !vm->kvm)
		return 0;
	/* mmu_set_spte() comes this way with new SPTEs too: __rmap_add() reports these */
	old = read64((u64)sptep);
	if (!spte_present(old))
		return 0;
	shadow_spte((u64)sptep, &where);
	if (!where.ok || !spte_leaf(old, where.level))
		return 0;
	return spte_changed(vm->kvm, where.as_id, where.gfn, old, new, where.level, false);
}

/* ---- pages held outside mmu_notifiers ---- */

static __always_inline int pinned(void *ctx, struct kvm_host_map *map, u64 gfn, int ret)
{
	bool pins_pages = bpf_core_field_exists(map->pinned_page);
	struct vm_info *vm;
	u64 pfn;

	if (!cfg_check || !enabled || ret)
		return 0;
	vm = vm_get(FIELD64(arg_number(ctx, 0), struct kvm_vcpu, kvm));
	if (!vm)
		return 0;
	pfn = map->pfn;
	/* memory without struct page is remapped, and nothing is held */
	if (pins_pages && !FIELD64(map, struct kvm_host_map, pinned_page) && page_reason(pfn) < PAGE_REASONS)
		return 0;
	if (!pins_pages && page_reason(pfn) < PAGE_REASONS)
		return 0;
	pin_taken(vm, (u64)map, gfn, pfn, pins_pages);
	return 0;
}

SEC("fexit/kvm_vcpu_map")
int BPF_PROG(pin_map, struct kvm_vcpu *vcpu, u64 gfn, struct kvm_host_map *map, int ret)
{
	return pinned(ctx, map, gfn, ret);
}

SEC("fexit/__kvm_vcpu_map")
int BPF_PROG(pin_map_writable, struct kvm_vcpu *vcpu, u64 gfn, struct kvm_host_map *map, bool writable,
	     int ret)
{
	return pinned(ctx, map, gfn, ret);
}

SEC("fentry/kvm_vcpu_unmap")
int BPF_PROG(pin_unmap, struct kvm_vcpu *vcpu, struct kvm_host_map *map)
{
	if (cfg_check && enabled)
		pin_release((u64)map);
	return 0;
}

SEC("fexit/kvm_vcpu_unmap")
int BPF_PROG(pin_unmapped, struct kvm_vcpu *vcpu, struct kvm_host_map *map)
{
	if (cfg_check && enabled)
		pin_released((u64)map, read32((u64)map + bpf_core_field_offset(struct kvm_host_map,
										     writable)) & 0xff);
	return 0;
}

SEC("fexit/kvm_vcpu_unmap")
int BPF_PROG(pin_unmapped_dirty, struct kvm_vcpu *vcpu, struct kvm_host_map *map, bool dirty)
{
	if (cfg_check && enabled)
		pin_released((u64)map, dirty);
	return 0;
}

/* ---- folio cleaning ---- */

/* at the exit: the folio is locked, so nobody can have mapped it writable since the clearing */
static __always_inline void cleaned_for_io(void *ctx, bool cleaned)
{
	if (cfg_check && enabled && cleaned)
		check_clean(arg_number(ctx, 0));
}

SPARED("fexit/folio_clear_dirty_for_io", clean_io, GUARD_CLEAN_IO, cleaned_for_io(ctx, cleaned),
       struct folio *folio, bool cleaned)

static __always_inline void cancel_dirty(void *ctx)
{
	u64 head = arg_number(ctx, 0);

	if (cfg_check && enabled && (page_flags(head) & PAGE_FLAG(dirty)))
		check_clean(head);
}

SPARED("fentry/__folio_cancel_dirty", clean_cancel, GUARD_CLEAN_CANCEL, cancel_dirty(ctx),
       struct folio *folio)

#include "arch/hooks.bpf.h"
