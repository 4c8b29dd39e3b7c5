/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What check and record have in common: violations as they come in, and the report of a session that
 * judges.
 */
#ifndef MMUSCOPE_CHECKED_H
#define MMUSCOPE_CHECKED_H

#include "user/judge/blame.h"
#include "user/judge/claims.h"
#include "observe.h"
#include "user/sink/report.h"

#include <sys/utsname.h>

/* violations; located at once, while the SPTE is likely still there */
struct collector {
	struct told *told;
	size_t n;
	size_t max;
};

/* False: out of memory. */
bool collector_init(struct collector *c, size_t max);
void collector_deinit(struct collector *c);
/* A violation_fn; arg: the collector. */
void collect(struct session *s, const struct event_violation *v, void *arg);

/* a report, and what it points to */
struct checked {
	struct report report;
	struct blame blame;
	struct ksyms *shared;
	struct utsname uts;
	struct verdict verdicts[INV_NR];
	struct claim_result claims[CLAIM_NR];
};

/*
 * The report of all that the session knows now; its command is "check".  ksyms: every name of the kernel, NULL:
 * those needed are looked up.  0 or -ENOMEM.
 */
int checked_make(struct checked *k, struct session *s, const struct options *o, struct collector *c,
		 struct ksyms *ksyms);
void checked_free(struct checked *k);
int checked_exit_code(enum value overall, bool command_failed);

#endif /* MMUSCOPE_CHECKED_H */
