/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that KVM holds outside mmu_notifiers: kvm_vcpu_map() to kvm_vcpu_unmap(), for nested guests'
 * control structures and SMM.  They must stay the same page until the release, and be dirty after it.
 */
#ifndef MMUSCOPE_PINS_BPF_H
#define MMUSCOPE_PINS_BPF_H

#include "check.bpf.h"
#include "models/pinned_outside.h"

static __always_inline struct pin *pin_find(struct task_pins *t, u64 map)
{
	for (u32 i = 0; i < PINS; i++)
		if (t->pin[i].map == map)
			return &t->pin[i];
	return NULL;
}

/* Is the page pinned, not only referenced?  (FOLL_PIN, include/linux/mm.h: folio_maybe_dma_pinned()) */
static __always_inline bool page_pinned(u64 head)
{
	if (page_flags(head) & PAGE_FLAG(head))
		return read32(head + bpf_core_field_offset(struct folio, _pincount.counter)) != 0;
	return page_refs(head) >= PIN_BIAS;
}

/* Is there a reference besides those of the page's mappings and caches?  A large folio's are not told. */
static __always_inline bool page_held(u64 head)
{
	s32 refs = page_refs(head);
	u64 flags = page_flags(head);

	if (flags & PAGE_FLAG(head))
		return refs > 0;
	return refs > page_explained(head, flags, folio_mapping_word(head));
}

/* kvm_vcpu_map() has returned 0.  pinned: this kernel pins, so a reference alone is not enough. */
static __always_inline void pin_taken(struct vm_info *vm, u64 map, u64 gfn, u64 pfn, bool pins_pages)
{
	struct task_pins *t = bpf_task_storage_get(&pins, bpf_get_current_task_btf(), 0,
						   BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct vm_counts *c = counts_of(vm->index);
	u64 head = pfn_head(pfn);
	struct pin *p = NULL;
	bool held;

	if (t)
		p = pin_find(t, map) ?: pin_find(t, 0);
	if (!p) {
		lost(LOSS_TASK_STATE);
		return;
	}
	held = pins_pages ? page_pinned(head) : page_held(head);

	struct story s = {
		.gfn = gfn, .pfn = pfn, .flags = page_flags(head), .vm = vm->index, .pages = 1, .level = 1,
	};

	p->object = held ? record_number() : 0;
	step_seen(INV_PINNED_OUTSIDE, held ? PNO_MAP : PNO_MAP_UNPINNED, 0, &s, 0, p->object);
	judged(c, INV_PINNED_OUTSIDE,
	       pno_step(PNO_NONE, held ? PNO_MAP : PNO_MAP_UNPINNED), &s, NULL);
	if (!held)
		return;
	p->head = head;
	p->pfn = pfn;
	p->gfn = gfn;
	p->mapping = folio_mapping_word(head);
	p->vm = vm->index;
	p->dirty = !!(s.flags & PAGE_FLAG(dirty));
	p->map = map;
}

/* Its page was cleaned while held: for the recorder. */
static __always_inline void pin_clean_seen(const struct pin *p, u64 flags)
{
	if (!cfg_record)
		return;

	struct story s = {
		.gfn = p->gfn, .pfn = p->pfn, .flags = flags, .vm = p->vm, .pages = 1, .level = 1,
	};

	step_seen(INV_PINNED_OUTSIDE, PNO_CLEAN, 1, &s, 0, p->object);
}

/* A pin meets its end: judge it and forget it. */
static __always_inline void pin_judge(struct pin *p, enum pno_event event, u64 flags)
{
	struct story s = {
		.gfn = p->gfn, .pfn = p->pfn, .flags = flags, .vm = p->vm, .pages = 1, .level = 1,
	};

	step_seen(INV_PINNED_OUTSIDE, event, 1, &s, 0, p->object);
	judged(counts_of(p->vm), INV_PINNED_OUTSIDE, pno_step(PNO_HELD, event), &s, NULL);
	p->map = 0;
}

/* kvm_vcpu_unmap() is entered: the page has to be the one that was taken. */
static __always_inline void pin_release(u64 map)
{
	struct task_pins *t = bpf_task_storage_get(&pins, bpf_get_current_task_btf(), 0, 0);
	struct pin *p = t && map ? pin_find(t, map) : NULL;
	struct vm_counts *c;
	u64 flags;

	if (!p)
		return;
	c = counts_of(p->vm);
	flags = page_flags(p->head);
	if (p->dirty && !(flags & PAGE_FLAG(dirty))) {
		COUNT(c, pinned_cleaned, 1);
		pin_clean_seen(p, flags);
	}
	if (page_refs(p->head) > 0 && folio_mapping_word(p->head) == p->mapping)
		return;
	/* a page cut off its file meanwhile is still held, and still the same page */
	if (page_refs(p->head) > 0 && !folio_mapping_word(p->head))
		return;
	pin_judge(p, PNO_FREED, flags);
}

/* kvm_vcpu_unmap() returns.  written: KVM was to mark the page dirty. */
static __always_inline void pin_released(u64 map, bool written)
{
	struct task_pins *t = bpf_task_storage_get(&pins, bpf_get_current_task_btf(), 0, 0);
	struct pin *p = t && map ? pin_find(t, map) : NULL;
	enum pno_event event = PNO_UNMAP_READ;
	u64 flags;

	if (!p)
		return;
	flags = page_flags(p->head);
	/* reserved pages have no dirty state, and KVM marks none */
	if (written && !(flags & PAGE_FLAG(reserved)))
		event = flags & PAGE_FLAG(dirty) ? PNO_UNMAP_DIRTY : PNO_UNMAP_CLEAN;
	pin_judge(p, event, flags);
}

#endif /* MMUSCOPE_PINS_BPF_H */
