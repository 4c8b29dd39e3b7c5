// SPDX-License-Identifier: GPL-2.0-only
/*
 * ncurses, and only here.
 */
#define NCURSES_WIDECHAR 1
#include "term.h"
#include "user/base/log.h"
#include "top.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { ESCAPE_MS = 50, KEPT_BYTES = 1 << 16 };

struct term {
	SCREEN *curses;
	FILE *in;
	FILE *out;
	FILE *kept;	/* what was written to stdout and stderr meanwhile */
	int saved[3];	/* stdin, stdout, stderr */
	int epoll;
	int resized;	/* signalfd of SIGWINCH */
	bool colour;
};

bool term_is_utf8(void)
{
	/* numbers keep their points: LC_NUMERIC stays as it is */
	setlocale(LC_CTYPE, "");
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* ---- standard streams ---- */

static bool keep_streams(struct term *t)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	fflush(NULL);
	t->kept = tmpfile();
	for (int fd = 0; fd < 3; fd++)
		t->saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!t->kept || null < 0 || t->saved[0] < 0 || t->saved[1] < 0 || t->saved[2] < 0)
		return false;
	t->in = fdopen(fcntl(t->saved[0], F_DUPFD_CLOEXEC, 3), "r");
	t->out = fdopen(fcntl(t->saved[1], F_DUPFD_CLOEXEC, 3), "w");
	fcntl(fileno(t->kept), F_SETFL, O_APPEND);
	dup2(null, 0);
	dup2(fileno(t->kept), 1);
	dup2(fileno(t->kept), 2);
	close(null);
	return t->in && t->out;
}

/* The end of what was written, if it was much. */
static void tell_kept(FILE *kept)
{
	static char text[KEPT_BYTES];
	long size;
	size_t n;

	fseek(kept, 0, SEEK_END);
	size = ftell(kept);
	fseek(kept, size > KEPT_BYTES ? size - KEPT_BYTES : 0, SEEK_SET);
	if (size > KEPT_BYTES)
		fprintf(stderr, "... (%ld bytes before this)\n", size - KEPT_BYTES);
	n = fread(text, 1, sizeof(text), kept);
	fwrite(text, 1, n, stderr);
}

static void give_streams_back(struct term *t)
{
	fflush(NULL);
	for (int fd = 0; fd < 3; fd++) {
		if (t->saved[fd] < 0)
			continue;
		dup2(t->saved[fd], fd);
		close(t->saved[fd]);
	}
	if (t->kept) {
		tell_kept(t->kept);
		fclose(t->kept);
	}
	if (t->in)
		fclose(t->in);
	if (t->out)
		fclose(t->out);
}

/* ---- colours ---- */

/* by enum style: a colour, and what is done without one, or besides */
static const struct {
	short colour;
	attr_t with;
	attr_t without;
} styles[STYLE_NR] = {
	[STYLE_PLAIN] = { -1, A_NORMAL, A_NORMAL },
	[STYLE_DIM] = { -1, A_DIM, A_NORMAL },
	[STYLE_BOLD] = { -1, A_BOLD, A_BOLD },
	[STYLE_HEAD] = { -1, A_REVERSE, A_REVERSE },
	[STYLE_SELECTED] = { COLOR_CYAN, A_REVERSE, A_REVERSE },
	[STYLE_GOOD] = { COLOR_GREEN, A_NORMAL, A_NORMAL },
	[STYLE_WARN] = { COLOR_YELLOW, A_NORMAL, A_NORMAL },
	[STYLE_BAD] = { COLOR_RED, A_BOLD, A_BOLD | A_REVERSE },
	[STYLE_4K] = { COLOR_MAGENTA, A_NORMAL, A_NORMAL },
	[STYLE_2M] = { COLOR_BLUE, A_NORMAL, A_NORMAL },
	[STYLE_1G] = { COLOR_GREEN, A_NORMAL, A_NORMAL },
};

static void begin_colours(struct term *t)
{
	const char *none = getenv("NO_COLOR");

	t->colour = !(none && *none) && has_colors() && start_color() == OK && use_default_colors() == OK;
	for (short i = 0; t->colour && i < STYLE_NR; i++)
		init_pair((short)(i + 1), styles[i].colour, -1);
}

