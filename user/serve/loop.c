// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thread, one epoll: signals, a second's tick, the kernel's records, and HTTP.
 */
#include "user/base/log.h"
#include "user/serve/privilege.h"
#include "user/base/reason.h"
#include "user/serve/http.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct loop {
	struct serve *serve;
	struct http *http;
	int epoll;
	int signals;
	int tick;
	uint64_t end_ns;	/* 0: none */
	uint64_t next_ns;	/* gathering is due */
	bool watchdog;
};

static int watch(const struct loop *l, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return fd >= 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static void loop_deinit(struct loop *l)
{
	close(l->epoll);
	close(l->signals);
	close(l->tick);
}

static int loop_init(struct loop *l, struct serve *s, struct http *h)
{
	static const struct itimerspec second = { .it_value.tv_sec = 1, .it_interval.tv_sec = 1 };
	uint64_t usec;
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	*l = (struct loop){
		.serve = s, .http = h, .epoll = epoll_create1(EPOLL_CLOEXEC),
		.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
	};
	if (l->epoll < 0 || l->signals < 0 || l->tick < 0 || timerfd_settime(l->tick, 0, &second, NULL))
		return -errno;
	l->end_ns = s->options.for_ns ? s->started_ns + s->options.for_ns : 0;
	l->watchdog = sd_watchdog_enabled(0, &usec) > 0;
	err = watch(l, l->signals);
	err = err ?: watch(l, l->tick);
	err = err ?: watch(l, s->source->fd);
	for (size_t i = 0; !err && http_fd(h, i) >= 0; i++)
		err = watch(l, http_fd(h, i));
	return err;
}

/* The watchdog hears of us only while numbers come: a source that fails for good is to be started anew. */
static void gather(struct loop *l)
{
	struct serve *s = l->serve;
	uint64_t now = serve_clock_ns();

	if (now >= l->next_ns) {
		l->next_ns = now + s->options.interval_ns;
		if (gathered_renew(s))
			log_error("no new numbers: the old ones stay");
	}
	if (l->watchdog && now - s->now.gathered_ns < 3 * s->options.interval_ns)
		sd_notify(0, "WATCHDOG=1");
}

static void tick(struct loop *l)
{
	uint64_t n;

	if (read(l->tick, &n, sizeof(n)) != sizeof(n))
		return;
	l->serve->source->tick(l->serve->source);
	http_tick(l->http);
	gather(l);
}

static bool over(const struct loop *l)
{
	struct signalfd_siginfo info;

	return read(l->signals, &info, sizeof(info)) == sizeof(info) ||
	       (l->end_ns && serve_clock_ns() >= l->end_ns);
}

static int run(struct loop *l)
{
	struct epoll_event events[8];
	struct source *source = l->serve->source;

	while (!over(l)) {
		int n = epoll_wait(l->epoll, events, 8, http_timeout(l->http));

		if (n < 0 && errno != EINTR)
			return -errno;
		tick(l);
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == source->fd && source->ready(source))
				return -EIO;
		http_run(l->http);
	}
	return 0;
}

/* From here on the process has what it needs and nothing else. */
static int run_dropped(struct loop *l)
{
	int err;

	if (privilege_drop(l->serve->options.user, l->serve->options.seccomp, l->serve->source->folder))
		return EXIT_FAILED;
	gather(l);
	sd_notify(0, "READY=1\nSTATUS=serving");
	err = run(l);
	sd_notify(0, "STOPPING=1");
	if (err)
		log_error("serving: %s", strerror(-err));
	return err ? EXIT_FAILED : EXIT_OK;
}

int serve_run(struct serve *s, struct http *h)
{
	struct loop l;
	int err = loop_init(&l, s, h), result = EXIT_FAILED;

	if (err)
		log_error("serving: %s", strerror(-err));
	else
		result = run_dropped(&l);
	loop_deinit(&l);
	return result;
}
