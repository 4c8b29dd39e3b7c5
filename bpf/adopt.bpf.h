/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Late attach: the block map learns what a VM had mapped before we came, while the VM goes on running.
 *
 * A cursor moves over the VM's gfns (of one address space, then the other) in chunks of 256 MiB.  A change of
 * an SPTE behind the cursor is applied to the block map by its hook; one ahead of it is not, since the walk
 * will come by and see its result.
 *
 * In the chunk that is being looked at, each possible leaf has a word that says what the block map counts for
 * it.  The walk puts there what it finds, unless a hook has been there; a hook puts there what its SPTE has
 * become; and whoever changes a word changes the block map by the difference.  So each leaf is counted once
 * whether the walk or a hook sees it first, although KVM writes an SPTE some time before its hook runs.
 * Before the cursor leaves the chunk, all hooks of changes that the walk has seen must have run, or they
 * would apply them again: user space waits for an RCU grace period, since KVM writes SPTEs, and calls the
 * function that we hook, inside one read-side section (tdp_mmu_iter, under mmu_lock; 6.1 to 7.3).
 *
 * An SPTE's hook does not say which root it belongs to.  While there is more than one (a memslot was deleted:
 * all vCPUs get new roots, and the old ones are zapped), a leaf could be two.  A hook that sees that in the
 * chunk spoils it: nothing of it is counted from there on, what was is taken back, and the walk comes
 * again once there is one root.
 */
#ifndef MMUSCOPE_ADOPT_BPF_H
#define MMUSCOPE_ADOPT_BPF_H

#include "window.bpf.h"

#define ADOPT_GFN_END (1ULL << 40)

/* A word; the page's frame number is above, as in an SPTE. */
enum { ADOPT_TOUCHED = 1 << 0, ADOPT_MAPPED = 1 << 1 };

/* The cursor: the chunk it has come to, that to which it now looks (the same: it does not), and: */
enum { ADOPT_CHUNK_BITS = 28 };
#define ADOPT_CHUNK_MASK ((1ULL << ADOPT_CHUNK_BITS) - 1)
#define ADOPT_EMPTY	 (1ULL << 56)	/* nothing is mapped in these chunks, so that they have no words */
#define ADOPT_SPOILED	 (1ULL << 57)

static __always_inline u64 cursor_of(u64 from, u64 to)
{
	return from | to << ADOPT_CHUNK_BITS;
}

static __always_inline u64 cursor_from(u64 cursor)
{
	return cursor & ADOPT_CHUNK_MASK;
}

static __always_inline u64 cursor_to(u64 cursor)
{
	return cursor >> ADOPT_CHUNK_BITS & ADOPT_CHUNK_MASK;
}

/* Where a gfn lies on the walk: address spaces one after another. */
static __always_inline u64 adopt_place(u32 as_id, u64 gfn)
{
	return as_id * ADOPT_GFN_END + gfn;
}

/*
 * The word of the leaf of this level that begins at a place.  Chunks take turns with two sets of words: a
 * hook that has come too late for one chunk must not meet the words of the next.
 */
static __always_inline u64 *adopt_word(u64 place, u32 level)
{
	u32 at = place & (ADOPT_WORD_2M - 1), key = (place >> ADOPT_CHUNK_SHIFT & 1) * ADOPT_CHUNK_WORDS;

	if (level == 1)
		key += at;
	else if (level == 2)
		key += ADOPT_WORD_2M + (at >> 9);
	else
		key += ADOPT_WORD_1G;
	return bpf_map_lookup_elem(&adopt_words, &key);
}

static __always_inline u64 adopt_mapped(u64 pfn)
{
	return pfn << 12 | ADOPT_MAPPED;
}

/* the root of an address space */
struct adopt_root {
	u64 table;
	u32 level;
	u32 n;			/* more than 1: they are several, or one that is being zapped */
};

