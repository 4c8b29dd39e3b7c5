// SPDX-License-Identifier: GPL-2.0-only
/*
 * Late attach (bpf/adopt.bpf.h), compiled natively, against a KVM in miniature that goes on changing its page
 * tables meanwhile: between any two reads of the walk, and with any time between the write of an SPTE and its
 * hook.  Faults, zaps, tables unlinked with leaves in them, huge pages made and split, memslots deleted,
 * so that all roots are replaced while the old ones are zapped.  Afterwards the block map must be exact.
 * What the exactness rests on is left out in turn, and must be missed: the grace period, and the look at the
 * roots.
 */
#include "unit.h"

#define ADOPT_CHUNK_SHIFT 14	/* fewer words to clear than in earnest */
#include "tests/lib/native.h"

/* programs for BPF have parameters that they do not use */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "bpf/spte.bpf.h"
#include "bpf/track.bpf.h"

enum { ROOTS_MAX = 8, ROLE_LEVEL = 15, ROLE_AS_SHIFT = 24 };

struct vm_state {
	u64 adopt;
};

static struct vm_state state;

static struct vm_state *vm_state(u32 vm)
{
	return vm ? NULL : &state;
}

/* ---- KVM in miniature ---- */

enum {
	BLOCKS = 8,
	REGIONS = 6,
	LEAVES = 5,		/* 4K ones of a region that faults choose among */
	HOOKS = 4096,
	POOL = 1 << 15,
	LEAF = SPTE_MMU_PRESENT,
};

/* first gfns of 2M each: two in a table of page tables and a chunk, one in the next chunk, far ones */
static const u64 regions[REGIONS] = { 0x400, 0x600, 0x4200, 0x40000, 0x40200, 0x8000000 };

struct root {
	u64 *top;		/* NULL: there is none */
	u32 as_id;
	u32 invalid;
};

/* the hook of an SPTE that is written, or will be just before it */
struct hook {
	struct root *root;
	u64 *zap;		/* an unlinked table's SPTE that still has to be cleared */
	u64 gfn;
	u64 old;
	u64 new;
	u32 level;
	u32 region;
	u64 number;
};

static u64 pool[POOL][512] __attribute__((aligned(4096)));
static u32 pool_used;
static struct root kvm_roots[4];
static struct hook hooks[HOOKS];
static u32 nhooks;
static u64 hook_number;
static uint64_t seed;
static bool adopting, in_walk;
static bool without_grace, without_roots;

static u64 *new_table(void)
{
	assert_true(pool_used < POOL);
	memset(pool[pool_used], 0, sizeof(pool[0]));
	return pool[pool_used++];
}

/* The entry of a gfn at a level; NULL: a table on the way is missing, and was not to be made. */
static u64 *entry_of(struct root *r, u64 gfn, u32 level, bool make)
{
	u64 *table = r->top;

	for (u32 l = 4; l > level; l--) {
		u64 *e = &table[gfn >> (l - 1) * 9 & 511];

		if (spte_leaf(*e, l) || (!spte_present(*e) && !make))
			return NULL;
		if (!spte_present(*e))
			*e = (u64)new_table() | SPTE_MMU_PRESENT;
		table = (u64 *)(*e & k_physical_mask);
	}
	return &table[gfn >> (level - 1) * 9 & 511];
}

static struct root *valid_root(u32 as_id)
{
	for (size_t i = 0; i < 4; i++)
		if (kvm_roots[i].top && !kvm_roots[i].invalid && kvm_roots[i].as_id == as_id)
			return &kvm_roots[i];
	return NULL;
}

static bool hooks_in(const struct root *r, u32 region)
{
	for (u32 i = 0; i < nhooks; i++)
		if (hooks[i].root == r && hooks[i].region == region)
			return true;
	return false;
}

