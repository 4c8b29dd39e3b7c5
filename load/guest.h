/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one architecture gives: machine code for a few loops over guest pages, the registers that
 * start one, and the ways in which a guest can run it. Guest addresses are guest physical
 * addresses, but for GUEST_PAGED, which has page tables of its own.
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
	GUEST_OPS,
	GUEST_EXEC = GUEST_OPS,	/* run a few bytes in each page, which guest_write_hop put there */
};

enum guest_mode {
	GUEST_FLAT,		/* 32 bits, no paging */
	GUEST_PAGED,		/* 64 bits, with page tables that map small pages */
	GUEST_NESTED,		/* a nested guest, flat, with nested page tables by the guest */
	GUEST_NESTED_FLAT,	/* a nested guest, flat, without nested page tables */
	GUEST_SMM,		/* flat; can also work in system management mode */
};

struct guest_job {
	enum guest_op op;
	uint64_t gpa;
	uint64_t pages;
	int64_t stride;	/* from page to page; 0: GUEST_PAGE */
	uint32_t value;
	uint32_t step;
	bool patient;	/* the host may forbid a page for a while: try again then */
	bool smm;	/* in system management mode */
};

#define GUEST_TABLE_STRIDE	8	/* from entry to entry of the guest's page tables */

/* How architectures differ. */
struct guest_traits {
	/* an entry of the guest's page tables is the address of a page and these bits */
	uint32_t table_entry;
	/* and their KVMs, as far as the counts of expect.h go */
	bool shadow_mmu;	/* it has an MMU for CPUs without two-dimensional paging, too */
	bool slot_zaps_all;	/* a memslot that goes takes all mappings of its VM along, code included */
	bool rewrite_asks;	/* what dirty logging write-protects is looked up again when it is written */
	bool exec_asks;		/* what was mapped for data may be looked up again when it is executed */
};

extern const struct guest_traits guest_traits;

/* Memory that a mode needs besides code and memory under test: page tables and the like. */
struct guest_area {
	enum guest_mode mode;
	char *hva;
	size_t size;		/* 0: the mode needs none */
	uint64_t gpa;
	unsigned int as_id;	/* KVM's address space */
	size_t pages;		/* under test */
	unsigned int nvcpus;
	uint64_t tables;	/* gpa of the first table that maps memory under test */
};

struct guest_cpu {
	int fd;
	int vm_fd;
	unsigned int id;
	uint64_t code_gpa;
	const struct guest_area *area;
};

/* Fills one page of code; every vCPU has a page of its own. */
void guest_write_code(void *page);
/* The bytes for GUEST_EXEC, at GUEST_HOP of a page. */
#define GUEST_HOP 64
void guest_write_hop(void *page);

/* The most pages that one job should have. */
size_t guest_job_pages(enum guest_mode mode);

/* NULL, or what this host lacks for the mode. */
const char *guest_lacks(int kvm_fd, enum guest_mode mode);

/* Sets mode, pages and nvcpus, and says where the area is to be and how large. */
void guest_plan_area(struct guest_area *area, enum guest_mode mode, size_t pages,
		     unsigned int nvcpus);
/* Fills the area once it has memory. */
void guest_write_area(const struct guest_area *area);

/* 0 or -errno. */
int guest_init_vm(int vm_fd);
int guest_init_vcpu(int kvm_fd, const struct guest_cpu *cpu);
int guest_start(const struct guest_cpu *cpu, const struct guest_job *job);
struct kvm_run;

/* Is this the exit that ends a job? */
bool guest_has_ended(const struct kvm_run *run);
/* After it; *left is set if a nested guest ended for another reason. */
int guest_end(const struct guest_cpu *cpu, const struct guest_job *job, uint64_t *left);
int guest_mismatches(int vcpu_fd, uint64_t *n);
int guest_position(int vcpu_fd, uint64_t *gpa);

#endif
