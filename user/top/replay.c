// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope top of a recording: its snapshots, one after the other.
 */
#include "user/report/digest.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "show.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SLACK_NS 250000000ULL

struct replay {
	struct top *top;
	struct recording_reader *reader;
	uint64_t last_ns;	/* of the last picture */
	bool ended;
	char trouble[256];	/* what is wrong with the file, the first of it */
};

static void say(void *arg, const char *text)
{
	struct replay *p = arg;

	if (*p->trouble)
		return;
	snprintf(p->trouble, sizeof(p->trouble), "%s", text);
	if (p->top->out)
		log_error("%s: %s", p->top->options->file, text);
}

/* The next snapshot that can be read; NULL: there is none. */
static json_t *next_report(struct replay *p, uint64_t *ns)
{
	const struct record_head *r;
	json_error_t e;

	while ((r = recording_next(p->reader))) {
		json_t *o = r->type != RECORD_SNAPSHOT ? NULL :
			    digest_object((const char *)(r + 1), r->size - sizeof(*r), &e);

		*ns = r->ns;
		if (json_is_array(json_object_get(o, "vms")))
			return o;
		json_decref(o);
	}
	return NULL;
}

static uint64_t real_time(const struct replay *p, uint64_t ns)
{
	const struct recording_head *h = recording_header(p->reader);

	return h && ns >= h->start_ns ? h->real_ns + (ns - h->start_ns) : 0;
}

/* A log has a picture every so often of the recording's time; snapshots are not to the ms. */
static bool too_early(const struct replay *p, uint64_t ns)
{
	uint64_t every = p->top->options->every_ns, slack = every / 8;

	if (slack > SLACK_NS)
		slack = SLACK_NS;
	return p->top->out && p->last_ns && ns < p->last_ns + every - slack;
}

/* True: it is over. */
static bool take_picture(struct replay *p)
{
	json_t *report;
	uint64_t ns;
	bool over;

	while ((report = next_report(p, &ns)) && too_early(p, ns))
		json_decref(report);
	if (*p->trouble)
		p->top->view.note = p->trouble;
	if (!report) {
		p->ended = true;
		if (!*p->trouble)
			p->top->view.note = "the recording ends here";
		top_show_again(p->top, "the recording has no snapshot");
		return p->top->out;
	}
	p->last_ns = ns;
	over = top_show_report(p->top, report, real_time(p, ns));
	json_decref(report);
	return over;
}

static void run(struct replay *p, int signals)
{
	struct pollfd fds[2] = {
		{ .fd = p->top->epoll, .events = POLLIN }, { .fd = signals, .events = POLLIN },
	};
	bool over = take_picture(p), due;

	/* nobody looks on: as fast as it goes */
	while (p->top->out && !over)
		over = take_picture(p);
	if (over)
		return;
	top_show_start(p->top);
	while (!over) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		over = fds[1].revents || top_show_events(p->top, &due);
		if (!over && due && !p->ended)
			over = take_picture(p);
	}
}

int top_replay(struct top *t)
{
	struct replay p = { .top = t };
	int err = recording_open(t->options->file, say, &p, &p.reader), signals;
	sigset_t set;

	if (err) {
		log_error("cannot read %s: %s", t->options->file, *p.trouble ? p.trouble : strerror(-err));
		return EXIT_FAILED;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	run(&p, signals);
	close(signals);
	err = recording_error(p.reader);
	if (err)
		log_error("cannot read %s further: %s", t->options->file, strerror(-err));
	recording_reader_free(p.reader);
	if (!t->shown && !err)
		log_error("%s has no snapshot: there is nothing to be shown", t->options->file);
	return err || !t->shown ? EXIT_FAILED : EXIT_OK;
}
