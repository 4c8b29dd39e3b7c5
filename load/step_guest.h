/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the other steps need of the guest: run it over a range, judge how it ended, and see what
 * became of its pages.
 */
#ifndef LOAD_STEP_GUEST_H
#define LOAD_STEP_GUEST_H

#include "vm.h"

struct run;
struct view;

struct guest_access {
	enum guest_op op;
	size_t first;
	size_t end;
	uint32_t salt;
};

/* All vCPUs of a VM go over their parts of the range. The model learns only of the code pages. */
int guest_access(struct run *r, const struct view *v, const struct guest_access *a);

/* The same work for vCPU 0 alone: one job. */
int guest_do_job(struct run *r, const struct view *v, const struct guest_job *job);

/* Every vCPU must have ended so; else the reason is set, with the hint behind it. */
int guest_must_end(struct run *r, const struct vm *vm, enum job_end end, int error,
		   const char *hint);

/* fates[i]: what became of page i since before (pagemap entries; NULL: only presence). */
int run_fates(const struct run *r, unsigned int vm, const uint64_t *before, uint8_t *fates);

/* The host could not give a page to the VMM. */
int run_no_page(struct run *r, size_t page);

#endif
