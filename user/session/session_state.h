/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session from inside: for the files that make it up (session.c, ladder.c, attach.c, adopt.c, audit.c,
 * survey.c, suspects.c, timed.c, walked.c, judged.c, program_cost.c, leave.c, facts.c).
 * Nobody else knows of libbpf objects or maps.
 */
#ifndef MMUSCOPE_SESSION_STATE_H
#define MMUSCOPE_SESSION_STATE_H

#include "user/judge/payoff.h"
#include "session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/spare.h"

enum {
	ENTRIES = 1 + SPARES,
	GONE_ROWS_MAX = 4096,	/* destroyed VMs of which a row is kept */
};

/* guest physical addresses have at most 52 bits */
#define GFN_END (1ULL << 40)

struct mmuscope_bpf;
struct reduced;

/* names of a living VM and its process; pid and born_ns tell it from the next one with its index */
struct vm_named {
	uint32_t pid;
	uint64_t born_ns;
	char name[VM_NAME_LEN];
	char comm[COMM_LEN];
	uint32_t found[INV_NR];	/* violations of its that were counted for no VM */
};

/* what BTF has said; flags of pages as masks */
struct session_facts {
	bool marks_at_map;
	bool flushes_unseen;
	bool tells_pins;
	bool rdonly_cast;
	int dirty_bit;
	uint64_t lru;
	uint64_t locked;
	uint64_t head;
	uint64_t swapcache;
	uint64_t private;
};

struct session {
	struct session_options options;
	struct tiers tiers;
	struct reduced *reduced;	/* below the tier fentry: all of the rest is unused then */
	struct kernel kernel;		/* until the programs are loaded */
	struct session_facts facts;
	struct mmuscope_bpf *skel;
	struct hook_state hooks[HOOK_NR];
	/* attached in the place of a hook's program where the kernel is preemptible */
	struct bpf_program *entries[HOOK_NR][ENTRIES];
	struct bpf_link *links[HOOK_NR][ENTRIES];
	uint64_t misses_before[HOOK_NR];	/* skipped runs of a hook's program before we listened */
	uint64_t missed[HOOK_NR];	/* since, less what spares made good */
	struct ring_buffer *ring;
	struct snapshot gone;		/* rows of destroyed VMs */
	struct snapshot now;
	struct payoff payoff;
	uint64_t started_ns;
	uint64_t stopped_ns;
	violation_fn on_violation;
	void *arg;
	struct ledger **ledgers;	/* of living VMs, by index; NULL: no stock was taken */
	struct ledger *gone_ledgers[GONE_ROWS_MAX];	/* of s->gone's rows */
	struct vm_lookups **lookups;	/* of living VMs, by index */
	struct vm_lookups *gone_lookups[GONE_ROWS_MAX];
	struct vm_named *names;		/* by index */
	uint64_t found[INV_NR];		/* of all VMs, also of those that ended */
	uint64_t next_survey_ns;
	uint64_t surveys;	/* while it runs */
	uint64_t settled_refs;		/* suspects that were explained, or found guilty */
	uint64_t leaked_refs;
	uint64_t unsettled_refs;
	uint64_t audit_sptes;
	uint64_t audit_differ;		/* block map entries that no VM explains */
	struct candidate_spec candidate_spec;
	struct bpf_program *candidate_programs[2];	/* at the entry and the exit */
	struct bpf_link *candidate_links[2];
	uint64_t candidate_misses;	/* skipped runs before we listened */
	struct candidate_story *candidate_stories;
	size_t ncandidate_stories;
	bool audited;
	bool ring_error;
	bool frozen;
};

/* Run a program of ours with a context that it reads and writes.  Its answer, or negative errno. */
int session_run(struct bpf_program *p, void *ctx, uint32_t size);
/* Wait for an RCU grace period: until no program runs any more that runs now (maps.bpf.h).  False: cannot. */
bool session_grace(struct session *s);
/* CLOCK_MONOTONIC, in ns */
uint64_t session_clock_ns(void);

