/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system calls that serving needs, and no others.
 */
#ifndef MMUSCOPE_PRIVILEGE_CALLS_H
#define MMUSCOPE_PRIVILEGE_CALLS_H

#include <stdbool.h>

/*
 * Until the process ends.  files: opening them for reading, too; folders: reading one that is open.  0 or
 * negative errno.
 */
int privilege_allow_calls(bool files, bool folders);

#endif /* MMUSCOPE_PRIVILEGE_CALLS_H */
