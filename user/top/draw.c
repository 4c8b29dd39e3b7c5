// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frame of every page: the host's numbers above, keys below.  And how numbers look.
 */
#include "top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MIN = 10, COLS_MIN = 40 };

const char *top_bytes(char buf[FORMAT_LEN], int64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double n = (double)bytes;
	size_t k = 0;

	if (bytes < 0)
		return "?";
	/* what would be rounded up to 1000 is 1 of the next */
	while (n >= 999.5 && units[k + 1]) {
		n /= 1024;
		k++;
	}
	if (!k)
		snprintf(buf, FORMAT_LEN, "%.0f", n);
	else
		snprintf(buf, FORMAT_LEN, n < 9.995 ? "%.2f%c" : n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[k]);
	return buf;
}

const char *top_rate(char buf[FORMAT_LEN], double rate)
{
	if (rate > 0 && rate < 9.95)
		snprintf(buf, FORMAT_LEN, rate < 0.05 ? "<0.1" : "%.1f", rate);
	else
		format_short(buf, rate < 1e18 ? (uint64_t)(rate + 0.5) : UINT64_MAX);
	return buf;
}

const char *top_below(char buf[FORMAT_LEN], uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double n = (double)ns;
	size_t k = 0;

	if (!ns)
		return "-";
	while (n >= 999.5 && k < 3) {
		n /= 1000;
		k++;
	}
	snprintf(buf, FORMAT_LEN, n < 9.95 && k ? "<%.1f%s" : "<%.0f%s", n, units[k]);
	return buf;
}

const char *top_verdict(const struct screen *s, unsigned int verdict, enum style *style)
{
	switch (verdict) {
	case HELD:
		*style = STYLE_GOOD;
		return screen_sign(s, "● held", "+ held");
	case VIOLATED:
		*style = STYLE_BAD;
		return screen_sign(s, "✖ VIOLATED", "X VIOLATED");
	case INCONCLUSIVE:
		*style = STYLE_WARN;
		return screen_sign(s, "▲ inconcl.", "? inconcl.");
	case NO_OCCASION:
		*style = STYLE_DIM;
		return screen_sign(s, "○ idle", "o idle");
	default:
		*style = STYLE_DIM;
		return "- unjudged";
	}
}

void top_who(char *buf, size_t size, const struct initiator_rate *r)
{
	if (!r->who)
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%s by %s", r->who->cause, r->who->comm);
}

const char *top_why(enum level_cause cause)
{
	return cause == LOW_NR ? "-" : level_cause_name(cause);
}

void top_levels_bar(struct screen *s, int row, int col, int width, const int64_t mapped[LEVELS])
{
	static const char *const utf8[LEVELS] = { "░", "▒", "█" }, *const ascii[LEVELS] = { ".", ":", "#" };
	double all = 0, below = 0;
	int at = 0;

	for (int l = 0; l < LEVELS; l++)
		all += mapped[l] > 0 ? (double)mapped[l] : 0;
	for (int l = 0; l < LEVELS && all > 0; l++) {
		int end;

		below += mapped[l] > 0 ? (double)mapped[l] : 0;
		end = (int)(below / all * width + 0.5);
		for (; at < end; at++)
			screen_put(s, row, col + at, (enum style)(STYLE_4K + l), "%s",
				   screen_sign(s, utf8[l], ascii[l]));
	}
}

const char *top_asked(const struct numbers *n)
{
	return n->checking || n->reduced ? "faults" : "lookups";
}

