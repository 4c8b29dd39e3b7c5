/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why guest memory was taken away, and by whom: from the names on kernel stacks to causes, and from the
 * rows of the BPF programs to groups that a person can read.  Pure: no I/O.
 */
#ifndef MMUSCOPE_CAUSE_H
#define MMUSCOPE_CAUSE_H

#include "user/host/ksyms.h"
#include "user/session/snapshot.h"

enum cause_id {
	CAUSE_UNKNOWN,
#define CAUSE(id, name, fate) CAUSE_##id,
#define FRAME(function, cause, rank)
#define REFINE(from, function, to)
#include "causes.def"
#undef CAUSE
#undef FRAME
#undef REFINE
	CAUSE_NR,
};

/* what becomes of a page that lost its mapping */
enum page_fate {
	FATE_UNKNOWN,
	FATE_KEEPS,	/* the guest goes on using it, or its contents */
	FATE_TAKES,	/* the guest loses it, or wants to */
};

enum { CAUSE_LEN = 48, USER_FRAME_LEN = 64 };

/* the part of it that was done to one VM */
struct cause_share {
	uint32_t vm;
	uint64_t windows;
	uint64_t ns;
};

/* everything one task did to guest memory for one cause, in windows or outside of them */
struct cause_group {
	enum cause_id id;
	char name[CAUSE_LEN];
	bool outside;		/* not in a window: a change of KVM's own */
	uint32_t pid;
	uint32_t tid;
	char comm[COMM_LEN];
	uint64_t windows;
	uint64_t changes;	/* of SPTEs, outside windows */
	uint64_t ns;
	uint64_t ns_max;
	uint64_t zapped;	/* 4K pages */
	uint64_t retries;
	uint64_t seen[SEEN_NR][BACKING_NR];
	uint64_t ns_bucket[CAUSE_BUCKETS];
	uint64_t samples;
	uint64_t differs;
	size_t rows;
	struct cause_share *shares;	/* of windows, in order of first sight */
	size_t nshares;
	const struct cause_row *example;	/* the busiest row: its stacks stand for all */
	size_t user_frames;
	char user[USER_FRAMES][USER_FRAME_LEN];	/* its user stack, with names as far as known */
};

struct cause_list {
	struct cause_group *groups;	/* most pages first */
	size_t n;
};

const char *cause_name(enum cause_id id);
enum page_fate cause_fate(enum cause_id id);
const char *fate_name(enum page_fate fate);

/*
 * The cause that the functions of a stack (innermost first) tell.  modules: the module of each, "" for
 * the kernel; text: its name, or the module that is on the stack of an unknown one.
 */
enum cause_id cause_of_names(const char *const *functions, const char *const *modules, size_t n,
			     char text[CAUSE_LEN]);
/* The same for addresses. */
enum cause_id cause_of_stack(const struct ksyms *k, const uint64_t *stack, size_t n,
			     char text[CAUSE_LEN]);

/* Ask for the names of all that is on the stacks of a snapshot's causes.  False: out of memory. */
bool causes_want(const struct snapshot *s, struct ksyms *k);
/* Group a snapshot's causes.  The snapshot must outlive the list.  0 or -ENOMEM. */
int causes_group(const struct snapshot *s, const struct ksyms *k, struct cause_list *out);
void causes_free(struct cause_list *list);

#endif /* MMUSCOPE_CAUSE_H */
