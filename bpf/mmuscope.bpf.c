// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks: one program per hook, for every feature; what was not asked for is constant-folded away.
 * A program reads its arguments in the shape that its kernel has, and calls the common body.  Which
 * programs are loaded on which kernel is decided in user/hooks.def by looking, never by version.
 */
#include "check.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- VMs ---- */

SEC("fentry/kvm_arch_init_vm")
int BPF_PROG(vm_init, struct kvm *kvm)
{
	vm_enter((u64)kvm, bpf_get_current_pid_tgid() >> 32, 0, task_in_scope());
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
	return vm_dying((u64)kvm);
}

SEC("fentry/kvm_mmu_notifier_release")
int BPF_PROG(vm_release, struct mmu_notifier *mn)
{
	return vm_dying(notifier_kvm(mn));
}

/* A debt from a zap outside any window has no later hook of its task to fall due at: these are it. */
static __always_inline int settle_now(void *ctx)
{
	struct task_state *t;

	if (!cfg_check || !enabled)
		return 0;
	t = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);
	if (t)
		debt_settle(ctx, t, NULL);
	return 0;
}

SEC("fexit/kvm_mmu_notifier_release")
int BPF_PROG(vm_released)
{
	return settle_now(ctx);
}

SEC("fexit/kvm_set_memslot")
int BPF_PROG(memslot_set)
{
	return settle_now(ctx);
}

SEC("fexit/kvm_destroy_vm")
int BPF_PROG(vm_destroyed, struct kvm *kvm)
{
	settle_now(ctx);
	vm_leave((u64)kvm);
	return 0;
}

/* ---- faults: hva_to_pfn ---- */

enum { FOLL_WRITE = 1 };

/* KVM_PFN_ERR_*: include/linux/kvm_host.h; the error bits of a kvm_pfn_t are 52..63 */
#define PFN_ERROR_MASK (0xfffULL << 52)

static __always_inline int hva_pfn(bool write, u64 pfn)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vm_counts *c;
	u64 mm;
	u32 *vm;

	if (!enabled)
		return 0;
	mm = (u64)task->mm;
	vm = bpf_map_lookup_elem(&mm_vms, &mm);
	if (!vm)
		return 0;
	c = counts_of(*vm);
	if (!c)
		return 0;
	COUNT(c, hva[HVA_CALLS], 1);
	if (write)
		COUNT(c, hva[HVA_WRITE], 1);
	if (!(pfn & PFN_ERROR_MASK))
		return 0;
	switch (pfn & ~PFN_ERROR_MASK) {
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
	return 0;
}

SEC("fexit/hva_to_pfn")
int BPF_PROG(hva_pfn_kfp, struct kvm_follow_pfn *kfp, u64 pfn)
{
	return hva_pfn(kfp->flags & FOLL_WRITE, pfn);
}

SEC("fexit/hva_to_pfn")
int BPF_PROG(hva_pfn_six, u64 addr, bool atomic, bool intr, bool *async, bool write, bool *writable,
	     u64 pfn)
{
	return hva_pfn(write, pfn);
}

SEC("fexit/hva_to_pfn")
int BPF_PROG(hva_pfn_five, u64 addr, bool atomic, bool *async, bool write, bool *writable, u64 pfn)
{
	return hva_pfn(write, pfn);
}

/* ---- windows: KVM's mmu_notifier callbacks ---- */

/* The window of the task for this range and VM; 0, 0: a place for a new one; NULL if there is none. */
static __always_inline struct window *window_find(struct task_state *t, u64 range, u32 vm)
{
	for (u32 i = 0; i < WINDOW_DEPTH; i++) {
		struct window *w = &t->window[i];

		if (w->range == range && w->vm == vm)
			return w;
	}
	return NULL;
}

/* The innermost open window of the task for this VM, whatever its range. */
static __always_inline struct window *window_current(struct task_state *t, u32 vm)
{
	for (u32 i = WINDOW_DEPTH; i > 0; i--) {
		struct window *w = &t->window[i - 1];

		if (w->range && w->vm == vm)
			return w;
	}
	return NULL;
}

