/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session below the tier fentry (docs/tiers.md): another BPF object or none, and KVM's own statistics.
 * session.c hands over to it.
 */
#ifndef MMUSCOPE_REDUCED_H
#define MMUSCOPE_REDUCED_H

#include "session.h"

struct reduced;
struct bpf_object;

/* Load what this tier has.  0, or an exit code after having said the reason. */
int reduced_open(struct reduced **out, const struct session_options *o, const struct tiers *t,
		 enum tier tier);
/* The same, attach. */
int reduced_attach(struct reduced *r);
enum tier reduced_tier(const struct reduced *r);
/* Look which VMs there are and what they have mapped: once a second, and at the end. */
void reduced_tick(struct reduced *r);
void reduced_disable(struct reduced *r);
/* All numbers into an empty snapshot.  0 or -ENOMEM. */
int reduced_read(struct reduced *r, struct snapshot *out);
/* NULL: there are no programs at this tier. */
struct bpf_object *reduced_object(struct reduced *r);
/* As session_folder(). */
int reduced_folder(const struct reduced *r);
void reduced_close(struct reduced *r);

#endif /* MMUSCOPE_REDUCED_H */
