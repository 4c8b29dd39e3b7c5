// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loops over guest memory from the host's side, guarded against SIGBUS.
 */
#include "touch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>

#define PAGE 4096

static sigjmp_buf on_bus_error;
static volatile size_t current;

static void bus_error(int signo)
{
	siglongjmp(on_bus_error, signo);
}

static void touch_one(const struct touch *t, size_t i)
{
	volatile uint32_t *page = (volatile uint32_t *)(t->hva + i * PAGE);

	switch (t->op) {
	case TOUCH_READ:
		(void)*page;
		break;
	case TOUCH_WRITE:
		*page = t->value + (uint32_t)i;
		break;
	case TOUCH_FILL:
		*page = t->value;
		break;
	case TOUCH_VISIT:
		t->visit(t->arg, i, *page);
		break;
	}
}

int touch_pages(const struct touch *t, size_t *page)
{
	struct sigaction guard = { .sa_handler = bus_error, .sa_flags = SA_NODEFER };
	struct sigaction old;
	int err = 0;

	sigaction(SIGBUS, &guard, &old);
	if (sigsetjmp(on_bus_error, 0)) {
		*page = current;
		err = -EFAULT;
	} else {
		for (current = t->first; current < t->end; current++)
			touch_one(t, current);
	}
	sigaction(SIGBUS, &old, NULL);
	return err;
}
