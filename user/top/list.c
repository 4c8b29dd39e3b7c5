// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of VMs.  Which columns there are follows from the width: each has a rank by which it is given up,
 * and what is left over goes to those that can use it.
 */
#include "top.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_LEN = 128 };

/* widths with the blank before them; rank 0 is given up last */
static const struct {
	const char *above, *head;
	int width, most, rank;
	bool left;
} columns[COLUMN_NR] = {
	[COLUMN_VM] = { "", "VM", 12, 26, 0, true },
	[COLUMN_PID] = { "", "PID", 9, 9, 12, false },
	[COLUMN_MAP] = { "", "4K, 2M, 1G", 13, 21, 13, true },
	[COLUMN_4K] = { "KVM", "4K", 6, 6, 6, false },
	[COLUMN_2M] = { "MAPS", "2M", 6, 6, 7, false },
	[COLUMN_1G] = { "AT", "1G", 6, 6, 8, false },
	[COLUMN_SMALL] = { "TOO", "SMALL", 8, 8, 2, false },
	[COLUMN_WHY] = { "", "WHY SO SMALL", 15, 20, 10, true },
	[COLUMN_FAULTS] = { "FAULTS", "/s", 8, 8, 4, false },
	[COLUMN_RETRIES] = { "RETRIES", "/s", 8, 8, 15, false },
	[COLUMN_P50] = { "LOOKUP", "P50", 7, 7, 9, false },
	[COLUMN_P99] = { "", "P99", 7, 7, 5, false },
	[COLUMN_WINDOWS] = { "WINDOWS", "/s", 8, 8, 3, false },
	[COLUMN_ZAPPED] = { "PAGES", "ZAPPED/s", 10, 10, 14, false },
	[COLUMN_WHO] = { "", "MOST WINDOWS BY", 20, 44, 11, true },
	[COLUMN_VERDICT] = { "", "VERDICT", 11, 11, 1, true },
};

/* Widths of the columns that are shown; 0: it is not. */
static void layout(int cols, bool faults_known, int width[COLUMN_NR])
{
	static const enum top_column growing[] = { COLUMN_VM, COLUMN_WHY, COLUMN_WHO, COLUMN_MAP };
	int used = 0;
	bool room = true;

	memset(width, 0, COLUMN_NR * sizeof(*width));
	for (int rank = 0; rank < COLUMN_NR; rank++) {
		for (int c = 0; c < COLUMN_NR; c++) {
			if (columns[c].rank != rank || (c == COLUMN_RETRIES && !faults_known))
				continue;
			/* one that is ranked lower does not take its place */
			room &= used + columns[c].width <= cols;
			if (!room)
				continue;
			width[c] = columns[c].width;
			used += width[c];
		}
	}
	for (size_t i = 0; i < sizeof(growing) / sizeof(growing[0]); i++) {
		enum top_column c = growing[i];
		int more = columns[c].most - width[c];

		if (!width[c])
			continue;
		if (more > cols - used)
			more = cols - used;
		width[c] += more;
		used += more;
	}
}

static void draw_heads(const struct top_view *v, const struct rates *r, struct screen *s, int row,
		       const int width[COLUMN_NR])
{
	int col = 0;

	screen_paint(s, row, 0, s->cols, STYLE_HEAD);
	screen_paint(s, row + 1, 0, s->cols, STYLE_HEAD);
	for (int c = 0; c < COLUMN_NR; c++) {
		const char *above = columns[c].above;
		char head[32];

		if (!width[c])
			continue;
		/* where no fault is looked at, lookups stand for them */
		if (c == COLUMN_FAULTS && !r->now->checking && !r->now->reduced)
			above = "LOOKUPS";
		snprintf(head, sizeof(head), "%s%s", columns[c].head, c != (int)v->sort ? "" :
			 v->reverse ? screen_sign(s, "▲", "^") : screen_sign(s, "▼", "v"));
		if (columns[c].left) {
			screen_left(s, row, col + 1, width[c] - 1, STYLE_HEAD, above);
			screen_left(s, row + 1, col + 1, width[c] - 1, STYLE_HEAD, head);
		} else {
			screen_right(s, row, col + 1, width[c] - 1, STYLE_HEAD, above);
			screen_right(s, row + 1, col + 1, width[c] - 1, STYLE_HEAD, head);
		}
		col += width[c];
	}
}

static void cell_text(const struct vm_rates *r, enum top_column c, char text[CELL_LEN])
{
	uint64_t ns = c == COLUMN_P50 ? r->p50_ns : r->p99_ns;
	char buf[FORMAT_LEN];

	*text = '\0';
	switch (c) {
	case COLUMN_VM:
		snprintf(text, CELL_LEN, "%s", r->vm->name);
		break;
	case COLUMN_PID:
		snprintf(text, CELL_LEN, "%u", r->vm->pid);
		break;
	case COLUMN_4K:
	case COLUMN_2M:
	case COLUMN_1G:
		snprintf(text, CELL_LEN, "%s", top_bytes(buf, r->vm->mapped[c - COLUMN_4K]));
		break;
	case COLUMN_SMALL:
		snprintf(text, CELL_LEN, "%s", top_bytes(buf, r->vm->lost));
		break;
	case COLUMN_WHY:
		snprintf(text, CELL_LEN, "%s", top_why(r->lost_cause));
		break;
	case COLUMN_FAULTS:
		snprintf(text, CELL_LEN, "%s", r->vm->no_faults ? "?" : top_rate(buf, r->faults));
		break;
	case COLUMN_RETRIES:
		snprintf(text, CELL_LEN, "%s", top_rate(buf, r->retries));
		break;
	case COLUMN_P50:
	case COLUMN_P99:
		snprintf(text, CELL_LEN, "%s", r->vm->timed ? top_below(buf, ns) : "?");
		break;
	case COLUMN_WINDOWS:
		snprintf(text, CELL_LEN, "%s", r->vm->no_windows ? "?" : top_rate(buf, r->windows));
		break;
	case COLUMN_ZAPPED:
		snprintf(text, CELL_LEN, "%s", r->vm->no_zapped ? "?" : top_rate(buf, r->zapped));
		break;
	case COLUMN_WHO:
		top_who(text, CELL_LEN, &r->main);
		break;
	default:
		break;
	}
}