/* An SPTE has been written, its hook has not run yet. */
static struct hook *written(struct root *r, u32 region, u64 gfn, u32 level, u64 old, u64 new)
{
	assert_true(nhooks < HOOKS);
	hooks[nhooks] = (struct hook){
		.root = r, .gfn = gfn, .old = old, .new = new, .level = level, .region = region,
		.number = ++hook_number,
	};
	return &hooks[nhooks++];
}

static u64 any_leaf(void)
{
	u64 pfn = random_below(&seed, BLOCKS * 512);

	return pfn << 12 | LEAF | (random_below(&seed, 4) ? SPTE_WRITABLE : 0);
}

static void fault(u32 as_id)
{
	u32 region = random_below(&seed, REGIONS);
	struct root *r = valid_root(as_id);
	u64 gfn = regions[region] + random_below(&seed, LEAVES), *e;

	/* a new root takes mmu_lock for writing */
	for (size_t i = 0; !r && !nhooks && i < 4; i++) {
		if (kvm_roots[i].top)
			continue;
		r = &kvm_roots[i];
		*r = (struct root){ .top = new_table(), .as_id = as_id };
	}
	if (!r || hooks_in(r, region))
		return;
	e = entry_of(r, gfn, 1, true);
	if (!e || *e)
		return;
	*e = any_leaf();
	written(r, region, gfn, 1, 0, *e);
}

/* The leaves below an entry that held a table go one by one, whatever has taken its place. */
static void unlinked(struct root *r, u32 region, u64 entry)
{
	u64 *table = (u64 *)(entry & k_physical_mask);

	for (u32 i = 0; i < 512; i++)
		if (spte_present(table[i]))
			written(r, region, regions[region] + i, 1, table[i], 0)->zap = &table[i];
}

/* Zap a leaf, or a table with all that is in it.  False: there was nothing. */
static bool zap(struct root *r, u32 region)
{
	u64 gfn = regions[region] + random_below(&seed, LEAVES), old;
	u64 *upper = entry_of(r, gfn, 2, false), *e = entry_of(r, gfn, 1, false);

	if (!upper || !*upper || hooks_in(r, region))
		return false;
	if (!random_below(&seed, 4) || !e) {
		old = *upper;
		*upper = 0;
		if (spte_leaf(old, 2))
			written(r, region, regions[region], 2, old, 0);
		else
			unlinked(r, region, old);
	} else if (*e) {
		old = *e;
		*e = 0;
		written(r, region, gfn, 1, old, 0);
	}
	return true;
}

static void make_huge(struct root *r, u32 region)
{
	u64 *upper = entry_of(r, regions[region], 2, true), old;

	if (!upper || hooks_in(r, region) || spte_leaf(*upper, 2))
		return;
	old = *upper;
	*upper = (u64)random_below(&seed, BLOCKS) << 21 | LEAF | SPTE_HUGE | SPTE_WRITABLE;
	written(r, region, regions[region], 2, old, *upper);
	if (old)
		unlinked(r, region, old);
}

static void split(struct root *r, u32 region)
{
	u64 *upper = entry_of(r, regions[region], 2, false), *table;

	if (!upper || hooks_in(r, region) || !spte_leaf(*upper, 2))
		return;
	table = new_table();
	for (u64 i = 0; i < 512; i++)
		table[i] = (*upper & ~(u64)SPTE_HUGE) + (i << 12);
	written(r, region, regions[region], 2, *upper, (u64)table | SPTE_MMU_PRESENT);
	*upper = (u64)table | SPTE_MMU_PRESENT;
}

/* An invalid root is zapped bit by bit, and freed when it is empty and its hooks have run. */
static void zap_invalid(struct root *r)
{
	u32 first = random_below(&seed, REGIONS);

	for (u32 i = 0; i < REGIONS; i++) {
		if (hooks_in(r, (first + i) % REGIONS) || zap(r, (first + i) % REGIONS))
			return;
	}
	r->top = NULL;
}

GLOBAL int adopt_change(const struct change *ch, u32 will, u32 split);

