/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMM's own touches of guest memory. The host may be unable to give a page (hugetlb pool empty,
 * file system full, limit of locked memory): then the kernel sends SIGBUS, which ends here.
 */
#ifndef LOAD_TOUCH_H
#define LOAD_TOUCH_H

#include <stddef.h>
#include <stdint.h>

enum touch_op {
	TOUCH_READ,
	TOUCH_WRITE,	/* value + page number */
	TOUCH_FILL,	/* value */
	TOUCH_VISIT,	/* read, and give the value to visit */
};

struct touch {
	enum touch_op op;
	char *hva;	/* of page 0 */
	size_t first;
	size_t end;
	uint32_t value;
	void (*visit)(void *arg, size_t page, uint32_t value);
	void *arg;
};

/* 0, or -EFAULT with the page that could not be had in *page. One thread at a time. */
int touch_pages(const struct touch *t, size_t *page);

#endif