SEC("fentry/kvm_mmu_notifier_invalidate_range_start")
int BPF_PROG(win_start, struct mmu_notifier *mn, struct mmu_notifier_range *range)
{
	struct task_state *t;
	struct vm_counts *c;
	struct vm_info *vm;
	struct window *w;
	u32 event;

	if (!enabled)
		return 0;
	vm = vm_get(notifier_kvm(mn));
	if (!vm)
		return 0;
	c = counts_of(vm->index);
	event = range->event;
	if (event >= NOTIFIER_EVENTS)
		event = NOTIFIER_EVENTS - 1;
	COUNT(c, windows[event], 1);
	t = task_state();
	if (!t)
		return 0;
	if (cfg_check)
		debt_settle(ctx, t, NULL);
	/* a window of the same range that is still there has lost its end: the stack was used again */
	w = window_find(t, (u64)range, vm->index);
	if (!w)
		w = window_find(t, 0, 0);
	if (!w) {
		lost(LOSS_WINDOW_DEPTH);
		return 0;
	}
	COUNT(c, windows_followed, 1);
	w->start = range->start;
	w->end = range->end;
	w->ns = bpf_ktime_get_ns();
	w->zapped = 0;
	w->vm = vm->index;
	w->event = event;
	w->spans = 0;
	w->range = (u64)range;
	if (cfg_check)
		window_find_spans(w, vm->kvm);
	return 0;
}

SEC("fexit/kvm_mmu_notifier_invalidate_range_start")
int BPF_PROG(win_started, struct mmu_notifier *mn, struct mmu_notifier_range *range, int ret)
{
	struct task_state *t;
	struct vm_info *vm;
	struct window *w;

	if (!cfg_check || !enabled)
		return 0;
	vm = vm_get(notifier_kvm(mn));
	if (!vm)
		return 0;
	t = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);
	if (!t)
		return 0;
	w = window_find(t, (u64)range, vm->index);
	debt_settle(ctx, t, w);
	/* a start that could not block has zapped nothing and will be made again */
	if (w && !ret)
		check_zapped(ctx, vm, w);
	return 0;
}

/*
 * The end is taken from mm's side, just before it calls KVM's callback: on 6.18 and 7.3 an fentry on
 * kvm_mmu_notifier_invalidate_range_end() attaches without an error and never runs.
 */
SEC("fentry/__mmu_notifier_invalidate_range_end")
int BPF_PROG(win_end, struct mmu_notifier_range *range)
{
	struct task_state *t;
	u64 now = 0;

	if (!enabled)
		return 0;
	t = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);
	if (!t)
		return 0;
	/* one for each VM of the mm */
	for (u32 i = 0; i < WINDOW_DEPTH; i++) {
		struct window *w = &t->window[i];

		if (w->range != (u64)range)
			continue;
		if (!now)
			now = bpf_ktime_get_ns();
		hist_add(HIST_WINDOW_NS, now - w->ns);
		hist_add(HIST_WINDOW_PAGES, w->zapped);
		w->range = 0;
		w->vm = 0;
	}
	return 0;
}

/* ---- SPTE changes (TDP MMU) ---- */

