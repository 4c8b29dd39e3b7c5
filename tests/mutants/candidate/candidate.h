/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An example of the lookup that the mail asks for, and of what can be wrong with one.
 */
#ifndef CANDIDATE_H
#define CANDIDATE_H

#include <linux/types.h>

enum wrong {
	WRONG_NOTHING,
	WRONG_LEVEL,	/* the level of the next page: off by one at the end of a huge page */
	WRONG_PROT_NONE,	/* pages that nobody may access */
	WRONG_SECRET,	/* pages of memfd_secret */
	WRONG_STALE,	/* what was there when it was asked first */
	WRONG_WRITE,	/* takes read-only entries for writable ones */
};

extern enum wrong wrong;

/*
 * Which page is at hva in the current address space?  Locklessly, without a reference: the caller has
 * to be a user of mmu_notifiers.  write: it must be writable.  Returns PG_LEVEL_x of the mapping, and
 * fills *pfn and *writable; or -EFAULT: ask GUP.
 */
int candidate_lookup(unsigned long hva, bool write, unsigned long *pfn, bool *writable);

/* The kernel's symbols that modules do not get otherwise: 0 or negative errno. */
int symbols_init(void);
void *symbol(const char *name);
int lookup_init(void);

#endif
