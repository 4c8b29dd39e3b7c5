// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collects what happened, and prints it for people. report_json.c prints it for programs.
 */
#include "report.h"

#include "report_json.h"
#include "run.h"
#include "scenario.h"
#include "wrap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const vmstats[] = {
	"pswpin", "pswpout", "pgfault", "pgmajfault", "thp_fault_alloc", "thp_fault_fallback",
	"thp_file_fallback", "thp_collapse_alloc", "thp_split_page", "thp_split_pmd",
	"pgmigrate_success", "pgsteal_kswapd", "pgsteal_direct", "pgsteal_proactive", "pglazyfree",
	"pglazyfreed", "nr_dirtied", "nr_written", "ksm_swpin_copy", "cow_ksm",
};

_Static_assert(sizeof(vmstats) / sizeof(vmstats[0]) == REPORT_VMSTATS, "one value for each name");

void report_vmstat_start(struct report *rep)
{
	for (int i = 0; i < REPORT_VMSTATS; i++)
		rep->vmstat_have[i] = host_vmstat(vmstats[i], &rep->vmstat[i]);
}

void report_vmstat_end(struct report *rep)
{
	for (int i = 0; i < REPORT_VMSTATS; i++) {
		uint64_t now;

		if (!rep->vmstat_have[i])
			continue;
		rep->vmstat_have[i] = host_vmstat(vmstats[i], &now);
		rep->vmstat[i] = now - rep->vmstat[i];
	}
}

const char *report_vmstat_name(int i)
{
	return vmstats[i];
}

uint64_t report_vmstat(const struct report *rep, const char *name)
{
	for (int i = 0; i < REPORT_VMSTATS; i++)
		if (!strcmp(vmstats[i], name) && rep->vmstat_have[i])
			return rep->vmstat[i];
	return 0;
}

static bool human(const struct report *rep)
{
	return !rep->json && rep->verbose >= 0;
}

void report_start(const struct run *r)
{
	const struct backing *b = backing_find(r->scenario->backing);

	if (!human(&r->report))
		return;
	printf("%s: %zu pages, %u vCPU%s, %s\n", r->scenario->name, r->pages, r->nvcpus,
	       r->nvcpus == 1 ? "" : "s", b->text);
	fflush(stdout);
}

void report_step(struct report *rep, const struct step *s, const struct step_log *log, int status,
		 double seconds)
{
	rep->nsteps_done++;
	if (rep->nsteps < REPORT_STEPS_MAX) {
		struct report_step *row = &rep->steps[rep->nsteps++];

		step_format(s, row->name, sizeof(row->name));
		snprintf(row->what, sizeof(row->what), "%s", log->what);
		row->status = status;
		row->seconds = seconds;
	}
	if (!human(rep))
		return;

	char name[48];

	step_format(s, name, sizeof(name));
	printf("  %-14s %-50s %7.3f s\n", name, status ? "failed" : log->what, seconds);
	fflush(stdout);
}

void report_vm(struct report *rep, const struct vm *vm, bool live)
{
	rep->nvms_done++;
	/* Those that live to the end must find room behind any number of others. */
	if (rep->nvms >= (live ? REPORT_VMS_MAX : REPORT_VMS_MAX - RUN_VMS_MAX))
		return;

	struct report_vm *row = &rep->vms[rep->nvms++];

	row->live = live;
	stats_read(vm, &row->stats);
}

void report_action(struct report *rep, const char *name, uint64_t n)
{
	size_t i = 0;

	while (i < rep->nactions && strcmp(rep->actions[i].name, name))
		i++;
	if (i == REPORT_ACTIONS_MAX)
		return;
	if (i == rep->nactions)
		rep->actions[rep->nactions++].name = name;
	rep->actions[i].n += n;
}

void report_state(const struct report *rep, const char *state)
{
	/* stdout is one JSON object with --json, so the talk goes elsewhere. */
	FILE *f = rep->json ? stderr : stdout;

	fprintf(f, "%s\n", state);
	fflush(f);
}