/* ---- above ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* As many parts of it as there is room for, the most wanted first. */
static void draw_title(const struct top_view *v, const struct rates *r, struct screen *s)
{
	const struct numbers *n = r->now;
	char right[64], replay[160] = "";
	const char *parts[] = { "mmuscope top", replay, n->host, n->kernel };
	int room, col = 0;

	snprintf(right, sizeof(right), "%s%s", v->frozen ? "FROZEN  " : "", v->clock);
	if (v->source)
		snprintf(replay, sizeof(replay), "replay of %s at %.0f s", base_name(v->source),
			 (double)n->observed_ns / 1e9);
	room = s->cols - (int)strlen(right) - 2;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int len = (int)strlen(parts[i]);

		if (!len || col + len > room)
			continue;
		screen_put(s, 0, col, !i ? STYLE_BOLD : i == 1 ? STYLE_WARN : STYLE_PLAIN, "%s", parts[i]);
		col += len + 2;
	}
	if (room < (int)strlen(parts[0]))
		return;
	screen_put(s, 0, room + 2, v->frozen ? STYLE_WARN : STYLE_DIM, "%s", right);
	snprintf(right, sizeof(right), "every %g s", v->every);
	if (col + (int)strlen(right) <= room)
		screen_put(s, 0, room - (int)strlen(right), STYLE_DIM, "%s", right);
}

static void draw_memory(const struct rates *r, struct screen *s)
{
	static const char *const utf8[LEVELS] = { "░", "▒", "█" }, *const ascii[LEVELS] = { ".", ":", "#" };
	char buf[FORMAT_LEN];
	int64_t mapped[LEVELS], all = 0;
	int col;

	for (int l = 0; l < LEVELS; l++) {
		mapped[l] = (int64_t)r->total_mapped[l];
		all += mapped[l];
	}
	col = screen_put(s, 1, 0, STYLE_PLAIN, "%zu VM%s", r->nvms - r->nended,
			 r->nvms - r->nended == 1 ? "" : "s");
	if (r->nended)
		col = screen_put(s, 1, col, STYLE_DIM, ", %zu ended", r->nended);
	col = screen_put(s, 1, col + 2, STYLE_BOLD, "%s", top_bytes(buf, all));
	for (int l = 0; l < LEVELS; l++) {
		col = screen_put(s, 1, col + 2, (enum style)(STYLE_4K + l), "%s",
				 screen_sign(s, utf8[l], ascii[l]));
		col = screen_put(s, 1, col, STYLE_PLAIN, " %s %s", level_name(l), top_bytes(buf, mapped[l]));
	}
	if (r->total_lost)
		col = screen_put(s, 1, col + 2, STYLE_WARN, "%s too small: %s",
				 top_bytes(buf, (int64_t)r->total_lost), top_why(r->total.lost_cause));
	if (r->unknown_stock)
		screen_put(s, 1, col + 2, STYLE_WARN, "of %zu not known", r->unknown_stock);
	top_levels_bar(s, 2, 0, s->cols, mapped);
}

static void draw_rates(const struct rates *r, struct screen *s)
{
	const struct vm_rates *t = &r->total;
	char buf[FORMAT_LEN], below[FORMAT_LEN], who[128];
	int col;

	col = screen_put(s, 3, 0, STYLE_PLAIN, "%s ", top_asked(r->now));
	col = screen_put(s, 3, col, STYLE_BOLD, "%s/s", r->now->no_faults ? "?" : top_rate(buf, t->faults));
	if (t->lookups)
		col = screen_put(s, 3, col, STYLE_PLAIN, "  lookup p50 %s p99 %s", top_below(buf, t->p50_ns),
				 top_below(below, t->p99_ns));
	col = screen_put(s, 3, col, STYLE_PLAIN, "  windows ");
	col = screen_put(s, 3, col, STYLE_BOLD, "%s/s", r->now->no_windows ? "?" : top_rate(buf, t->windows));
	if (!t->main.who)
		return;
	top_who(who, sizeof(who), &t->main);
	screen_put(s, 3, col, STYLE_PLAIN, ", most: %s", who);
}

/* A snapshot of a recording may have verdicts of VMs and none of the whole, which comes at its end. */
static const char *unjudged(const struct numbers *n)
{
	for (size_t i = 0; i < n->nvms; i++)
		if (n->vms[i].verdict != VERDICT_UNKNOWN)
			return "VMs are judged; the whole is at the end of the recording";
	return "invariants are not judged here";
}

