// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope top of this host: the same session, and the same report, as those of check.
 */
#include "user/cmd/checked.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "show.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct live {
	struct top *top;
	struct options options;		/* with hooks */
	struct collector collector;
	struct ksyms *ksyms;		/* all: causes come up as they like */
	struct utsname uts;
};

static uint64_t time_of_day(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The report of a session that does not judge. */
static int counted_make(struct report *r, struct blame *blame, struct session *s, struct live *live)
{
	const struct snapshot *snapshot = session_snapshot(s);
	int err = snapshot ? blame_with(blame, live->ksyms, snapshot, NULL, 0) : -ENOMEM;

	*r = (struct report){
		.kernel = live->uts.release, .machine = live->uts.machine, .host = live->uts.nodename,
		.tier = session_tier(s), .snapshot = snapshot, .causes = &blame->causes,
		.ksyms = live->ksyms, .command_status = -1,
	};
	return err;
}

static json_t *report_of(struct live *live, struct session *s)
{
	static struct checked checked;
	bool judges = session_judges(s);
	struct blame blame = { 0 };
	struct report report;
	json_t *o = NULL;
	int err = judges ? checked_make(&checked, s, &live->options, &live->collector, live->ksyms) :
			   counted_make(&report, &blame, s, live);

	if (err)
		return NULL;
	if (judges)
		report = checked.report;
	report.command = "top";
	o = json_of_report(&report);
	if (judges)
		checked_free(&checked);
	causes_free(&blame.causes);
	return o;
}

/* True: it is over. */
static bool take_picture(struct live *live, struct session *s)
{
	json_t *report;
	bool over;

	session_consume(s, collect, &live->collector);
	report = report_of(live, s);
	if (!report) {
		log_error("top: out of memory");
		live->top->failed = true;
		return true;
	}
	over = top_show_report(live->top, report, time_of_day());
	json_decref(report);
	return over;
}

static int began(struct session *s, void *arg)
{
	struct live *live = arg;

	live->ksyms = ksyms_new();
	if (!live->ksyms)
		return reason_explain("top", ENOMEM);
	ksyms_want_all(live->ksyms);
	ksyms_load(live->ksyms);
	/* a log begins with a whole interval; who looks on does not want to wait */
	if (live->top->term && take_picture(live, s))
		return EXIT_FAILED;
	top_show_start(live->top);
	return EXIT_OK;
}

static bool input(struct session *s, void *arg)
{
	struct live *live = arg;
	bool due;

	if (top_show_events(live->top, &due))
		return true;
	return due && take_picture(live, s);
}

int top_live(struct top *t)
{
	struct live live = { .top = t, .options = *t->options };
	struct observe_hooks hooks = { .began = began, .input = input, .fd = t->epoll };
	struct observation ob;
	int err;

	if (!collector_init(&live.collector, t->options->stories))
		return reason_explain("top", ENOMEM);
	uname(&live.uts);
	live.options.times = true;
	live.options.reducible = true;
	live.options.hooks = &hooks;
	live.options.hooks_arg = &live;
	top_show_again(t, "attaching to KVM...");
	err = observe(&ob, &live.options, !t->options->no_check, collect, &live.collector);
	/* the command has ended before the last picture that was asked for, or since the last one */
	if (!err && t->out && t->options->command && !t->failed &&
	    (!t->options->pictures || t->shown < t->options->pictures))
		take_picture(&live, ob.session);
	observe_end(&ob);
	ksyms_free(live.ksyms);
	collector_deinit(&live.collector);
	return err;
}
