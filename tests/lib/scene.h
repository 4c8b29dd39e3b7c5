/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording as of a busy host: three VMs for a minute, dirty logging that splits huge pages and a
 * collapse after it, windows of many causes, a violation with its steps, a loss, an end.  All of it
 * follows from the numbers; no clock, no random numbers.
 */
#ifndef TESTS_LIB_SCENE_H
#define TESTS_LIB_SCENE_H

#include <stdbool.h>
#include <stddef.h>

struct scene {
	size_t windows;		/* in all */
	size_t steps;		/* of other instances than that of the violation */
	bool hostile;		/* names that would be code, were they not escaped */
	bool clean;		/* no violation, no loss */
	char *const *workload;	/* its words, up to a NULL; NULL: the usual one */
};

/* Record it.  0 or negative errno. */
int scene_make(const char *path, const struct scene *s);

#endif /* TESTS_LIB_SCENE_H */
