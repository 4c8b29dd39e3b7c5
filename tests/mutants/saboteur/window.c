// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes wrong in an invalidation window: mm tells KVM that it is about to change a range, and
 * when it has.
 */
#include "tricks.h"

/* Clean the pages of a window that are dirty. */
static bool clean_range(struct kvm *kvm, const struct mmu_notifier_range *range, const char *what)
{
	bool cleaned = false;
	struct host_leaf leaf;
	struct piece p;

	if (!slots_in_range(kvm, range->start, range->end, &p))
		return false;
	for (unsigned long i = 0; i < p.pages; i++) {
		unsigned long hva = p.hva + i * PAGE_SIZE;

		if (!host_leaf(kvm->mm, hva, &leaf))
			continue;
		if (!leaf.dirty && !folio_test_dirty(page_folio(pfn_to_page(leaf.pfn))))
			continue;
		if (occasion(kvm, what, p.gfn + i, hva))
			cleaned |= host_clean(kvm->mm, hva);
	}
	return cleaned;
}

/* Windows that KVM was told of, for those that see mm's side only. */
static DEFINE_SPINLOCK(starts_lock);
static struct {
	const struct mmu_notifier_range *range;
	struct task_struct *task;
	struct kvm *kvm;
} starts[64];

static void start_note(const struct mmu_notifier_range *range, struct kvm *kvm)
{
	spin_lock(&starts_lock);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		if (!starts[i].task) {
			starts[i].range = range;
			starts[i].task = current;
			starts[i].kvm = kvm;
			break;
		}
	}
	spin_unlock(&starts_lock);
}

static struct kvm *start_forget(const struct mmu_notifier_range *range)
{
	struct kvm *kvm = NULL;

	spin_lock(&starts_lock);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		if (starts[i].task == current && starts[i].range == range) {
			starts[i].task = NULL;
			kvm = starts[i].kvm;
		}
	}
	spin_unlock(&starts_lock);
	return kvm;
}

static struct kvm *kvm_of(u64 notifier)
{
	return container_of((struct mmu_notifier *)notifier, struct kvm, mmu_notifier);
}

u64 do_kvm_start(u64 notifier, u64 arg)
{
	const struct mmu_notifier_range *range = (const struct mmu_notifier_range *)arg;
	struct kvm *kvm = kvm_of(notifier);
	struct frame frame;
	struct piece p;
	u64 ret;

	frame_enter(&frame);
	if (wanted(kvm) && slots_in_range(kvm, range->start, range->end, &p)) {
		frame.kvm = kvm;
		frame.gfn = p.gfn;
		frame.hva = p.hva;
		if (trick == CLEAN_BEFORE_ZAP)
			frame.spoilt = clean_range(kvm, range, "clean-before-zap");
	}
	ret = REST(KVM_START)(notifier, arg, 0, 0, 0, 0);
	if (frame.kvm && (trick == LOST_MM_END || trick == CLEAN_IN_WINDOW))
		start_note(range, kvm);
	frame_leave(&frame);
	return ret;
}

u64 do_kvm_end(u64 notifier, u64 arg)
{
	const struct mmu_notifier_range *range = (const struct mmu_notifier_range *)arg;
	struct kvm *kvm = kvm_of(notifier);
	struct frame frame;
	struct piece p;

	frame_enter(&frame);
	if (!wanted(kvm) || !slots_in_range(kvm, range->start, range->end, &p) ||
	    !occasion(kvm, "lost-end", p.gfn, p.hva))
		REST(KVM_END)(notifier, arg, 0, 0, 0, 0);
	frame_leave(&frame);
	return 0;
}

u64 do_mm_start(u64 arg, u64 more)
{
	const struct mmu_notifier_range *range = (const struct mmu_notifier_range *)arg;
	struct frame frame;
	struct kvm *kvm;
	u64 ret;

	frame_enter(&frame);
	ret = REST(MM_START)(arg, more, 0, 0, 0, 0);
	kvm = start_forget(range);
	if (kvm)
		clean_range(kvm, range, "clean-in-window");
	frame_leave(&frame);
	return ret;
}

u64 do_mm_end(u64 arg, u64 only_end)
{
	const struct mmu_notifier_range *range = (const struct mmu_notifier_range *)arg;
	struct frame frame;
	struct kvm *kvm;

	frame_enter(&frame);
	kvm = start_forget(range);
	if (!kvm || !occasion(kvm, "lost-mm-end", 0, range->start))
		REST(MM_END)(arg, only_end, 0, 0, 0, 0);
	frame_leave(&frame);
	return 0;
}

/* KVM's zap of a part of guest memory; in a window: also memslots are deleted by it. */
u64 do_unmap(u64 arg, u64 gfn_range)
{
	struct kvm_gfn_range *range = (struct kvm_gfn_range *)gfn_range;
	gfn_t last = range->end - 1;
	struct frame frame, *window;
	struct piece p;
	bool ret;

	frame_enter(&frame);
	window = frame_of_current();
	if (!window || !slot_of_gfn(window->kvm, last, &p))
		goto plain;
	if (trick == SKIP_ZAP && frame_act(window, "skip-zap")) {
		ret = true;
		goto out;
	}
	if (trick == SHORT_ZAP && range->start < last &&
	    occasion(window->kvm, "short-zap", last, p.hva)) {
		range->end = last;
		ret = REST(UNMAP)(arg, gfn_range, 0, 0, 0, 0);
		range->end = last + 1;
		goto out;
	}
plain:
	ret = REST(UNMAP)(arg, gfn_range, 0, 0, 0, 0);
	if (trick == NO_FLUSH && window && ret && frame_act(window, "no-flush"))
		ret = false;
out:
	frame_leave(&frame);
	return ret;
}

/* KVM's mark when a guest loses a page. */
u64 do_mark_at_zap(u64 pfn)
{
	struct frame frame, *window;

	frame_enter(&frame);
	window = frame_of_current();
	/* what was made clean before is to stay so: that was the occasion */
	if (!window || (trick == CLEAN_BEFORE_ZAP && !window->spoilt) ||
	    (trick == SKIP_MARK && !frame_act(window, "skip-mark")))
		REST(MARK_AT_ZAP)(pfn, 0, 0, 0, 0, 0);
	frame_leave(&frame);
	return 0;
}
