// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page of one VM, and help: longer than a screen, so drawn into a picture of their own, of which a part
 * is shown.  Where there is room for two columns, there are two.
 */
#include "top.h"

#include "bpf/hist.h"

#include <stdlib.h>
#include <string.h>

enum {
	BODY_ROWS = 400,
	ONE_COLUMN = 78,	/* least width of each of two */
	INITIATORS_SHOWN = 12,
	VIOLATIONS_SHOWN = 10,
	NAME_COL = 21,
};

/* a column of the page; row: the next free one */
struct column {
	struct screen s;
	int row;
};

static void heading(struct column *c, const char *text)
{
	if (c->row)
		c->row++;
	screen_put(&c->s, c->row++, 0, STYLE_BOLD, "%s", text);
}

static void table_head(struct column *c, const char *text)
{
	screen_paint(&c->s, c->row, 0, c->s.cols, STYLE_HEAD);
	screen_put(&c->s, c->row++, 0, STYLE_HEAD, "%s", text);
}

/* Over as many rows as it needs. */
static void wrapped(struct column *c, int indent, enum style style, const char *text)
{
	size_t room = (size_t)(c->s.cols - indent);

	while (*text) {
		size_t n = strlen(text);

		if (n > room) {
			for (n = room; n > 0 && text[n] != ' '; n--)
				;
			n = n ? n : room;
		}
		screen_put(&c->s, c->row++, indent, style, "%.*s", (int)n, text);
		text += n;
		text += *text == ' ';
	}
}

static void nothing(struct column *c, const char *text)
{
	screen_put(&c->s, c->row++, 1, STYLE_DIM, "%s", text);
}

static void draw_causes(struct column *c, const struct vm_numbers *vm)
{
	char buf[FORMAT_LEN];

	heading(c, "Why KVM maps smaller than the host");
	if (vm->lost < 0) {
		nothing(c, "not known: stock of it has not been taken");
		return;
	}
	if (!vm->lost)
		nothing(c, "it does not");
	for (int i = 0; i < LOW_NR; i++) {
		if (!vm->lost_by[i])
			continue;
		screen_put(&c->s, c->row, 1, STYLE_PLAIN, "%s", level_cause_name(i));
		screen_right(&c->s, c->row, NAME_COL, 6, STYLE_PLAIN,
			     top_bytes(buf, (int64_t)vm->lost_by[i]));
		screen_bar(&c->s, c->row++, NAME_COL + 8, 40, STYLE_WARN,
			   (double)vm->lost_by[i] / (double)vm->lost);
		wrapped(c, 3, STYLE_DIM, level_cause_remedy((enum level_cause)i));
	}
}

static enum level_cause main_cause(const struct slot_numbers *slot)
{
	enum level_cause most = LOW_NR;

	for (int i = 0; i < LOW_NR; i++)
		if (slot->lost_by[i] && (most == LOW_NR || slot->lost_by[i] > slot->lost_by[most]))
			most = (enum level_cause)i;
	return most;
}

static void draw_slot(struct column *c, const struct slot_numbers *slot)
{
	char id[FORMAT_LEN], buf[FORMAT_LEN];
	int row = c->row++, col = 36;

	snprintf(id, sizeof(id), "%u:%u", slot->as_id, slot->id);
	screen_put(&c->s, row, 1, STYLE_PLAIN, "%s", id);
	screen_put(&c->s, row, 9, STYLE_PLAIN, "0x%llx", (unsigned long long)slot->base_gfn);
	screen_right(&c->s, row, 23, 6, STYLE_PLAIN, top_bytes(buf, (int64_t)slot->size));
	for (int l = 0; l < LEVELS; l++)
		screen_right(&c->s, row, 30 + 7 * l, 6, STYLE_PLAIN,
			     top_bytes(buf, (int64_t)slot->mapped[l]));
	col += 14;
	screen_right(&c->s, row, col + 1, 6, slot->lost ? STYLE_WARN : STYLE_PLAIN,
		     top_bytes(buf, (int64_t)slot->lost));
	screen_put(&c->s, row, col + 9, STYLE_PLAIN, "%s", slot->lost ? top_why(main_cause(slot)) : "");
	screen_put(&c->s, c->row++, 9, STYLE_DIM, "%s%s%s", *slot->backings ? slot->backings : "nothing mapped",
		   slot->flags & 1 ? ", dirty log" : "", slot->flags & 2 ? ", read-only" : "");
}

