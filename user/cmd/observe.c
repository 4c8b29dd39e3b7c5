// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event loop: one thread, one epoll; signals and time arrive as file descriptors.
 */
#include "observe.h"
#include "user/base/child.h"
#include "user/base/log.h"
#include "user/base/reason.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LINGER_MS = 1000,	/* for VMs whose process has ended but whose last reference has not */
	LINGER_STEP_MS = 20,
	DRAIN_MS = 40,		/* between two looks at what is recorded */
};

struct loop {
	int epoll;
	int signals;
	int timer;
	int tick;
	int drain;
	const struct observe_hooks *hooks;	/* NULL: nobody records */
	void *hooks_arg;
};

static int watch(const struct loop *l, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static void loop_deinit(struct loop *l)
{
	close(l->epoll);
	close(l->signals);
	close(l->timer);
	close(l->tick);
	close(l->drain);
}

static int loop_init(struct loop *l, const struct session *s, const struct options *o)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = (time_t)(o->for_ns / 1000000000),
			      .tv_nsec = (long)(o->for_ns % 1000000000) },
	};
	static const struct itimerspec drain = {
		.it_value.tv_nsec = DRAIN_MS * 1000000, .it_interval.tv_nsec = DRAIN_MS * 1000000,
	};
	static const struct itimerspec second = { .it_value.tv_sec = 1, .it_interval.tv_sec = 1 };
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->drain = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->hooks = o->hooks;
	l->hooks_arg = o->hooks_arg;
	if (l->epoll < 0 || l->signals < 0 || l->timer < 0 || l->tick < 0 || l->drain < 0)
		return -errno;
	if (l->hooks && l->hooks->drained && timerfd_settime(l->drain, 0, &drain, NULL))
		return -errno;
	if (timerfd_settime(l->tick, 0, &second, NULL))
		return -errno;
	if (o->for_ns && timerfd_settime(l->timer, 0, &when, NULL))
		return -errno;
	err = watch(l, l->signals);
	err = err ?: watch(l, l->timer);
	err = err ?: watch(l, l->tick);
	err = err ?: watch(l, l->drain);
	if (l->hooks && l->hooks->input)
		err = err ?: watch(l, l->hooks->fd);
	if (session_fd(s) < 0)
		return err;
	return err ?: watch(l, session_fd(s));
}

/* Take what signals are waiting; true: stop observing. */
static bool take_signals(struct loop *l, struct observation *ob, struct child *c)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			child_reap(c);
			stop |= c->ended;
		} else {
			ob->interrupted = true;
			stop = true;
		}
	}
	return stop;
}

static void tick(struct loop *l, struct session *s)
{
	uint64_t n;

	if (read(l->tick, &n, sizeof(n)) != sizeof(n))
		return;
	session_tick(s);
	if (l->hooks && l->hooks->tick)
		l->hooks->tick(s, l->hooks_arg);
}

static int consume(struct loop *l, struct session *s, violation_fn fn, void *arg)
{
	int err = session_consume(s, fn, arg);
	uint64_t n;

	if (l->hooks && l->hooks->drained && read(l->drain, &n, sizeof(n)) == sizeof(n))
		l->hooks->drained(l->hooks_arg);
	return err;
}

static int run(struct loop *l, struct observation *ob, struct child *c, violation_fn fn, void *arg)
{
	struct epoll_event events[8];
	bool stop = false;

	while (!stop) {
		int n = epoll_wait(l->epoll, events, 8, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == l->signals)
				stop |= take_signals(l, ob, c);
			else if (fd == l->timer)
				stop = true;
			else if (fd == l->tick)
				tick(l, ob->session);
			else if (l->hooks && l->hooks->input && fd == l->hooks->fd)
				stop |= l->hooks->input(ob->session, l->hooks_arg);
			else if (consume(l, ob->session, fn, arg))
				return -EIO;
		}
	}
	return 0;
}

/* Is there still a VM whose process has ended? */
static bool orphans(struct session *s)
{
	const struct snapshot *now = session_snapshot(s);

	for (size_t i = 0; now && i < now->nvms; i++)
		if (!now->vms[i].gone && kill((pid_t)now->vms[i].info.pid, 0) && errno == ESRCH)
			return true;
	return false;
}