/* ---- attach.c ---- */

bool attach_needs(const struct session *s, enum hook hook);
/* Choose the shape of every hook and switch all other programs off.  Hooks missing, or negative errno. */
int attach_choose(struct session *s);
/* Say which hooks cannot be had: exit code. */
int attach_say_missing(const struct session *s);
/* After loading: tell the entries where the programs are.  0 or negative errno. */
int attach_join(struct session *s);
/* Attach everything that was chosen: exit code. */
int attach_all(struct session *s);
void attach_detach(struct session *s);
/* Everything is attached and about to be switched on: runs skipped up to now do not count. */
void attach_begin_misses(struct session *s);
/* The program at a hook, -1: none. */
int attach_program_fd(struct session *s, enum hook hook);
/* Runs that the kernel skipped up to now, by hook: the program was already running on that CPU. */
void attach_count_misses(struct session *s);

/* ---- ladder.c ---- */

/* The best tier is below fentry: open it, or say why that is of no use.  Exit code. */
int ladder_open(struct session *s, enum tier best);
/* What fentry needs is not to be had after all, which has been said: open the next best tier.  Exit code. */
int ladder_descend(struct session *s);
/* ---- facts.c ---- */

/* Ask the kernel's BTF, before it is closed. */
void facts_ask(struct session *s);

/* ---- adopt.c ---- */

/*
 * Take over what the VMs had mapped that were there before us; again, if one did not let us or the time was
 * up.  start: there is much to do, and nothing else yet.
 */
void adopt_vms(struct session *s, bool start);
/* What is mapped by KVM's own page tables, for a VM whose installs we have not all seen. */
void adopt_walk_vm(struct session *s, struct vm_row *row);

/* ---- found.c ---- */

/* Add to a VM's counts what was found to be its own; forget it, when it has ended; take it off the host's. */
void found_of_vm(const struct session *s, uint32_t vm, struct vm_counts *counts);
void found_forget(struct session *s, uint32_t vm);
void found_of_host(const struct session *s, struct vm_counts *host);

/* ---- survey.c ---- */

/* Take stock, unless that was too long a work not long ago. */
void survey_tick(struct session *s);

/* ---- audit.c ---- */

/* Compare the block map with KVM's page tables, while the VMs may be running. */
void audit(struct session *s);

/* ---- walked.c ---- */

/* Before loading: 0 or negative errno. */
int walked_configure(struct session *s);
/* What of this VM is in no counter yet, to its counters. */
void usual_add(const struct session *s, const struct vm_info *vm, struct vm_counts *counts);
/* Read a living VM's; the session's.  NULL: nobody asked for any, or out of memory. */
struct vm_lookups *walked_read(struct session *s, uint32_t vm);
/* The last of a VM that has ended: the caller's. */
struct vm_lookups *walked_take(struct session *s, uint32_t vm);
void walked_clear(struct session *s, uint32_t vm);
void walked_free(struct session *s);

/* ---- judged.c ---- */

/* Before loading: the candidate's function, its types, and programs for it.  Exit code. */
int judged_configure(struct session *s);
/* After loading: 0 or negative errno. */
int judged_load(struct session *s);
/* Exit code. */
int judged_attach(struct session *s);
void judged_take(struct session *s, const struct event_candidate *e);
void judged_close(struct session *s);

/* ---- timed.c ---- */

/* Before loading: which of the calibration's programs are loaded; sizes, 0 or negative errno. */
void timed_choose(struct session *s);
int timed_configure(struct session *s);
/* After loading, before anything is attached: what our programs cost.  0 or negative errno. */
int timed_calibrate(struct session *s);
/* All times, into s->payoff.  0 or -ENOMEM. */
int timed_read(struct session *s);

/* ---- suspects.c ---- */

/*
 * Look again at the pages whose references were not back when their fault ended.  final: there is no other
 * time; then a surplus is a violation, and what cannot be told is counted.
 */
void suspects_settle(struct session *s, bool final);

#endif /* MMUSCOPE_SESSION_STATE_H */
