/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a leaf SPTE maps.  Whether it is what the host maps is judged at the install: under mmu_lock,
 * after KVM's own check that nothing was invalidated meanwhile (is_page_fault_stale(), mmu.c), the
 * host's page tables cannot say anything else.  Nobody is scheduled away there either, so that it is
 * seen on preemptible kernels, too.
 */
#ifndef MMUSCOPE_MAPPED_BPF_H
#define MMUSCOPE_MAPPED_BPF_H

#include "check.bpf.h"
#include "models/dirty_at_map.h"
#include "models/level_fits.h"
#include "models/never_secret.h"
#include "models/same_page.h"
#include "models/write_needs_write.h"

/* Has the host not invalidated anything of this VM since the install?  Both are read under no lock. */
static __always_inline bool still_valid(u64 kvm, u64 seq)
{
	return !kvm_in_progress(kvm) && kvm_invalidate_seq(kvm) == seq;
}

/* What check_mapped() is told of the page that a fault maps, for the claims; 0: nothing is wanted. */
enum {
	MAPS_BY_FAULT = 1 << 0,
	MAPS_DIRTY = 1 << 1,	/* PG_dirty.  KVM's own mark comes later, if it makes one */
	MAPS_BACKING_SHIFT = 8,
};

/* The zero page and pages without a mapping: nobody's dirty state. */
static __always_inline u32 mapped_evidence(u64 flags, u32 backing)
{
	if (backing == BACKING_NONE || flags & PAGE_FLAG(reserved))
		return 0;
	backing <<= MAPS_BACKING_SHIFT;
	return MAPS_BY_FAULT | backing | (flags & PAGE_FLAG(dirty) ? MAPS_DIRTY : 0);
}

/* What its models are given, for the recorder.  fits: LVF_EVENTS if there is no host leaf. */
GLOBAL int mapped_seen(const struct story *s, u32 same, u32 fits, u32 right)
{
	if (!s)
		return 0;
	step_seen(INV_SAME_PAGE, same, 0, s, 0, 0);
	if (fits >= LVF_EVENTS)
		return 0;
	step_seen(INV_LEVEL_FITS, fits, 0, s, 0, 0);
	step_seen(INV_WRITE_NEEDS_WRITE, right, 0, s, 0, 0);
	return 0;
}

enum { HVA_UNASKED = 1 };	/* no hva: they are those of pages */

/*
 * hva of a gfn of which a leaf SPTE has come; 0: no memslot has it.  HVA_UNASKED: it is from a guest_memfd,
 * for which KVM does not ask the host (kvm_mmu_faultin_pfn_gmem(), mmu.c); counted, and not to be judged.
 */
static __always_inline u64 mapped_hva(u64 kvm, u32 as_id, u64 gfn, u32 vm)
{
	u64 slot = slot_from(kvm, as_id, gfn), hva = slot_hva(slot, gfn);
	struct vm_counts *c;

	if (!hva || !(FIELD32(slot, struct kvm_memory_slot, flags) & SLOT_GMEM))
		return hva;
	c = counts_of(vm);
	COUNT(c, exempt[EXEMPT_GMEM], 1);
	exempt_seen(INV_SAME_PAGE, EXEMPT_GMEM, 0, vm, 1, 0, 0);
	return HVA_UNASKED;
}

/* same-page, level-fits and write-needs-write of a new leaf SPTE, in full.  leaf->level 0: no host leaf. */
GLOBAL int mapped_judge(const struct change *ch, u64 hva, const struct leaf *leaf)
{
	enum wnw_event right = WNW_MAP_READ;
	enum lvf_event fits;
	enum spa_event same;
	struct vm_counts *c;

	if (!ch || !leaf)
		return 0;
	c = counts_of(ch->vm);

	struct story s = {
		.gfn = ch->gfn, .hva = hva, .pfn = spte_pfn(ch->new), .new_spte = ch->new,
		.old_spte = ch->old, .vm = ch->vm, .level = ch->level, .as_id = ch->as_id,
		.pages = level_pages(ch->level & 3), .backing = backing_to_record(spte_pfn(ch->new)),
	};

	same = leaf->level && leaf->pfn == s.pfn ? SPA_MAP_SAME : SPA_MAP_OTHER;
	judged(c, INV_SAME_PAGE, spa_step(SPA_ANY, same), &s, NULL);
	/* without a host leaf there is nothing to compare level and rights with; same-page has said so */
	if (!leaf->level) {
		if (cfg_record)
			mapped_seen(&s, same, LVF_EVENTS, WNW_EVENTS);
		return 0;
	}
	fits = ch->level <= leaf->level ? LVF_MAP_FITS : LVF_MAP_EXCEEDS;
	judged(c, INV_LEVEL_FITS, lvf_step(LVF_ANY, fits), &s, NULL);
	if (spte_may_write(ch->new))
		right = pte_writable(leaf->entry) ? WNW_MAP_WRITABLE : WNW_MAP_READONLY;
	if (cfg_record)
		mapped_seen(&s, same, fits, right);
	judged(c, INV_WRITE_NEEDS_WRITE, wnw_step(WNW_ANY, right), &s, NULL);
	return 0;
}

