// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the block map grows: a guest of so many GiB, all of it mapped may-write in 4K pages, through the
 * code of bpf/track.bpf.h; then taken over from page tables by that of bpf/adopt.bpf.h.  Checks that the
 * map is exact and prints a line of JSON with memory and time.
 */
#include "tests/lib/native.h"

#include "bpf/spte.bpf.h"
#include "bpf/track.bpf.h"

/* what adoption needs of window.bpf.h and what that includes */
struct vm_state {
	u64 adopt;
};

static struct vm_state state;
static u64 *top_table;

enum { ROOTS_MAX = 8, ROLE_LEVEL = 15, ROLE_AS_SHIFT = 24 };

struct roots {
	u64 table;
	u32 role;
	u32 seen;
	u32 invalid;
};

static inline struct vm_state *vm_state(u32 vm)
{
	(void)vm;
	return &state;
}

static inline u64 read64(u64 address)
{
	return *(const u64 *)address;
}

static inline u64 table_of(u64 entry)
{
	return entry & k_physical_mask;
}

static inline long bpf_probe_read_kernel(void *to, u32 size, const void *from)
{
	memcpy(to, from, size);
	return 0;
}

static inline void roots_begin(struct roots *r, u64 kvm)
{
	(void)kvm;
	r->seen = 0;
}

/* one root, of four levels and address space 0 */
static inline int roots_next(struct roots *r)
{
	r->table = (u64)top_table;
	r->role = 4;
	return !r->seen++;
}

#include "bpf/adopt.bpf.h"

enum { LEAF = SPTE_MMU_PRESENT | SPTE_WRITABLE, TWICE = 4096 };

static u64 npages;

/* A page's place among all pages, scattered: an odd factor goes through all numbers below a power of two. */
static u64 scattered(u64 i)
{
	return i * 0x9e3779b97f4a7c15ULL & (npages - 1);
}

static u64 in_order(u64 i)
{
	return i;
}

static u64 bits_set(void)
{
	u64 n = 0;

	for (u32 b = 0; b < cfg_blocks; b++)
		for (int w = 0; w < 8; w++)
			n += (u64)__builtin_popcountll(blocks[b].mapped[w]);
	return n;
}

static void must(const char *what, u64 got, u64 want)
{
	if (got != want)
		errx(1, "%s: %" PRIu64 ", not %" PRIu64, what, got, want);
}

static void nothing_lost(void)
{
	for (int l = 0; l < LOSS_NR; l++)
		must("lost", losses[l], 0);
}

/* Map (n = 1) or zap (n = -1) every page; ns a page. */
static double change_all(u64 (*place)(u64 i), s32 n)
{
	double began = cpu_seconds(), took;

	for (u64 i = 0; i < npages; i++)
		track_change(place(i), 1, n);
	took = cpu_seconds() - began;
	must("pages in the map", bits_set(), n > 0 ? npages : 0);
	nothing_lost();
	return took * 1e9 / (double)npages;
}

/* Clean every page while it is mapped; one of each TWICE has been mapped once more and zapped once. */
static double clean_all(void)
{
	double began, took;

	for (u64 pfn = 0; pfn < npages; pfn += TWICE)
		track_change(pfn, 1, 1);
	for (u64 pfn = 0; pfn < npages; pfn += TWICE)
		track_change(pfn, 1, -1);
	must("pages mapped twice", bits_set(), npages - (npages / TWICE));
	must("entries of the side table", more_used, npages / TWICE);
	began = cpu_seconds();
	for (u64 i = 0; i < npages; i++) {
		struct folio_state f = { .pfn = scattered(i), .pages = 1 };

		track_clean(&f);
		if (f.mapped != 1 || !f.written)
			errx(1, "page %" PRIu64 " is taken for not mapped", f.pfn);
	}
	took = cpu_seconds() - began;
	/* the side table's count goes, the bit comes back */
	for (u64 pfn = 0; pfn < npages; pfn += TWICE)
		track_change(pfn, 1, -1);
	for (u64 pfn = 0; pfn < npages; pfn += TWICE)
		track_change(pfn, 1, 1);
	return took * 1e9 / (double)npages;
}

/* An entry's table, made if there is none. */
static u64 *below(u64 *entry)
{
	if (!*entry)
		*entry = (u64)zeros(PAGE) | SPTE_MMU_PRESENT;
	return (u64 *)table_of(*entry);
}

static void make_tables(void)
{
	u64 *leaves = zeros(npages * sizeof(u64));

	top_table = zeros(PAGE);
	for (u64 gfn = 0; gfn < npages; gfn++)
		leaves[gfn] = (gfn << 12) | LEAF;
	for (u64 gfn = 0; gfn < npages; gfn += 512) {
		u64 *third = below(&top_table[gfn >> 27]), *second = below(&third[gfn >> 18 & 511]);

		second[gfn >> 9 & 511] = (u64)(leaves + gfn) | SPTE_MMU_PRESENT;
	}
}

/* As user/session/adopt.c has it done, without the grace periods; ns a page. */
static double adopt_all(void)
{
	double began = cpu_seconds(), took;
	u64 leaves = 0;

	do {
		struct adopt_args args = { 0 };

		adopt_look(0, &state, &args);
		leaves += args.by_level[0];
		adopt_leave(&state, &args);
		must("spoiled", args.result > ADOPT_MORE, 0);
	} while (cursor_from(state.adopt) < ADOPT_GFN_END >> ADOPT_CHUNK_SHIFT);
	took = cpu_seconds() - began;
	must("pages taken over", leaves, npages);
	must("pages in the map", bits_set(), npages);
	nothing_lost();
	return took * 1e9 / (double)npages;
}

static u64 resident(void)
{
	u64 all, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%" SCNu64 " %" SCNu64, &all, &pages) != 2)
		errx(1, "/proc/self/statm");
	fclose(f);
	return pages * PAGE;
}

int main(int argc, char **argv)
{
	u64 gib = argc == 2 ? strtoull(argv[1], NULL, 10) : 0, bytes, before, memory;
	double ordered, unmap, fault, clean, zap;

	if (!gib || gib & (gib - 1) || gib > 1024)
		errx(1, "usage: block_map GIB, a power of 2 up to 1024");
	npages = gib << 18;
	/* as configure() of user/session/session.c */
	cfg_blocks = (u32)(npages >> BLOCK_SHIFT) + 1;
	ngigs = gib + 1;
	bytes = cfg_blocks * (sizeof(*blocks) + sizeof(*block_extras)) + ngigs * sizeof(*gigs);
	before = resident();
	blocks = zeros(cfg_blocks * sizeof(*blocks));
	block_extras = zeros(cfg_blocks * sizeof(*block_extras));
	gigs = zeros(ngigs * sizeof(*gigs));
	ordered = change_all(in_order, 1);
	unmap = change_all(in_order, -1);
	fault = change_all(scattered, 1);
	memory = resident() - before;
	clean = clean_all();
	zap = change_all(scattered, -1);
	make_tables();
	printf("{\"gib\": %" PRIu64 ", \"pages\": %" PRIu64 ", \"map_bytes\": %" PRIu64, gib, npages, bytes);
	printf(", \"touched_bytes\": %" PRIu64 ", \"in_order_ns\": [%.2f, %.2f]", memory, ordered, unmap);
	printf(", \"map_ns\": %.2f, \"clean_ns\": %.2f, \"zap_ns\": %.2f", fault, clean, zap);
	printf(", \"adopt_ns\": %.2f}\n", adopt_all());
	return 0;
}
