/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block map's cells: what is known of 2 MiB of host memory.  Plain data; the rules are in
 * track.bpf.h, which is also compiled natively by its test.
 */
#ifndef MMUSCOPE_BLOCK_H
#define MMUSCOPE_BLOCK_H

#include <linux/types.h>

struct block {
	__u64 mapped[8];	/* bit per 4K page: a may-write 4K SPTE maps it */
	__u64 written[8];	/* bit per 4K page: a guest could write it since it was last cleaned */
};

struct block_extra {
	__s32 huge;		/* may-write 2M SPTEs that map the block */
	__u32 more;		/* some page of it has an entry in more_maps */
};

/* gfns of a chunk in which a VM is adopted, as a power of 2: 256 MiB */
#ifndef ADOPT_CHUNK_SHIFT
#define ADOPT_CHUNK_SHIFT 16
#endif

/* Words of a chunk: for each 4K leaf, each 2M one, and the 1G one that may begin there (adopt.bpf.h). */
enum {
	ADOPT_WORD_2M = 1 << ADOPT_CHUNK_SHIFT,
	ADOPT_CHUNK_TABLES = 1 << (ADOPT_CHUNK_SHIFT - 9),
	ADOPT_WORD_1G = ADOPT_WORD_2M + ADOPT_CHUNK_TABLES,
	ADOPT_CHUNK_WORDS,
};

#endif /* MMUSCOPE_BLOCK_H */
