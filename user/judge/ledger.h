/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The level ledger: what of a VM's memory KVM maps at which level, what the host's page tables have under
 * it, and why KVM maps less where it does.  Pure arithmetic on what bpf/ledger.bpf.h has counted.
 */
#ifndef MMUSCOPE_LEDGER_H
#define MMUSCOPE_LEDGER_H

#include "bpf/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A dirty log that has ended, as the stocks show it.  Over when all that was mapped under it is mapped again,
 * and nothing as an old mapping.
 */
struct recovery {
	uint64_t on_ns;		/* CLOCK_MONOTONIC of the last stock with the log on... */
	uint64_t off_ns;	/* ...and of the first without; 0: no log was seen to end */
	uint64_t short_ns;	/* last stock in which it was not over; 0: none */
	uint64_t over_ns;	/* first in which it was; 0: none yet */
	uint64_t lost;		/* bytes lost to the log when it was on last, and... */
	uint64_t mapped;	/* ...mapped then */
};

struct slot_row {
	uint32_t as_id;
	uint32_t id;
	uint32_t flags;		/* KVM_MEM_x */
	uint32_t backings;	/* bit set of enum backing */
	uint64_t base_gfn;
	uint64_t npages;
	uint64_t leaves[LEVELS][HOST_LEVELS];	/* leaf SPTEs, by level and by the host's level */
	uint64_t lost[LOW_NR];	/* 4K pages that the host maps larger, by cause */
	uint64_t promised;	/* 4K pages that both map as such, though their folio is 2M or more */
	struct recovery recovery;
};

struct ledger {
	struct slot_row *slots;	/* by address space and gfn */
	size_t nslots;
	size_t slots_size;
	struct slot_row total;	/* leaves, lost, promised and backings of all */
	uint64_t surveyed_ns;	/* CLOCK_MONOTONIC at which stock was taken last; 0: never */
	uint64_t watched_ns;	/* time for which byte_seconds stand */
	bool folios;		/* `promised` is known */
	double byte_seconds[LOW_NR];	/* lost bytes times how long they were lost */
};

/* Enter the answer of one survey call.  0 or -ENOMEM. */
int ledger_add(struct ledger *l, const struct survey_args *a);
/*
 * A new stock has been taken, at now_ns: it takes the place of l's, and what was lost since that is put to
 * l's account, as the mean of both. What is promised stays what it was where the new stock does not know it.
 * Empties `stock`.
 */
void ledger_take(struct ledger *l, struct ledger *stock, uint64_t now_ns);
void ledger_free(struct ledger *l);

/* The least and the most time, in ns, that a recovery can have taken; it is over. */
uint64_t recovery_least(const struct recovery *r);
uint64_t recovery_most(const struct recovery *r);

/* Leaf SPTEs of a level (index 0..LEVELS-1). */
uint64_t slot_leaves(const struct slot_row *r, int level);
/* Bytes mapped by leaves of a level, or of all. */
uint64_t slot_bytes(const struct slot_row *r, int level);
uint64_t slot_mapped(const struct slot_row *r);
/* Bytes over which the host's page tables have this level (0: not theirs; else PG_LEVEL_x). */
uint64_t slot_host_bytes(const struct slot_row *r, int host);
/* Bytes that KVM maps smaller than the host: by the causes. */
uint64_t slot_lost(const struct slot_row *r);
/* Is there a cause for each of them, and none too many? */
bool slot_adds_up(const struct slot_row *r);
/* Shares of n numbers in thousandths that sum to 1000; all 0 if the numbers are. */
void shares_of(const uint64_t *numbers, size_t n, unsigned int *shares);

/* "n/a" (0: the host's page tables have nothing to do with it), "4K", "2M", "1G" */
const char *host_level_name(int host);
const char *level_cause_name(enum level_cause c);
const char *level_cause_sentence(enum level_cause c);
const char *level_cause_remedy(enum level_cause c);

#endif /* MMUSCOPE_LEDGER_H */