static void run_hook(u32 i)
{
	struct hook h = hooks[i];
	bool was = spte_leaf(h.old, h.level), is = spte_leaf(h.new, h.level);
	bool may = was && spte_may_write(h.old), will = is && spte_may_write(h.new);
	bool is_split = was && !is && spte_present(h.new);

	if (h.zap && *h.zap) {
		*hooks[i].zap = 0;
		return;
	}
	memmove(&hooks[i], &hooks[i + 1], (--nhooks - i) * sizeof(h));

	struct change ch = {
		.gfn = h.gfn, .old = h.old, .new = h.new, .as_id = h.root->as_id, .level = h.level,
	};

	/* as change_tracked() */
	if (!(is_split ? may : may != will))
		return;
	if (adopting)
		adopt_change(&ch, will, is_split);
	else if (is_split)
		track_do_split(spte_pfn(h.old), h.level);
	else
		track_change(spte_pfn(will ? h.new : h.old), h.level, will ? 1 : -1);
}

/* Something happens. */
static void step(void)
{
	u32 what = random_below(&seed, 64);
	struct root *r = &kvm_roots[random_below(&seed, 4)];

	if (nhooks && what >= (nhooks > 16 ? 2 : 24)) {
		run_hook(random_below(&seed, nhooks));
	} else if (what < 12) {
		fault(what == 0);
	} else if (what == 23 && !nhooks && !random_below(&seed, 8)) {
		/* a memslot is deleted: under mmu_lock for writing */
		for (size_t i = 0; i < 4; i++)
			kvm_roots[i].invalid = 1;
	} else if (r->top && r->invalid) {
		zap_invalid(r);
	} else if (r->top && what == 22) {
		make_huge(r, random_below(&seed, REGIONS));
	} else if (r->top && what == 21 && !random_below(&seed, 4)) {
		split(r, random_below(&seed, REGIONS));
	} else if (r->top) {
		zap(r, random_below(&seed, REGIONS));
	}
}

static void steps(u32 n)
{
	bool was = in_walk;

	in_walk = false;
	while (n--)
		step();
	in_walk = was;
}

/* All hooks of SPTEs that are written by now run; others come meanwhile. */
static void grace_period(void)
{
	u64 last = hook_number;

	for (bool more = !without_grace; more;) {
		more = false;
		for (u32 i = 0; i < nhooks; i++)
			more |= hooks[i].number <= last;
		steps(more);
	}
}

/* ---- what the walk reads ---- */

static void meanwhile(void)
{
	if (in_walk && !random_below(&seed, 8))
		steps(random_below(&seed, 8));
}

static u64 read64(u64 address)
{
	meanwhile();
	return *(const u64 *)address;
}

static u64 table_of(u64 entry)
{
	return entry & k_physical_mask;
}

static long bpf_probe_read_kernel(void *to, u32 size, const void *from)
{
	meanwhile();
	memcpy(to, from, size);
	meanwhile();
	return 0;
}

struct roots {
	u64 table;
	u32 role;
	u32 next;
	u32 invalid;
};

static void roots_begin(struct roots *r, u64 kvm)
{
	(void)kvm;
	meanwhile();
	r->next = 0;
}

static int roots_next(struct roots *r)
{
	while (r->next < 4) {
		const struct root *k = &kvm_roots[r->next++];

		if (!k->top || (without_roots && k->invalid))
			continue;
		r->table = (u64)k->top;
		r->role = k->as_id << ROLE_AS_SHIFT | 4;
		r->invalid = k->invalid;
		return 1;
	}
	return 0;
}

#include "bpf/adopt.bpf.h"

/* ---- the test ---- */

static u64 spoiled, adopted;

/* As user/session/adopt.c. */
static void adopt_all(void)
{
	struct adopt_args args = { 0 };

	for (int tries = 0; tries < 20000; tries++) {
		steps(random_below(&seed, 4));
		in_walk = true;
		adopt_look(0, &state, &args);
		in_walk = false;
		if (args.result == ADOPT_ROOTS)
			continue;
		steps(random_below(&seed, 40));
		grace_period();
		adopt_leave(&state, &args);
		adopted += args.result <= ADOPT_MORE ? args.by_level[0] + args.by_level[1] : 0;
		if (args.result == ADOPT_DONE && args.as_id == 1) {
			adopting = false;
			return;
		}
		spoiled += args.result >= ADOPT_UNDO;
		if (args.result != ADOPT_UNDO)
			continue;
		grace_period();
		adopt_take_back(&state);
	}
	fail_msg("adoption does not end");
}

