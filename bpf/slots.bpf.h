/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memslots, read from KVM's own trees (struct kvm_memslots, 5.17 and later): which memslots a range
 * of hvas touches, and which one a gfn lies in.  The trees change only by being replaced under SRCU
 * (kvm_swap_active_memslots()); a reader that is late sees the former ones, which is what the zap
 * being looked at used as well.
 */
#ifndef MMUSCOPE_SLOTS_BPF_H
#define MMUSCOPE_SLOTS_BPF_H

#include "maps.bpf.h"
#include "spte.bpf.h"

/* a red-black tree of 255 memslots is at most 16 deep; a deeper one is counted as a loss */
enum { TREE_DEPTH = 16, TREE_NODES = 512, GFN_TREE_DEPTH = 64 };

struct slot_search {
	u64 stack[TREE_DEPTH];	/* nodes still to be visited */
	u64 found[WINDOW_SPANS];
	u64 start;		/* hva, inclusive */
	u64 last;		/* inclusive */
	u32 depth;
	u32 hits;
};

/* One node of the interval tree of hva ranges; bpf_loop callback. */
static long slot_search_step(u32 i, struct slot_search *s)
{
	u64 node, left, right;
	u32 d = s->depth;

	if (!d || d > TREE_DEPTH)
		return 1;
	d = (d - 1) & (TREE_DEPTH - 1);
	node = s->stack[d];
	s->depth = d;
	if (!node || FIELD64(node, struct interval_tree_node, __subtree_last) < s->start)
		return 0;
	left = FIELD64(node, struct interval_tree_node, rb.rb_left);
	right = 0;
	if (FIELD64(node, struct interval_tree_node, start) <= s->last) {
		right = FIELD64(node, struct interval_tree_node, rb.rb_right);
		if (FIELD64(node, struct interval_tree_node, last) >= s->start) {
			if (s->hits < WINDOW_SPANS)
				s->found[s->hits & (WINDOW_SPANS - 1)] = node;
			s->hits++;
		}
	}
	if (left) {
		s->stack[d] = left;
		s->depth = ++d;
	}
	if (right && d >= TREE_DEPTH) {
		s->hits = WINDOW_SPANS + 1;
		return 1;
	}
	if (right) {
		s->stack[d & (TREE_DEPTH - 1)] = right;
		s->depth = d + 1;
	}
	return 0;
}

static __always_inline u64 active_memslots(u64 kvm, u32 as_id)
{
	if (ADDRESS_SPACES == 1 && as_id)
		return 0;
	return read64(kvm + bpf_core_field_offset(struct kvm, memslots) + as_id * 8);
}

/* Add the part of w's hva range that lies in a memslot. */
GLOBAL int span_add(struct window *w, u64 slot, u32 as_id)
{
	u64 uaddr = FIELD64(slot, struct kvm_memory_slot, userspace_addr);
	u64 npages = FIELD64(slot, struct kvm_memory_slot, npages);
	u64 base = FIELD64(slot, struct kvm_memory_slot, base_gfn);
	u64 top = uaddr + (npages << 12), start, end;
	struct span *span;
	u32 n;

	if (!w)
		return 0;
	n = w->spans;
	if (n >= WINDOW_SPANS) {
		lost(LOSS_SLOT_SPANS);
		return 0;
	}
	span = &w->span[n & (WINDOW_SPANS - 1)];
	start = w->start > uaddr ? w->start : uaddr;
	end = w->end < top ? w->end : top;
	span->base_gfn = base;
	span->uaddr = uaddr;
	span->gfn = base + ((start - uaddr) >> 12);
	span->end = base + ((end - uaddr + 4095) >> 12);
	span->as_id = as_id;
	span->slot = slot;
	w->spans = n + 1;
	return 0;
}

/* Look for the memslots that s->start to s->last touch.  False: too many.  scratch: see unknown(). */
static __always_inline bool slots_search(struct slot_search *s, u64 slots, u32 *scratch)
{
	s->stack[0] = slots ? FIELD64(slots, struct kvm_memslots, hva_tree.rb_root.rb_node) : 0;
	if (!s->stack[0])
		return true;
	s->depth = unknown(scratch, 1);
	s->hits = unknown(scratch, 0);
	bpf_loop(TREE_NODES, slot_search_step, s, 0);
	return !s->depth && s->hits <= WINDOW_SPANS;
}