static void draw_verdict(const struct top_view *v, const struct rates *r, struct screen *s)
{
	const struct numbers *n = r->now;
	enum style style;
	int col;

	if (v->note) {
		screen_put(s, 4, 0, STYLE_WARN, "%s", v->note);
		return;
	}
	if (n->verdict == VERDICT_UNKNOWN) {
		screen_put(s, 4, 0, n->reduced ? STYLE_WARN : STYLE_DIM, "%s%s%s",
			   n->reduced ? "tier " : unjudged(n), n->reduced ? n->tier : "",
			   n->reduced ? ": invariants cannot be judged; mmuscope doctor says why" : "");
		return;
	}
	top_verdict(s, n->verdict, &style);
	col = screen_put(s, 4, 0, style, "%s", value_name((enum value)n->verdict));
	if (*n->why)
		col = screen_put(s, 4, col, STYLE_PLAIN, ": %s", n->why);
	else
		col = screen_put(s, 4, col, STYLE_PLAIN, ": %u invariants held, %u had no occasion", n->judged[HELD],
				 n->judged[NO_OCCASION]);
	if (n->lost_records && n->verdict == HELD)
		screen_put(s, 4, col, STYLE_DIM, "; missed, and does not matter to them: %llu",
			   (unsigned long long)n->lost_records);
}

/* ---- below ---- */

static void draw_keys(const struct top_view *v, struct screen *s, int row)
{
	static const char *const keys[] = {
		[PAGE_LIST] = "Enter VM\t</> sort\tr reverse\t/ filter\tf freeze\te ended\th help\tq quit",
		[PAGE_VM] = "up/down scroll\tf freeze\tEsc back\th help",
		[PAGE_HELP] = "up/down scroll\tEsc back",
	};
	char text[128], *save = NULL;
	int col = 0;

	if (v->typing) {
		col = screen_put(s, row, 0, STYLE_BOLD, "filter by name or pid: ");
		screen_put(s, row, col, STYLE_PLAIN, "%s%s   (Enter keeps it, Esc ends it)", v->filter,
			   screen_sign(s, "▏", "_"));
		return;
	}
	/* first: it must not fall off a narrow screen, for what it hides is not seen */
	if (*v->filter)
		col = screen_put(s, row, 0, STYLE_WARN, "filter: %s  ", v->filter);
	snprintf(text, sizeof(text), "%s", keys[v->page]);
	for (char *key = strtok_r(text, "\t", &save); key; key = strtok_r(NULL, "\t", &save)) {
		char *what = strchr(key, ' ');

		*what++ = '\0';
		col = screen_put(s, row, col, STYLE_BOLD, "%s", key);
		col = screen_put(s, row, col, STYLE_DIM, " %s  ", what);
	}
}

int top_rows(const struct top_view *v, const struct rates *r)
{
	size_t *order = calloc(r->nvms + 1, sizeof(*order));
	int n = order ? (int)top_order(v, r, order) : 0;

	free(order);
	return TOP_HEAD_ROWS + TOP_TABLE_HEAD_ROWS + (n ? n : 1);
}

int top_draw(struct top_view *v, const struct rates *r, struct screen *s)
{
	int end = s->rows - !v->plain;

	v->rows = s->rows;
	if ((s->rows < ROWS_MIN && !v->plain) || s->cols < COLS_MIN) {
		screen_put(s, 0, 0, STYLE_PLAIN, "needs %d x %d", COLS_MIN, ROWS_MIN);
		return 0;
	}
	draw_title(v, r, s);
	if (v->page == PAGE_HELP) {
		top_draw_help(v, s, 2, end);
		draw_keys(v, s, end);
		return 0;
	}
	if (v->page == PAGE_VM && !top_selected(v, r))
		v->page = PAGE_LIST;
	if (!v->plain)
		draw_keys(v, s, end);
	draw_verdict(v, r, s);
	if (v->page == PAGE_VM)
		return top_draw_vm(v, r, s, 1, end) ? -ENOMEM : 0;
	draw_memory(r, s);
	draw_rates(r, s);
	return top_draw_list(v, r, s, TOP_HEAD_ROWS, end) ? -ENOMEM : 0;
}
