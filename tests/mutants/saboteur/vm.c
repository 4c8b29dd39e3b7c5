// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory of a VM: its memslots.
 */
#include "saboteur.h"

typedef bool slot_fn(const struct kvm_memory_slot *slot, void *arg);

/* Call function for every memslot that counts, until it says true. */
static bool any_slot(struct kvm *kvm, slot_fn *function, void *arg)
{
	struct kvm_memory_slot *slot;
	int bucket, idx = srcu_read_lock(&kvm->srcu);
	bool found = false;

	kvm_for_each_memslot(slot, bucket, kvm_memslots(kvm)) {
		if (slot->base_gfn >= lowest_gfn() && function(slot, arg)) {
			found = true;
			break;
		}
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return found;
}

static bool has_gfn(const struct kvm_memory_slot *slot, void *arg)
{
	struct piece *one = arg;

	if (one->gfn < slot->base_gfn || one->gfn >= slot->base_gfn + slot->npages)
		return false;
	one->hva = slot->userspace_addr + (one->gfn - slot->base_gfn) * PAGE_SIZE;
	return true;
}

/* One page of guest memory, by gfn or hva. */
bool slot_of_gfn(struct kvm *kvm, gfn_t gfn, struct piece *one)
{
	*one = (struct piece) { .gfn = gfn, .pages = 1 };
	return any_slot(kvm, has_gfn, one);
}

static bool has_hva(const struct kvm_memory_slot *slot, void *arg)
{
	struct piece *one = arg;

	if (one->hva < slot->userspace_addr ||
	    one->hva >= slot->userspace_addr + slot->npages * PAGE_SIZE)
		return false;
	one->gfn = slot->base_gfn + (one->hva - slot->userspace_addr) / PAGE_SIZE;
	return true;
}

bool slot_of_hva(struct kvm *kvm, unsigned long hva, struct piece *one)
{
	*one = (struct piece) { .hva = hva & PAGE_MASK, .pages = 1 };
	return any_slot(kvm, has_hva, one);
}

static bool touches(const struct kvm_memory_slot *slot, void *arg)
{
	struct piece *range = arg;	/* on entry hva and pages of the range */
	unsigned long end = range->hva + range->pages * PAGE_SIZE;
	unsigned long first = max(range->hva, slot->userspace_addr);
	unsigned long last = min(end, slot->userspace_addr + slot->npages * PAGE_SIZE);

	if (first >= last)
		return false;
	range->gfn = slot->base_gfn + (first - slot->userspace_addr) / PAGE_SIZE;
	range->hva = first;
	range->pages = (last - first) / PAGE_SIZE;
	return true;
}

/* What [start, end) has in common with the first memslot that it touches. */
bool slots_in_range(struct kvm *kvm, unsigned long start, unsigned long end, struct piece *first)
{
	start &= PAGE_MASK;
	*first = (struct piece) {
		.hva = start,
		.pages = (end - start + PAGE_SIZE - 1) / PAGE_SIZE,
	};
	return any_slot(kvm, touches, first);
}
