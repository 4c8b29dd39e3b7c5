// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who changed guest memory, and why, for a person.
 */
#include "user/base/format.h"
#include "report.h"
#include "parts.h"

#include <string.h>

enum { CAUSES_SHOWN = 8 };	/* without -v */

/* "qemu-system-x86 812" or, of another thread than the first, "CPU 0/KVM 812/815", in 22 columns */
static void initiator(const struct cause_group *g, char *buf, size_t size)
{
	char ids[32], comm[FORMAT_LEN];

	if (g->tid == g->pid || !g->pid)
		snprintf(ids, sizeof(ids), "%u", g->tid);
	else
		snprintf(ids, sizeof(ids), "%u/%u", g->pid, g->tid);
	format_comm(comm, g->comm, COMM_LEN);
	snprintf(buf, size, "%.*s %s", (int)(21 - strlen(ids)), comm, ids);
}

static void cause_line(FILE *f, const struct cause_group *g)
{
	char who[64], a[FORMAT_LEN], b[FORMAT_LEN], c[FORMAT_LEN], d[FORMAT_LEN], e[FORMAT_LEN];

	initiator(g, who, sizeof(who));
	fprintf(f, "%-18.18s %-22s %7s %7s %7s %7s %6s\n", g->name, who,
		g->outside ? "-" : format_short(a, g->windows),
		g->windows ? format_short_ns(b, g->ns / g->windows) : "-",
		g->windows ? format_short_ns(c, g->ns_max) : "-", format_short(d, g->zapped),
		g->outside ? "-" : format_short(e, g->retries));
}

static void cause_stacks(FILE *f, const struct report *r, const struct cause_group *g)
{
	char who[64], n[FORMAT_LEN], m[FORMAT_LEN];
	size_t own;

	initiator(g, who, sizeof(who));
	fprintf(f, "\n%s, %s\n", g->name, who);
	if (!g->example) {
		fprintf(f, "    no stack was taken\n");
		return;
	}
	own = ksyms_own_frames(r->ksyms, (const uint64_t *)g->example->stack, g->example->frames);
	text_kernel_stack(f, r->ksyms, (const uint64_t *)g->example->stack + own, g->example->frames - own);
	for (size_t i = 0; i < g->user_frames; i++)
		fprintf(f, "    %-9s %s\n", i ? "" : "user", g->user[i]);
	if (g->rows > 1)
		fprintf(f, "    the busiest of %zu call paths\n", g->rows);
	if (g->differs)
		fprintf(f, "    %s of %s stacks taken are not like the first of their call path\n",
			format_count(n, (int64_t)g->differs), format_count(m, (int64_t)g->samples));
}

/* Who changed guest memory: the busiest, all of them with -v. */
void text_causes(FILE *f, const struct report *r)
{
	size_t n = r->causes ? r->causes->n : 0;
	size_t shown = r->verbose || n < CAUSES_SHOWN ? n : CAUSES_SHOWN;
	uint64_t windows = 0, zapped = 0;
	char a[FORMAT_LEN], b[FORMAT_LEN];

	if (!n)
		return;
	fprintf(f, "%-18s %-22s %7s %7s %7s %7s %6s\n", "CAUSE", "INITIATOR", "WINDOWS", "MEAN", "MAX", "PAGES",
		"RETRY");
	for (size_t i = 0; i < shown; i++)
		cause_line(f, &r->causes->groups[i]);
	for (size_t i = shown; i < n; i++) {
		windows += r->causes->groups[i].windows;
		zapped += r->causes->groups[i].zapped;
	}
	if (shown < n)
		fprintf(f, "and %zu more (-v): %s windows, %s pages\n", n - shown,
			format_count(a, (int64_t)windows), format_count(b, (int64_t)zapped));
	for (size_t i = 0; r->stacks && i < shown; i++)
		cause_stacks(f, r, &r->causes->groups[i]);
	fputc('\n', f);
}
