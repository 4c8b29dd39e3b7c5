/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All numbers at one time: what session.c read out of the kernel, added up, in the shape that every
 * sink and every verdict works on.  Pure data and pure functions.
 */
#ifndef MMUSCOPE_SNAPSHOT_H
#define MMUSCOPE_SNAPSHOT_H

#include "bpf/event.h"
#include "bpf/lookup.h"
#include "user/host/hooks.h"
#include "user/host/vm_name.h"
#include "user/judge/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* of mmuscope walk, record and top only */
struct vm_lookups {
	struct walk_counts walk;
	struct hist ns;		/* how long hva_to_pfn took; zeros where it is not timed */
};

struct vm_row {
	struct vm_info info;
	char name[VM_NAME_LEN];	/* "": it has none, or nobody looked in time */
	struct vm_counts counts;
	bool gone;		/* destroyed; the counts are final */
	bool by_stats;		/* walked[] is of KVM's statistics, when they were last looked at */
	bool walk_done;		/* walked[] is known: leaves in KVM's page tables now, by level */
	uint64_t walked[LEVELS];
	uint64_t gone_ns;
	const struct ledger *ledger;	/* NULL: no stock was ever taken; the session's */
	const struct vm_lookups *lookups;	/* NULL: not looked at; the session's */
};

/* who opened windows, and what they did to guest memory */
struct cause {
	struct cause_key key;
	struct cause_row row;
};

struct payoff;

struct snapshot {
	struct vm_row *vms;	/* in order of first sight */
	size_t nvms;
	size_t vms_size;
	struct vm_counts host;	/* what belongs to no single VM */
	struct walk_counts host_walk;	/* the same, of VMs that no row is kept of */
	struct hist hists[HIST_NR];
	uint64_t losses[LOSS_NR];
	uint64_t missed_runs;	/* program runs the kernel skipped (recursion, preemption), in all */
	uint64_t missed[HOOK_NR];	/* of them, by hook */
	uint64_t late_vms;	/* in scope, existed before we attached */
	uint64_t unadopted_vms;	/* of them, not (yet) taken over: what they had mapped is not known */
	uint64_t unbalanced_vms;
	uint64_t vms_over;	/* destroyed VMs beyond what we keep rows of */
	uint64_t seconds_ns;	/* observed */
	bool checking;		/* invariants were judged */
	bool reduced;		/* below the tier fentry (docs/tiers.md) */
	unsigned int unknown;	/* what is not known there: 1 << enum quantity; such numbers are 0 */
	bool timed;		/* lookup_ns of the VMs is known */
	bool marks_at_map;	/* KVM marks pages dirty when it maps them (from 6.13), not when it zaps */
	bool flushes_unseen;	/* no hook sees KVM flush TLBs: arm64 without VHE */
	bool audited;		/* the block map was compared with KVM's page tables at the end */
	uint64_t audit_sptes;	/* may-write leaf SPTEs that were compared */
	struct cause *causes;
	size_t ncauses;
	const struct payoff *payoff;	/* NULL: nothing was timed; the session's */
	/* of a recording that is judged; zeros of a live session */
	const char *not_whole;		/* why the file may lack steps of any kind; NULL: it is whole */
	uint64_t unrecorded[INV_NR];	/* steps that found no room in the recorder's ring buffer */
	uint64_t torn[INV_NR];		/* steps not judged: an earlier one of their instance is missing */
	bool differs[INV_NR];		/* the live report counts otherwise */
};

/* dst += src, field by field. */
void counts_add(struct vm_counts *dst, const struct vm_counts *src);
/* Sum of all VMs' counters and the host's. */
void snapshot_total(const struct snapshot *s, struct vm_counts *out);
/*
 * Leaf SPTEs of a level (index 0..LEVELS-1) that a VM has; for a destroyed or dying one, had when its
 * end began.  Negative: more went than came (a late VM).
 */
int64_t stock(const struct vm_counts *c, int level);
/*
 * The stock of a VM's row, whichever way it is known: by counting, or for a late VM by having walked its
 * page tables.  False: not known.
 */
bool row_stock(const struct vm_row *row, int level, int64_t *pages);
/* What is known of a row's lookups; zeros where they were not looked at. */
const struct vm_lookups *row_lookups(const struct vm_row *row);
/* Does everything a destroyed VM ever mapped cancel out, on every level? */
bool balanced(const struct vm_counts *c);
/* Value below which a share q (0..1) of the histogram's entries lies; upper edge of the bucket. */
uint64_t hist_quantile(const struct hist *h, double q);
uint64_t hist_count(const struct hist *h);
/* dst += src */
void hist_merge(struct hist *dst, const struct hist *src);

/* Append a row; NULL when out of memory. */
struct vm_row *snapshot_add_vm(struct snapshot *s);
void snapshot_free(struct snapshot *s);

/* "4K", "2M", "1G" for index 0..LEVELS-1 */
const char *level_name(int level);
/* bytes a leaf of this level maps */
uint64_t level_bytes(int level);

#endif /* MMUSCOPE_SNAPSHOT_H */