static void draw_slots(struct column *c, const struct vm_numbers *vm)
{
	heading(c, "Memslots");
	if (!vm->nslots) {
		nothing(c, "not known: stock of it has not been taken");
		return;
	}
	table_head(c, " SLOT    GFN             SIZE     4K     2M     1G   SMALL  WHY SO SMALL");
	for (size_t i = 0; i < vm->nslots && c->row < BODY_ROWS - 150; i++)
		draw_slot(c, &vm->slots[i]);
}

/* A line for each bucket between the first and the last that has something. */
static void draw_hist(struct column *c, const struct vm_rates *r)
{
	uint64_t most = 0;
	int first = HIST_BUCKETS, last = -1;
	char text[128], buf[FORMAT_LEN];

	snprintf(text, sizeof(text), "hva_to_pfn: %llu lookups in this time",
		 (unsigned long long)r->lookups);
	heading(c, text);
	if (!r->vm->timed)
		nothing(c, "not timed");
	for (int b = 0; b < HIST_BUCKETS; b++) {
		if (!r->lookup_ns.bucket[b])
			continue;
		first = first < b ? first : b;
		last = b;
		most = r->lookup_ns.bucket[b] > most ? r->lookup_ns.bucket[b] : most;
	}
	for (int b = first; b <= last; b++) {
		screen_right(&c->s, c->row, 1, 7, STYLE_PLAIN,
			     top_below(buf, b ? hist_low((uint32_t)b) * 2 - 1 : 1));
		screen_right(&c->s, c->row, 9, 8, STYLE_PLAIN, format_short(buf, r->lookup_ns.bucket[b]));
		screen_bar(&c->s, c->row++, 18, 48, STYLE_GOOD,
			   (double)r->lookup_ns.bucket[b] / (double)most);
	}
}

static int by_rate(const void *a, const void *b)
{
	const struct initiator_rate *x = *(const struct initiator_rate *const *)a;
	const struct initiator_rate *y = *(const struct initiator_rate *const *)b;

	if (x->windows != y->windows)
		return (x->windows < y->windows) - (x->windows > y->windows);
	return (x->who->windows < y->who->windows) - (x->who->windows > y->who->windows);
}

static void draw_initiator(struct column *c, const struct initiator_rate *r)
{
	const struct initiator_numbers *who = r->who;
	char buf[FORMAT_LEN];
	int row = c->row++;

	screen_right(&c->s, row, 1, 8, STYLE_PLAIN, top_rate(buf, r->windows));
	screen_right(&c->s, row, 10, 9, STYLE_PLAIN, format_short(buf, who->windows));
	screen_right(&c->s, row, 20, 8, STYLE_PLAIN,
		     who->windows ? format_short_ns(buf, who->ns / who->windows) : "-");
	screen_put(&c->s, row, 30, STYLE_PLAIN, "%s", who->cause);
	screen_put(&c->s, row, 51, STYLE_PLAIN, "%s (%u)", who->comm, who->tid);
}

