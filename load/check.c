// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data check, without any I/O.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

int data_init(struct data *d, size_t pages)
{
	d->pages = pages;
	d->want = calloc(pages, sizeof(*d->want));
	d->known = calloc(pages, sizeof(*d->known));
	if (!d->want || !d->known) {
		data_deinit(d);
		return -ENOMEM;
	}
	for (size_t i = 0; i < pages; i++)
		d->known[i] = true;
	return 0;
}

void data_deinit(struct data *d)
{
	free(d->want);
	free(d->known);
	d->want = NULL;
	d->known = NULL;
}

uint32_t data_salt(unsigned int writes)
{
	/* 24 bits are left for the page number; an odd step visits all 256 values. */
	return (uint32_t)((0x5a + writes * 0x35) & 0xff) << 24;
}

void data_write(struct data *d, size_t first, size_t end, uint32_t salt)
{
	for (size_t i = first; i < end; i++) {
		d->want[i] = salt + (uint32_t)i;
		d->known[i] = true;
	}
}

void data_fill(struct data *d, size_t first, size_t end, uint32_t value)
{
	for (size_t i = first; i < end; i++) {
		d->want[i] = value;
		d->known[i] = true;
	}
}

void data_forget(struct data *d, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		d->known[i] = false;
}

bool data_next_run(const struct data *d, size_t first, size_t end, struct data_run *run)
{
	while (first < end && !d->known[first])
		first++;
	if (first == end)
		return false;
	run->first = first;
	run->pages = 1;
	run->value = d->want[first];
	run->step = 0;
	if (first + 1 == end || !d->known[first + 1])
		return true;

	uint32_t step = d->want[first + 1] - d->want[first];

	if (step > 1)
		return true;
	run->step = step;
	for (size_t i = first + 1; i < end && d->known[i]; i++) {
		if (d->want[i] - d->want[i - 1] != step)
			break;
		run->pages++;
	}
	return true;
}

void lost_add(struct lost *l, const struct data *d, size_t page, uint32_t value)
{
	if (!d->known[page])
		return;
	l->checked++;
	if (value == d->want[page])
		return;
	l->lost++;

	if (l->nranges && l->last == page) {
		l->last++;
		if (l->nranges <= LOST_RANGES_MAX)
			l->ranges[l->nranges - 1][1]++;
		return;
	}
	if (l->nranges < LOST_RANGES_MAX) {
		l->ranges[l->nranges][0] = page;
		l->ranges[l->nranges][1] = page + 1;
	}
	l->nranges++;
	l->last = page + 1;
}
