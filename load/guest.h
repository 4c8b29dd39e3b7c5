/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one architecture gives: machine code for a few loops over guest pages, and the registers
 * that start one. The guest runs without paging, so guest addresses are guest physical addresses.
 */
#ifndef LOAD_GUEST_H
#define LOAD_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE	4096UL
#define GUEST_CODE_GPA	0x1000UL
#define GUEST_MEM_GPA	0x40000000UL
#define GUEST_MEM_END	0xf0000000UL	/* below what x86 puts under 4 GiB */

enum guest_op {
	GUEST_READ,	/* load one word of each page */
	GUEST_WRITE,	/* store value, value + step, ... */
	GUEST_COMPARE,	/* count the pages that do not hold value, value + step, ... */
	GUEST_OPS
};

struct guest_job {
	enum guest_op op;
	uint64_t gpa;
	uint64_t pages;
	uint32_t value;
	uint32_t step;
	bool patient;	/* the host may forbid a page for a while: try again then */
};

/* Fills one page of code; every vCPU has a page of its own. */
void guest_write_code(void *page);

/* 0 or -errno. */
int guest_init_vm(int vm_fd);
int guest_init_vcpu(int vcpu_fd);
int guest_start(int vcpu_fd, uint64_t code_gpa, const struct guest_job *job);
int guest_mismatches(int vcpu_fd, uint64_t *n);
int guest_position(int vcpu_fd, uint64_t *gpa);

#endif
