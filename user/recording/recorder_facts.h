/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON of a recording: what it was, who its VMs were, what was lost.  Each is text to be freed, NULL
 * when out of memory.
 */
#ifndef MMUSCOPE_RECORDER_FACTS_H
#define MMUSCOPE_RECORDER_FACTS_H

#include "user/cmd/options.h"
#include "user/session/session.h"

/* Host, kernel and options: known before anything is loaded. */
char *facts_before(const struct options *o);
/* Hooks, tier, where KVM marks, when it began: once everything is attached. */
char *facts_attached(const struct session *s);
char *facts_of_vm(const struct vm_info *vm);
/* Every loss by its name, since the start of the run. */
char *facts_of_losses(const struct snapshot *s);

#endif /* MMUSCOPE_RECORDER_FACTS_H */
