// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes wrong while a guest's fault is handled, around the lookup.
 */
#include "tricks.h"

#include <linux/pagemap.h>

static void (*release_page_clean)(struct page *page);

/* offsets in struct kvm_page_fault */
static struct {
	int pfn, req_level, goal_level;
} fault_at;

int fault_init(void)
{
	release_page_clean = symbol("kvm_release_page_clean");
	fault_at.pfn = btf_offset("kvm_page_fault", "pfn");
	fault_at.req_level = btf_offset("kvm_page_fault", "req_level");
	fault_at.goal_level = btf_offset("kvm_page_fault", "goal_level");
	if (!release_page_clean)
		return -ENOENT;
	return min(fault_at.pfn, min(fault_at.req_level, fault_at.goal_level));
}

/*
 * Clean a page of a file, or of shared memory, that the guest has just been given to write: nobody was
 * told. An anonymous one has no address space outside the swap cache, and __folio_cancel_dirty() would read
 * that of NULL.
 */
static void clean_mapped(struct kvm *kvm, const struct piece *at)
{
	struct folio *folio = host_folio_get(kvm->mm, at->hva);

	if (!folio)
		return;
	folio_lock(folio);
	if (folio->mapping && !folio_test_anon(folio) && folio_test_dirty(folio)) {
		if (trick == CLEAN && occasion(kvm, "clean", at->gfn, at->hva))
			__folio_cancel_dirty(folio);
		else if (trick == CLEAN_FOR_IO && occasion(kvm, "clean-for-io", at->gfn, at->hva))
			folio_clear_dirty_for_io(folio);
	}
	folio_unlock(folio);
	folio_put(folio);
}

static void window_open(struct frame *f)
{
	int (*start)(struct mmu_notifier_range *range) =
		symbol("__mmu_notifier_invalidate_range_start");

	f->range.mm = f->kvm->mm;
	f->range.start = f->hva;
	f->range.end = f->hva + PAGE_SIZE;
	f->range.event = MMU_NOTIFY_CLEAR;
	f->range.flags = MMU_NOTIFIER_RANGE_BLOCKABLE;
	f->window_open = true;
	start(&f->range);
}

static void window_close(struct frame *f)
{
	/* old kernels have a second argument */
	void (*end)(struct mmu_notifier_range *range, bool only_end) =
		symbol("__mmu_notifier_invalidate_range_end");

	f->window_open = false;
	end(&f->range, false);
}

u64 do_page_fault(u64 vcpu, u64 gpa, u64 error_code, u64 insn, u64 insn_len, u64 f)
{
	struct kvm *kvm = ((struct kvm_vcpu *)vcpu)->kvm;
	struct frame frame;
	struct piece at;
	u64 ret;

	frame_enter(&frame);
	if (wanted(kvm) && slot_of_gfn(kvm, gpa >> PAGE_SHIFT, &at)) {
		frame.gfn = at.gfn;
		frame.hva = at.hva;
		frame.kvm = kvm;
	}
	if (frame.kvm && trick == TOO_LARGE && host_huge(kvm->mm, at.hva))
		frame.spoilt = host_split(kvm->mm, at.hva);
	ret = REST(PAGE_FAULT)(vcpu, gpa, error_code, insn, insn_len, f);
	if (frame.window_open)
		window_close(&frame);
	if (frame.kvm && (int)ret > 0 && (error_code & PFERR_WRITE_MASK))
		clean_mapped(kvm, &at);
	frame_leave(&frame);
	return ret;
}

/* Open a window when KVM has looked the page up, before it takes mmu_lock to install it. */
static u64 faultin(enum which which, u64 vcpu, u64 fault, u64 access)
{
	struct frame frame, *outer;
	int ret;

	frame_enter(&frame);
	ret = REST(which)(vcpu, fault, access, 0, 0, 0);
	outer = frame_of_current();
	if (!ret && outer && !outer->window_open && frame_act(outer, "retry-blind"))
		window_open(outer);
	frame_leave(&frame);
	return ret;
}

u64 do_faultin_old(u64 vcpu, u64 fault, u64 access)
{
	return faultin(FAULTIN_OLD, vcpu, fault, access);
}

u64 do_faultin_new(u64 vcpu, u64 fault, u64 access)
{
	return faultin(FAULTIN_NEW, vcpu, fault, access);
}

u64 do_stale(u64 vcpu, u64 fault)
{
	struct frame frame, *outer;
	u64 ret;

	frame_enter(&frame);
	outer = frame_of_current();
	ret = (u8)REST(STALE)(vcpu, fault, 0, 0, 0, 0);
	if (ret && outer && outer->window_open) {
		pr_info("saboteur: %s: installed in a window\n", "retry-blind");
		ret = false;
	}
	frame_leave(&frame);
	return ret;
}

/*
 * Map 2M where the host maps 4K now. The folio is still one of 2M, so that the guest sees the right
 * memory, if gfn and pfn are alike.
 */
static void enlarge(const struct frame *spoilt, char *fault)
{
	u64 *pfn = (u64 *)(fault + fault_at.pfn);
	u8 *goal = fault + fault_at.goal_level;
	const u64 low = PTRS_PER_PMD - 1;
	struct piece one;

	if (*goal != PG_LEVEL_4K || (*pfn ^ spoilt->gfn) & low ||
	    !slot_of_gfn(spoilt->kvm, spoilt->gfn & ~low, &one) ||
	    !slot_of_gfn(spoilt->kvm, spoilt->gfn | low, &one) ||
	    !frame_act(spoilt, "too-large"))
		return;
	*goal = PG_LEVEL_2M;
	*(u8 *)(fault + fault_at.req_level) = PG_LEVEL_2M;
	*pfn &= ~low;
}

u64 do_adjust(u64 vcpu, u64 fault)
{
	struct frame frame, *outer;

	frame_enter(&frame);
	REST(ADJUST)(vcpu, fault, 0, 0, 0, 0);
	outer = frame_of_current();
	if (outer && outer->spoilt)
		enlarge(outer, (char *)fault);
	frame_leave(&frame);
	return 0;
}

/* KVM's mark when a guest is given a page; it also releases the reference. */
u64 do_mark_at_map(u64 page)
{
	struct frame frame, *fault;

	frame_enter(&frame);
	fault = frame_of_current();
	if (fault && trick == SKIP_MARK && frame_act(fault, "skip-mark")) {
		release_page_clean((struct page *)page);
	} else if (fault && trick == CLEAN_AT_MAP && frame_act(fault, "clean-at-map")) {
		host_clean(fault->kvm->mm, fault->hva);
		release_page_clean((struct page *)page);
	} else {
		REST(MARK_AT_MAP)(page, 0, 0, 0, 0, 0);
	}
	frame_leave(&frame);
	return 0;
}
