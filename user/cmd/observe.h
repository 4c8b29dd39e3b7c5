/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One observation from start to end: command started, hooks attached, command released, records
 * taken until the command ends, the time is over or a signal comes.
 */
#ifndef MMUSCOPE_OBSERVE_H
#define MMUSCOPE_OBSERVE_H

#include "options.h"
#include "user/session/session.h"

/* What somebody wants to do meanwhile, NULL: nothing; arg: the options' hooks_arg. */
struct observe_hooks {
	/* Every hook is attached.  0, or an exit code after the reason was printed: it is over. */
	int (*began)(struct session *s, void *arg);
	/* Once a second. */
	void (*tick)(struct session *s, void *arg);
	/* A step of a model, a window, or a VM: see struct session_options. */
	void (*record)(void *arg, const struct event_head *e);
	/* What waited has been taken, every few ms. */
	void (*drained)(void *arg);
	/*
	 * `fd` is readable.  True: it is over.  With it, no last stock is taken and nothing is compared at
	 * the end.
	 */
	bool (*input)(struct session *s, void *arg);
	int fd;			/* if there is input() */
};

struct observation {
	struct session *session;
	bool interrupted;
	bool command_failed;	/* ran and did not exit 0 */
	int command_status;	/* of waitpid */
};

/*
 * Observe as the options say.  check: judge invariants; fn: called for each violation with the
 * session.  0, or an exit code after the reason was printed.  In either case call observe_end.
 */
int observe(struct observation *ob, const struct options *o, bool check, violation_fn fn, void *arg);
/* Detach and free. */
void observe_end(struct observation *ob);

#endif /* MMUSCOPE_OBSERVE_H */
