/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF side as an object: open, attach, poll, snapshot, close.  The order of the calls below is
 * the order of use.
 */
#ifndef MMUSCOPE_SESSION_H
#define MMUSCOPE_SESSION_H

#include "user/judge/candidate.h"
#include "user/host/probe.h"
#include "user/host/tier.h"
#include "snapshot.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

struct session_options {
	bool check;		/* judge invariants; else only count */
	bool walk;		/* the reference walker beside GUP */
	const struct candidate *candidate;	/* NULL: none is judged */
	bool payoff;		/* time lookups; alone, nothing else is counted */
	bool times;		/* how long a VM's lookups take, beside all else */
	uint32_t scope_pid;	/* 0: every VM */
	bool scope_tree;	/* VMs of descendants too */
	uint32_t max_vms;	/* VMs followed at a time, 1..MAX_VMS */
	uint32_t max_stories;	/* violations told in full */
	bool survey;		/* take stock of levels and causes, again and again */
	bool reducible;		/* below the tier fentry, do what remains */
	enum tier most;		/* no better tier than this */
	bool try_all;		/* doctor: go on when a hook cannot be had */
	/* every step of a model, window and VM, in their order (EVENT_STEP, WINDOW, VM_NEW, VM_GONE) */
	void (*record)(void *arg, const struct event_head *e);
	void *record_arg;
	uint32_t ring_bytes;	/* of the ring buffer that they come through: a power of 2, pages at least */
};

/* what became of one hook */
struct hook_state {
	const struct shape *shape;	/* NULL: this kernel has none that fits */
	bool attached;
	int error;			/* negative errno of attaching */
	char why[128];			/* if not attached */
};

/* what a session costs */
struct session_cost {
	uint64_t map_bytes;
	int stats_fd;		/* -1: nobody asked for times, or they cannot be had */
};

typedef void (*violation_fn)(struct session *s, const struct event_violation *v, void *arg);

/*
 * Look at the running kernel, load the programs.  0, or an exit code (enum exit_code) after having
 * said on stderr what is missing and what to do about it.
 */
int session_open(struct session **out, const struct session_options *o);
/* Attach every hook that is needed.  As session_open. */
int session_attach(struct session *s);
const struct hook_state *session_hook(const struct session *s, enum hook hook);
/* "fentry": every hook in its first choice of mechanism; else what the weakest is, or the tier's name. */
const char *session_tier(const struct session *s);

/* Does it judge?  False: it was not asked to, or is below the tier fentry. */
bool session_judges(const struct session *s);
/* Has this kernel's KVM marked pages dirty when it maps them, not when it zaps them? */
bool session_marks_at_map(const struct session *s);
/* Can it not be seen to flush TLBs? */
bool session_flushes_unseen(const struct session *s);
/* Is hva_to_pfn() told whether the page is to be pinned?  Asked for with the options `walk` and `payoff`. */
bool session_tells_pins(const struct session *s);
/* Number of PG_dirty, or -1. */
int session_dirty_bit(const struct session *s);
/* The row of an initiator: copied.  False: it has none. */
bool session_cause(struct session *s, const struct cause_key *key, struct cause_row *row);
/* CLOCK_MONOTONIC at which observing began. */
uint64_t session_started_ns(const struct session *s);
/* File descriptor that becomes readable when records wait, for the event loop; -1: none ever do. */
int session_fd(const struct session *s);
/* The folder of which files will be read later on, open; -1: none. */
int session_folder(const struct session *s);
/* Take the waiting records; fn is called for each violation.  0 or negative errno. */
int session_consume(struct session *s, violation_fn fn, void *arg);
/*
 * Take stock of every VM that lives, for the level ledger: in the snapshots from here on.  folios: of every
 * page's folio too, which takes several times as long.  Needs the option `survey`.
 */
void session_survey(struct session *s, bool folios);
/* Once a second or so: what cannot be done in a hook. */
void session_tick(struct session *s);
/* Before the end: judge what had to wait for it, and compare the block map with the truth. */
void session_settle(struct session *s);
/* Stop counting: what happens from here on is not looked at. */
void session_disable(struct session *s);
/* All numbers now.  Valid until the next call; owned by the session.  NULL when out of memory. */
const struct snapshot *session_snapshot(struct session *s);
/*
 * These numbers are final: VMs that end from here on, by our stopping the command, stay in them as
 * they are.  0 or -ENOMEM.
 */
int session_freeze(struct session *s);
/*
 * Look for the SPTE that maps pfn in the page tables of every VM of ours.  True: *vm, *gfn, *hva,
 * *spte and *level are filled.
 */
bool session_find_pfn(struct session *s, uint64_t pfn, uint32_t *vm, uint64_t *gfn, uint64_t *hva,
		      uint64_t *spte, uint32_t *level);
/* A violation that came with no VM is of this one: its rows count it from now on. */
void session_found(struct session *s, uint32_t vm, enum invariant i);
/* Row of a VM index, NULL if unknown. */
const struct vm_row *session_vm(struct session *s, uint32_t index);
/* What became of the candidate; after session_disable.  Stories belong to the session. */
void session_candidate(struct session *s, struct candidate_report *out);
/* After attaching, with privileges: times: let the kernel take those of all BPF programs of this host. */
void session_cost_begin(struct session *s, bool times, struct session_cost *c);
void session_cost_end(struct session_cost *c);
/* Runs of a hook's program, and ns in them, while the kernel counted them. */
void session_cost_of(struct session *s, enum hook hook, uint64_t *runs, uint64_t *ns);
/* Detach and free everything, for which the kernel may take seconds.  NULL is fine. */
void session_close(struct session *s);
/*
 * The same as the last thing that a process does with a session, without waiting: programs do nothing from
 * here on, and once the process has ended, one of its own closes them.
 */
void session_leave(struct session *s);

#endif /* MMUSCOPE_SESSION_H */
