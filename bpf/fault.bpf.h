/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's fault, from the return of hva_to_pfn over the SPTE it installs to its end.  What the primary
 * MMU said stays true until it notifies: mmu_invalidate_seq tells whether it has, so the host's page tables
 * are walked once, at hva_to_pfn, and what was found is used at the end.
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

/* one leaf SPTE to be judged against the host's page tables */
struct mapped {
	u64 kvm;
	u64 pgd;
	u64 gfn;		/* of the SPTE: aligned to its level */
	u64 hva;		/* of that gfn; 0: to be looked up */
	u64 spte;
	u64 seq;		/* mmu_invalidate_seq when it was installed */
	u64 entry;		/* host leaf, if leaf_level is not 0 */
	u64 leaf_pfn;		/* of the page at hva */
	u64 flags;		/* out: of the folio's head */
	u32 leaf_level;
	u32 level;
	u32 as_id;
	u32 state;		/* out: enum mapped_state */
};

enum mapped_state {
	MAPPED_KNOWN,		/* the leaf is what the host had when the SPTE was installed, and since */
	MAPPED_INVALIDATED,	/* the host has invalidated meanwhile: the window's invariants judge it */
};

/* Has the host not invalidated anything of this VM since the install?  Both are read under no lock. */
static __always_inline bool still_valid(u64 kvm, u64 seq)
{
	return !kvm_in_progress(kvm) && kvm_invalidate_seq(kvm) == seq;
}

/* Fill in the host leaf, unless it is known, and say whether it can be judged. */
GLOBAL int mapped_look(struct mapped *m)
{
	struct leaf leaf;

	if (!m)
		return 0;
	m->state = MAPPED_INVALIDATED;
	if (!still_valid(m->kvm, m->seq))
		return 0;
	if (!m->leaf_level) {
		if (!m->hva)
			m->hva = gfn_to_hva(m->kvm, m->as_id, m->gfn);
		m->entry = 0;
		m->leaf_pfn = 0;
		if (m->hva && host_leaf(m->pgd, m->hva, &leaf) == WALK_OK) {
			m->entry = leaf.entry;
			m->leaf_pfn = leaf.pfn;
			m->leaf_level = leaf.level;
		}
	}
	m->flags = page_flags(pfn_head(spte_pfn(m->spte)));
	/* last of all: what was read before is what the host had */
	if (still_valid(m->kvm, m->seq))
		m->state = MAPPED_KNOWN;
	return 0;
}

/*
 * Judge an installed leaf: write-needs-write, same-page, level-fits, and at a fault's end dirty-at-map
 * (KVM marks after the install, so not before).
 */
GLOBAL int judge_mapped(u32 vm, struct mapped *m, u32 at_end)
{
	struct vm_counts *c = counts_of(vm);
	bool may, dirty;
	u32 why;

	if (!m)
		return 0;
	mapped_look(m);
	if (m->state == MAPPED_INVALIDATED) {
		COUNT(c, exempt[EXEMPT_INVALIDATED], 1);
		return 0;
	}
	may = spte_may_write(m->spte);

	struct story s = {
		.gfn = m->gfn, .hva = m->hva, .pfn = spte_pfn(m->spte), .new_spte = m->spte,
		.old_spte = m->spte, .flags = m->flags, .vm = vm, .level = m->level, .as_id = m->as_id,
		.pages = level_pages(m->level & 3),
	};

	judged(c, INV_SAME_PAGE,
	       spa_step(spa_step(SPA_IDLE, SPA_MAP).next,
			m->leaf_level && m->leaf_pfn == s.pfn ? SPA_END_SAME : SPA_END_OTHER), &s, NULL);
	/* without a host leaf there is nothing to compare level and rights with; same-page has said so */
	if (!m->leaf_level)
		return 0;
	judged(c, INV_LEVEL_FITS,
	       lvf_step(lvf_step(LVF_IDLE, LVF_MAP).next,
			m->level <= m->leaf_level ? LVF_END_FITS : LVF_END_EXCEEDS), &s, NULL);
	judged(c, INV_WRITE_NEEDS_WRITE,
	       wnw_step(wnw_step(WNW_IDLE, may ? WNW_MAP : WNW_MAP_READ).next,
			m->entry & PTE_WRITABLE ? WNW_END_WRITABLE : WNW_END_READONLY), &s, NULL);
	if (!at_end || !may || !cap_marks_at_map)
		return 0;
	/* the host's dirty bit is looked at anew: that it has been cleared is not always notified */
	dirty = (m->flags & PAGE_FLAG(dirty)) || page_is_dirty(m->pgd, m->hva, s.pfn, &m->flags);
	if (!dirty && !still_valid(m->kvm, m->seq))
		return 0;
	if (!dirty) {
		why = page_exempt(s.pfn);
		if (why < EXEMPT_NR) {
			COUNT(c, exempt[why], 1);
			return 0;
		}
	}
	judged(c, INV_DIRTY_AT_MAP,
	       dam_step(dam_step(DAM_IDLE, DAM_MAP).next, dirty ? DAM_END_DIRTY : DAM_END_CLEAN), &s,
	       NULL);
	return 0;
}

