/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording, in however many files, given to a judge; and what else it says.
 */
#ifndef MMUSCOPE_JUDGE_FILE_H
#define MMUSCOPE_JUDGE_FILE_H

#include "judge.h"

#include <jansson.h>

/* what a recording says beside its steps */
struct judged_file {
	json_t *facts;		/* NULL: damaged */
	json_t *meta;		/* the last one; NULL: none */
	json_t *live;		/* the last snapshot; NULL: none */
	bool ended;		/* it has its end: the last snapshot is the final one */
	uint64_t parts;
	uint64_t records;
	uint64_t steps;
	uint64_t unknown_steps;	/* of invariants that this build does not know */
	uint64_t start_ns;
	uint64_t end_ns;	/* of the last record */
	char not_whole[160];	/* why steps may be missing; "": none are */
};

/*
 * Read all files of a recording, from `path` on, and feed the judge; its snapshot gets the losses, too.  from
 * and to: ns from the recording's start; to 0: its end.  0, or -1 after having reported the reason.
 */
int judge_file(struct judge *j, const char *path, uint64_t from_ns, uint64_t to_ns, struct judged_file *out);
void judged_file_free(struct judged_file *f);

#endif /* MMUSCOPE_JUDGE_FILE_H */