/* The usual: the host's leaf is as large, of the same page, and writable. */
static __always_inline bool mapped_usual(struct vm_counts *c, const struct change *ch,
					 const struct leaf *leaf)
{
	if (leaf->level < ch->level || leaf->pfn != spte_pfn(ch->new))
		return false;
	if (!pte_writable(leaf->entry) || !spte_may_write(ch->new))
		return false;
	return judged_kept(c, INV_SAME_PAGE, spa_step(SPA_ANY, SPA_MAP_SAME)) &&
	       judged_kept(c, INV_LEVEL_FITS, lvf_step(LVF_ANY, LVF_MAP_FITS)) &&
	       judged_kept(c, INV_WRITE_NEEDS_WRITE, wnw_step(WNW_ANY, WNW_MAP_WRITABLE));
}

/*
 * A leaf SPTE has come: same-page, level-fits and write-needs-write, by the host's page tables.
 * hva: of its gfn; wanted: see mapped_evidence().
 */
GLOBAL int check_mapped(const struct change *ch, u64 hva, u32 wanted)
{
	u32 index, backing = wanted >> MAPS_BACKING_SHIFT;
	struct leaf leaf = {};
	struct vm_counts *c;
	struct vm_info *vm;
	bool dirty;

	if (!ch)
		return 0;
	index = ch->vm;
	vm = bpf_map_lookup_elem(&vms, &index);
	if (!vm)
		return 0;
	c = counts_of(index);
	if (host_leaf(vm->pgd, hva, &leaf) != WALK_OK)
		leaf.level = 0;
	if (!mapped_usual(c, ch, &leaf))
		mapped_judge(ch, hva, &leaf);
	if (!leaf.level || !wanted || !spte_may_write(ch->new))
		return 0;
	dirty = wanted & MAPS_DIRTY || (leaf.pfn == spte_pfn(ch->new) && leaf_dirty(leaf.entry));
	evidence(c, NULL, index, dirty ? SEEN_MAP_DIRTY : SEEN_MAP_CLEAN, backing, 1);
	return 0;
}

/* What an SPTE says by itself, in full: never-secret, and level-fits if it is not aligned. */
GLOBAL int installed_judge(const struct change *ch, u32 kind)
{
	enum nse_event secret = kind & KIND_SECRET ? NSE_MAP_SECRET : NSE_MAP;
	struct vm_counts *c;
	u64 pfn, pages;

	if (!ch)
		return 0;
	pfn = spte_pfn(ch->new);
	pages = level_pages(ch->level & 3);
	c = counts_of(ch->vm);

	struct story s = {
		.gfn = ch->gfn, .pfn = pfn, .old_spte = ch->old, .new_spte = ch->new, .vm = ch->vm,
		.level = ch->level, .as_id = ch->as_id, .pages = pages,
		.backing = cfg_record ? 1 + (kind & KIND_BACKING) : 0,
	};

	step_seen(INV_NEVER_SECRET, secret, 0, &s, 0, 0);
	judged(c, INV_NEVER_SECRET, nse_step(NSE_ANY, secret), &s, NULL);
	if ((pfn | ch->gfn) & (pages - 1)) {
		step_seen(INV_LEVEL_FITS, LVF_MAP_MISALIGNED, 0, &s, 0, 0);
		judged(c, INV_LEVEL_FITS, lvf_step(LVF_ANY, LVF_MAP_MISALIGNED), &s, NULL);
	}
	return 0;
}

/* The task's fault has installed an SPTE.  Returns the hva of its gfn if the fault has asked for that. */
static __always_inline u64 fault_installs(struct fault *f, const struct change *ch, u64 pfn)
{
	u32 n = f->nprefetched;

	if (!f->hva)
		return 0;
	if (!f->level) {
		/* the first of this fault: what else it maps it maps ahead */
		f->gfn = ch->gfn;
		f->spte = ch->new;
		f->level = ch->level;
		f->as_id = ch->as_id;
		f->map_seq = kvm_invalidate_seq(ch->kvm);
		/* of a huge one hva_to_pfn was asked about another page */
		return ch->level == 1 && f->vm == ch->vm && f->pfn == pfn ? f->hva : 0;
	}
	if (ch->level == 1 && n < PREFETCHED) {
		n &= PREFETCHED - 1;
		f->prefetched_gfn[n] = ch->gfn;
		f->prefetched[n] = ch->new;
		f->nprefetched = n + 1;
	}
	return 0;
}

