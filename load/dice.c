// SPDX-License-Identifier: GPL-2.0-only
/*
 * splitmix64, and choices made with it.
 */
#include "dice.h"

void dice_init(struct dice *d, uint64_t seed, unsigned int thread)
{
	d->state = seed * 0x9e3779b97f4a7c15ULL + thread;
	d->state = dice_throw(d);
}

uint64_t dice_throw(struct dice *d)
{
	uint64_t x = d->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

size_t dice_below(struct dice *d, size_t n)
{
	return (size_t)(dice_throw(d) >> 16) % n;
}

size_t dice_weighted(struct dice *d, const unsigned int *weights, size_t n)
{
	size_t sum = 0;
	size_t i = 0;

	for (size_t k = 0; k < n; k++)
		sum += weights[k];
	for (size_t left = dice_below(d, sum); left >= weights[i]; i++)
		left -= weights[i];
	return i;
}

void dice_range(struct dice *d, size_t pages, size_t *first, size_t *end)
{
	size_t sizes = 1;

	while (pages >> sizes)
		sizes++;

	size_t size = (size_t)1 << dice_below(d, sizes);

	*first = dice_below(d, pages - size + 1);
	*end = *first + size;
}