static void draw_vm_row(const struct vm_rates *r, struct screen *s, int row, bool selected,
			const int width[COLUMN_NR])
{
	int col = 0;

	for (int c = 0; c < COLUMN_NR; c++) {
		enum style style = r->vm->ended ? STYLE_DIM : STYLE_PLAIN;
		char text[CELL_LEN];

		if (!width[c])
			continue;
		cell_text(r, (enum top_column)c, text);
		if (c == COLUMN_VERDICT)
			snprintf(text, sizeof(text), "%s", top_verdict(s, r->vm->verdict, &style));
		if (c == COLUMN_VM && !r->vm->ended)
			style = STYLE_BOLD;
		if (c == COLUMN_MAP)
			top_levels_bar(s, row, col + 1, width[c] - 2, r->vm->mapped);
		else if (columns[c].left)
			screen_left(s, row, col + 1, width[c] - 1, style, text);
		else
			screen_right(s, row, col + 1, width[c] - 1, style, text);
		col += width[c];
	}
	if (!selected)
		return;
	screen_paint(s, row, 0, s->cols, STYLE_SELECTED);
	screen_put(s, row, 0, STYLE_SELECTED, "%s", screen_sign(s, "▸", ">"));
}

/* What the table has no room for, of the VM that is selected. */
static void draw_pane(const struct vm_rates *r, struct screen *s, int row)
{
	char who[CELL_LEN], a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN];
	const struct vm_numbers *vm = r->vm;
	enum style style;
	int col;

	screen_paint(s, row, 0, s->cols, STYLE_DIM);
	for (int i = 0; i < s->cols; i++)
		screen_put(s, row, i, STYLE_DIM, "%s", screen_sign(s, "─", "-"));
	col = screen_put(s, row, 2, STYLE_BOLD, " %s ", vm->name);
	screen_put(s, row, col, STYLE_DIM, " VM %u, pid %u%s%s%s ", vm->id, vm->pid,
		   strcmp(vm->name, vm->comm) ? " " : "", strcmp(vm->name, vm->comm) ? vm->comm : "",
		   vm->ended ? ", ended" : vm->late ? ", older than this run" : "");
	if (vm->lost < 0)
		screen_put(s, row + 1, 1, STYLE_PLAIN, "stock of it has not been taken");
	else
		screen_put(s, row + 1, 1, STYLE_PLAIN, "host maps 4K %s, 2M %s, 1G %s%s%s", top_bytes(a, vm->host[1]),
			   top_bytes(b, vm->host[2]), top_bytes(c, vm->host[3]),
			   vm->lost ? "; KVM smaller: " : "", vm->lost ? top_why(r->lost_cause) : "");
	top_who(who, sizeof(who), &r->main);
	col = screen_put(s, row + 2, 1, STYLE_PLAIN, "%s", top_verdict(s, vm->verdict, &style));
	screen_paint(s, row + 2, 1, col - 1, style);
	screen_put(s, row + 2, col, STYLE_PLAIN, "; most windows: %s", who);
}

/* Where the table begins, so that the selected row is seen and no room is left at its end. */
static void set_first(struct top_view *v, int at, int n, int room)
{
	if (v->first > n - room)
		v->first = n - room;
	if (at >= 0 && v->first > at)
		v->first = at;
	if (at >= 0 && v->first < at - room + 1)
		v->first = at - room + 1;
	if (v->first < 0)
		v->first = 0;
}

static void say_if_empty(const struct top_view *v, const struct rates *r, struct screen *s, int row)
{
	if (*v->filter)
		screen_put(s, row, 1, STYLE_DIM, "no VM matches '%s'", v->filter);
	else if (r->nended)
		screen_put(s, row, 1, STYLE_DIM, "no VM runs; %zu ended%s", r->nended,
			   v->plain ? "" : " (e shows them)");
	else
		screen_put(s, row, 1, STYLE_DIM, "no VM has been seen");
}

int top_draw_list(struct top_view *v, const struct rates *r, struct screen *s, int row, int end)
{
	const struct vm_rates *selected = v->plain ? NULL : top_selected(v, r);
	size_t *order = calloc(r->nvms + 1, sizeof(*order));
	int n, room, at = -1, width[COLUMN_NR];

	if (!order)
		return -1;
	n = (int)top_order(v, r, order);
	for (int i = 0; i < n; i++)
		if (selected == &r->vms[order[i]])
			at = i;
	if (at >= 0 && end - row >= TOP_PANE_ROWS + TOP_TABLE_HEAD_ROWS + 3) {
		end -= TOP_PANE_ROWS;
		draw_pane(selected, s, end);
	}
	layout(s->cols, r->now->checking, width);
	draw_heads(v, r, s, row, width);
	row += TOP_TABLE_HEAD_ROWS;
	room = end - row > 0 ? end - row : 0;
	set_first(v, at, n, room);
	if (!n)
		say_if_empty(v, r, s, row);
	for (int i = 0; i < room && v->first + i < n; i++)
		draw_vm_row(&r->vms[order[v->first + i]], s, row + i, v->first + i == at, width);
	free(order);
	return 0;
}
