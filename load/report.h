/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user sees of a run: short lines while it goes on, or one JSON object at its end.
 */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "stats.h"
#include "step.h"

#include <stdbool.h>
#include <stdint.h>

#define REPORT_STEPS_MAX 256
#define REPORT_VMS_MAX 32
#define REPORT_VMSTATS 20
#define REPORT_ACTIONS_MAX 20

struct report_step {
	char name[48];
	char what[160];
	int status;
	double seconds;
};

struct report_vm {
	bool live;	/* until the end of the run */
	struct vm_stats stats;
};

/* What the host did during a stress, and how many times. */
struct report_action {
	const char *name;
	uint64_t n;
};

struct report {
	bool json;
	int verbose;	/* -1: quiet */
	struct report_step steps[REPORT_STEPS_MAX];
	size_t nsteps;
	size_t nsteps_done;	/* also those that were not kept */
	struct report_vm vms[REPORT_VMS_MAX];
	size_t nvms;
	size_t nvms_done;
	uint64_t vmstat[REPORT_VMSTATS];
	bool vmstat_have[REPORT_VMSTATS];
	struct report_action actions[REPORT_ACTIONS_MAX];
	size_t nactions;
	size_t guest_checked;
	size_t guest_wrong;
};

/* Takes the start values of /proc/vmstat; report_vmstat_end makes differences of them. */
void report_vmstat_start(struct report *rep);
void report_vmstat_end(struct report *rep);
/* The difference of one of them; 0 when the kernel does not have it. */
uint64_t report_vmstat(const struct report *rep, const char *name);

void report_start(const struct run *r);
void report_step(struct report *rep, const struct step *s, const struct step_log *log, int status,
		 double seconds);
void report_vm(struct report *rep, const struct vm *vm, bool live);
/* Adds to the number of one action. */
void report_action(struct report *rep, const char *name, uint64_t n);
/* Lines for others to wait for: "waiting", "holding". */
void report_state(const struct report *rep, const char *state);
/* The end of the run. 0, or STATUS_ERROR when stdout cannot be written. */
int report_end(const struct run *r, int status);

/* What --list prints. */
int report_list(bool json);

#endif
