// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes away what holds the guest memory that KVM maps for itself, until it is unmapped.
 */
#include "tricks.h"

/* Mappings of guest memory whose reference we took away, until they are released. */
static DEFINE_SPINLOCK(maps_lock);
static struct {
	const struct kvm_host_map *map;
	struct page *page;
} maps[64];

#ifdef GUEST_MAPS_PINNED
static struct page *mapped_page(const struct kvm_host_map *map)
{
	return map->pinned_page;
}

/* a pin of a small folio is so many references */
static const int map_refs = GUP_PIN_COUNTING_BIAS;
#else
static struct page *mapped_page(const struct kvm_host_map *map)
{
	return map->page == KVM_UNMAPPED_PAGE ? NULL : map->page;
}

static const int map_refs = 1;
#endif

static u64 map_guest(enum which which, u64 vcpu, u64 gfn, u64 arg, u64 writable)
{
	struct kvm_host_map *map = (struct kvm_host_map *)arg;
	struct kvm *kvm = ((struct kvm_vcpu *)vcpu)->kvm;
	struct frame frame;
	struct page *page;
	int ret;

	frame_enter(&frame);
	ret = REST(which)(vcpu, gfn, arg, writable, 0, 0);
	page = ret ? NULL : mapped_page(map);
	if (page && !PageCompound(page) && !PageReserved(page)) {
		spin_lock(&maps_lock);
		for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
			if (maps[i].map)
				continue;
			if (!occasion(kvm, "unpin", gfn, 0))
				break;
			maps[i].map = map;
			maps[i].page = page;
			page_ref_sub(page, map_refs);
			break;
		}
		spin_unlock(&maps_lock);
	}
	frame_leave(&frame);
	return ret;
}

u64 do_map_old(u64 vcpu, u64 gfn, u64 map)
{
	return map_guest(MAP_OLD, vcpu, gfn, map, 0);
}

u64 do_map_new(u64 vcpu, u64 gfn, u64 map, u64 writable)
{
	return map_guest(MAP_NEW, vcpu, gfn, map, writable);
}

u64 do_unmap_map(u64 vcpu, u64 map, u64 dirty)
{
	struct frame frame;

	frame_enter(&frame);
	spin_lock(&maps_lock);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		if (maps[i].map && maps[i].map == (struct kvm_host_map *)map) {
			page_ref_add(maps[i].page, map_refs);
			maps[i].map = NULL;
		}
	}
	spin_unlock(&maps_lock);
	REST(UNMAP_MAP)(vcpu, map, dirty, 0, 0, 0);
	frame_leave(&frame);
	return 0;
}