static int draw_initiators(struct column *c, const struct rates *r, const struct vm_numbers *vm)
{
	const struct initiator_rate **list = calloc(r->now->ninitiators + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -1;
	for (size_t i = 0; i < r->now->ninitiators; i++)
		if (r->initiators[i].who->vm == vm->id)
			list[n++] = &r->initiators[i];
	qsort(list, n, sizeof(*list), by_rate);
	heading(c, "Who opened invalidation windows");
	if (n)
		table_head(c, "       /s   IN ALL     MEAN  CAUSE                TASK");
	else
		nothing(c, "nobody");
	for (size_t i = 0; i < n && i < INITIATORS_SHOWN; i++)
		draw_initiator(c, list[i]);
	if (n > INITIATORS_SHOWN)
		screen_put(&c->s, c->row++, 1, STYLE_DIM, "and %zu more", n - INITIATORS_SHOWN);
	free(list);
	return 0;
}

static void draw_violations(struct column *c, const struct rates *r, const struct vm_numbers *vm)
{
	uint64_t told = 0;

	heading(c, "Violations");
	for (size_t i = r->now->nviolations; i > 0; i--) {
		const struct violation_numbers *v = &r->now->violations[i - 1];

		if (v->vm != vm->id || told++ >= VIOLATIONS_SHOWN)
			continue;
		screen_put(&c->s, c->row++, 1, STYLE_BAD, "%s after %.3f s", v->invariant,
			   (double)v->since_start_ns / 1e9);
		screen_put(&c->s, c->row++, 3, STYLE_PLAIN, "gfn %s, %s; %s by %s", *v->gfn ? v->gfn : "?", v->level,
			   v->cause, v->comm);
	}
	if (vm->violations)
		screen_put(&c->s, c->row++, 1, STYLE_PLAIN, "%llu in all; 'mmuscope check' tells more",
			   (unsigned long long)vm->violations);
	else if (!told)
		nothing(c, r->now->checking ? "none" : "not judged");
}

/* ---- a part of what was drawn ---- */

static void copy(const struct screen *from, int first, struct screen *to, int row, int end, int col)
{
	for (int i = 0; row + i < end; i++)
		for (int k = 0; k < from->cols && col + k < to->cols && first + i < from->rows; k++)
			to->cells[(size_t)(row + i) * (size_t)to->cols + (size_t)(col + k)] =
				from->cells[(size_t)(first + i) * (size_t)from->cols + (size_t)k];
}

static void limit_scroll(struct top_view *v, int rows, int room)
{
	if (v->scroll > rows - room)
		v->scroll = rows - room;
	if (v->scroll < 0)
		v->scroll = 0;
}

static void say_more(struct screen *s, int below, int end)
{
	if (below <= 0)
		return;
	/* it takes a row itself */
	for (int col = 0; col < s->cols; col++)
		screen_put(s, end - 1, col, STYLE_PLAIN, " ");
	screen_put(s, end - 1, 0, STYLE_WARN, "%s %d more rows", screen_sign(s, "↓", "v"), below + 1);
}

static int draw_body(struct top_view *v, const struct rates *r, const struct vm_rates *vm, struct screen *s,
		     int row, int end)
{
	bool two = s->cols >= 2 * ONE_COLUMN + 2;
	int width = two ? s->cols / 2 - 1 : s->cols, rows, err;
	struct column left = { .row = 0 }, right = { .row = 0 };
	struct column *second = two ? &right : &left;

	if (!screen_init(&left.s, BODY_ROWS, width, s->utf8) ||
	    !screen_init(&right.s, BODY_ROWS, width, s->utf8)) {
		screen_free(&left.s);
		return -1;
	}
	draw_causes(&left, vm->vm);
	err = draw_initiators(second, r, vm->vm);
	draw_hist(second, vm);
	draw_violations(second, r, vm->vm);
	draw_slots(&left, vm->vm);
	rows = left.row > right.row ? left.row : right.row;
	limit_scroll(v, rows, end - row);
	copy(&left.s, v->scroll, s, row, end, 0);
	if (two)
		copy(&right.s, v->scroll, s, row, end, s->cols - width);
	say_more(s, rows - v->scroll - (end - row), end);
	screen_free(&left.s);
	screen_free(&right.s);
	return err;
}

int top_draw_vm(struct top_view *v, const struct rates *r, struct screen *s, int row, int end)
{
	const struct vm_rates *t = top_selected(v, r);
	const struct vm_numbers *vm = t->vm;
	char a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN];
	enum style style;
	const char *verdict = top_verdict(s, vm->verdict, &style);
	int col;

	col = screen_put(s, row, 0, STYLE_BOLD, "%s", vm->name);
	col = screen_put(s, row, col, STYLE_PLAIN, "  VM %u, pid %u %s%s  ", vm->id, vm->pid, vm->comm,
			 vm->ended ? ", ended" : vm->late ? ", older than this run" : "");
	screen_put(s, row, col, style, "%s", verdict);
	col = screen_put(s, row + 1, 0, STYLE_PLAIN, "mapped 4K %s, 2M %s, 1G %s", top_bytes(a, vm->mapped[0]),
			 top_bytes(b, vm->mapped[1]), top_bytes(c, vm->mapped[2]));
	if (vm->lost >= 0)
		screen_put(s, row + 1, col, STYLE_PLAIN, "; by the host 4K %s, 2M %s, 1G %s",
			   top_bytes(a, vm->host[1]), top_bytes(b, vm->host[2]), top_bytes(c, vm->host[3]));
	col = screen_put(s, row + 2, 0, STYLE_PLAIN, "%s %s/s, ", top_asked(r->now),
			 r->now->no_faults ? "?" : top_rate(a, t->faults));
	if (r->now->checking)
		col = screen_put(s, row + 2, col, STYLE_PLAIN, "%s/s of them to be made again, ", top_rate(a, t->retries));
	screen_put(s, row + 2, col, STYLE_PLAIN, "windows %s/s, %s pages zapped/s",
		   r->now->no_windows ? "?" : top_rate(a, t->windows),
		   r->now->no_zapped ? "?" : top_rate(b, t->zapped));
	return draw_body(v, r, t, s, row + 5, end);
}

