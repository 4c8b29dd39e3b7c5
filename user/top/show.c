// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pictures, one after the other.
 */
#include "show.h"
#include "user/base/log.h"
#include "user/sink/report.h"
#include "term.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { COLS_OF_LOG = 160, COLS_LEAST = 40, COLS_MOST = 1000 };

static int watch(const struct top *t, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) ? -1 : 0;
}

static bool as_text(const struct options *o)
{
	return o->batch || o->json;
}

int top_show_init(struct top *t, const struct options *o)
{
	bool utf8 = term_is_utf8();

	*t = (struct top){ .options = o, .utf8 = utf8 && !o->ascii };
	top_view_init(&t->view);
	t->view.every = (double)o->every_ns / 1e9;
	t->view.plain = as_text(o);
	t->view.source = o->file;
	/* machines are told all there is */
	t->view.ended = o->json;
	if (o->sort)
		t->view.sort = top_column_named(o->sort);
	snprintf(t->view.filter, sizeof(t->view.filter), "%s", o->filter ? o->filter : "");
	t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->timer < 0 || t->epoll < 0 || watch(t, t->timer)) {
		log_error("top: %s", strerror(errno));
		return -1;
	}
	if (as_text(o))
		t->out = output_open(o->output);
	else
		t->term = term_open();
	if (!t->out && !t->term)
		return -1;
	if (t->term && watch(t, term_fd(t->term))) {
		log_error("top: cannot wait for the terminal: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static void picture_free(struct picture *p)
{
	if (!p)
		return;
	rates_free(&p->rates);
	numbers_free(&p->numbers);
	free(p);
}

bool top_show_deinit(struct top *t)
{
	bool ok = true;

	term_close(t->term);
	if (t->out)
		ok = !output_close(t->out);
	picture_free(t->picture);
	if (t->epoll > 0)
		close(t->epoll);
	if (t->timer > 0)
		close(t->timer);
	return ok;
}

void top_show_start(struct top *t)
{
	struct timespec every = { .tv_sec = (time_t)(t->options->every_ns / 1000000000),
				  .tv_nsec = (long)(t->options->every_ns % 1000000000) };
	struct itimerspec when = { .it_value = every, .it_interval = every };

	timerfd_settime(t->timer, 0, &when, NULL);
}

/* ---- pictures ---- */

static struct picture *picture_new(const json_t *report, const struct picture *before, int *err)
{
	struct picture *p = calloc(1, sizeof(*p));

	*err = p ? numbers_read(report, &p->numbers) : -ENOMEM;
	if (*err) {
		free(p);
		return NULL;
	}
	*err = rates_of(before ? &before->numbers : NULL, &p->numbers, &p->rates);
	if (!*err)
		return p;
	picture_free(p);
	return NULL;
}

/* A log wants the day, too. */
static void set_clock(struct top_view *v, uint64_t real_ns)
{
	time_t seconds = (time_t)(real_ns / 1000000000);
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(v->clock, sizeof(v->clock), v->plain ? "%F %T" : "%T", &tm);
}

static bool is_violated(const struct numbers *n)
{
	for (size_t i = 0; i < n->nvms; i++)
		if (n->vms[i].verdict == VIOLATED)
			return true;
	return n->verdict == VIOLATED;
}

static int log_columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (text && !parse_number(text, COLS_LEAST, COLS_MOST, &n))
		return (int)n;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= COLS_LEAST)
		return size.ws_col;
	return COLS_OF_LOG;
}

static int write_text(struct top *t, FILE *f)
{
	struct screen s;
	int err;

	if (!screen_init(&s, top_rows(&t->view, &t->picture->rates), log_columns(), t->utf8))
		return -ENOMEM;
	err = top_draw(&t->view, &t->picture->rates, &s);
	for (int row = 0; row < s.rows && !err; row++) {
		char *text = screen_row(&s, row);

		fprintf(f, "%s\n", text ? text : "");
		free(text);
	}
	fputc('\n', f);
	screen_free(&s);
	return err;
}

static int write_json(struct top *t, FILE *f)
{
	json_t *o = top_json(&t->view, &t->picture->rates);
	int err = o ? json_dumpf(o, f, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII) : -ENOMEM;

	fputc('\n', f);
	json_decref(o);
	return err;
}

/* True: it failed. */
static bool write_picture(struct top *t)
{
	FILE *f = output_file(t->out);
	int err = t->options->json ? write_json(t, f) : write_text(t, f);

	if (!err && !fflush(f) && !ferror(f))
		return false;
	log_error("top: cannot write: %s", strerror(err ? -err : errno));
	t->failed = true;
	return true;
}

void top_show_again(struct top *t, const char *text)
{
	struct screen s;
	int rows, cols;

	if (!t->term)
		return;
	term_size(t->term, &rows, &cols);
	if (!screen_init(&s, rows, cols, t->utf8))
		return;
	if (t->picture)
		top_draw(&t->view, &t->picture->rates, &s);
	else if (text)
		screen_put(&s, rows / 2, (cols - (int)strlen(text)) / 2, STYLE_PLAIN, "%s", text);
	term_show(t->term, &s);
	screen_free(&s);
}

/* Somebody is selected from the start, so that the pane below shows what there is to be seen. */
static void select_first(struct top *t)
{
	if (t->view.plain || top_selected(&t->view, &t->picture->rates))
		return;
	top_press(&t->view, &t->picture->rates, TOP_HOME);
}

bool top_show_report(struct top *t, const json_t *report, uint64_t real_ns)
{
	int err;
	struct picture *p = picture_new(report, t->picture, &err);

	if (!p) {
		log_error("top: %s", err == -EINVAL ? "a report that has no VMs" : strerror(-err));
		t->failed = true;
		return true;
	}
	picture_free(t->picture);
	t->picture = p;
	t->violated |= is_violated(&p->numbers);
	set_clock(&t->view, real_ns);
	t->shown++;
	if (!t->term && write_picture(t))
		return true;
	if (t->term && t->view.page == PAGE_LIST)
		select_first(t);
	top_show_again(t, NULL);
	return t->options->pictures && t->shown >= t->options->pictures;
}

/* Keys change what is shown of the picture; before the first one only quitting does something. */
static bool take_keys(struct top *t)
{
	int key;

	while ((key = term_key(t->term)) >= 0) {
		if (!t->picture && key == 'q')
			return true;
		if (t->picture && top_press(&t->view, &t->picture->rates, key))
			return true;
	}
	top_show_again(t, "");
	return key == -2;
}

bool top_show_events(struct top *t, bool *due)
{
	struct epoll_event events[4];
	int n = epoll_wait(t->epoll, events, 4, 0);
	bool quit = false;
	uint64_t times;

	*due = false;
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd != t->timer)
			quit |= take_keys(t);
		else if (read(t->timer, &times, sizeof(times)) == sizeof(times))
			*due = !t->view.frozen;
	}
	return quit;
}
