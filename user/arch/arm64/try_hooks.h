/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trying the hooks of stage 2 by a little guest.
 */
#ifndef MMUSCOPE_ARCH_ARM64_TRY_HOOKS_H
#define MMUSCOPE_ARCH_ARM64_TRY_HOOKS_H

#include <stdbool.h>

/*
 * Does KVM itself keep stage 2, so that its functions run for a guest?  An exit code, with the reason said.
 * *flushes: can it be seen to flush TLBs?
 */
int stage2_try(bool *flushes);

#endif /* MMUSCOPE_ARCH_ARM64_TRY_HOOKS_H */
