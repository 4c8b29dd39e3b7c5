/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses of a process to the files that are mapped there, as long as it lives.
 */
#ifndef MMUSCOPE_UMAPS_H
#define MMUSCOPE_UMAPS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { UMAPS_NAME = 64 };

/*
 * Name n addresses by what f, of the form of /proc/PID/maps, says: "libc.so.6+0x2a1c9" with the offset
 * in the file.  What is in no mapping, and everything if f is NULL, stays the bare address.
 */
void umaps_name(FILE *f, const uint64_t *addresses, size_t n, char (*names)[UMAPS_NAME]);
/* The same for a living task; comm: as it was called when the addresses were taken. */
void umaps_name_task(uint32_t pid, uint32_t tid, const char *comm, size_t comm_len,
		     const uint64_t *addresses, size_t n, char (*names)[UMAPS_NAME]);

#endif /* MMUSCOPE_UMAPS_H */
