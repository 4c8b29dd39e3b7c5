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

#endif /* MMUSCOPE_BLOCK_H */
