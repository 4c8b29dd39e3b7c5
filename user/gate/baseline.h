/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The new runs become the baseline: as a whole or not at all.
 */
#ifndef MMUSCOPE_BASELINE_H
#define MMUSCOPE_BASELINE_H

#include "gather.h"

/*
 * Put the runs of NEW in the place of base: a report file, a directory of them, or tag:NAME.  0, or
 * -1 after having reported the reason; then base is what it was.
 */
int baseline_update(const char *base, const struct runs *new, struct store *store,
		    const char *store_path);

#endif /* MMUSCOPE_BASELINE_H */