static __always_inline int spte_changed(void *ctx, u64 kvm, u32 as_id, u64 gfn, u64 old, u64 new,
					u32 level)
{
	bool was = spte_leaf(old, level), is = spte_leaf(new, level);
	struct task_state *t = NULL;
	struct window *w = NULL;
	struct vm_counts *c;
	struct vm_info *vm;
	bool split;
	u32 l;

	if (!was && !is)
		return 0;	/* a page table was linked or unlinked: its leaves report themselves */
	if (!enabled)
		return 0;
	vm = vm_get(kvm);
	if (!vm || level < 1 || level > LEVELS)
		return 0;
	c = counts_of(vm->index);
	if (!c)
		return 0;
	l = level - 1;
	asm volatile("" : "+r"(l));	/* one bound for all uses: older verifiers forget a recomputed one */
	if (l >= LEVELS)
		return 0;
	/* tdp_mmu_split_huge_page() fills all 512 SPTEs of the new table before it links it */
	split = was && !is && spte_present(new);

	if (!was) {
		__sync_fetch_and_add(&c->installed[l], 1);
		if (spte_present(old))
			__sync_fetch_and_add(&c->collapsed[l], 1);
	} else if (split) {
		__sync_fetch_and_add(&c->split[l], 1);
	} else if (!is) {
		if (vm->flags & VM_DYING)
			__sync_fetch_and_add(&c->torn_down[l], 1);
		else
			__sync_fetch_and_add(&c->zapped[l], 1);
		t = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);
		w = t ? window_current(t, vm->index) : NULL;
		if (w) {
			w->zapped += level_pages(level);
			COUNT(c, zapped_in_window, level_pages(level));
		}
	}
	if (!cfg_check)
		return 0;

	bool may = was && spte_may_write(old), will = is && spte_may_write(new);

	if (split) {
		if (may)
			track_do_split(spte_pfn(old), level);
		return 0;
	}
	if (will && !may)
		track_change(spte_pfn(new), level, 1);
	if (may && !will) {
		track_change(spte_pfn(old), level, -1);
		if (!t)
			t = task_state();
		if (t)
			check_lost(ctx, vm, c, t, w, as_id, gfn, old, new, level);
	}
	return 0;
}

SEC("fentry/__handle_changed_spte")
int BPF_PROG(spte_sp, struct kvm *kvm, struct kvm_mmu_page *sp, u64 gfn, u64 old, u64 new, int level)
{
	u32 role = FIELD32(sp, struct kvm_mmu_page, role.word);

	return spte_changed(ctx, (u64)kvm, role >> 24, gfn, old, new, level);
}

SEC("fentry/handle_changed_spte")
int BPF_PROG(spte_as, struct kvm *kvm, int as_id, u64 gfn, u64 old, u64 new, int level)
{
	return spte_changed(ctx, (u64)kvm, as_id, gfn, old, new, level);
}

/* 6.1: the function has seven arguments, one more than that kernel's trampolines can pass */
SEC("kprobe/__handle_changed_spte")
int spte_kprobe(struct pt_regs *regs)
{
	return spte_changed(regs, regs->di, (u32)regs->si, regs->dx, regs->cx, regs->r8, (u32)regs->r9);
}

/* Pages of the shadow MMU (tdp_mmu=0, npt=0, nested guests) do not pass the hook above. */
SEC("tp_btf/kvm_mmu_get_page")
int BPF_PROG(shadow_page, struct kvm_mmu_page *sp)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 mm;

	if (!enabled || !sp || sp->tdp_mmu_page)
		return 0;
	/* made by a vCPU or an ioctl of the VM's process, so that the mm tells whether it is ours */
	mm = (u64)task->mm;
	if (bpf_map_lookup_elem(&mm_vms, &mm))
		lost(LOSS_ADOPTION);
	return 0;
}

/* ---- folio cleaning ---- */

SEC("fexit/folio_clear_dirty_for_io")
int BPF_PROG(clean_io, struct folio *folio, bool cleaned)
{
	/* at the exit: the folio is locked, so nobody can have mapped it writable since the clearing */
	if (cfg_check && enabled && cleaned)
		check_clean(ctx, arg_number(ctx, 0));
	return 0;
}

SEC("fentry/__folio_cancel_dirty")
int BPF_PROG(clean_cancel, struct folio *folio)
{
	u64 head = arg_number(ctx, 0);

	if (cfg_check && enabled && (page_flags(head) & PAGE_FLAG(dirty)))
		check_clean(ctx, head);
	return 0;
}

/* ---- run by user space ---- */

