/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the architecture that we are built for says of itself.  The Makefile takes the files of one
 * directory here.
 */
#ifndef MMUSCOPE_ARCH_H
#define MMUSCOPE_ARCH_H

#include <stdbool.h>
#include <stdio.h>

struct session;
struct session_options;
struct utsname;

/* ON_X86 or ON_ARM64 (user/host/probe.h): which of the hooks of one architecture are ours. */
unsigned int arch_hooks(void);

/* NULL, or what of these options is not done on this architecture, and what can be done. */
const char *arch_refuses(const struct session_options *o);

/* What can only be found out by trying, before anything is loaded.  An exit code, with what is wrong said. */
int arch_try(struct session *s);

/* Can what an older VM has mapped be taken over while it runs? */
bool arch_adopts(void);

/* Before the BPF program `init` runs, and after it: the same. */
void arch_prepare(struct session *s);
int arch_prove(struct session *s);

/*
 * Has the architecture a way of its own to try its hooks?  Then arch_doctor is mmuscope doctor: it tries them
 * and prints what came of it.  An exit code.
 */
bool arch_has_doctor(void);
int arch_doctor(FILE *f, bool json, const struct utsname *uts);

#endif /* MMUSCOPE_ARCH_H */