/* hva_to_pfn returned: note what the host's page tables say, and who had made the page dirty. */
GLOBAL int fault_lookup(u32 index, u64 hva, u64 pfn, u32 writable, u32 holds)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_counts *c = counts_of(index);
	struct task_state *t = task_state();
	struct fault *f;
	struct leaf leaf;
	u64 flags, mapping;
	u32 backing;
	bool dirty;

	if (!t || !vm)
		return 0;
	f = &t->fault;
	f->hva = hva;
	f->pfn = pfn;
	f->head = 0;
	f->level = 0;
	f->nprefetched = 0;
	f->leaf_level = 0;
	f->vm = vm->index;
	f->seq = kvm_invalidate_seq(vm->kvm);
	if (host_leaf(vm->pgd, hva, &leaf) == WALK_OK) {
		f->entry = leaf.entry;
		f->leaf_pfn = leaf.pfn;
		f->leaf_level = leaf.level;
	}
	f->head = pfn_head(pfn);
	flags = page_flags(f->head);
	mapping = folio_mapping_word(f->head);
	backing = backing_of(mapping);
	/* the zero page and pages without a mapping: everybody's references, nobody's dirty state */
	if (backing == BACKING_NONE || (flags & PAGE_FLAG(reserved))) {
		f->head = 0;
		return 0;
	}
	if (writable) {
		dirty = (flags & PAGE_FLAG(dirty)) ||
			(f->leaf_level && f->leaf_pfn == pfn && leaf_dirty(f->entry));
		evidence(c, NULL, vm->index, dirty ? SEEN_MAP_DIRTY : SEEN_MAP_CLEAN, backing, 1);
	}
	if (holds)
		f->refs = page_refs(f->head);
	else
		f->head = 0;
	return 0;
}

struct held {
	u64 hva;
	u64 gfn;
	u64 pfn;
	u64 head;
	s32 before;		/* references when it was looked up, the lookup's included */
	s32 now;
};

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
			return 0;
		}
	} else {
		if ((flags & PAGE_FLAG(reserved)) || !folio_mapping_word(h.head))
			return 0;
		back = (!before || h.now < before) && refs_explained(h.head, flags, h.now);
	}
	step = rfr_step(rfr_step(RFR_NONE, RFR_LOOKUP).next, back ? RFR_END_RETURNED : RFR_END_MORE);
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

/* What a fault has mapped, against what the host's page tables said. */
GLOBAL int fault_mapped(struct task_state *t, u32 index, u64 fault_gfn)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct mapped m = {};
	struct fault *f;
	u64 offset;

	if (!t || !vm)
		return 0;
	f = &t->fault;
	m.kvm = vm->kvm;
	m.pgd = vm->pgd;
	m.gfn = f->gfn;
	m.spte = f->spte;
	m.seq = f->map_seq;
	m.level = f->level;
	m.as_id = f->as_id;
	/* by the gfn: a memslot may lie across its host pages, and then must not be mapped by huge ones */
	offset = fault_gfn & (level_pages(f->level & 3) - 1);
	/* what was found at hva_to_pfn still holds, unless it was asked about another VM of the process */
	if (f->vm == index && f->seq == f->map_seq && f->leaf_level &&
	    f->gfn == (fault_gfn & ~(level_pages(f->level & 3) - 1))) {
		m.hva = f->hva - (offset << 12);
		m.leaf_level = f->leaf_level;
		m.entry = f->entry;
		m.leaf_pfn = f->leaf_pfn - offset;
	}
	return judge_mapped(index, &m, 1);
}

/* One of the SPTEs that a fault has mapped besides its own. */
GLOBAL int fault_prefetched(struct task_state *t, u32 index, u32 i)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct mapped m = { .level = 1 };

	if (!t || !vm || i >= PREFETCHED)
		return 0;
	m.kvm = vm->kvm;
	m.pgd = vm->pgd;
	m.gfn = t->fault.prefetched_gfn[i];
	m.spte = t->fault.prefetched[i];
	m.seq = t->fault.map_seq;
	m.as_id = t->fault.as_id;
	return judge_mapped(index, &m, 1);
}