extern const void page_offset_base __ksym __weak;
extern const void vmemmap_base __ksym __weak;
extern const void physical_mask __ksym __weak;
extern const void __pgtable_l5_enabled __ksym __weak;
extern const void shadow_mmu_writable_mask __ksym __weak;
extern const void shadow_dirty_mask __ksym __weak;
extern const void kvm_ad_enabled __ksym __weak;
extern const void vm_list __ksym __weak;

enum { INIT_OK, INIT_NO_SYMBOLS };

/* Read the kernel's variables.  Answers INIT_NO_SYMBOLS if one that is needed has no address. */
SEC("syscall")
int init(void *ctx)
{
	if (!&page_offset_base || !&vmemmap_base || !&physical_mask || !&shadow_mmu_writable_mask ||
	    !&shadow_dirty_mask || !&vm_list)
		return INIT_NO_SYMBOLS;
	k_page_offset_base = read64((u64)&page_offset_base);
	k_vmemmap_base = read64((u64)&vmemmap_base);
	k_physical_mask = read64((u64)&physical_mask) & ((1ULL << 52) - 1) & ~0xfffULL;
	k_mmu_writable_mask = read64((u64)&shadow_mmu_writable_mask);
	k_dirty_mask = read64((u64)&shadow_dirty_mask);
	k_vm_list = (u64)&vm_list;
	/* unsigned int and bool: wider reads would bring the neighbours along */
	k_five_levels = &__pgtable_l5_enabled ? read32((u64)&__pgtable_l5_enabled) : 0;
	if (&kvm_ad_enabled)
		k_ad_disabled = !(read32((u64)&kvm_ad_enabled) & 0xff);
	return INIT_OK;
}

enum { OLD_VMS_MAX = 4096 };

struct vm_walk {
	u64 link;
	u64 head;
};

static long old_vm_step(u32 i, struct vm_walk *v)
{
	u64 kvm;
	u32 pid;

	if (!v->link || v->link == v->head)
		return 1;
	kvm = v->link - bpf_core_field_offset(struct kvm, vm_list);
	v->link = read64(v->link);
	if (bpf_map_lookup_elem(&vm_ids, &kvm))
		return 0;	/* entered by its creation, after we attached */
	pid = FIELD32(kvm, struct kvm, userspace_pid);
	/* a command that we start ourselves cannot own a VM that is older than it */
	bool scoped = !cfg_scope_pid || (!cfg_scope_tree && pid == cfg_scope_pid);

	vm_enter(kvm, pid, VM_LATE, scoped);
	return 0;
}

/*
 * Enter the VMs that were there before we attached.  Not a syscall program: those may sleep, and 6.1
 * lets no program that may sleep use a queue.
 */
SEC("raw_tp")
int enter_old_vms(void *ctx)
{
	struct vm_walk v = { .head = k_vm_list };

	v.link = read64(v.head);
	bpf_loop(OLD_VMS_MAX, old_vm_step, &v, 0);
	return INIT_OK;
}

/* Look through a range of a VM's page tables: struct scan_args in, and out. */
SEC("syscall")
int scan_vm(struct scan_args *a)
{
	u32 index = a->vm;
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct scan s = {};

	if (!vm || !vm->kvm)
		return 1;
	s.gfn = a->gfn;
	s.end = a->end;
	s.by_pfn = a->want_pfn;
	s.only_root = a->root;
	s.want_pfn = a->pfn;
	a->complete = scan_roots(&s, vm->kvm, a->as_id, SCAN_STEPS_CALL);
	a->gfn = s.gfn;
	a->roots = s.roots;
	a->leaves[0] = s.leaves[0];
	a->leaves[1] = s.leaves[1];
	a->leaves[2] = s.leaves[2];
	a->found = s.found;
	a->found_gfn = s.found_gfn;
	a->found_spte = s.found_spte;
	a->found_level = s.found_level;
	a->found_hva = s.found ? gfn_to_hva(vm->kvm, a->as_id, s.found_gfn) : 0;
	return 0;
}
