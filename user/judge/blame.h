/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for what the stacks of a run say: loads the symbols once, at its end.  This is slow, and
 * nothing that is looked at waits for it.
 */
#ifndef MMUSCOPE_BLAME_H
#define MMUSCOPE_BLAME_H

#include "cause.h"
#include "user/sink/report.h"

struct blame {
	struct ksyms *ksyms;
	struct cause_list causes;
};

/*
 * Group the causes of a snapshot and name those of the violations told, whose stacks lose the frames of
 * the BPF program.  stacks: name the frames of user stacks too.  0 or -ENOMEM.
 */
int blame_find(struct blame *b, const struct snapshot *s, struct told *told, size_t ntold, bool stacks);
/*
 * The same with names that are known already, which stay the caller's: blame_free() must not see them.
 * 0 or -ENOMEM.
 */
int blame_with(struct blame *b, struct ksyms *ksyms, const struct snapshot *s, struct told *told,
	       size_t ntold);
void blame_free(struct blame *b);

#endif /* MMUSCOPE_BLAME_H */