/* A fault of the vCPU that is ctx's first argument has ended with this result. */
static __always_inline int fault_end(void *ctx, u64 gfn, u64 pfn, int result)
{
	struct task_state *t;
	struct vm_counts *c;
	struct vm_info *vm;
	struct fault *f;

	if (!enabled)
		return 0;
	vm = vm_get(FIELD64(arg_number(ctx, 0), struct kvm_vcpu, kvm));
	if (!vm)
		return 0;
	c = counts_of(vm->index);
	COUNT(c, fault_ends, 1);
	if (result == RET_PF_RETRY) {
		COUNT(c, fault_retries, 1);
		fault_retried(vm->index, gfn);
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
	if (f->head && f->pfn == pfn)
		fault_refs(vm->index, f->hva, gfn, f->pfn, f->refs);
	if (f->level)
		fault_mapped(t, vm->index, gfn);
	for (u32 i = 0; i < PREFETCHED; i++) {
		if (i >= f->nprefetched)
			break;
		fault_prefetched(t, vm->index, i);
		fault_refs(vm->index, 0, f->prefetched_gfn[i], spte_pfn(f->prefetched[i]), 0);
	}
	f->nprefetched = 0;
	f->hva = 0;
	f->level = 0;
	f->head = 0;
	return 0;
}

/* A leaf has been installed: no window of the VM that covers it may be open. */
GLOBAL int check_open(u32 index, u32 as_id, u64 gfn, u64 spte, u32 level)
{
	struct open_search find = {
		.gfn = gfn, .end = gfn + level_pages(level & 3), .as_id = as_id, .vm = index, .breach = 1,
	};
	struct vm_counts *c = counts_of(index);

	open_windows_find(&find);
	if (find.larger)
		COUNT(c, exempt[EXEMPT_LARGER_LEAF], 1);
	if (!find.hits)
		return 0;

	struct story s = {
		.gfn = gfn, .pfn = spte_pfn(spte), .old_spte = spte, .new_spte = spte, .vm = index,
		.level = level, .as_id = as_id, .pages = level_pages(level & 3),
	};

	judged(c, INV_NO_MAP_IN_WINDOW, nmw_step(NMW_OPEN, NMW_MAP), &s, NULL);
	return 0;
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

	judged(c, INV_SAME_PAGE, spa_step(SPA_MAPPED, s.wrong ? SPA_END_OTHER : SPA_END_SAME), &story, NULL);
	return 0;
}

/* A leaf that no fault's end will come for: huge pages put together again. */
GLOBAL int check_now(u32 index, u32 as_id, u64 gfn, u64 spte, u32 level)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct mapped m = { .gfn = gfn, .spte = spte, .level = level, .as_id = as_id };

	if (!vm)
		return 0;
	m.kvm = vm->kvm;
	m.pgd = vm->pgd;
	m.seq = kvm_invalidate_seq(m.kvm);
	return judge_mapped(index, &m, 0);
}

/* A leaf SPTE has been installed by the current task, under mmu_lock.  True: judge it with check_now(). */
GLOBAL int check_installed(u32 index, u32 as_id, u64 gfn, u64 spte, u32 level)
{
	u64 pfn = spte_pfn(spte), pages = level_pages(level & 3);
	u64 mapping = folio_mapping_word(pfn_head(pfn));
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_counts *c = counts_of(index);
	struct task_state *t;
	struct fault *f;
	struct story s = {
		.gfn = gfn, .pfn = pfn, .old_spte = spte, .new_spte = spte, .vm = index, .level = level,
		.as_id = as_id, .pages = pages,
	};

	if (!vm)
		return 0;
	judged(c, INV_NEVER_SECRET,
	       nse_step(NSE_ANY, mapping_is_secret(mapping) ? NSE_MAP_SECRET : NSE_MAP), &s, NULL);
	if ((pfn | gfn) & (pages - 1))
		judged(c, INV_LEVEL_FITS, lvf_step(LVF_IDLE, LVF_MAP_MISALIGNED), &s, NULL);
	t = task_state();
	if (!t)
		return 0;
	f = &t->fault;
	if (!f->hva)
		return 1;
	if (f->level) {
		u32 n = f->nprefetched;

		if (n >= PREFETCHED || level != 1)
			return 1;
		n &= PREFETCHED - 1;
		f->prefetched_gfn[n] = gfn;
		f->prefetched[n] = spte;
		f->nprefetched = n + 1;
		return 0;
	}
	/* the first of this fault: judged at its end, when KVM has done all that belongs to it */
	f->gfn = gfn;
	f->spte = spte;
	f->level = level;
	f->as_id = as_id;
	f->map_seq = kvm_invalidate_seq(vm->kvm);
	return 0;
}

#endif /* MMUSCOPE_FAULT_BPF_H */
