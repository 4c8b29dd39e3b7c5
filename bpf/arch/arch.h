/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which files know the architecture that is compiled for: the build names it as libbpf's headers want it
 * (__TARGET_ARCH_x); tests that compile natively are x86's unless they say otherwise.
 */
#ifndef MMUSCOPE_ARCH_ARCH_H
#define MMUSCOPE_ARCH_ARCH_H

#ifdef __TARGET_ARCH_arm64
#define ARCH_HOST_PTE "arch/arm64/host_pte.h"
#define ARCH_SPTE "arch/arm64/spte.bpf.h"
#define ARCH_ROOTS "arch/arm64/roots.bpf.h"
#define ARCH_INIT "arch/arm64/init.bpf.h"
#define ARCH_LIMITS "arch/arm64/limits.bpf.h"
#else
#define ARCH_HOST_PTE "arch/x86/host_pte.h"
#define ARCH_SPTE "arch/x86/spte.bpf.h"
#define ARCH_ROOTS "arch/x86/roots.bpf.h"
#define ARCH_INIT "arch/x86/init.bpf.h"
#define ARCH_LIMITS "arch/x86/limits.bpf.h"
#endif

#endif /* MMUSCOPE_ARCH_ARCH_H */
