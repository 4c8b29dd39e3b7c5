/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel addresses to names.  Only the names asked for are kept: the kernel has 200,000, of which a
 * report needs some hundreds.
 */
#ifndef MMUSCOPE_KSYMS_H
#define MMUSCOPE_KSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ksyms;

/* The addresses that names are wanted for: first ask for all, then load, then name. */
struct ksyms *ksyms_new(void);
/* False: out of memory.  NULL and address 0 are fine and do nothing. */
bool ksyms_want(struct ksyms *k, const uint64_t *addresses, size_t n);
/* For addresses that are not known yet: keep every name that is read, and no wishes. */
void ksyms_want_all(struct ksyms *k);
/* Read /proc/kallsyms.  Without it, or without the right to see addresses, nothing has a name. */
void ksyms_load(struct ksyms *k);
/* The same from any file of that form. */
void ksyms_read(struct ksyms *k, FILE *f);
void ksyms_free(struct ksyms *k);
/*
 * Name of the function that address lies in, "?" if unknown; *module its module or "", *offset the
 * distance from its start.
 */
const char *ksyms_name(const struct ksyms *k, uint64_t address, const char **module, uint64_t *offset);
/*
 * How many frames at the start of a stack (innermost first) are those of the BPF program that took it
 * and of its trampoline: nobody asked for these.
 */
size_t ksyms_own_frames(const struct ksyms *k, const uint64_t *stack, size_t n);

#endif /* MMUSCOPE_KSYMS_H */