/* Of how many pages and blocks does the block map not know how often they are mapped may-write? */
static u32 wrong(void)
{
	static s64 pages[BLOCKS * 512];
	s64 huge[BLOCKS] = { 0 };
	u32 n = 0;

	memset(pages, 0, sizeof(pages));
	for (size_t k = 0; k < 4; k++) {
		for (u32 i = 0; kvm_roots[k].top && i < REGIONS; i++) {
			u64 *upper = entry_of(&kvm_roots[k], regions[i], 2, false), *table;

			if (upper && spte_leaf(*upper, 2))
				huge[spte_pfn(*upper) / 512]++;
			table = NULL;
			if (upper && spte_present(*upper) && !spte_leaf(*upper, 2))
				table = (u64 *)table_of(*upper);
			for (u32 e = 0; table && e < 512; e++)
				if (spte_present(table[e]) && spte_may_write(table[e]))
					pages[spte_pfn(table[e])]++;
		}
	}
	for (u64 pfn = 0; pfn < BLOCKS * 512; pfn++) {
		u64 bit = blocks[pfn / 512].mapped[pfn / 64 % 8] >> pfn % 64 & 1;
		const s64 *more = more_place(pfn, false);

		n += pages[pfn] != (s64)bit + (more ? *more : 0);
	}
	for (u32 b = 0; b < BLOCKS; b++)
		n += huge[b] != block_extras[b].huge;
	return n;
}

/* One life of a VM.  Returns wrong(). */
static u32 life(uint64_t from)
{
	seed = from;
	memset(kvm_roots, 0, sizeof(kvm_roots));
	memset(blocks, 0, BLOCKS * sizeof(*blocks));
	memset(block_extras, 0, BLOCKS * sizeof(*block_extras));
	memset(more_maps, 0, sizeof(more_maps));
	state.adopt = 0;
	pool_used = nhooks = more_used = 0;
	adopting = true;
	steps(random_below(&seed, 200));
	adopt_all();
	steps(random_below(&seed, 50));
	while (nhooks)
		run_hook(0);
	return wrong();
}

static u32 lives(u32 n, bool all)
{
	u32 bad = 0;

	spoiled = adopted = 0;
	memset(losses, 0, sizeof(losses));
	for (u32 i = 1; i <= n && (all || !bad); i++) {
		u32 w = life(i * 0x9e3779b97f4a7c15ULL);

		if (w && all)
			print_message("life %u: %u wrong\n", i, w);
		bad += !!w;
	}
	return bad;
}

static void the_block_map_is_exact(void **arg)
{
	(void)arg;
	assert_int_equal(lives(600, true), 0);
	/* and what can go wrong went wrong */
	assert_true(adopted > 600);
	assert_true(spoiled > 100);
	for (int l = 0; l < LOSS_NR; l++)
		assert_int_equal(losses[l], 0);
}

static void without_a_grace_period_it_is_not(void **arg)
{
	(void)arg;
	without_grace = true;
	assert_true(lives(600, false));
	without_grace = false;
}

static void with_two_roots_taken_for_one_it_is_not(void **arg)
{
	(void)arg;
	without_roots = true;
	assert_true(lives(600, false));
	without_roots = false;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_map_is_exact),
		cmocka_unit_test(without_a_grace_period_it_is_not),
		cmocka_unit_test(with_two_roots_taken_for_one_it_is_not),
	};

	cfg_blocks = BLOCKS;
	blocks = calloc(BLOCKS, sizeof(*blocks));
	block_extras = calloc(BLOCKS, sizeof(*block_extras));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