static void set_style(const struct term *t, unsigned int style)
{
	if (t->colour)
		attr_set(styles[style].with, (short)(style + 1), NULL);
	else
		attr_set(styles[style].without, 0, NULL);
}

/* ---- the terminal ---- */

static int watch(const struct term *t, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static bool begin_events(struct term *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t->resized = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	return t->resized >= 0 && t->epoll >= 0 && !watch(t, t->resized) && !watch(t, fileno(t->in));
}

static void begin_curses(struct term *t)
{
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, TRUE);
	begin_colours(t);
}

struct term *term_open(void)
{
	const char *name = getenv("TERM");
	struct term *t;

	if (!isatty(0) || !isatty(1)) {
		log_error("top: this is no terminal; -b prints the same as text");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t || !keep_streams(t) || !begin_events(t)) {
		log_error("top: cannot use the terminal: %s", strerror(t ? errno : ENOMEM));
		term_close(t);
		return NULL;
	}
	t->curses = newterm(NULL, t->out, t->in);
	if (!t->curses || !tigetstr("cup")) {
		log_error("top: the terminal '%s' is not known, or cannot place its cursor; -b prints the same "
			  "as text", name ? name : "");
		term_close(t);
		return NULL;
	}
	begin_curses(t);
	return t;
}

void term_close(struct term *t)
{
	if (!t)
		return;
	if (t->curses) {
		endwin();
		delscreen(t->curses);
	}
	if (t->epoll > 0)
		close(t->epoll);
	if (t->resized > 0)
		close(t->resized);
	give_streams_back(t);
	free(t);
}

int term_fd(const struct term *t)
{
	return t->epoll;
}

void term_size(struct term *t, int *rows, int *cols)
{
	struct signalfd_siginfo info;
	struct winsize size;

	while (read(t->resized, &info, sizeof(info)) == sizeof(info))
		;
	if (!ioctl(fileno(t->out), TIOCGWINSZ, &size) && size.ws_row && size.ws_col &&
	    (size.ws_row != LINES || size.ws_col != COLS))
		resizeterm(size.ws_row, size.ws_col);
	*rows = LINES;
	*cols = COLS;
}

static int key_of(int c)
{
	switch (c) {
	case KEY_UP:
		return TOP_UP;
	case KEY_DOWN:
		return TOP_DOWN;
	case KEY_LEFT:
		return TOP_LEFT;
	case KEY_RIGHT:
		return TOP_RIGHT;
	case KEY_PPAGE:
		return TOP_PAGE_UP;
	case KEY_NPAGE:
		return TOP_PAGE_DOWN;
	case KEY_HOME:
		return TOP_HOME;
	case KEY_END:
		return TOP_END;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		return TOP_BACKSPACE;
	case KEY_ENTER:
	case '\n':
	case '\r':
		return TOP_ENTER;
	case 27:
		return TOP_ESCAPE;
	default:
		return c < 256 ? c : 0;
	}
}

int term_key(struct term *t)
{
	struct epoll_event e;
	int c = getch();

	if (c != ERR)
		return key_of(c);
	/* nothing to be read from what is said to be readable: its other side has gone */
	if (epoll_wait(t->epoll, &e, 1, 0) == 1 && e.events & (EPOLLHUP | EPOLLERR))
		return -2;
	return -1;
}

/* One call for each stretch of the same style. */
static void show_row(const struct term *t, const struct screen *s, int row)
{
	const struct cell_glyph *cells = &s->cells[(size_t)row * (size_t)s->cols];
	char text[1024];

	for (int col = 0; col < s->cols;) {
		int first = col;
		size_t len = 0;

		for (; col < s->cols && cells[col].style == cells[first].style; col++) {
			if (len + GLYPH_LEN >= sizeof(text))
				break;
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
						*cells[col].text ? cells[col].text : " ");
		}
		set_style(t, cells[first].style);
		mvaddstr(row, first, text);
	}
}

void term_show(struct term *t, const struct screen *s)
{
	for (int row = 0; row < s->rows; row++)
		show_row(t, s, row);
	attr_set(A_NORMAL, 0, NULL);
	refresh();
}