/*
 * A leaf SPTE has been installed by the task, or has become may-write; under mmu_lock.  t: NULL if it is in
 * no fault.
 */
GLOBAL int check_installed(struct task_state *t, const struct change *ch)
{
	u64 pfn, pages, head, flags, hva;
	u32 kind;

	if (!ch)
		return 0;
	pfn = spte_pfn(ch->new);
	pages = level_pages(ch->level & 3);
	head = pfn_head(pfn);
	flags = page_flags(head);
	kind = mapping_kind(folio_mapping_word(head));
	if (kind & KIND_SECRET || (pfn | ch->gfn) & (pages - 1) ||
	    !judged_kept(counts_of(ch->vm), INV_NEVER_SECRET, nse_step(NSE_ANY, NSE_MAP)))
		installed_judge(ch, kind);
	hva = t ? fault_installs(&t->fault, ch, pfn) : 0;
	/* here, where the stack is less deep than there */
	if (!hva)
		hva = mapped_hva(ch->kvm, ch->as_id, ch->gfn, ch->vm);
	if (hva == HVA_UNASKED)
		return 0;
	return check_mapped(ch, hva, t && t->fault.hva ? mapped_evidence(flags, kind & KIND_BACKING) : 0);
}

/* What dirty-at-map is given, for the recorder. */
GLOBAL int marked_seen(const struct story *s, u32 dirty)
{
	u64 object = record_number();

	if (!s)
		return 0;
	step_seen(INV_DIRTY_AT_MAP, DAM_MAP, 0, s, 0, object);
	step_seen(INV_DIRTY_AT_MAP, dirty ? DAM_END_DIRTY : DAM_END_CLEAN, 1, s, 0, object);
	return 0;
}

/* dirty-at-map for one SPTE of a fault that ends: by now KVM has made its mark. */
GLOBAL int fault_marked(u32 index, u64 gfn, u64 spte, u64 seq, u32 place)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_counts *c = counts_of(index);
	u32 as_id = place >> 8, level = place & 3, why;
	u64 pfn = spte_pfn(spte), flags = 0, hva = 0;
	bool dirty;

	if (!vm || !spte_may_write(spte))
		return 0;
	dirty = page_flags(pfn_head(pfn)) & PAGE_FLAG(dirty);
	if (dirty && judged_kept(c, INV_DIRTY_AT_MAP,
				 dam_step(dam_step(DAM_IDLE, DAM_MAP).next, DAM_END_DIRTY)))
		return 0;
	if (!dirty) {
		hva = gfn_to_hva(vm->kvm, as_id, gfn);
		dirty = page_is_dirty(vm->pgd, hva, pfn, &flags);
	}
	/* what the zap owes then is dirty-until-notified's to judge */
	if (!dirty && !still_valid(vm->kvm, seq)) {
		COUNT(c, exempt[EXEMPT_INVALIDATED], 1);
		exempt_seen(INV_DIRTY_AT_MAP, EXEMPT_INVALIDATED, 0, index, 1, 0, 0);
		return 0;
	}
	why = dirty ? PAGE_REASONS : page_reason(pfn);
	if (why < PAGE_REASONS) {
		COUNT(c, exempt[EXEMPT_MAP_NO_PAGE + why], 1);
		exempt_seen(INV_DIRTY_AT_MAP, EXEMPT_MAP_NO_PAGE + why, 0, index, 1, 0, 0);
		return 0;
	}
	if (!dirty && page_is_special(vm->pgd, hva, pfn)) {
		COUNT(c, exempt[EXEMPT_MAP_SPECIAL], 1);
		exempt_seen(INV_DIRTY_AT_MAP, EXEMPT_MAP_SPECIAL, 0, index, 1, 0, 0);
		return 0;
	}

	struct story s = {
		.gfn = gfn, .hva = hva, .pfn = pfn, .old_spte = spte, .new_spte = spte, .flags = flags,
		.vm = index, .level = level, .as_id = as_id, .pages = level_pages(level),
	};

	if (cfg_record)
		marked_seen(&s, dirty);
	judged(c, INV_DIRTY_AT_MAP,
	       dam_step(dam_step(DAM_IDLE, DAM_MAP).next, dirty ? DAM_END_DIRTY : DAM_END_CLEAN), &s,
	       NULL);
	return 0;
}

#endif /* MMUSCOPE_MAPPED_BPF_H */
