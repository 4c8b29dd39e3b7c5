/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtual machine over the raw KVM API: memslots, vCPU threads, jobs with a deadline.
 * Knows nothing of scenarios, and of the architecture only what guest.h offers.
 */
#ifndef LOAD_VM_H
#define LOAD_VM_H

#include "guest.h"
#include "wait.h"
#include "why.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#define VM_SLOTS_MAX 8
#define VM_VCPUS_MAX 64

struct vm_slot {
	unsigned int as_id;	/* KVM's address space */
	uint32_t flags;
	uint64_t gpa;
	size_t first;		/* page of the memory under test that it starts with */
	size_t pages;
	char *hva;
	bool live;
	bool gmem;		/* on guest_memfd gmem_fd, from the page first on */
	int gmem_fd;
};

/* How a vCPU's list of jobs ended. */
enum job_end {
	JOB_DONE,
	JOB_FAILED,	/* KVM_RUN failed: error */
	JOB_MMIO,	/* the guest touched memory that no slot lets it */
	JOB_EXIT,	/* another exit: exit_reason */
	JOB_NESTED,	/* the nested guest ended for another reason than that it was done: left */
	JOB_KICKED,
};

struct vcpu;

/* What one vCPU has to do: a list of jobs, or one that is made while it works them off. */
struct vm_work {
	const struct guest_job *jobs;
	size_t njobs;
	/* If set: fills in the next job when the last one is done; false: that was all. */
	bool (*next)(void *arg, const struct vcpu *v, struct guest_job *job);
	void *arg;
};

struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct guest_cpu cpu;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	sem_t go;
	bool quit;
	bool kicked;
	struct vm_work work;
	enum job_end end;
	int error;
	unsigned int exit_reason;
	uint64_t left;		/* the nested guest's exit code */
	uint64_t mismatches;
	uint64_t stopped_at;	/* gpa, when it did not end with JOB_DONE */
};

struct vm {
	int fd;
	int done_fd;
	size_t run_size;
	char *code;
	size_t code_size;
	struct guest_area area;
	bool reversed;	/* the guest's page tables map the last page first */
	struct vm_slot slots[VM_SLOTS_MAX];
	unsigned int nslots;
	struct vcpu *vcpus;
	unsigned int nvcpus;
	bool stuck;	/* a thread did not come back: leave everything as it is */
};

/* pages: those under test, for modes with page tables */
int vm_open(struct vm *vm, unsigned int nvcpus, enum guest_mode mode, size_t pages,
	    struct why *why);
void vm_close(struct vm *vm);

/* Tells KVM about slot i as described now; one that is not live is deleted. 0 or -errno. */
int vm_set_slot(const struct vm *vm, unsigned int i);

/* Adds the pages in slot i's dirty log to dirty. 0 or -errno. */
int vm_get_dirty_log(const struct vm *vm, unsigned int i, size_t *dirty);

/* Has KVM map slot i's pages [first, end) ahead of the guest (Linux 6.11). 0 or -errno. */
int vm_prefault(const struct vm *vm, unsigned int i, size_t first, size_t end);

/*
 * Runs each vCPU's jobs, all vCPUs at once. 0 when every vCPU came to an end, whichever; the
 * vCPUs say which one. Else a status: deadline over or interrupted.
 */
int vm_run(struct vm *vm, const struct vm_work *work, double seconds, struct waiter *w,
	   struct why *why);

/* The two halves of vm_run, for several VMs at once. */
void vm_start(struct vm *vm, const struct vm_work *work);
int vm_wait(struct vm *vm, double seconds, struct waiter *w, struct why *why);

#endif
