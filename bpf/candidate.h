/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuscope walk --candidate: where a traced function has what it was asked and what it says, and how
 * its answers are counted.  Shared by the BPF programs and user space, as event.h.
 */
#ifndef MMUSCOPE_CANDIDATE_H
#define MMUSCOPE_CANDIDATE_H

#include "event.h"

/* the words of a SPEC (docs/candidate.md) */
enum candidate_key {
	CANDIDATE_HVA,		/* this and the next two are read at the entry */
	CANDIDATE_MM,		/* struct mm_struct *; not given: the current task's */
	CANDIDATE_WRITE,	/* not 0: the caller wants to write */
	CANDIDATE_PFN,		/* these at the exit */
	CANDIDATE_PAGE,		/* struct page * instead of a pfn */
	CANDIDATE_LEVEL,	/* PG_LEVEL_x; the next three say the same in other words */
	CANDIDATE_SHIFT,
	CANDIDATE_ORDER,
	CANDIDATE_SIZE,
	CANDIDATE_WRITABLE,
	CANDIDATE_OK,		/* not 0: the call has an answer */
	CANDIDATE_KEYS
};

enum candidate_compare {
	IS_NOT_ZERO,		/* as it is */
	IS_EQUAL,
	IS_DIFFERENT,
	IS_BELOW,
	IS_AT_MOST,
	IS_ABOVE,
	IS_AT_LEAST,
};

enum {
	CANDIDATE_ARGS = 6,		/* in registers on x86-64 */
	CANDIDATE_RET = CANDIDATE_ARGS,	/* place of the result behind them */
	CANDIDATE_LOADS = 4,
};

/* How to get at one value: from a register, through memory, to a number. */
struct candidate_value {
	__u32 source;		/* 0: not given; else place in candidate_args + 1 */
	__u32 loads;		/* reads of memory; all but the last are of pointers */
	__u32 offset[CANDIDATE_LOADS];
	__u32 width;		/* of the value in bytes: 1, 2, 4 or 8 */
	__u32 is_signed;
	__u32 compare;		/* enum candidate_compare, with operand */
	__u32 pad;
	__u64 mask;		/* bits that count */
	__u64 operand;
};

struct candidate_spec {
	struct candidate_value value[CANDIDATE_KEYS];
};

/* what the registers held: arguments at the entry, the result at the exit */
struct candidate_args {
	__u64 v[CANDIDATE_ARGS + 1];
};

/* an answer against the tables; exactly one for each call */
enum judged {
	JUDGED_SAME,		/* what the tables say at the exit */
	JUDGED_BEFORE,		/* what they said at the entry; they have changed since */
	JUDGED_NONE,		/* no answer, and the tables have none */
	JUDGED_SECRET,		/* here and in the next two no answer where they have one: memfd_secret */
	JUDGED_SPECIAL,		/* no struct page that may be used */
	JUDGED_GAVE_UP,
	JUDGED_RACED,		/* neither, but the tables changed, or were about to */
	GUILTY_SECRET,		/* these must not be: a page of memfd_secret */
	GUILTY_MISSING,		/* a page where nothing is mapped */
	GUILTY_PROT_NONE,	/* a page of a leaf that must not be used */
	GUILTY_PAGE,		/* another page */
	GUILTY_LEVEL,		/* another level */
	GUILTY_WRITE,		/* asked for writing, and answered by a read-only leaf */
	GUILTY_WRITABLE,	/* said to be writable */
	GUILTY_READ_ONLY,	/* said to be not */
	JUDGED_NR
};

#define JUDGED_GUILTY GUILTY_SECRET

/* one walk of the reference walker, as it is compared with a candidate's answer */
struct candidate_walk {
	__u64 entry;
	__u64 pfn;
	__u32 level;
	__u32 result;		/* enum walk_result */
	__u32 why;
	__u32 secret;		/* the leaf is of memfd_secret */
};

struct candidate_counts {
	__u64 calls;			/* in scope, from entry to exit */
	__u64 answers;
	__u64 pages;			/* of them: with a page, which was looked at for never-secret */
	__u64 judged[JUDGED_NR][BACKING_NR];	/* by what the tables have there */
	__u64 level[LEVELS][BACKING_NR];	/* of the leaves behind answers */
	__u64 no_mm;			/* calls without an address space: a kernel thread's */
	__u64 unreadable;		/* the hva, or what ok asks for, could not be read */
	__u64 unfinished;		/* entries whose exit was not seen, by the next entry of the task */
	__u64 unmatched;		/* exits whose entry was not seen */
};

/* what was said, and what the tables say, of an answer that must not be */
struct candidate_says {
	__u64 pfn;
	__u32 level;		/* PG_LEVEL_x; 0: none */
	__u8 found;		/* there is a page */
	__u8 writable;
	__u8 special;
	__u8 why;		/* enum walk_why, if there is none */
};

enum candidate_said {		/* bits */
	SAID_PFN = 1 << 0,
	SAID_LEVEL = 1 << 1,
	SAID_RIGHTS = 1 << 2,
	ASKED_WRITE = 1 << 3,
};

struct event_candidate {
	struct event_head head;		/* EVENT_CANDIDATE */
	__u64 hva;
	struct candidate_says said;
	struct candidate_says before;	/* the walk at the entry */
	struct candidate_says after;	/* at the exit */
	__u32 judged;			/* enum judged */
	__u32 what;			/* enum candidate_said */
	__u32 backing;
	__u32 pid;
	__u32 tid;
	char comm[COMM_LEN];
	__u32 pad;
};

_Static_assert(sizeof(struct candidate_value) == 56, "candidate_value has a hole");
_Static_assert(sizeof(struct candidate_counts) == 8 * (7 + BACKING_NR * (JUDGED_NR + LEVELS)),
	       "candidate_counts has a hole");
_Static_assert(sizeof(struct candidate_says) == 16, "candidate_says has a hole");
_Static_assert(sizeof(struct event_candidate) == 112, "event_candidate has a hole");

#endif /* MMUSCOPE_CANDIDATE_H */