bool report_agrees(const struct run *r, enum count_id id, bool *known)
{
	static const enum vm_stat stats[COUNTS] = {
		[COUNT_PAGES_4K] = STAT_PAGES_4K,
		[COUNT_PAGES_2M] = STAT_PAGES_2M,
		[COUNT_PAGES_1G] = STAT_PAGES_1G,
	};
	const struct report *rep = &r->report;
	uint64_t sum = 0;

	*known = !r->expect.counts[id].why;
	for (size_t i = 0; i < rep->nvms; i++) {
		if (!rep->vms[i].live)
			continue;
		*known &= rep->vms[i].stats.have[stats[id]];
		sum += rep->vms[i].stats.n[stats[id]];
	}
	return sum == r->expect.counts[id].n;
}

#define TEXT_COLUMN 10

static void print_counts(const struct run *r)
{
	const char *why = NULL;
	char line[512] = "";

	if (r->expect.unbounded == BLUR_ALL)
		wrap_add(line, sizeof(line), "no counts");
	for (unsigned int i = 0; i < COUNTS; i++) {
		const struct count *c = &r->expect.counts[i];

		if (c->why)
			why = c->why;
		if (!c->n || (c->why && !expect_bounded(&r->expect, i)))
			continue;
		wrap_add(line, sizeof(line), " %s%s=%llu", count_name(i), c->why ? ">" : "",
			 (unsigned long long)c->n);
	}
	wrap_print("expected", TEXT_COLUMN, line);
	if (!why)
		return;
	line[0] = '\0';
	wrap_add(line, sizeof(line), "not all exact: %s", why);
	wrap_print("", TEXT_COLUMN, line);
}

static void print_vm(const struct report_vm *vm)
{
	char line[512] = "";

	for (int k = 0; k < STATS; k++)
		if (vm->stats.have[k])
			wrap_add(line, sizeof(line), " %s=%llu", stat_name(k),
				 (unsigned long long)vm->stats.n[k]);
	wrap_print("kvm says", TEXT_COLUMN, line[0] ? line : "nothing: it has no binary statistics");
}

static void print_vms(const struct run *r)
{
	const struct report *rep = &r->report;

	for (size_t i = 0; i < rep->nvms; i++)
		if (rep->vms[i].live || rep->verbose > 0)
			print_vm(&rep->vms[i]);
	for (enum count_id id = COUNT_PAGES_4K; id <= COUNT_PAGES_1G; id++) {
		bool known;

		if (!report_agrees(r, id, &known) && known)
			printf("note      KVM's %s are not the %llu that were expected\n",
			       count_name(id), (unsigned long long)r->expect.counts[id].n);
	}
}

static void print_vmstat(const struct report *rep)
{
	char line[1024] = "";

	for (int i = 0; i < REPORT_VMSTATS; i++)
		if (rep->vmstat_have[i] && rep->vmstat[i])
			wrap_add(line, sizeof(line), " %s=%llu", vmstats[i],
				 (unsigned long long)rep->vmstat[i]);
	if (line[0])
		wrap_print("vmstat", TEXT_COLUMN, line);
}

static void print_actions(const struct report *rep)
{
	char line[1024] = "";

	for (size_t i = 0; i < rep->nactions; i++)
		wrap_add(line, sizeof(line), " %s=%llu", rep->actions[i].name,
			 (unsigned long long)rep->actions[i].n);
	if (rep->nactions)
		wrap_print("actions", TEXT_COLUMN, line);
}

static void print_data(const struct run *r)
{
	const struct lost *l = &r->lost;
	char line[256] = "";

	wrap_add(line, sizeof(line), "the host checked %zu pages, %zu lost;", l->checked, l->lost);
	wrap_add(line, sizeof(line), " the guest read %zu, %zu wrong", r->report.guest_checked,
		 r->report.guest_wrong);
	wrap_print("data", TEXT_COLUMN, line);
	for (size_t i = 0; i < l->nranges && i < LOST_RANGES_MAX; i++)
		printf("lost      pages [%zu, %zu)\n", l->ranges[i][0], l->ranges[i][1]);
	if (l->nranges > LOST_RANGES_MAX)
		printf("lost      and %zu more ranges\n", l->nranges - LOST_RANGES_MAX);
}

int report_end(const struct run *r, int status)
{
	const struct report *rep = &r->report;

	if (rep->json)
		return report_json(r, status);
	if (human(rep) && rep->nvms && (!status || status == STATUS_LOST)) {
		print_actions(rep);
		print_counts(r);
		print_vms(r);
		if (rep->verbose > 0)
			print_vmstat(rep);
		print_data(r);
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "mmuscope-load: cannot write the report: %s\n", strerror(errno));
		return STATUS_ERROR;
	}
	return 0;
}