/* From a node of the tree of hvas to its memslot. */
static __always_inline u64 slot_node_offset(u64 slots)
{
	return bpf_core_field_offset(struct kvm_memory_slot, hva_node) +
	       FIELD32(slots, struct kvm_memslots, node_idx) * bpf_core_type_size(struct interval_tree_node);
}

/* The spans of one address space. */
GLOBAL int window_find_in(struct window *w, u64 kvm, u32 as_id)
{
	u64 slots = active_memslots(kvm, as_id), off;
	struct slot_search s = {};

	if (!w || !slots)
		return 0;
	s.start = w->start;
	s.last = w->end - 1;
	if (!slots_search(&s, slots, &w->scratch))
		lost(LOSS_SLOT_SPANS);
	if (!s.hits)
		return 0;
	off = slot_node_offset(slots);
	for (u32 i = 0; i < WINDOW_SPANS; i++) {
		if (i >= s.hits)
			break;
		span_add(w, s.found[i] - off, as_id);
	}
	return 0;
}

static __always_inline u64 slots_generation(u64 slots)
{
	return FIELD64(slots, struct kvm_memslots, generation);
}

/* Which memslots of this address space have hvas of the hint's?  0: none, 1: only that one, 2: others. */
GLOBAL u32 hint_shared(struct slot_hint *h, u32 as_id)
{
	struct slot_search s = {};
	u64 slots;

	if (!h || as_id > 1)
		return 2;
	slots = h->slots[as_id];
	s.start = h->uaddr;
	s.last = h->top - 1;
	if (!slots_search(&s, slots, &h->scratch) || s.hits > 1)
		return 2;
	if (!s.hits)
		return 0;
	return s.found[0] - slot_node_offset(slots) == h->slot ? 1 : 2;
}

/*
 * The second window in a row has come to lie in this memslot only: remember it, if no other memslot has
 * some of its hvas.  The generations are read first: what is newer than they are will not be used.
 */
GLOBAL int hint_learn(struct slot_hint *h, const struct window *w, u64 kvm, u64 born_ns)
{
	u64 slot;

	if (!h || !w)
		return 0;
	slot = w->spans == 1 && !w->span[0].as_id ? w->span[0].slot : 0;
	if (!slot || h->last != slot) {
		h->last = slot;
		return 0;
	}
	h->kvm = 0;
	for (u32 as_id = 0; as_id < 2; as_id++) {
		h->slots[as_id] = active_memslots(kvm, as_id);
		h->generation[as_id] = slots_generation(h->slots[as_id]);
	}
	h->slot = slot;
	h->base_gfn = FIELD64(slot, struct kvm_memory_slot, base_gfn);
	h->uaddr = FIELD64(slot, struct kvm_memory_slot, userspace_addr);
	h->top = h->uaddr + (FIELD64(slot, struct kvm_memory_slot, npages) << 12);
	if (hint_shared(h, 0) != 1 || hint_shared(h, 1))
		return 0;
	h->born_ns = born_ns;
	h->kvm = kvm;
	return 0;
}

/* If the window lies in the hint's memslot, and the memslots are still those of then: its only span. */
static __always_inline bool hint_serves(const struct slot_hint *h, struct window *w, u64 kvm,
					u64 born_ns)
{
	struct span *span = &w->span[0];

	if (h->kvm != kvm || h->born_ns != born_ns || w->start < h->uaddr || w->end > h->top)
		return false;
	for (u32 as_id = 0; as_id < 2; as_id++) {
		u64 slots = active_memslots(kvm, as_id);

		if (slots != h->slots[as_id] || slots_generation(slots) != h->generation[as_id])
			return false;
	}
	span->base_gfn = h->base_gfn;
	span->uaddr = h->uaddr;
	span->gfn = h->base_gfn + ((w->start - h->uaddr) >> 12);
	span->end = h->base_gfn + ((w->end - h->uaddr + 4095) >> 12);
	span->as_id = 0;
	span->slot = h->slot;
	w->spans = 1;
	return true;
}

/*
 * Fill w->span with the parts of w's hva range that lie in memslots of its VM, which is at kvm and was
 * made at born_ns.  Too many spans are counted as a loss.
 */
