/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that one run of a scenario has: what the user asked, the VMs with their memory and
 * models, the data that the guest must hold, and what happened so far.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "backing.h"
#include "check.h"
#include "expect.h"
#include "host.h"
#include "report.h"
#include "step.h"
#include "vm.h"
#include "wait.h"
#include "why.h"

#define RUN_VMS_MAX 2	/* that share memory, or ways of one VM to it */

struct scenario;
struct stress;

/* A way from a guest to the memory under test. */
struct view {
	struct vm *vm;
	struct model *model;
	struct model *code;	/* the model that has the code pages */
	unsigned int slot;	/* the VM's memslot with the first page */
	bool smm;		/* used in system management mode */
};

struct run {
	const struct scenario *scenario;
	size_t pages;
	size_t cut;		/* page with which a second memslot begins; 0: there is one */
	unsigned int nvcpus;
	unsigned int rounds;
	uint64_t seed;
	double seconds;			/* 0: unset */
	unsigned int many_vms;	/* VMs of the scenarios that have as many as one likes; 0: unset */
	const char *dir;
	const char *device;	/* NULL: none was named */
	uint64_t device_offset;	/* bytes, where its mapping begins */
	bool wait_for_go;
	double hold_seconds;
	bool hold_until_signal;

	struct step steps[STEPS_MAX];
	size_t nsteps;
	unsigned int needs;
	size_t span;		/* pages that slot and memory are rounded up to */

	struct why why;
	struct waiter wait;
	struct host host;
	unsigned int nvms;
	struct vm vms[RUN_VMS_MAX];
	unsigned int nviews;	/* of each of them, a memory (or the same) and a model */
	struct view views[RUN_VMS_MAX];
	struct mem mems[RUN_VMS_MAX];
	struct model models[RUN_VMS_MAX];
	struct expect expect;
	struct data data;
	struct lost lost;
	unsigned int writes;	/* each gets a salt of its own */
	bool reclaiming;	/* memory.high is low: pages go while the guest runs */
	const char *uncertain;	/* why counts stop to be exact when the guest runs next */
	char *ballast;		/* memory that keeps the guest's pages apart */
	size_t ballast_size;
	struct stress *stress;
	struct report report;
};

/* 0 or a status with its reason in run->why. */
int run_scenario(struct run *r);

#endif
