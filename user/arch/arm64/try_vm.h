/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of a few instructions, so that KVM does once what hooks are there for.
 */
#ifndef MMUSCOPE_TRY_VM_H
#define MMUSCOPE_TRY_VM_H

/*
 * Make a VM, have it write to a page, take the page away and have it written again, switch dirty logging
 * on, end the VM.  0; or negative errno, and *what was tried then.
 */
int try_vm(const char **what);

#endif /* MMUSCOPE_TRY_VM_H */