GLOBAL int adopt_root(u64 kvm, u32 as_id, struct adopt_root *out)
{
	struct roots r = {};
	u32 n = 0;

	if (!out)
		return 0;
	roots_begin(&r, kvm);
	for (u32 i = 0; i < ROOTS_MAX; i++) {
		if (!roots_next(&r))
			break;
		if (r.role >> ROLE_AS_SHIFT != as_id)
			continue;
		out->table = r.table;
		out->level = r.role & ROLE_LEVEL;
		n += r.invalid ? 2 : 1;
		if (i == ROOTS_MAX - 1)
			n = 2;
	}
	out->n = n;
	return 0;
}

/*
 * The leaf of this level that begins at a place has changed.  now: 0, or adopt_mapped() of what it maps
 * may-write.  Returns 0 if the cursor has passed it: the block map is as for any other VM then.
 */
GLOBAL int adopt_changed(u32 index, u64 place, u32 level, u64 now)
{
	struct vm_info *vm = bpf_map_lookup_elem(&vms, &index);
	struct vm_state *st = vm_state(index);
	u64 chunk = place >> ADOPT_CHUNK_SHIFT, cursor, *word, was;
	struct adopt_root root = {};

	if (!st || !vm || chunk < cursor_from(st->adopt))
		return 0;
	/* again, with a full barrier after the write of the SPTE: the walk sees that, or we see the walk */
	cursor = __sync_fetch_and_add(&st->adopt, 0);
	if (chunk < cursor_from(cursor))
		return 0;
	if (chunk >= cursor_to(cursor) || cursor & ADOPT_SPOILED)
		return 1;
	adopt_root(vm->kvm, place >= ADOPT_GFN_END, &root);
	word = adopt_word(place, level);
	if (cursor & ADOPT_EMPTY || root.n != 1 || !word) {
		__sync_fetch_and_or(&st->adopt, ADOPT_SPOILED);
		return 1;
	}
	was = __sync_lock_test_and_set(word, now | ADOPT_TOUCHED) & ~(u64)ADOPT_TOUCHED;
	if (was == now)
		return 1;
	if (was)
		track_change(was >> 12, level, -1);
	if (now)
		track_change(now >> 12, level, 1);
	return 1;
}

struct adopt_split {
	u64 place;
	u64 pfn;
	u32 vm;
	u32 level;		/* of the new, smaller SPTEs */
};

static long adopt_split_step(u32 i, struct adopt_split *s)
{
	u64 n = i * level_pages(s->level), pfn = s->pfn + n;

	if (!adopt_changed(s->vm, s->place + n, s->level, adopt_mapped(pfn)))
		track_change(pfn, s->level, 1);
	return 0;
}

/* The same as change_tracked(), for a VM that is being taken over.  will: it may be written through now. */
GLOBAL int adopt_change(const struct change *ch, u32 will, u32 split)
{
	struct adopt_split s = {};
	u32 level;
	u64 pfn;

	if (!ch)
		return 0;
	level = ch->level & 3;
	pfn = spte_pfn(will ? ch->new : ch->old);
	s.place = adopt_place(ch->as_id, ch->gfn);
	s.pfn = pfn;
	s.vm = ch->vm;
	if (split && level > 1) {
		s.level = level - 1;
		bpf_loop(512, adopt_split_step, &s, 0);
	}
	if (!adopt_changed(ch->vm, s.place, level, will ? adopt_mapped(pfn) : 0))
		track_change(pfn, level, will ? 1 : -1);
	return 0;
}

/* ---- the walk ---- */

enum adopt_mode {
	ADOPT_FIND,		/* where is the first leaf table, or leaf? */
	ADOPT_TAKE,
	ADOPT_AUDIT,		/* does the block map know them all? */
};

struct adopt {
	u64 root;
	u64 gfn;		/* where the walk is */
	u64 end;
	u64 leaves;		/* may-write */
	u64 differ;
	u32 level;
	u32 as_id;
	u32 mode;
	u32 tables;
	u64 by_level[LEVELS];
};

