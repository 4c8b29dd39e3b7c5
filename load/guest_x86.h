/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the x86 guest know of each other.
 */
#ifndef LOAD_GUEST_X86_H
#define LOAD_GUEST_X86_H

#include "guest.h"

/* Where the code page has what. */
#define CODE_STRIDE	64
#define CODE_LONG	0x400	/* the same loops for 64 bits */
#define CODE_VMRUN	0x600
#define CODE_HLT	0x700

#define CR0_PE	0x01
#define CR0_ET	0x10
#define CR0_NE	0x20
#define CR0_PG	0x80000000
#define CR4_PAE	0x20

#define EFER_LME	0x100
#define EFER_LMA	0x400
#define EFER_SVME	0x1000

/* present, writable, user: nested page tables must be for the user */
#define GUEST_X86_TABLE 7UL

#define SMM_BASE	0x30000UL
#define SMM_ENTRY	0x8000UL

static inline bool guest_is_nested(enum guest_mode mode)
{
	return mode == GUEST_NESTED || mode == GUEST_NESTED_FLAT;
}

static inline bool guest_is_long(enum guest_mode mode)
{
	return mode == GUEST_PAGED || guest_is_nested(mode);
}

/* gpa of the vCPU's VMCB, and of the page that VMRUN saves the host's state to */
uint64_t guest_vmcb_gpa(const struct guest_area *area, unsigned int vcpu);
uint64_t guest_hsave_gpa(const struct guest_area *area, unsigned int vcpu);
uint64_t guest_cr3(const struct guest_area *area);

/* Makes the vCPU's VMCB ready for a job. */
void guest_write_vmcb(const struct guest_cpu *cpu, const struct guest_job *job);
uint64_t guest_vmcb_exit_code(const struct guest_cpu *cpu);
#define VMEXIT_HLT 0x78

#endif
