/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving up what is not needed any more, for good: user, capabilities, new privileges, system calls.
 */
#ifndef MMUSCOPE_PRIVILEGE_H
#define MMUSCOPE_PRIVILEGE_H

#include <stdbool.h>

/* The user that packages make for us; taken when it is there and nobody names another one. */
#define PRIVILEGE_USER "mmuscope"

/* Can privilege_drop(user) find its user?  0, or -1 after having reported the reason. */
int privilege_check_user(const char *user);
/*
 * From here on this process is `user` (NULL: PRIVILEGE_USER if there is one; only root can change), has no
 * capability and gets none, and with seccomp only the system calls that serving needs.  The process must have
 * one thread.  folder: an open one besides /proc to be read later on, -1: none.  0, or -1 after having
 * reported the reason.
 */
int privilege_drop(const char *user, bool seccomp, int folder);

#endif /* MMUSCOPE_PRIVILEGE_H */
