/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's fault, from the return of hva_to_pfn over the SPTE it installs to its end.  Whether the SPTE is
 * what the host maps is judged at the install: under mmu_lock, after KVM's own check that nothing was
 * invalidated meanwhile (is_page_fault_stale(), mmu.c), the host's page tables cannot say anything else.
 * Nobody is scheduled away there either, so that it is seen on preemptible kernels, too.
 */
#ifndef MMUSCOPE_FAULT_BPF_H
#define MMUSCOPE_FAULT_BPF_H

#include "window.bpf.h"

#include "models/dirty_at_map.h"
#include "models/level_fits.h"
#include "models/never_secret.h"
#include "models/refs_returned.h"
#include "models/same_page.h"
#include "models/write_needs_write.h"

/* Has the host not invalidated anything of this VM since the install?  Both are read under no lock. */
static __always_inline bool still_valid(u64 kvm, u64 seq)
{
	return !kvm_in_progress(kvm) && kvm_invalidate_seq(kvm) == seq;
}

/* Who has made a page dirty that is being mapped may-write?  KVM's own mark comes later, if it makes one. */
GLOBAL int mapped_evidence(u32 index, u64 pfn, u32 leaf_is_dirty)
{
	u64 head = pfn_head(pfn), flags = page_flags(head);
	u32 backing = backing_of(folio_mapping_word(head));
	bool dirty = leaf_is_dirty || flags & PAGE_FLAG(dirty);

	/* the zero page and pages without a mapping: nobody's dirty state */
	if (backing != BACKING_NONE && !(flags & PAGE_FLAG(reserved)))
		evidence(counts_of(index), NULL, index, dirty ? SEEN_MAP_DIRTY : SEEN_MAP_CLEAN, backing, 1);
	return 0;
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

/*
 * A leaf SPTE has come: same-page, level-fits and write-needs-write, by the host's page tables.
 * hva: of its gfn; by_fault: a vCPU's fault has made it.
 */
GLOBAL int check_mapped(const struct change *ch, u64 hva, u32 by_fault)
{
	enum wnw_event right = WNW_MAP_READ;
	enum lvf_event fits;
	enum spa_event same;
	struct leaf leaf = {};
	struct vm_counts *c;
	struct vm_info *vm;
	bool found, may;
	u32 index;

	if (!ch)
		return 0;
	index = ch->vm;
	vm = bpf_map_lookup_elem(&vms, &index);
	if (!vm)
		return 0;
	c = counts_of(index);
	found = host_leaf(vm->pgd, hva, &leaf) == WALK_OK;
	may = spte_may_write(ch->new);

	struct story s = {
		.gfn = ch->gfn, .hva = hva, .pfn = spte_pfn(ch->new), .new_spte = ch->new,
		.old_spte = ch->old, .vm = index, .level = ch->level, .as_id = ch->as_id,
		.pages = level_pages(ch->level & 3), .backing = backing_to_record(spte_pfn(ch->new)),
	};

	same = found && leaf.pfn == s.pfn ? SPA_MAP_SAME : SPA_MAP_OTHER;
	judged(c, INV_SAME_PAGE, spa_step(SPA_ANY, same), &s, NULL);
	/* without a host leaf there is nothing to compare level and rights with; same-page has said so */
	if (!found) {
		if (cfg_record)
			mapped_seen(&s, same, LVF_EVENTS, WNW_EVENTS);
		return 0;
	}
	fits = ch->level <= leaf.level ? LVF_MAP_FITS : LVF_MAP_EXCEEDS;
	judged(c, INV_LEVEL_FITS, lvf_step(LVF_ANY, fits), &s, NULL);
	if (may)
		right = leaf.entry & PTE_WRITABLE ? WNW_MAP_WRITABLE : WNW_MAP_READONLY;
	if (cfg_record)
		mapped_seen(&s, same, fits, right);
	judged(c, INV_WRITE_NEEDS_WRITE, wnw_step(WNW_ANY, right), &s, NULL);
	if (may && by_fault)
		mapped_evidence(index, s.pfn, leaf.pfn == s.pfn && leaf_dirty(leaf.entry));
	return 0;
}

/* A leaf SPTE has been installed by the current task, or has become may-write; under mmu_lock. */
GLOBAL int check_installed(const struct change *ch)
{
	struct task_state *t = task_state();
	u64 pfn, pages, mapping, hva = 0;
	enum nse_event secret;
	struct vm_counts *c;
	struct fault *f;

	if (!ch || !t)
		return 0;
	pfn = spte_pfn(ch->new);
	pages = level_pages(ch->level & 3);
	mapping = folio_mapping_word(pfn_head(pfn));
	c = counts_of(ch->vm);

	struct story s = {
		.gfn = ch->gfn, .pfn = pfn, .old_spte = ch->old, .new_spte = ch->new, .vm = ch->vm,
		.level = ch->level, .as_id = ch->as_id, .pages = pages,
		.backing = cfg_record ? 1 + backing_of(mapping) : 0,
	};

	secret = mapping_is_secret(mapping) ? NSE_MAP_SECRET : NSE_MAP;
	step_seen(INV_NEVER_SECRET, secret, 0, &s, 0, 0);
	judged(c, INV_NEVER_SECRET, nse_step(NSE_ANY, secret), &s, NULL);
	if ((pfn | ch->gfn) & (pages - 1)) {
		step_seen(INV_LEVEL_FITS, LVF_MAP_MISALIGNED, 0, &s, 0, 0);
		judged(c, INV_LEVEL_FITS, lvf_step(LVF_ANY, LVF_MAP_MISALIGNED), &s, NULL);
	}
	f = &t->fault;
	if (f->hva && !f->level) {
		/* the first of this fault: what else it maps it maps ahead */
		f->gfn = ch->gfn;
		f->spte = ch->new;
		f->level = ch->level;
		f->as_id = ch->as_id;
		f->map_seq = kvm_invalidate_seq(ch->kvm);
		/* of a huge one hva_to_pfn was asked about another page */
		if (ch->level == 1 && f->vm == ch->vm && f->pfn == pfn)
			hva = f->hva;
	} else if (f->hva && ch->level == 1) {
		u32 n = f->nprefetched;

		if (n < PREFETCHED) {
			n &= PREFETCHED - 1;
			f->prefetched_gfn[n] = ch->gfn;
			f->prefetched[n] = ch->new;
			f->nprefetched = n + 1;
		}
	}
	/* here, where the stack is less deep than there */
	if (!hva)
		hva = mapped_hva(ch->kvm, ch->as_id, ch->gfn, ch->vm);
	return hva == HVA_UNASKED ? 0 : check_mapped(ch, hva, f->hva != 0);
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

/* The same when a suspect is explained. */
GLOBAL int settled_seen(const struct suspect *was, u64 pfn)
{
	if (!was)
		return 0;

	struct story s = {
		.gfn = was->gfn, .hva = was->hva, .pfn = pfn, .vm = was->vm, .level = 1, .pages = 1,
	};

	step_seen(INV_REFS_RETURNED, RFR_SETTLED, 2, &s, 0, was->object);
	return 0;
}

/* Is every reference of a small page explained? */
static __always_inline bool refs_explained(u64 head, u64 flags, s32 refs)
{
	/* a page that is not on the LRU may be held by a per-CPU batch on its way there */
	return refs <= page_explained(head) + !(flags & PAGE_FLAG(lru));
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
	u64 pfn = *key, head = pfn_head(pfn), flags = page_flags(head);
	s32 refs = page_refs(head);

	if (again->looked++ >= SUSPECTS_LOOKED || again->freed >= SUSPECTS_FREED)
		return 1;
	if (refs > 0 && (flags & (PAGE_FLAG(head) | PAGE_FLAG(locked)) ||
			 folio_mapping_word(head) != was->mapping || !refs_explained(head, flags, refs)))
		return 0;
	if (!bpf_map_delete_elem(&suspects, &pfn)) {
		struct vm_counts *c = counts_of(was->vm);

		if (cfg_record)
			settled_seen(was, pfn);
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

/*
 * refs-returned: the fault is over, so the reference must be gone, and no other left that nothing explains.
 * before: references when hva_to_pfn returned; 0: not known, a prefetched page (many are taken at once).
 */
GLOBAL int fault_refs(u32 vm, u64 hva, u64 gfn, u64 pfn, s32 before)
{
	struct held h = { .hva = hva, .gfn = gfn, .pfn = pfn, .before = before };
	struct vm_counts *c = counts_of(vm);
	struct step step;
	u64 flags;
	bool back;

	h.head = pfn_head(pfn);
	h.now = page_refs(h.head);
	flags = page_flags(h.head);
	if (flags & PAGE_FLAG(head)) {
		/* a large folio's count belongs to all faults on its pages; they come and go */
		back = before && h.now < before;
		if (!back) {
			COUNT(c, exempt[EXEMPT_LARGE_REFS], 1);
			exempt_seen(INV_REFS_RETURNED, EXEMPT_LARGE_REFS, 0, vm, 1, 0, 0);
			return 0;
		}
	} else {
		if ((flags & PAGE_FLAG(reserved)) || !folio_mapping_word(h.head))
			return 0;
		back = (!before || h.now < before) && refs_explained(h.head, flags, h.now);
	}
	step = rfr_step(rfr_step(RFR_NONE, RFR_LOOKUP).next, back ? RFR_END_RETURNED : RFR_END_MORE);
	if (cfg_record) {
		h.object = record_number();
		refs_seen(&h, vm, back ? RFR_END_RETURNED : RFR_END_MORE);
	}
	if (step.says == SAYS_KEPT) {
		COUNT(c, checked[INV_REFS_RETURNED], 1);
		return 0;
	}
	return suspect_add(&h, vm);
}

enum { RET_PF_RETRY = 1 };	/* arch/x86/kvm/mmu/mmu_internal.h, same in 6.1 to 7.x */

/* A fault has to be made again: whose window is it that it came into? */
GLOBAL int fault_retried(u32 vm, u64 gfn)
{
	struct open_search s = { .gfn = gfn, .end = gfn + 1, .vm = vm };
	struct vm_state *st = vm_state(vm);
	struct cause_row *row;

	if (!st || !st->nopen || !open_windows_find(&s))
		return 0;
	row = bpf_map_lookup_elem(&causes, &s.cause);
	if (row)
		__sync_fetch_and_add(&row->retries, 1);
	return 0;
}

/* The fault has mapped another gfn than the one whose hva it was judged with: again, with its own. */
GLOBAL int fault_elsewhere(struct task_state *t, u32 index)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct change ch = { .vm = index };
	struct fault *f;
	u64 hva;

	if (!t || !vm)
		return 0;
	f = &t->fault;
	ch.kvm = vm->kvm;
	ch.gfn = f->gfn;
	ch.old = ch.new = f->spte;
	ch.level = f->level;
	ch.as_id = f->as_id;
	if (!still_valid(ch.kvm, f->map_seq))
		return 0;
	hva = mapped_hva(ch.kvm, ch.as_id, ch.gfn, index);
	if (hva != HVA_UNASKED)
		check_mapped(&ch, hva, 0);
	return 0;
}

/* A fault is over: judge what it has mapped and what it holds, and forget it. */
GLOBAL int fault_settle(struct task_state *t, u32 index)
{
	struct fault *f;

	if (!t)
		return 0;
	f = &t->fault;
	if (f->head)
		fault_refs(index, f->hva, f->gfn, f->pfn, f->refs);
	if (f->level && cap_marks_at_map)
		fault_marked(index, f->gfn, f->spte, f->map_seq, f->as_id << 8 | (f->level & 3));
	for (u32 i = 0; i < PREFETCHED; i++) {
		if (i >= f->nprefetched)
			break;
		if (cap_marks_at_map)
			fault_marked(index, f->prefetched_gfn[i], f->prefetched[i], f->map_seq,
				     f->as_id << 8 | 1);
		fault_refs(index, 0, f->prefetched_gfn[i], spte_pfn(f->prefetched[i]), 0);
	}
	f->nprefetched = 0;
	f->hva = 0;
	f->level = 0;
	f->head = 0;
	return 0;
}

/*
 * hva_to_pfn has returned: what it was asked, and what it holds.  If the end of the task's last fault was
 * skipped by the kernel, what that one mapped is judged now.
 */
static __always_inline void fault_lookup(u32 index, u64 hva, u64 pfn, bool holds)
{
	struct task_state *t = task_state();
	struct fault *f;

	if (!t)
		return;
	f = &t->fault;
	if (f->level) {
		__sync_fetch_and_add(&carried, 1);
		fault_settle(t, f->vm);
	}
	f->hva = hva;
	f->pfn = pfn;
	f->head = 0;
	f->vm = index;
	if (!holds)
		return;
	f->head = pfn_head(pfn);
	f->refs = page_refs(f->head);
}

/* A fault of the vCPU that is ctx's first argument has ended with this result. */
static __always_inline int fault_end(void *ctx, u64 gfn, u64 pfn, int result)
{
	struct task_state *t;
	struct vm_counts *c;
	struct fault *f;
	u32 index;

	if (!enabled)
		return 0;
	index = vm_index(FIELD64(arg_number(ctx, 0), struct kvm_vcpu, kvm));
	if (!index)
		return 0;
	c = counts_of(index);
	COUNT(c, fault_ends, 1);
	if (result == RET_PF_RETRY) {
		COUNT(c, fault_retries, 1);
		fault_retried(index, gfn);
	}
	if (!cfg_check)
		return 0;
	t = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);
	if (!t)
		return 0;
	f = &t->fault;
	if (!f->hva)
		return 0;
	/* the lookup may have been another's: kvm_vcpu_map() keeps its reference on purpose */
	if (f->pfn != pfn)
		f->head = 0;
	if (f->level == 1 && f->gfn != gfn)
		fault_elsewhere(t, index);
	return fault_settle(t, index);
}

/* A leaf has been installed in the range of an open window: tell.  In a frame of its own. */
GLOBAL int open_breached(u32 index, u32 as_id, u64 gfn, u64 spte, u32 level)
{
	struct story s = {
		.gfn = gfn, .pfn = spte_pfn(spte), .old_spte = spte, .new_spte = spte, .vm = index,
		.level = level, .as_id = as_id, .pages = level_pages(level & 3),
	};

	return tell_violation(INV_NO_MAP_IN_WINDOW, &s, NULL);
}

/* A leaf has been installed: no window of the VM that covers it may be open. */
GLOBAL int check_open(u32 index, u32 as_id, u64 gfn, u64 spte, u32 level)
{
	struct open_search find = {
		.gfn = gfn, .end = gfn + level_pages(level & 3), .spte = spte, .as_id = as_id, .vm = index,
		.level = level,
	};
	struct vm_counts *c = counts_of(index);

	open_windows_find(&find);
	if (find.larger) {
		COUNT(c, exempt[EXEMPT_LARGER_LEAF], 1);
		exempt_seen(INV_NO_MAP_IN_WINDOW, EXEMPT_LARGER_LEAF, 0, index, 1, 0, 0);
	}
	if (!find.hits)
		return 0;
	/* an instance is a window, and each of them is broken */
	COUNT(c, checked[INV_NO_MAP_IN_WINDOW], find.hits);
	COUNT(c, violated[INV_NO_MAP_IN_WINDOW], find.hits);
	return open_breached(index, as_id, gfn, spte, level);
}

/* looking at the leaves that a huge one was split into */
struct split {
	u64 table;
	u64 pfn;		/* of the huge leaf */
	u64 pages;		/* that a new leaf maps */
	u64 wrong_spte;		/* out: the first that maps another page */
	u32 wrong_index;
	u32 wrong;
};

GLOBAL int split_leaf(struct split *s, u64 spte, u32 i)
{
	if (!s || !spte_present(spte) || spte_pfn(spte) == s->pfn + i * s->pages)
		return 0;
	if (!s->wrong) {
		s->wrong_spte = spte;
		s->wrong_index = i;
	}
	s->wrong++;
	return 0;
}

struct chunk_split {
	struct split *s;
	u64 *chunk;
	u32 first;
	u32 pad;
};

static long split_entry(u32 k, struct chunk_split *c)
{
	if (k >= SCAN_CHUNK)
		return 1;
	return split_leaf(c->s, c->chunk[k], c->first + k);
}

GLOBAL int split_look(struct split *s, u32 chunk)
{
	struct chunk_split c = { .s = s, .first = chunk * SCAN_CHUNK };
	struct task_state *t = task_state();
	u64 from;

	if (!t || !s)
		return 1;
	from = s->table + chunk * sizeof(t->chunk);
	if (bpf_probe_read_kernel(t->chunk, sizeof(t->chunk), (void *)from)) {
		lost(LOSS_RACED);
		return 1;
	}
	c.chunk = t->chunk;
	bpf_loop(SCAN_CHUNK, split_entry, &c, 0);
	return 0;
}

static long split_chunk(u32 chunk, struct split *s)
{
	return split_look(s, chunk) ? 1 : 0;
}

/* same-page for a split: the new leaves map what the huge one did. */
GLOBAL int check_split(const struct change *l)
{
	struct split s = {};
	struct vm_counts *c;
	u64 pages;

	if (!l || l->level < 2 || l->level > LEVELS)
		return 0;
	c = counts_of(l->vm);
	pages = level_pages(l->level - 1);
	s.table = table_of(l->new);
	s.pfn = spte_pfn(l->old);
	s.pages = pages;
	bpf_loop(512 / SCAN_CHUNK, split_chunk, &s, 0);

	struct story story = {
		.gfn = l->gfn + s.wrong_index * pages, .pfn = spte_pfn(s.wrong_spte),
		.old_spte = l->old, .new_spte = s.wrong_spte, .vm = l->vm, .level = l->level - 1,
		.as_id = l->as_id, .pages = s.wrong,
	};

	step_seen(INV_SAME_PAGE, s.wrong ? SPA_MAP_OTHER : SPA_MAP_SAME, 0, &story, 0, 0);
	judged(c, INV_SAME_PAGE, spa_step(SPA_ANY, s.wrong ? SPA_MAP_OTHER : SPA_MAP_SAME), &story, NULL);
	return 0;
}

#endif /* MMUSCOPE_FAULT_BPF_H */
