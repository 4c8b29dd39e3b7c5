/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * No metric may have any number of series: what comes beyond its limit is added up under "other", and
 * counted.  VMs that ended become one, so that their numbers stay in the sums.  Pure.
 */
#ifndef MMUSCOPE_SERIES_LIMIT_H
#define MMUSCOPE_SERIES_LIMIT_H

#include "user/metrics/metrics.h"

/* how many series of each metric went into "other" */
struct folded {
	uint64_t n[METRIC_NR];
	uint64_t all;
};

/*
 * Leave at most `max` series of each metric, beside those of "other" and "ended".  s must be sorted, and is
 * sorted after.
 */
void series_limit(struct samples *s, size_t max, struct folded *out);
/* a set of VMs by their numbers */
struct vm_set {
	uint64_t bits[(MAX_VMS + 64) / 64];
};

void vm_set_add(struct vm_set *set, uint64_t vm);
bool vm_set_has(const struct vm_set *set, uint64_t vm);
/*
 * Counters of the VMs that ended go to the VM "ended", and all else of theirs goes: nothing is mapped by them
 * any more.  s must be sorted, and is sorted after.
 */
void series_retire(struct samples *s, const struct vm_set *ended);

#endif /* MMUSCOPE_SERIES_LIMIT_H */