/* A leaf that the walk has come to: into the block map, or compared with it. */
GLOBAL int adopt_leaf(struct adopt *a, u64 spte, u32 level, u64 gfn)
{
	u64 *word;

	if (!a || level < 1 || level > LEVELS)
		return 0;
	if (level == 1)
		a->by_level[0]++;
	else if (level == 2)
		a->by_level[1]++;
	else
		a->by_level[2]++;
	if (!spte_may_write(spte))
		return 0;
	a->leaves++;
	if (a->mode == ADOPT_AUDIT) {
		a->differ += !track_has(spte_pfn(spte), level);
		return 0;
	}
	word = adopt_word(adopt_place(a->as_id, gfn), level);
	if (word && !__sync_val_compare_and_swap(word, 0, adopt_mapped(spte_pfn(spte))))
		track_change(spte_pfn(spte), level, 1);
	return 0;
}

static long adopt_entry(u32 i, struct adopt *a)
{
	u32 zero = 0;
	u64 *table = bpf_map_lookup_elem(&adopt_table, &zero), spte;

	if (!table || i >= 512)
		return 1;
	spte = table[i];
	if (spte_present(spte))
		adopt_leaf(a, spte, 1, a->gfn + i);
	return 0;
}

/* what is at an entry above the leaf tables */
enum adopt_at { AT_TABLE, AT_NEXT, AT_FOUND };

/* Go down one level at a->gfn.  AT_TABLE: *table is the next table; AT_NEXT: a->gfn has moved on. */
static __always_inline enum adopt_at adopt_down(struct adopt *a, u64 *table, u32 level)
{
	u32 shift = (level - 1) * 9;
	u64 spte = read64(*table + ((a->gfn >> shift) & 511) * 8);

	if (spte_present(spte) && !spte_leaf(spte, level)) {
		*table = table_of(spte);
		return AT_TABLE;
	}
	/* of a huge leaf that begins before a chunk nothing is in the chunk */
	if (level <= 3 && spte_leaf(spte, level) && !(a->gfn & (level_pages(level) - 1))) {
		if (a->mode == ADOPT_FIND)
			return AT_FOUND;
		adopt_leaf(a, spte, level, a->gfn);
	}
	a->gfn = ((a->gfn >> shift) + 1) << shift;
	return AT_NEXT;
}

/* One leaf table, huge leaf or empty stretch; bpf_loop callback. */
static long adopt_step(u32 i, struct adopt *a)
{
	enum adopt_at at = AT_TABLE;
	u64 table = a->root;
	u32 zero = 0;
	void *copy = bpf_map_lookup_elem(&adopt_table, &zero);

	if (!copy || a->gfn >= a->end)
		return 1;
	if (!root_reaches(a->level, a->gfn)) {
		a->gfn = a->end;
		return 1;
	}
	table = root_table(table, a->level, a->gfn);
	if (root_has(a->level, 5))
		at = adopt_down(a, &table, 5);
	if (at == AT_TABLE && root_has(a->level, 4))
		at = adopt_down(a, &table, 4);
	if (at == AT_TABLE && root_has(a->level, 3))
		at = adopt_down(a, &table, 3);
	if (at == AT_TABLE)
		at = adopt_down(a, &table, 2);
	if (at != AT_TABLE)
		return at == AT_FOUND;
	if (a->mode == ADOPT_FIND || a->tables >= ADOPT_CHUNK_TABLES)
		return 1;
	a->tables++;
	if (bpf_probe_read_kernel(copy, 4096, (void *)table))
		lost(LOSS_ADOPTION);
	else
		bpf_loop(512, adopt_entry, a, 0);
	a->gfn = (a->gfn | 511) + 1;
	return 0;
}

/* in one call: the longest that a chunk takes, and how far an empty stretch or the audit goes */
enum { ADOPT_STEPS = 1 << 12 };

/* The first gfn of [gfn, end of the address space) where something may be mapped; or as far as was looked. */
GLOBAL u64 adopt_find(const struct adopt_root *root, u64 gfn)
{
	struct adopt a = { .gfn = gfn, .end = ADOPT_GFN_END, .mode = ADOPT_FIND };

	if (!root || !root->n)
		return ADOPT_GFN_END;
	a.root = root->table;
	a.level = root->level;
	bpf_loop(ADOPT_STEPS, adopt_step, &a, 0);
	return a.gfn;
}

static long adopt_clear_word(u32 i, u64 *place)
{
	u32 key = (*place & 1) * ADOPT_CHUNK_WORDS + i;
	u64 *word = bpf_map_lookup_elem(&adopt_words, &key);

	if (word)
		*word = 0;
	return 0;
}

