/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system calls that serving needs, and no others.
 */
#ifndef MMUSCOPE_PRIVILEGE_CALLS_H
#define MMUSCOPE_PRIVILEGE_CALLS_H

/* Until the process ends.  0 or negative errno. */
int privilege_allow_calls(void);

#endif /* MMUSCOPE_PRIVILEGE_CALLS_H */
