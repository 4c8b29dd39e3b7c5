/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every guest page must hold, and which pages do not: the data check. Pure: it knows nothing
 * of KVM or of memory, only page numbers and values.
 */
#ifndef LOAD_CHECK_H
#define LOAD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOST_RANGES_MAX 16

struct data {
	size_t pages;
	uint32_t *want;
	bool *known;
};

struct lost {
	size_t checked;
	size_t lost;
	size_t nranges;			/* all of them, stored or not */
	size_t ranges[LOST_RANGES_MAX][2];	/* half-open */
	size_t last;			/* end of the newest range */
};

/* A run of pages whose values are value, value + step, ...: what one guest job can compare. */
struct data_run {
	size_t first;
	size_t pages;
	uint32_t value;
	uint32_t step;
};

int data_init(struct data *d, size_t pages);	/* all pages hold 0; 0 or -ENOMEM */
void data_deinit(struct data *d);

/* A value that no other round, VM or page has, as long as there are fewer than 256 writes. */
uint32_t data_salt(unsigned int writes);

void data_write(struct data *d, size_t first, size_t end, uint32_t salt);
void data_fill(struct data *d, size_t first, size_t end, uint32_t value);
void data_forget(struct data *d, size_t first, size_t end);

/* The longest run at the first known page in [first, end); false when there is none. */
bool data_next_run(const struct data *d, size_t first, size_t end, struct data_run *run);

/* Pages must come in rising order. */
void lost_add(struct lost *l, const struct data *d, size_t page, uint32_t value);

#endif
