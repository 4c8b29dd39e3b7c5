/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stress: vCPUs write and check values of their own while threads on the host do to the same
 * memory whatever a host can do. stress.c makes the VMs and judges, stress_guest.c has the vCPUs'
 * part, stress_host.c the host's.
 */
#ifndef LOAD_STRESS_H
#define LOAD_STRESS_H

#include "backing.h"
#include "dice.h"
#include "vm.h"

#include <pthread.h>

#define STRESS_VMS_MAX 8
#define STRESS_REGIONS 6
#define STRESS_SLOTS (STRESS_REGIONS + 1)	/* one region is mapped twice */
#define STRESS_ALIAS_SLOT STRESS_REGIONS
#define STRESS_CHUNK 16				/* pages that belong to one vCPU */
#define STRESS_HOST_THREADS 2
#define STRESS_ACTIONS 20

struct run;
struct step_log;

/* One kind of memory; every VM has such a region, or all of them have the same. */
struct region_kind {
	const char *backing;
	bool shared;	/* by all VMs, and twice in each */
	bool lossy;	/* the host may discard pages, so that they read as zero */
	bool huge;	/* 2M pages, and the host may make some of small ones */
	bool merges;	/* left to KSM */
};

struct region {
	const struct region_kind *kind;
	struct mem mem;
	size_t pages;
	size_t base;	/* its first page in the run's data */
	uint64_t gpa;
};

struct stress_vm {
	struct vm vm;
	struct region regions[STRESS_REGIONS];
	/* Held by a vCPU for a job on a slot, and by who deletes it. */
	pthread_rwlock_t slot_use[STRESS_SLOTS];
	pthread_mutex_t slot_change;
};

/* What one vCPU does: see stress_guest.c. */
struct actor {
	struct run *r;
	struct stress *stress;
	struct stress_vm *vm;
	unsigned int id;	/* over all VMs */
	unsigned int nshared;	/* vCPUs among which a shared region is divided */
	unsigned int nown;	/* those of its own VM */
	unsigned int own_id;
	struct dice dice;
	bool busy;		/* a job is under way: region, slot, op and pages */
	unsigned int region;
	unsigned int slot;
	enum guest_op op;
	size_t first;
	size_t end;
	uint32_t value;
	uint32_t step;
	uint64_t mismatches;	/* of the vCPU, so far */
	uint64_t jobs;
	size_t checked;
	size_t wrong;
	size_t review;		/* next page of the last comparison */
};

struct host_thread {
	struct run *r;
	struct stress *stress;
	unsigned int id;
	pthread_t thread;
	bool started;
	struct dice dice;
	uint64_t counts[STRESS_ACTIONS];
	const char *failed;	/* what, and errno */
	int error;
};

struct stress {
	unsigned int nvms;
	unsigned int nvcpus;	/* of all VMs */
	struct stress_vm vms[STRESS_VMS_MAX];
	struct actor *actors;
	struct vm_work *work;
	struct host_thread hosts[STRESS_HOST_THREADS];
	bool stop;
};

/* stress_guest.c: the vCPUs' jobs while the stress goes on, and the comparison of all at its end. */
bool actor_next(void *arg, const struct vcpu *v, struct guest_job *job);
bool actor_review(void *arg, const struct vcpu *v, struct guest_job *job);

/* stress_host.c */
void *host_thread(void *arg);
const char *stress_action_name(size_t i);	/* NULL past the end */

/* stress.c: what the run needs. check compares all pages, close ends the VMs. */
int stress_check(struct run *r);
void stress_report(struct run *r);
bool stress_close(struct run *r);

#endif
