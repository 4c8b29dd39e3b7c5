/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From counts to verdicts.  Pure: no I/O, no clock.
 */
#ifndef MMUSCOPE_VERDICT_H
#define MMUSCOPE_VERDICT_H

#include "user/session/snapshot.h"

enum value {
	HELD,
	VIOLATED,
	INCONCLUSIVE,
	NO_OCCASION,	/* nothing happened that the invariant speaks of; nothing was missed */
	NOT_APPLICABLE,	/* this kernel keeps guest writes safe in another way */
};

/* why a verdict is what it is, and what it does not cover */
enum remark_kind {
	REMARK_MISSED,		/* something that could matter: HELD can no longer be said */
	REMARK_SKIPPED,		/* the same: runs of a hook's program that the kernel skipped */
	REMARK_EXEMPT,		/* looked at, and rightly left out */
	REMARK_SAMPLED,		/* a share was looked at: n of the number `of` */
	REMARK_IDLE,		/* why nothing was judged */
	REMARK_NOTE,		/* worth knowing */
};

enum { REMARKS_MAX = 64, REMARK_LEN = 160 };

struct remark {
	enum remark_kind kind;
	const char *name;	/* stable, for machines; NULL: none */
	uint64_t n;
	uint64_t of;
	char text[REMARK_LEN];	/* for people, with the number */
};

struct remarks {
	size_t n;
	struct remark list[REMARKS_MAX];
};

struct verdict {
	enum value value;
	uint64_t checked;
	uint64_t violations;
	struct remarks remarks;
};

const char *value_name(enum value v);
const char *invariant_name(enum invariant i);
const char *invariant_sentence(enum invariant i);
/* Invariant of that name, or -1. */
int invariant_find(const char *name);
/* Stable name of a loss, for machines. */
const char *loss_name(enum loss l);

/*
 * Judge one invariant.  required: the user asked for it by name, so having had no occasion is not good
 * enough and counts as INCONCLUSIVE.
 */
void verdict_of(const struct snapshot *s, enum invariant i, bool required, struct verdict *out);
/* Of all. */
void verdicts_of(const struct snapshot *s, bool required, struct verdict out[INV_NR]);

/*
 * All invariants, for one VM: VIOLATED if it has a violation; INCONCLUSIVE if anything was missed that could
 * matter to any of them, of any VM, or what it had mapped is not known; HELD if anything was judged; else
 * NO_OCCASION.
 */
enum value verdict_of_vm(const struct snapshot *s, const struct vm_row *vm);
/* The same for many VMs: what was missed, which takes a look at all of them, is asked for once. */
bool verdict_any_missed(const struct snapshot *s);
enum value verdict_of_vm_given(const struct snapshot *s, const struct vm_row *vm, bool any_missed);

/*
 * The whole: VIOLATED if any is, else INCONCLUSIVE if any is or none had an occasion, else HELD.
 * selected: bit set of invariants.
 */
enum value verdict_overall(const struct verdict v[INV_NR], unsigned int selected);
/* The whole in a sentence or two, without a line's end. */
void verdict_sentence(const struct verdict v[INV_NR], unsigned int selected, char *buf, size_t size);

/*
 * Everything missed that could matter to one of these invariants (bit set), appended.  False: nothing.
 */
bool remarks_missed(const struct snapshot *s, unsigned int invariants, struct remarks *out);
/* The same for runs of one hook's program, whatever it spoils by the table; said once. */
bool remarks_skipped(const struct snapshot *s, enum hook hook, struct remarks *out);

#endif /* MMUSCOPE_VERDICT_H */
