/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refs-returned: does a fault leave references behind?  A page that has more of them than can be explained is
 * a suspect, which is looked at again later, here and by user space.
 */
#ifndef MMUSCOPE_REFS_BPF_H
#define MMUSCOPE_REFS_BPF_H

#include "check.bpf.h"
#include "models/refs_returned.h"

struct held {
	u64 hva;
	u64 gfn;
	u64 pfn;
	u64 head;
	s32 before;		/* references when it was looked up, the lookup's included */
	s32 now;
	u64 object;		/* recording: the instance */
};

/* What refs-returned is given at the end of a fault, for the recorder. */
GLOBAL int refs_seen(const struct held *h, u32 vm, u32 event)
{
	if (!h)
		return 0;

	struct story s = {
		.gfn = h->gfn, .hva = h->hva, .pfn = h->pfn, .vm = vm, .level = 1, .pages = 1,
		.backing = backing_to_record(h->pfn),
	};

	step_seen(INV_REFS_RETURNED, RFR_LOOKUP, 0, &s, 0, h->object);
	step_seen(INV_REFS_RETURNED, event, 1, &s, 0, h->object);
	return 0;
}

/* The same when a suspect is explained, or found guilty; by the thread whose fault it was. */
GLOBAL int settled_seen(const struct suspect *was, u64 pfn, u32 event)
{
	if (!was)
		return 0;

	struct story s = {
		.gfn = was->gfn, .hva = was->hva, .pfn = pfn, .vm = was->vm, .level = 1, .pages = 1,
	};

	return record_step_by(was->tid, STEP_WHAT(INV_REFS_RETURNED, event, 2), &s, 0, was->object);
}

/* Is every reference of a small page explained? */
static __always_inline bool refs_explained(u64 head, u64 flags, u64 mapping, s32 refs)
{
	/* a page that is not on the LRU may be held by a per-CPU batch on its way there */
	return refs <= page_explained(head, flags, mapping) + !(flags & PAGE_FLAG(lru));
}

enum {
	SUSPECTS_FREED = 16,	/* at least, at a time */
	SUSPECTS_LOOKED = 256,	/* at most: bounds the work in a hook */
};

struct suspects_again {
	u32 freed;
	u32 looked;
};

/* Look at a suspect again, and forget it if its references have gone back; map iteration callback. */
static long suspect_again(void *map, u64 *key, struct suspect *was, struct suspects_again *again)
{
	u64 pfn = *key, head = pfn_head(pfn);
	u64 flags = page_flags(head), mapping = folio_mapping_word(head);
	s32 refs = page_refs(head);

	if (again->looked++ >= SUSPECTS_LOOKED || again->freed >= SUSPECTS_FREED)
		return 1;
	if (refs > 0 && (flags & (PAGE_FLAG(head) | PAGE_FLAG(locked)) ||
			 mapping != was->mapping || !refs_explained(head, flags, mapping, refs)))
		return 0;
	if (!bpf_map_delete_elem(&suspects, &pfn)) {
		struct vm_counts *c = counts_of(was->vm);

		if (cfg_record)
			settled_seen(was, pfn, RFR_SETTLED);
		COUNT(c, checked[INV_REFS_RETURNED], 1);
		again->freed++;
	}
	return 0;
}

/* A page has more references than before its fault: to be looked at again when that can be explained. */
GLOBAL int suspect_add(const struct held *h, u32 vm)
{
	struct suspects_again again = {};
	struct suspect suspect = {};
	u64 pfn;

	if (!h)
		return 0;
	pfn = h->pfn;
	suspect.mapping = folio_mapping_word(h->head);
	suspect.page_index = FIELD64(h->head, struct folio, index);
	suspect.hva = h->hva;
	suspect.gfn = h->gfn;
	suspect.ns = bpf_ktime_get_ns();
	suspect.before = h->before;
	suspect.after = h->now;
	suspect.vm = vm;
	suspect.object = h->object;
	suspect.tid = bpf_get_current_pid_tgid();
	bpf_get_current_comm(suspect.comm, sizeof(suspect.comm));
	if (!bpf_map_update_elem(&suspects, &pfn, &suspect, BPF_ANY))
		return 0;
	/* full: user space has not come by yet, and most are long explained (batches hold 15 pages) */
	bpf_for_each_map_elem(&suspects, suspect_again, &again, 0);
	if (bpf_map_update_elem(&suspects, &pfn, &suspect, BPF_ANY))
		lost(LOSS_SUSPECTS);
	return 0;
}

/* refs-returned at the end of a fault, in full. */
static __always_inline int refs_judge(struct vm_counts *c, const struct held *h, u32 vm, u32 event)
{
	struct step step = rfr_step(rfr_step(RFR_NONE, RFR_LOOKUP).next, event);

	if (cfg_record)
		refs_seen(h, vm, event);
	if (step.says != SAYS_KEPT)
		return suspect_add(h, vm);
	COUNT(c, checked[INV_REFS_RETURNED], 1);
	return 0;
}

/*
 * refs-returned: the fault is over, so the reference must be gone, and no other left that nothing explains.
 * before: references when hva_to_pfn returned; 0: not known, a prefetched page (many are taken at once).
 */
GLOBAL int fault_refs(u32 vm, u64 hva, u64 gfn, u64 pfn, s32 before)
{
	u64 head = pfn_head(pfn), flags, mapping;
	struct vm_counts *c = counts_of(vm);
	s32 now = page_refs(head);
	bool back;

	flags = page_flags(head);
	if (flags & PAGE_FLAG(head)) {
		/* a large folio's count belongs to all faults on its pages; they come and go */
		back = before && now < before;
		if (!back) {
			COUNT(c, exempt[EXEMPT_LARGE_REFS], 1);
			exempt_seen(INV_REFS_RETURNED, EXEMPT_LARGE_REFS, 0, vm, 1, 0, 0);
			return 0;
		}
	} else {
		mapping = folio_mapping_word(head);
		if ((flags & PAGE_FLAG(reserved)) || !mapping)
			return 0;
		back = (!before || now < before) && refs_explained(head, flags, mapping, now);
	}
	if (back && judged_kept(c, INV_REFS_RETURNED,
				rfr_step(rfr_step(RFR_NONE, RFR_LOOKUP).next, RFR_END_RETURNED)))
		return 0;

	struct held h = {
		.hva = hva, .gfn = gfn, .pfn = pfn, .head = head, .before = before, .now = now,
		.object = record_number(),
	};

	return refs_judge(c, &h, vm, back ? RFR_END_RETURNED : RFR_END_MORE);
}

/*
 * Record how a suspect ended that user space has taken: through the same ring as what was recorded of it
 * before, so that this cannot come first.
 */
SEC("syscall")
int settled_by_user(struct settled_args *args)
{
	struct suspect was = args->was;

	return settled_seen(&was, args->pfn, args->event);
}

#endif /* MMUSCOPE_REFS_BPF_H */
