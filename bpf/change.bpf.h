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
	check_installed(task_state_found(), ch);
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
	struct task_state *t = lost ? task_scratch() : task_state_found();
	struct window *w;

	if (!t || !ch)
		return 0;
	w = window_current(t, ch->vm);
	if (zapped && w)
		change_zapped(ch, w);
	if (lost) {
		debt_settle(t, w);
		check_lost(ch, t, w);
	}
	task_state_rest(t, 0);
	return 0;
}

/*
 * A 4K leaf is gone in the task's only window, its page is dirty by the host's entry, and nothing else about
 * it is out of the usual: it is noted, and window_usual() counts it at the end.  False: nothing is noted.
 */
static __always_inline bool zap_usual(u32 how, struct usual *u, u32 slot, u32 as_id, u64 gfn, u64 old)
{
	u64 hva, part, table, entry, pfn, mapping;
	struct task_state *t;
	struct span *span;
	struct window *w;
	struct block *b;
	u32 backing, n;

	t = bpf_map_lookup_elem(&task_slots, &slot);
	if (cfg_record || !t || t->debt.state == DUN_OWED || t->newest != 1)
		return false;
	w = &t->window[0];
	if (w->flush_state == FAS_IDLE || w->adopting)
		return false;
	span = &w->span[0];
	if (!w->spans || span->as_id != as_id || gfn < span->gfn || gfn >= span->end)
		return false;
	hva = span->uaddr + ((gfn - span->base_gfn) << 12);
	part = hva >> 21;
	table = w->table;
	if (w->table_part != part) {
		table = near_table(how, w->pgd, hva);
		if (!table)
			return false;
		w->table = table;
		w->table_part = part;
	}
	entry = walk_read(how, table + ((hva >> 12) & 511) * 8);
	if (!pte_used(entry) || (entry ^ old) & k_physical_mask)
		return false;
	if (~old & k_spte_usual)
		return false;
	pfn = spte_pfn(old);
	mapping = folio_mapping_by(how, pfn_head_by(how, pfn));
	backing = mapping_kind_usual(mapping);
	if (backing >= BACKING_NONE || (u->n && u->backing != backing))
		return false;
	b = block_of(pfn >> BLOCK_SHIFT);
	if (!b || dun_step(DUN_QUIET, DUN_LOST_DIRTY).says != SAYS_KEPT)
		return false;
	track_del_4k(b, pfn);
	u->n++;
	u->backing = backing;
	w->flush_state = fas_step(FAS_OPEN, FAS_ZAP).next;
	w->flushes = walk_read(how, w->kvm + bpf_core_field_offset(struct kvm,
								   stat.generic.remote_tlb_flush_requests));
	n = w->npages;
	if (n >= WINDOW_PAGES)
		return true;
	u->followed++;
	n &= WINDOW_PAGES - 1;
	w->page[n].pfn = pfn;
	w->page[n].hva = hva;
	w->page[n].gfn = gfn;
	w->page[n].mapping = mapping;
	w->npages = n + 1;
	return true;
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

/*
 * A fault has installed the 4K leaf that it looked up, may-write, and by the host's entry and the page
 * nothing about it is out of the usual: all is counted.  False: nothing is.
 */
static __always_inline bool install_usual(u32 how, struct task_state *t, const void *kvm, u32 as_id, u64 gfn,
					  u64 spte)
{
	struct fault *f = &t->fault;
	u32 index = f->vm, backing;
	struct vm_counts *c;
	struct vm_state *st;
	struct vm_info *vm;
	struct block *b;
	u64 table, entry, flags, head, pfn;

	if (cfg_record || !f->hva || f->level || !spte_may_write(spte))
		return false;
	pfn = spte_pfn(spte);
	vm = bpf_map_lookup_elem(&vms, &index);
	st = vm_state(index);
	if (f->pfn != pfn || !vm || vm->kvm != (u64)kvm || vm->flags & VM_ADOPTING || !st || st->nopen)
		return false;
	table = near_table(how, vm->pgd, f->hva);
	if (!table)
		return false;
	entry = walk_read(how, table + ((f->hva >> 12) & 511) * 8);
	if (!pte_present(entry) || !pte_writable(entry) || (entry ^ spte) & k_physical_mask)
		return false;
	/* of the page that it holds the lookup has found the head */
	head = f->head ?: pfn_head_by(how, pfn);
	flags = page_flags_by(how, head);
	backing = mapping_kind_usual(folio_mapping_by(how, head));
	if (backing >= BACKING_NONE || flags & PAGE_FLAG(reserved))
		return false;
	if (!pte_dirty(entry) && !(flags & PAGE_FLAG(dirty)))
		return false;
	b = block_of(pfn >> BLOCK_SHIFT);
	c = counts_of(index);
	if (!b || !c)
		return false;
	if (spa_step(SPA_ANY, SPA_MAP_SAME).says != SAYS_KEPT ||
	    lvf_step(LVF_ANY, LVF_MAP_FITS).says != SAYS_KEPT ||
	    wnw_step(WNW_ANY, WNW_MAP_WRITABLE).says != SAYS_KEPT ||
	    nse_step(NSE_ANY, NSE_MAP).says != SAYS_KEPT)
		return false;
	track_add_4k(b, pfn);
	__sync_fetch_and_add(&c->installed[0], 1);
	__sync_fetch_and_add(&c->checked[INV_SAME_PAGE], 1);
	__sync_fetch_and_add(&c->checked[INV_LEVEL_FITS], 1);
	__sync_fetch_and_add(&c->checked[INV_WRITE_NEEDS_WRITE], 1);
	__sync_fetch_and_add(&c->checked[INV_NEVER_SECRET], 1);
	asm volatile("" : "+r"(backing));	/* older verifiers have forgotten its bound */
	__sync_fetch_and_add(&c->seen[SEEN_MAP_DIRTY][backing & 7], 1);
	f->gfn = gfn;
	f->spte = spte;
	f->level = 1;
	f->as_id = as_id;
	f->map_seq = walk_read(how, vm->kvm + bpf_core_field_offset(struct kvm, mmu_invalidate_seq));
	return true;
}

/*
 * The usual change of a 4K leaf, by a task that is in a fault or a window: it is dealt with.  Nearly all are,
 * so that each instruction counts here.  kvm is compared only.
 */
static __always_inline bool change_usual(const void *kvm, u32 as_id, u64 gfn, u64 old, u64 new)
{
	struct task_state *t;
	struct usual *u;
	u64 task;
	u32 slot;

	if (spte_present(old)) {
		task = bpf_get_current_task();
		slot = task_slot_key(task_hash(task));
		u = &usuals[slot];
		if (spte_present(new) || u->task != task || u->kvm != (u64)kvm)
			return false;
		if (cfg_check)
			return READING(zap_usual, u, slot, as_id, gfn, old);
		u->n++;
		return true;
	}
	if (!cfg_check || !spte_present(new))
		return false;
	t = task_state_near(bpf_get_current_task());
	return t && READING(install_usual, t, kvm, as_id, gfn, new);
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
