/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A leaf SPTE has changed: what every hook that sees one does, whichever MMU it belongs to.  In steps that
 * the verifier looks at one by one: the hooks' programs are the largest, and there are six of them.
 */
#ifndef MMUSCOPE_CHANGE_BPF_H
#define MMUSCOPE_CHANGE_BPF_H

#include "adopt.bpf.h"
#include "fault.bpf.h"
#include "split.bpf.h"
#include "window.bpf.h"

/* A leaf is gone in a window: for the recorder. */
GLOBAL int zap_seen(const struct change *ch, u32 number, u64 window)
{
	if (!ch)
		return 0;

	struct story s = {
		.gfn = ch->gfn, .pfn = spte_pfn(ch->old), .old_spte = ch->old, .new_spte = ch->new,
		.vm = ch->vm, .level = ch->level, .as_id = ch->as_id, .pages = level_pages(ch->level & 3),
	};

	step_seen(INV_FLUSHED_AT_START, FAS_ZAP, number, &s, window, window);
	return 0;
}

/* A leaf of the VM of this index is gone: to the task's window, if it is in one. */
GLOBAL int change_in_window(u32 index, u32 level)
{
	struct task_state *t = task_state_found();
	struct vm_counts *c;
	struct window *w;
	u64 pages;

	if (!t)
		return 0;
	w = window_current(t, index);
	if (!w)
		return 0;
	pages = level_pages(level & 3);
	c = counts_of(index);
	w->zapped += pages;
	COUNT(c, zapped_in_window, pages);
	return 0;
}

enum change_kind { CHANGE_OTHER, CHANGE_INSTALL, CHANGE_UPGRADE, CHANGE_SPLIT, CHANGE_ZAP };

/* Count the change in its VM's books; says what it is. */
static __always_inline enum change_kind change_count(u32 index, u64 old, u64 new, u32 level)
{
	struct vm_counts *c = counts_of(index);
	struct vm_info *vm;
	u32 l = level - 1;

	asm volatile("" : "+r"(l));	/* one bound for all uses: older verifiers forget a recomputed one */
	if (!c || l >= LEVELS)
		return CHANGE_OTHER;
	if (!spte_leaf(old, level)) {
		__sync_fetch_and_add(&c->installed[l], 1);
		if (spte_present(old))
			__sync_fetch_and_add(&c->collapsed[l], 1);
		return CHANGE_INSTALL;
	}
	if (spte_leaf(new, level))
		return spte_may_write(new) && !spte_may_write(old) ? CHANGE_UPGRADE : CHANGE_OTHER;
	/* tdp_mmu_split_huge_page() fills all 512 SPTEs of the new table before it links it */
	if (spte_present(new)) {
		__sync_fetch_and_add(&c->split[l], 1);
		return CHANGE_SPLIT;
	}
	vm = bpf_map_lookup_elem(&vms, &index);
	if (vm && vm->flags & VM_DYING)
		__sync_fetch_and_add(&c->torn_down[l], 1);
	else
		__sync_fetch_and_add(&c->zapped[l], 1);
	return CHANGE_ZAP;
}

/* A leaf is there that was not, or has become may-write: may it be, and is it what the host maps? */
static __always_inline void change_installed(const struct change *ch)
{
	struct vm_state *st = vm_state(ch->vm);

	if (st && st->nopen)
		check_open(ch->vm, ch->as_id, ch->gfn, ch->new, ch->level);
	check_installed(ch);
}

/* The same as change_in_window(), for flushed-at-start, too. */
static __always_inline void change_zapped(const struct change *ch, struct window *w)
{
	u64 pages = level_pages(ch->level & 3);
	struct vm_counts *c = counts_of(ch->vm);

	w->zapped += pages;
	COUNT(c, zapped_in_window, pages);
	if (w->flush_state == FAS_IDLE)
		return;
	w->flush_state = fas_step(w->flush_state, FAS_ZAP).next;
	w->flushes = kvm_flush_requests(ch->kvm);
	if (cfg_record)
		zap_seen(ch, w->flush_steps++, w->number);
}

/* A leaf is gone (zapped), can no longer be written through (lost), or both. */
GLOBAL int change_gone(const struct change *ch, u32 zapped, u32 lost)
{
	struct task_state *t = lost ? task_state() : task_state_found();
	struct window *w;

	if (!t || !ch)
		return 0;
	w = window_current(t, ch->vm);
	if (zapped && w)
		change_zapped(ch, w);
	if (!lost)
		return 0;
	debt_settle(t, w);
	return check_lost(ch, t, w);
}

/* The block map follows; while its VM is being taken over, by the rules of that. */
static __always_inline void change_tracked(const struct change *ch, bool may, bool will, bool split)
{
	u32 index = ch->vm;
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);

	if (!vm || !(split ? may : may != will))
		return;
	if (vm->flags & VM_ADOPTING)
		adopt_change(ch, will, split);
	else if (split)
		track_do_split(spte_pfn(ch->old), ch->level);
	else
		track_change(spte_pfn(will ? ch->new : ch->old), ch->level, will ? 1 : -1);
}

/* marked: KVM's own mark, if it makes one, is already made. */
static __always_inline int spte_changed(u64 kvm, u32 as_id, u64 gfn, u64 old, u64 new, u32 level, bool marked)
{
	bool was = spte_leaf(old, level), is = spte_leaf(new, level), may, will;
	enum change_kind kind;
	u32 index;

	/* else a page table was linked or unlinked: its leaves report themselves */
	if ((!was && !is) || !enabled)
		return 0;
	if (level < 1 || level > LEVELS)
		return 0;
	index = vm_index(kvm);
	if (!index)
		return 0;
	kind = change_count(index, old, new, level);
	if (!cfg_check)
		return kind == CHANGE_ZAP ? change_in_window(index, level) : 0;

	struct change ch = {
		.kvm = kvm, .gfn = gfn, .old = old, .new = new, .as_id = as_id, .level = level,
		.marked = marked, .vm = index,
	};

	may = was && spte_may_write(old);
	will = is && spte_may_write(new);
	if (kind == CHANGE_INSTALL || kind == CHANGE_UPGRADE)
		change_installed(&ch);
	change_tracked(&ch, may, will, kind == CHANGE_SPLIT);
	if (kind == CHANGE_SPLIT)
		return check_split(&ch);
	if (kind == CHANGE_ZAP || (may && !will))
		change_gone(&ch, kind == CHANGE_ZAP, may && !will);
	return 0;
}

#endif /* MMUSCOPE_CHANGE_BPF_H */
