/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KVM must do: a model of the host's and KVM's page tables for the memory under test. Every
 * step of a scenario is played here too, which gives the counts to expect; they stay exact as long
 * as nothing happened whose extent only the kernel knows. Pure.
 */
#ifndef LOAD_EXPECT_H
#define LOAD_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_2M 512
#define PAGES_1G (512 * 512)

enum level {
	LEVEL_4K,
	LEVEL_2M,
	LEVEL_1G,
	LEVELS
};

/* The host's leaf behind one unit of guest memory. */
enum host_pte {
	HOST_NONE,
	HOST_ZERO,	/* zero page: a write replaces it */
	HOST_COW,	/* shared with a file, a child or KSM: a write replaces it */
	HOST_RO,	/* a write makes it writable in place */
	HOST_GONE,	/* in swap: what it comes back as depends on the kernel */
	HOST_RW,
	HOST_KEEP,	/* for model_invalidate: as it was */
};

enum spte {
	SPTE_NONE,
	SPTE_RO,
	SPTE_RW,
};

enum count_id {
	COUNT_HVA_TO_PFN,
	COUNT_INSTALLS_4K,
	COUNT_INSTALLS_2M,
	COUNT_INSTALLS_1G,
	COUNT_ZAPS,		/* leaf SPTEs zapped before the VMs end */
	COUNT_ZAPS_TEARDOWN,	/* those still there when they end */
	COUNT_PAGES_4K,		/* KVM's own stock before they end */
	COUNT_PAGES_2M,
	COUNT_PAGES_1G,
	COUNTS
};

/* n is exact, or a lower bound with the reason; see expect_bounded for those that are neither. */
struct count {
	uint64_t n;
	const char *why;	/* NULL: exact */
};

struct expect {
	struct count counts[COUNTS];
	unsigned int unbounded;	/* counts of which not even a lower bound is known */
};

/* One VM's mapping of the memory under test. */
struct model {
	struct expect *expect;
	size_t pages;
	size_t unit;		/* pages a unit: those of a leaf */
	size_t units;
	enum level level;	/* of a leaf SPTE */
	enum host_pte on_read;	/* what a read makes of HOST_NONE */
	uint8_t *host;
	uint8_t *spte;
	size_t code_pages;	/* one a vCPU */
	bool *code_mapped;
	bool ahead;		/* the shadow MMU maps neighbours that the host has writable */
	size_t slot_pages;	/* in the memslot, which may be larger */
	struct model *twin;	/* maps the same host leaves at another guest address */
	bool borrowed;		/* host is the twin's */
	bool own_pages;		/* KVM takes them from a guest_memfd, without hva_to_pfn() */
};

const char *count_name(enum count_id id);

/* A reason why counts are only lower bounds from here on. Bits of mask: 1 << enum count_id. */
#define BLUR_STOCK  (1u << COUNT_ZAPS_TEARDOWN | 1u << COUNT_PAGES_4K | 1u << COUNT_PAGES_2M | \
		     1u << COUNT_PAGES_1G)
#define BLUR_FAULTS (1u << COUNT_HVA_TO_PFN | 1u << COUNT_INSTALLS_4K | \
		     1u << COUNT_INSTALLS_2M | 1u << COUNT_INSTALLS_1G)
#define BLUR_ALL    (BLUR_FAULTS | BLUR_STOCK | 1u << COUNT_ZAPS)
void expect_blur(struct expect *e, unsigned int mask, const char *why);

/* Is a count that is not exact a lower bound at least? A stock can also become smaller. */
bool expect_bounded(const struct expect *e, enum count_id id);

/*
 * unit is the size of the host's leaf, level that of KVM's: a misaligned slot has unit 1 and level
 * 4K on top of huge host pages. 0 or -ENOMEM.
 */
int model_init(struct model *m, struct expect *e, size_t pages, size_t unit, enum level level,
	       enum host_pte on_read, size_t vcpus);
void model_deinit(struct model *m);

/*
 * KVM without its TDP MMU: with every small page that a guest faults for, it maps those of the
 * same eight that are there and writable on the host.
 */
void model_map_ahead(struct model *m, size_t slot_pages);

/* m becomes a second mapping of what of maps, by the same process. 0 or -ENOMEM. */
int model_init_twin(struct model *m, struct model *of);

/* A vCPU runs its code. */
void model_code(struct model *m, size_t vcpu);

/* The guest or the VMM touches pages [first, end). */
void model_guest(struct model *m, size_t first, size_t end, bool write);
void model_vmm(struct model *m, size_t first, size_t end, bool write);

/* The host unmaps or protects [first, end): KVM zaps it; host leaves that are there become to. */
void model_invalidate(struct model *m, size_t first, size_t end, enum host_pte to);

/* Writeback: only what is dirty (HOST_RW) is protected. */
void model_clean(struct model *m);

/* KVM itself takes away the right to write, for dirty logging. */
void model_protect(struct model *m);

/* KVM drops everything, code included. */
void model_zap_all(struct model *m);

/* Leaves of another size take the place of all, writable ones; KVM has zapped them. */
int model_resize(struct model *m, size_t unit, enum level level);

/*
 * Something without a known extent went over the host's leaves. Where a page is gone or another
 * than before, KVM must have zapped; of the others nothing is known, which counts as no zap.
 */
enum fate {
	FATE_SAME,
	FATE_GONE,
	FATE_MOVED,
};
void model_observe(struct model *m, const uint8_t *fates);

/* The VM is about to end; live: at the end of the run, so that its stock counts. */
void model_finish(struct model *m, bool live);

/* Leaf SPTEs of the memory under test. */
size_t model_mapped(const struct model *m);

#endif