/* The command has ended: let its VMs finish being torn down, so that their books can be closed. */
static void linger(struct loop *l, struct observation *ob, violation_fn fn, void *arg)
{
	struct epoll_event e[4];

	for (int ms = 0; ms < LINGER_MS && orphans(ob->session); ms += LINGER_STEP_MS) {
		epoll_wait(l->epoll, e, 4, LINGER_STEP_MS);
		tick(l, ob->session);
		consume(l, ob->session, fn, arg);
	}
}

static void say_status(const struct options *o, struct observation *ob, const struct child *c)
{
	if (!c->ended)
		return;
	ob->command_status = c->status;
	if (WIFEXITED(c->status) && WEXITSTATUS(c->status)) {
		ob->command_failed = true;
		log_error("%s exited with status %d", o->command[0], WEXITSTATUS(c->status));
	} else if (WIFSIGNALED(c->status) && !ob->interrupted) {
		ob->command_failed = true;
		log_error("%s was killed by signal %d (%s)", o->command[0], WTERMSIG(c->status),
			  strsignal(WTERMSIG(c->status)));
	}
}

/* Everything from the attached hooks to the disabled ones. */
static int observe_attached(struct observation *ob, const struct options *o, struct child *c,
			    violation_fn fn, void *arg)
{
	bool watched = o->hooks && o->hooks->input;
	struct loop l;
	int err = loop_init(&l, ob->session, o);

	if (!err && c->pid) {
		err = child_release(c);
		if (err) {
			log_error("cannot run '%s': %s", o->command[0], strerror(-err));
			loop_deinit(&l);
			return EXIT_FAILED;
		}
	} else if (!err && !watched) {
		log_note("watching%s; interrupt (Ctrl-C) for the report",
			 o->pid ? " the VMs of this process" : " every VM of this host");
	}
	err = err ?: run(&l, ob, c, fn, arg);
	if (!err && c->ended)
		linger(&l, ob, fn, arg);
	if (!err && !watched)
		session_settle(ob->session);
	session_disable(ob->session);
	session_consume(ob->session, fn, arg);
	err = err ?: session_freeze(ob->session);
	loop_deinit(&l);
	if (c->pid && !c->ended)
		child_stop(c);
	say_status(o, ob, c);
	return err ? reason_explain("observing", err) : EXIT_OK;
}

int observe(struct observation *ob, const struct options *o, bool check, violation_fn fn, void *arg)
{
	struct session_options so = {
		.check = check,
		.walk = o->walk,
		.candidate = o->judged,
		.payoff = o->payoff,
		.times = o->times,
		.reducible = o->reducible,
		.most = o->most,
		.survey = (!check && !o->payoff) || o->hooks,
		.scope_pid = o->pid,
		.max_vms = o->max_vms,
		.max_stories = o->stories,
		.record = o->hooks ? o->hooks->record : NULL,
		.record_arg = o->hooks_arg,
		.ring_bytes = o->ring_bytes,
	};
	struct child c = { 0 };
	sigset_t set;
	int err;

	memset(ob, 0, sizeof(*ob));
	if (o->pid && kill((pid_t)o->pid, 0) && errno == ESRCH) {
		log_error("there is no process %u", o->pid);
		return EXIT_FAILED;
	}
	/* blocked before the fork: an early signal waits for the loop instead of killing us half-way */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);

	if (o->command) {
		err = child_start(&c, o->command);
		if (err)
			return reason_explain("fork", err);
		so.scope_pid = (uint32_t)c.pid;
		so.scope_tree = true;
	}
	err = session_open(&ob->session, &so);
	err = err ?: session_attach(ob->session);
	if (!err && o->hooks && o->hooks->began)
		err = o->hooks->began(ob->session, o->hooks_arg);
	err = err ?: observe_attached(ob, o, &c, fn, arg);
	child_stop(&c);
	return err;
}

void observe_end(struct observation *ob)
{
	session_leave(ob->session);
	ob->session = NULL;
}
