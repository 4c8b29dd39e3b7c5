/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs of hooks that other architectures than x86 have.
 */
#ifndef MMUSCOPE_ARCH_HOOKS_BPF_H
#define MMUSCOPE_ARCH_HOOKS_BPF_H

#ifdef __TARGET_ARCH_arm64
#include "arm64/hooks.bpf.h"
#endif

#endif /* MMUSCOPE_ARCH_HOOKS_BPF_H */