GLOBAL int window_find_spans(struct window *w, struct slot_hint *h, u64 kvm, u64 born_ns)
{
	if (!w || !h)
		return 0;
	w->spans = 0;
	if (hint_serves(h, w, kvm, born_ns))
		return 1;
	for (u32 as_id = 0; as_id < 2; as_id++)
		window_find_in(w, kvm, as_id);
	return hint_learn(h, w, kvm, born_ns);
}

struct gfn_search {
	u64 node;
	u64 gfn;
	u64 off;		/* of the tree node in struct kvm_memory_slot */
	u64 slot;		/* answer, 0: none */
	u64 next;		/* the first memslot above gfn, 0: none; of use if slot is 0 */
};

static long gfn_search_step(u32 i, struct gfn_search *s)
{
	u64 slot, base;

	if (!s->node)
		return 1;
	slot = s->node - s->off;
	base = FIELD64(slot, struct kvm_memory_slot, base_gfn);
	if (s->gfn < base) {
		s->next = slot;
		s->node = FIELD64(s->node, struct rb_node, rb_left);
	} else if (s->gfn >= base + FIELD64(slot, struct kvm_memory_slot, npages)) {
		s->node = FIELD64(s->node, struct rb_node, rb_right);
	} else {
		s->slot = slot;
		return 1;
	}
	return 0;
}

/* Look for the memslot of s->gfn. */
static __always_inline void slot_of_gfn(struct gfn_search *s, u64 kvm, u32 as_id)
{
	u64 slots = active_memslots(kvm, as_id & 1);

	if (!slots)
		return;
	/* gfn_node[2] follows hva_node[2]; an rb_node has three words, one of which we never read */
	s->off = bpf_core_field_offset(struct kvm_memory_slot, gfn_node) +
		 FIELD32(slots, struct kvm_memslots, node_idx) * bpf_core_type_size(struct rb_node);
	s->node = FIELD64(slots, struct kvm_memslots, gfn_tree.rb_node);
	bpf_loop(GFN_TREE_DEPTH, gfn_search_step, s, 0);
}

/* The memslot that has a gfn, or the first one above it; 0: there is none. */
GLOBAL u64 slot_from(u64 kvm, u32 as_id, u64 gfn)
{
	struct gfn_search s = { .gfn = gfn };

	slot_of_gfn(&s, kvm, as_id);
	return s.slot ? s.slot : s.next;
}

enum { SLOT_GMEM = 1 << 2 };	/* KVM_MEM_GUEST_MEMFD, include/uapi/linux/kvm.h */

/* hva of a gfn in a memslot that slot_from() gave for it; 0 if it is not in it. */
static __always_inline u64 slot_hva(u64 slot, u64 gfn)
{
	u64 base = slot ? FIELD64(slot, struct kvm_memory_slot, base_gfn) : ~0ULL;

	return gfn < base ? 0 : FIELD64(slot, struct kvm_memory_slot, userspace_addr) + ((gfn - base) << 12);
}

/* hva of a gfn by the VM's memslots; 0 if no memslot has it. */
GLOBAL u64 gfn_to_hva(u64 kvm, u32 as_id, u64 gfn)
{
	struct gfn_search s = { .gfn = gfn };

	slot_of_gfn(&s, kvm, as_id);
	if (!s.slot)
		return 0;
	return FIELD64(s.slot, struct kvm_memory_slot, userspace_addr) +
	       ((gfn - FIELD64(s.slot, struct kvm_memory_slot, base_gfn)) << 12);
}

/* The same, but first by the spans of an open window: no tree to walk. */
GLOBAL u64 window_gfn_to_hva(struct window *w, u64 kvm, u32 as_id, u64 gfn)
{
	for (u32 i = 0; w && i < WINDOW_SPANS; i++) {
		struct span *s = &w->span[i];

		if (i >= w->spans)
			break;
		if (s->as_id == as_id && gfn >= s->gfn && gfn < s->end)
			return s->uaddr + ((gfn - s->base_gfn) << 12);
	}
	return gfn_to_hva(kvm, as_id, gfn);
}

#endif /* MMUSCOPE_SLOTS_BPF_H */
