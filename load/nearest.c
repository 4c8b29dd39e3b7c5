// SPDX-License-Identifier: GPL-2.0-only
/*
 * Edit distance between short names.
 */
#include "nearest.h"

#include <string.h>

#define LENGTH_MAX 31

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
	size_t row[LENGTH_MAX + 1];
	size_t na = strlen(a);
	size_t nb = strlen(b);

	if (na > LENGTH_MAX || nb > LENGTH_MAX)
		return LENGTH_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t up = row[j];
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = smaller(change, smaller(up, row[j - 1]) + 1);
			diagonal = up;
		}
	}
	return row[nb];
}

const char *nearest_name(const char *typed, const char *(*name_at)(size_t i))
{
	const char *best = NULL;
	size_t least = strlen(typed) / 3 + 2;	/* farther is no typing error */

	for (size_t i = 0; name_at(i); i++) {
		size_t d = distance(typed, name_at(i));

		if (d >= least)
			continue;
		least = d;
		best = name_at(i);
	}
	return best;
}
