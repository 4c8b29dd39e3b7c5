/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the architecture that we are built for says of itself.  The Makefile takes the files of one
 * directory here.
 */
#ifndef MMUSCOPE_ARCH_H
#define MMUSCOPE_ARCH_H

#include <stdbool.h>
#include <stdio.h>

struct kernel;
struct utsname;

/* NULL, or why guests cannot be observed on this architecture, and what can be done. */
const char *arch_refuses(void);

/*
 * Has the architecture's MMU hooks of its own, instead of those of hooks.def?  Then arch_doctor is mmuscope
 * doctor: it tries them and prints what came of it.  An exit code.
 */
bool arch_has_doctor(void);
int arch_doctor(FILE *f, bool json, const struct utsname *uts);

#endif /* MMUSCOPE_ARCH_H */
