/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that serving reads: those below /proc, which have the names of VMs, and below the tier fentry
 * those of KVM's statistics.
 */
#ifndef MMUSCOPE_PRIVILEGE_FILES_H
#define MMUSCOPE_PRIVILEGE_FILES_H

/*
 * folder: an open one besides /proc, -1: none.  Until the process ends; needs no_new_privs.  0, or negative
 * errno: this kernel has no Landlock, or it is switched off, and nothing holds us back.
 */
int privilege_confine_files(int folder);

#endif /* MMUSCOPE_PRIVILEGE_FILES_H */
