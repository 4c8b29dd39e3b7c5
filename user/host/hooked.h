/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hook can attach without an error and still never run: is it really in place?
 */
#ifndef MMUSCOPE_HOOKED_H
#define MMUSCOPE_HOOKED_H

#include <stdbool.h>

struct hooked;

/*
 * Read which functions ftrace has switched on (tracefs, enabled_functions).  NULL when that cannot be
 * read: then nothing can be said.
 */
struct hooked *hooked_read(void);
/* Is this function switched on?  True when nothing can be said. */
bool hooked_has(const struct hooked *h, const char *function);
void hooked_free(struct hooked *h);

#endif /* MMUSCOPE_HOOKED_H */
