// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is shown, in which order, and what keys do to that.
 */
#include "top.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* names of columns that can be sorted by; NULL: not by this one */
static const char *const names[COLUMN_NR] = {
	[COLUMN_VM] = "vm", [COLUMN_PID] = "pid", [COLUMN_4K] = "4k", [COLUMN_2M] = "2m", [COLUMN_1G] = "1g",
	[COLUMN_SMALL] = "small", [COLUMN_FAULTS] = "faults", [COLUMN_RETRIES] = "retries", [COLUMN_P50] = "p50",
	[COLUMN_P99] = "p99", [COLUMN_WINDOWS] = "windows", [COLUMN_ZAPPED] = "zapped",
	[COLUMN_VERDICT] = "verdict",
};

void top_view_init(struct top_view *v)
{
	*v = (struct top_view){ .sort = COLUMN_SMALL, .every = 1 };
}

enum top_column top_column_named(const char *name)
{
	for (int c = 0; c < COLUMN_NR; c++)
		if (names[c] && !strcmp(names[c], name))
			return (enum top_column)c;
	return COLUMN_NR;
}

void top_column_names(char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (int c = 0; c < COLUMN_NR; c++)
		if (names[c] && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", names[c]);
}

/* ---- order ---- */

static int how_bad(unsigned int verdict)
{
	return verdict == VIOLATED ? 2 : verdict == INCONCLUSIVE;
}

/* What a VM is sorted by, larger first; text is compared apart. */
static double key_of(const struct vm_rates *r, enum top_column column)
{
	switch (column) {
	case COLUMN_PID:
		return -(double)r->vm->pid;
	case COLUMN_4K:
	case COLUMN_2M:
	case COLUMN_1G:
		return (double)r->vm->mapped[column - COLUMN_4K];
	case COLUMN_SMALL:
		return (double)r->vm->lost;
	case COLUMN_FAULTS:
		return r->faults;
	case COLUMN_RETRIES:
		return r->retries;
	case COLUMN_P50:
		return (double)r->p50_ns;
	case COLUMN_P99:
		return (double)r->p99_ns;
	case COLUMN_WINDOWS:
		return r->windows;
	case COLUMN_ZAPPED:
		return r->zapped;
	case COLUMN_VERDICT:
		return how_bad(r->vm->verdict);
	default:
		return 0;
	}
}

struct ranking {
	const struct top_view *view;
	const struct rates *rates;
};

/* Equal ones stay in the order of their numbers, so that nothing jumps about. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct ranking *rank = arg;
	const struct vm_rates *x = &rank->rates->vms[*(const size_t *)a];
	const struct vm_rates *y = &rank->rates->vms[*(const size_t *)b];
	double kx = key_of(x, rank->view->sort), ky = key_of(y, rank->view->sort);
	int result = (kx < ky) - (kx > ky);

	if (rank->view->sort == COLUMN_VM)
		result = strverscmp(x->vm->name, y->vm->name);
	if (rank->view->reverse)
		result = -result;
	if (!result)
		result = (x->vm->id > y->vm->id) - (x->vm->id < y->vm->id);
	return result ? result : (x->vm->born_ns > y->vm->born_ns) - (x->vm->born_ns < y->vm->born_ns);
}

static bool matches(const struct top_view *v, const struct vm_numbers *vm)
{
	char text[VM_NAME_LEN + 2 * FORMAT_LEN];

	snprintf(text, sizeof(text), "%s %s %u", vm->name, vm->comm, vm->pid);
	return strcasestr(text, v->filter);
}

size_t top_order(const struct top_view *v, const struct rates *r, size_t *order)
{
	struct ranking rank = { v, r };
	size_t n = 0;

	for (size_t i = 0; i < r->nvms; i++) {
		const struct vm_numbers *vm = r->vms[i].vm;

		/* a violation stays in sight */
		if (vm->ended && !v->ended && vm->verdict != VIOLATED)
			continue;
		if (!*v->filter || matches(v, vm))
			order[n++] = i;
	}
	qsort_r(order, n, sizeof(*order), compare, &rank);
	return n;
}

const struct vm_rates *top_selected(const struct top_view *v, const struct rates *r)
{
	for (size_t i = 0; v->selects && i < r->nvms; i++)
		if (vm_is(&v->selected, r->vms[i].vm))
			return &r->vms[i];
	return NULL;
}

