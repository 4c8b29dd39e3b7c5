/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host of any size for the programs of tests/scale: its VMs' counters, where libbpf would have them from
 * the kernel.
 */
#ifndef MMUSCOPE_TESTS_SCALE_HOST_H
#define MMUSCOPE_TESTS_SCALE_HOST_H

#include "bpf/event.h"

#include <stdint.h>

struct session;

struct session *host_make(uint32_t vms, uint32_t cpus);
void host_free(struct session *s);
/* Time goes by, and every counter grows by one, but there are no violations. */
void host_advance(struct session *s, uint64_t ns);
/* What each copy of each VM's counters is now. */
void host_fill_counts(struct vm_counts *counts);
/* CPU time of this process. */
double host_cpu_ms(void);
/* 1 to most, or the end of the program. */
uint32_t host_number(const char *text, uint32_t most);

#endif /* MMUSCOPE_TESTS_SCALE_HOST_H */