void top_draw_help(struct top_view *v, struct screen *s, int row, int end)
{
	static const char *const lines[] = {
		"KEYS",
		"  up, down, PgUp, PgDn, Home, End, j, k   select a VM, or scroll",
		"  Enter        all about a VM: causes, initiators, histogram, memslots...",
		"  <, >         sort by the column to the left, or to the right",
		"  r            the other way round",
		"  /            only VMs whose name, process or pid has a text; Esc ends it",
		"  f, space     freeze the picture; counting goes on",
		"  e            show VMs that have ended, too",
		"  h, ?         this help; Esc, q leaves it",
		"  q            quit; Esc or q leaves the page of a VM",
		"",
		"COLUMNS",
		"  KVM MAPS AT  guest memory mapped by leaves of 4K, 2M and 1G",
		"  TOO SMALL    of it, what KVM maps smaller than the host does; WHY: mainly",
		"  FAULTS       page faults of vCPUs that ended; RETRIES: to be made again",
		"               with --no-check in their place: calls of hva_to_pfn",
		"  LOOKUP       half, or 99%, of the calls of hva_to_pfn took less (powers",
		"               of 2); waiting for I/O is part of it",
		"  WINDOWS      mmu_notifier invalidations; MOST ... BY: cause and task",
		"  ZAPPED       4K pages that lost their mapping in them",
		"  VERDICT      of all invariants for this VM: held; VIOLATED; inconcl.:",
		"               something that could matter was missed; idle: no occasion",
		"",
		"Numbers per second are of the time since the last picture, the first one's",
		"since the start.  ?: not known.  mmuscope(8) has more.",
	};
	int n = sizeof(lines) / sizeof(lines[0]);

	limit_scroll(v, n, end - row);
	for (int i = 0; row + i < end && v->scroll + i < n; i++)
		screen_put(s, row + i, 0, lines[v->scroll + i][0] == ' ' ? STYLE_PLAIN : STYLE_BOLD, "%s",
			   lines[v->scroll + i]);
	say_more(s, n - v->scroll - (end - row), end);
}