/* Go over [start of the chunk that the cursor has come to, its end), or the empty chunks that follow. */
static __always_inline void adopt_look(u64 kvm, struct vm_state *st, struct adopt_args *args)
{
	u64 chunk = cursor_from(st->adopt);
	u32 as_id = chunk >= adopt_place(1, 0) >> ADOPT_CHUNK_SHIFT;
	u64 first = adopt_place(as_id, 0) >> ADOPT_CHUNK_SHIFT;
	u64 gfn = (chunk - first) << ADOPT_CHUNK_SHIFT, to, flags = ADOPT_EMPTY;
	struct adopt_root root = {}, again = {};
	struct adopt a = {};

	args->as_id = as_id;
	adopt_root(kvm, as_id, &root);
	args->roots = root.n;
	if (root.n > 1) {
		args->result = ADOPT_ROOTS;
		return;
	}
	to = (adopt_find(&root, gfn) >> ADOPT_CHUNK_SHIFT) + first;
	if (to <= chunk) {
		flags = 0;
		to = chunk + 1;
		bpf_loop(ADOPT_CHUNK_WORDS, adopt_clear_word, &chunk, 0);
	}
	/* a full barrier: what is read of the page tables from here on is newer than this */
	__sync_lock_test_and_set(&st->adopt, cursor_of(chunk, to) | flags);
	args->result = ADOPT_MORE;
	adopt_root(kvm, as_id, &again);
	if (again.n != root.n || again.table != root.table ||
	    (flags && (adopt_find(&again, gfn) >> ADOPT_CHUNK_SHIFT) + first < to)) {
		__sync_fetch_and_or(&st->adopt, ADOPT_SPOILED);
		return;
	}
	if (flags)
		return;
	a.root = root.table;
	a.level = root.level;
	a.as_id = as_id;
	a.mode = ADOPT_TAKE;
	a.gfn = gfn;
	a.end = gfn + ADOPT_WORD_2M;
	bpf_loop(ADOPT_STEPS, adopt_step, &a, 0);
	if (a.gfn < a.end)
		__sync_fetch_and_or(&st->adopt, ADOPT_SPOILED);
	args->by_level[0] = a.by_level[0];
	args->by_level[1] = a.by_level[1];
	args->by_level[2] = a.by_level[2];
}

/* A grace period later: leave the chunk behind, unless it is spoiled. */
static __always_inline void adopt_leave(struct vm_state *st, struct adopt_args *args)
{
	u64 cursor = st->adopt, from = cursor_from(cursor), to = cursor_to(cursor);
	u64 end = adopt_place(args->as_id + 1, 0) >> ADOPT_CHUNK_SHIFT;

	if (!(cursor & ADOPT_SPOILED) &&
	    __sync_val_compare_and_swap(&st->adopt, cursor, cursor_of(to, to)) == cursor) {
		args->result = to >= end ? ADOPT_DONE : ADOPT_MORE;
		return;
	}
	__sync_lock_test_and_set(&st->adopt, cursor_of(from, from));
	args->result = cursor & ADOPT_EMPTY ? ADOPT_AGAIN : ADOPT_UNDO;
}

static long adopt_undo_word(u32 i, u64 *chunk)
{
	u32 key = (*chunk & 1) * ADOPT_CHUNK_WORDS + i;
	u64 *word = bpf_map_lookup_elem(&adopt_words, &key);

	if (word && *word & ADOPT_MAPPED)
		track_change(*word >> 12, 1 + (i >= ADOPT_WORD_2M) + (i >= ADOPT_WORD_1G), -1);
	if (word)
		*word = 0;
	return 0;
}

/* Another grace period later, when no hook is in the spoiled chunk's words: take back what was counted. */
static __always_inline void adopt_take_back(struct vm_state *st)
{
	u64 chunk = cursor_from(st->adopt);

	bpf_loop(ADOPT_CHUNK_WORDS, adopt_undo_word, &chunk, 0);
}

#endif /* MMUSCOPE_ADOPT_BPF_H */
