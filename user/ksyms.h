/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel addresses to names, and from the names on a stack to the cause of what happened.
 */
#ifndef MMUSCOPE_KSYMS_H
#define MMUSCOPE_KSYMS_H

#include <stddef.h>
#include <stdint.h>

struct ksyms;

/* Read /proc/kallsyms.  NULL when out of memory or unreadable: names are then not known. */
struct ksyms *ksyms_load(void);
void ksyms_free(struct ksyms *k);
/*
 * Name of the function that address lies in, "?" if unknown; *module its module or "", *offset the
 * distance from its start.
 */
const char *ksyms_name(const struct ksyms *k, uint64_t address, const char **module, uint64_t *offset);
/*
 * What these frames (innermost first) say was going on, e.g. "reclaim"; else the module whose code is on
 * the stack; else "unknown".
 */
void stack_cause(const struct ksyms *k, const uint64_t *frames, size_t n, char *buf, size_t size);

#endif /* MMUSCOPE_KSYMS_H */