/* ---- keys ---- */

static void select_vm(struct top_view *v, const struct vm_numbers *vm)
{
	v->selects = true;
	v->selected = (struct vm_numbers){ .id = vm->id, .pid = vm->pid, .born_ns = vm->born_ns };
}

/* The selection goes so many rows down; without one, to the first row. */
static void move(struct top_view *v, const struct rates *r, int by)
{
	size_t *order = calloc(r->nvms + 1, sizeof(*order));
	int n = order ? (int)top_order(v, r, order) : 0, at = -1;

	for (int i = 0; i < n; i++)
		if (v->selects && vm_is(&v->selected, r->vms[order[i]].vm))
			at = i;
	at = at < 0 ? 0 : at + by;
	at = at < 0 ? 0 : at >= n ? n - 1 : at;
	if (n)
		select_vm(v, r->vms[order[at]].vm);
	free(order);
}

static void sort_by_next(struct top_view *v, int step)
{
	int c = (int)v->sort;

	do {
		c = (c + step + COLUMN_NR) % COLUMN_NR;
	} while (!names[c]);
	v->sort = (enum top_column)c;
	v->reverse = false;
}

static void type_filter(struct top_view *v, int key)
{
	size_t len = strlen(v->filter);

	if (key == TOP_ENTER) {
		v->typing = false;
	} else if (key == TOP_ESCAPE) {
		v->typing = false;
		v->filter[0] = '\0';
	} else if (key == TOP_BACKSPACE) {
		if (len)
			v->filter[len - 1] = '\0';
	} else if (key >= ' ' && key <= '~' && len + 1 < sizeof(v->filter)) {
		v->filter[len] = (char)key;
		v->filter[len + 1] = '\0';
	}
}

/* Rows for a key: 0: it does not move. */
static int rows_of(const struct top_view *v, int key)
{
	int page = v->rows > 16 ? v->rows - 14 : 2;

	switch (key) {
	case TOP_UP:
	case 'k':
		return -1;
	case TOP_DOWN:
	case 'j':
		return 1;
	case TOP_PAGE_UP:
		return -page;
	case TOP_PAGE_DOWN:
		return page;
	case TOP_HOME:
		return -(1 << 20);
	case TOP_END:
		return 1 << 20;
	default:
		return 0;
	}
}

static void open_page(struct top_view *v, enum top_page page)
{
	v->behind = v->page;
	v->page = page;
	v->scroll = 0;
}

static void press_in_list(struct top_view *v, const struct rates *r, int key)
{
	switch (key) {
	case TOP_ENTER:
		if (!top_selected(v, r))
			move(v, r, 0);
		if (top_selected(v, r))
			open_page(v, PAGE_VM);
		break;
	case TOP_LEFT:
	case '<':
		sort_by_next(v, -1);
		break;
	case TOP_RIGHT:
	case '>':
		sort_by_next(v, 1);
		break;
	case 'r':
		v->reverse = !v->reverse;
		break;
	case '/':
		v->typing = true;
		break;
	case 'e':
		v->ended = !v->ended;
		break;
	case TOP_ESCAPE:
		v->filter[0] = '\0';
		break;
	default:
		break;
	}
}

bool top_press(struct top_view *v, const struct rates *r, int key)
{
	int by = rows_of(v, key);

	if (v->typing) {
		type_filter(v, key);
		return false;
	}
	if (key == 'f' || key == ' ') {
		v->frozen = !v->frozen;
	} else if (v->page == PAGE_LIST && key == 'q') {
		return true;
	} else if (v->page == PAGE_HELP && (key == 'q' || key == TOP_ESCAPE || key == '?' || key == 'h')) {
		v->page = v->behind;
		v->scroll = 0;
	} else if (v->page == PAGE_VM && (key == 'q' || key == TOP_ESCAPE || key == TOP_BACKSPACE)) {
		v->page = PAGE_LIST;
	} else if (key == '?' || key == 'h') {
		open_page(v, PAGE_HELP);
	} else if (by && v->page == PAGE_LIST) {
		move(v, r, by);
	} else if (by) {
		v->scroll = by < 0 && v->scroll < -by ? 0 : v->scroll + by;
	} else if (v->page == PAGE_LIST) {
		press_in_list(v, r, key);
	}
	return false;
}
