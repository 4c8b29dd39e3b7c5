/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A leaf SPTE has changed: what every hook that sees one does, whichever MMU it belongs to.  In steps that
 * the verifier looks at one by one: the hooks' programs are the largest, and there are six of them.
 */
#ifndef MMUSCOPE_CHANGE_BPF_H
#define MMUSCOPE_CHANGE_BPF_H

#include "adopt.bpf.h"
#include "fault.bpf.h"

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

/* A leaf is gone: to the task's window, if it is in one. */
GLOBAL int change_in_window(const struct change *ch)
{
	struct task_state *t = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);
	struct vm_counts *c;
	struct window *w;
	u64 pages;

	if (!ch || !t)
		return 0;
	w = window_current(t, ch->vm);
	if (!w)
		return 0;
	pages = level_pages(ch->level & 3);
	c = counts_of(ch->vm);
	w->zapped += pages;
	COUNT(c, zapped_in_window, pages);
	if (cfg_check && w->flush_state != FAS_IDLE) {
		w->flush_state = fas_step(w->flush_state, FAS_ZAP).next;
		w->flushes = kvm_flush_requests(ch->kvm);
		if (cfg_record)
			zap_seen(ch, w->flush_steps++, w->number);
	}
	return 0;
}

enum change_kind { CHANGE_OTHER, CHANGE_INSTALL, CHANGE_UPGRADE, CHANGE_SPLIT, CHANGE_ZAP };

/* Count the change in its VM's books; says what it is. */
GLOBAL int change_count(const struct change *ch)
{
	struct vm_counts *c;
	struct vm_info *vm;
	u32 index, l;

	if (!ch)
		return CHANGE_OTHER;
	index = ch->vm;
	c = counts_of(index);
	vm = bpf_map_lookup_elem(&vms, &index);
	l = ch->level - 1;
	asm volatile("" : "+r"(l));	/* one bound for all uses: older verifiers forget a recomputed one */
	if (!c || !vm || l >= LEVELS)
		return CHANGE_OTHER;
	if (!spte_leaf(ch->old, ch->level)) {
		__sync_fetch_and_add(&c->installed[l], 1);
		if (spte_present(ch->old))
			__sync_fetch_and_add(&c->collapsed[l], 1);
		return CHANGE_INSTALL;
	}
	if (spte_leaf(ch->new, ch->level))
		return spte_may_write(ch->new) && !spte_may_write(ch->old) ? CHANGE_UPGRADE : CHANGE_OTHER;
	/* tdp_mmu_split_huge_page() fills all 512 SPTEs of the new table before it links it */
	if (spte_present(ch->new)) {
		__sync_fetch_and_add(&c->split[l], 1);
		return CHANGE_SPLIT;
	}
	if (vm->flags & VM_DYING)
		__sync_fetch_and_add(&c->torn_down[l], 1);
	else
		__sync_fetch_and_add(&c->zapped[l], 1);
	change_in_window(ch);
	return CHANGE_ZAP;
}

/* A leaf is there that was not, or has become may-write: may it be, and is it what the host maps? */
GLOBAL int change_installed(const struct change *ch)
{
	struct vm_state *st;

	if (!ch)
		return 0;
	st = vm_state(ch->vm);
	if (st && st->nopen)
		check_open(ch->vm, ch->as_id, ch->gfn, ch->new, ch->level);
	return check_installed(ch);
}

/* A leaf that the guest could write through is gone, or can no longer be written through. */
GLOBAL int change_lost(const struct change *ch)
{
	struct task_state *t = task_state();
	struct window *w;

	if (!t || !ch)
		return 0;
	w = window_current(t, ch->vm);
	debt_settle(t, w);
	return check_lost(ch, t, w);
}

/* The block map follows, unless adoption has yet to come by: it will see the result then. */
GLOBAL int change_tracked(const struct change *ch, int kind)
{
	bool may, will;
	u32 index, level;
	struct vm_info *vm;

	if (!ch)
		return 0;
	index = ch->vm;
	level = ch->level;
	vm = bpf_map_lookup_elem(&vms, &index);
	if (!vm || (vm->flags & VM_ADOPTING && adopt_ahead(index, ch->as_id, ch->gfn, level & 3)))
		return 0;
	may = spte_leaf(ch->old, level) && spte_may_write(ch->old);
	will = spte_leaf(ch->new, level) && spte_may_write(ch->new);
	if (kind == CHANGE_SPLIT) {
		if (may)
			track_do_split(spte_pfn(ch->old), level);
		return 0;
	}
	if (will && !may)
		track_change(spte_pfn(ch->new), level, 1);
	if (may && !will)
		track_change(spte_pfn(ch->old), level, -1);
	return 0;
}

/* marked: KVM's own mark, if it makes one, is already made. */
static __always_inline int spte_changed(u64 kvm, u32 as_id, u64 gfn, u64 old, u64 new, u32 level, bool marked)
{
	struct change ch = {
		.kvm = kvm, .gfn = gfn, .old = old, .new = new, .as_id = as_id, .level = level,
		.marked = marked,
	};
	int kind;

	/* else a page table was linked or unlinked: its leaves report themselves */
	if ((!spte_leaf(old, level) && !spte_leaf(new, level)) || !enabled)
		return 0;
	if (level < 1 || level > LEVELS)
		return 0;
	ch.vm = vm_index(kvm);
	if (!ch.vm)
		return 0;
	kind = change_count(&ch);
	if (!cfg_check)
		return 0;
	if (kind == CHANGE_INSTALL || kind == CHANGE_UPGRADE)
		change_installed(&ch);
	change_tracked(&ch, kind);
	if (kind == CHANGE_SPLIT)
		check_split(&ch);
	else if (spte_leaf(old, level) && spte_may_write(old) &&
		 !(spte_leaf(new, level) && spte_may_write(new)))
		change_lost(&ch);
	return 0;
}

#endif /* MMUSCOPE_CHANGE_BPF_H */
