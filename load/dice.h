/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random choices that a seed repeats, each thread with a sequence of its own. Pure.
 */
#ifndef LOAD_DICE_H
#define LOAD_DICE_H

#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

void dice_init(struct dice *d, uint64_t seed, unsigned int thread);
uint64_t dice_throw(struct dice *d);
/* 0 to n - 1; n is not 0 */
size_t dice_below(struct dice *d, size_t n);

/* A place in a list by weights; their sum is not 0. */
size_t dice_weighted(struct dice *d, const unsigned int *weights, size_t n);

/* A range in [0, pages): short ones as often as long ones. */
void dice_range(struct dice *d, size_t pages, size_t *first, size_t *end);

#endif
