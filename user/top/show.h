/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuscope top between its two ends: reports come in, of this host or of a recording, and pictures go out, to
 * a terminal or as text.
 */
#ifndef MMUSCOPE_TOP_SHOW_H
#define MMUSCOPE_TOP_SHOW_H

#include "user/cmd/options.h"
#include "top.h"

/* the numbers of a moment, and what had happened since the last one */
struct picture {
	struct numbers numbers;
	struct rates rates;
};

struct term;
struct output;

struct top {
	const struct options *options;
	struct top_view view;
	struct picture *picture;	/* the last one; NULL: there is none yet */
	struct term *term;		/* NULL: as text */
	struct output *out;		/* the same, where to */
	bool utf8;
	int timer;			/* of pictures */
	int epoll;			/* of timer and terminal */
	uint64_t shown;			/* pictures */
	bool violated;			/* a violation was seen */
	bool failed;			/* and the reason was reported */
};

/* Open the terminal, or the file.  0, or -1 after having reported the reason. */
int top_show_init(struct top *t, const struct options *o);
/* False: what was written did not reach its file; reported. */
bool top_show_deinit(struct top *t);
/* Start to take pictures, one every so often. */
void top_show_start(struct top *t);

/*
 * A report of a moment, real_ns since 1970: show it.  True: it was the last one that was asked for, or it
 * failed.
 */
bool top_show_report(struct top *t, const json_t *report, uint64_t real_ns);
/* What waits at the epoll.  True: to quit; *due: it is time for a picture. */
bool top_show_events(struct top *t, bool *due);
/* The same picture again, after something about it has changed; without one, text. */
void top_show_again(struct top *t, const char *text);

/* ---- where reports come from; an exit code ---- */

int top_live(struct top *t);
int top_replay(struct top *t);

#endif /* MMUSCOPE_TOP_SHOW_H */
