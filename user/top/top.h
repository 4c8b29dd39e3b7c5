/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live view as data: what is shown (struct top_view), how keys change it, and how it is drawn into a
 * picture.  All of it is pure; the terminal is user/top/term.c, where numbers come from user/cmd/top.c.
 */
#ifndef MMUSCOPE_TOP_H
#define MMUSCOPE_TOP_H

#include "numbers.h"
#include "screen.h"

#include <jansson.h>
#include <stdio.h>

enum top_column {
	COLUMN_VM,
	COLUMN_PID,
	COLUMN_MAP,		/* bar of the levels */
	COLUMN_4K,
	COLUMN_2M,
	COLUMN_1G,
	COLUMN_SMALL,
	COLUMN_WHY,
	COLUMN_FAULTS,
	COLUMN_RETRIES,
	COLUMN_P50,
	COLUMN_P99,
	COLUMN_WINDOWS,
	COLUMN_ZAPPED,
	COLUMN_WHO,
	COLUMN_VERDICT,
	COLUMN_NR,
};

enum top_page { PAGE_LIST, PAGE_VM, PAGE_HELP };

/* keys that are no characters */
enum top_key {
	TOP_UP = 256,
	TOP_DOWN,
	TOP_LEFT,
	TOP_RIGHT,
	TOP_PAGE_UP,
	TOP_PAGE_DOWN,
	TOP_HOME,
	TOP_END,
	TOP_ENTER,
	TOP_ESCAPE,
	TOP_BACKSPACE,
};

enum { TOP_FILTER = 48 };

struct top_view {
	enum top_page page;
	enum top_page behind;		/* help */
	enum top_column sort;
	bool reverse;
	char filter[TOP_FILTER];	/* "": all VMs */
	bool typing;			/* of the filter */
	bool frozen;
	bool ended;			/* VMs that ended are shown, too */
	bool plain;			/* for a log: nothing is selected, no keys are told */
	bool selects;			/* selected is somebody */
	struct vm_numbers selected;	/* only what vm_is() looks at */
	int first;			/* row of the table at its top */
	int scroll;			/* rows of a VM's page, or of help, above its top */
	int rows;			/* of the screen, for keys that move by pages */
	const char *source;		/* the recording that is played; NULL: this host */
	const char *note;		/* worth knowing of it; NULL: nothing */
	double every;			/* seconds between two pictures */
	char clock[24];			/* "14:02:31" */
};

void top_view_init(struct top_view *v);
/* COLUMN_x of that name, or COLUMN_NR. */
enum top_column top_column_named(const char *name);
/* Names of all columns to sort by, "vm, pid, ...". */
void top_column_names(char *buf, size_t size);
/* What a key does.  True: to quit. */
bool top_press(struct top_view *v, const struct rates *r, int key);
/*
 * Indices of the VMs that are shown, in their order; order has room for r->nvms.  How many there are.
 */
size_t top_order(const struct top_view *v, const struct rates *r, size_t *order);
/* Draw all of it; moves view->first and ->scroll to where there is something.  0 or -ENOMEM. */
int top_draw(struct top_view *v, const struct rates *r, struct screen *s);
/* Rows that a picture of all VMs needs. */
int top_rows(const struct top_view *v, const struct rates *r);
/* The same numbers for machines, one object; NULL: out of memory. */
json_t *top_json(const struct top_view *v, const struct rates *r);

/* ---- among the files that draw ---- */

enum { TOP_HEAD_ROWS = 5, TOP_TABLE_HEAD_ROWS = 2, TOP_PANE_ROWS = 3 };

/* in at most 5 columns: "1.23G", "?" for -1 */
const char *top_bytes(char buf[FORMAT_LEN], int64_t bytes);
/* in at most 7 columns: "3.2", "999,999", "1.2M" */
const char *top_rate(char buf[FORMAT_LEN], double rate);
/* in at most 6 columns: "<8.2us", "-" for 0 */
const char *top_below(char buf[FORMAT_LEN], uint64_t ns);
/* "+ held" */
const char *top_verdict(const struct screen *s, unsigned int verdict, enum style *style);
/* What the column of faults counts. */
const char *top_asked(const struct numbers *n);
/* "dirty logging by CPU 0/KVM", "-" */
void top_who(char *buf, size_t size, const struct initiator_rate *r);
const char *top_why(enum level_cause cause);
/* A bar of what is mapped at which level. */
void top_levels_bar(struct screen *s, int row, int col, int width, const int64_t mapped[LEVELS]);
/* The VM that is selected; NULL: it is gone, or nothing is. */
const struct vm_rates *top_selected(const struct top_view *v, const struct rates *r);

int top_draw_list(struct top_view *v, const struct rates *r, struct screen *s, int row, int end);
int top_draw_vm(struct top_view *v, const struct rates *r, struct screen *s, int row, int end);
void top_draw_help(struct top_view *v, struct screen *s, int row, int end);

#endif /* MMUSCOPE_TOP_H */
