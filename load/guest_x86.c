// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 guest: flat 32-bit protected mode without paging, so that it runs the same on NPT, EPT
 * and shadow paging. No stack, no interrupts, no descriptor tables: a loop, then HLT.
 */
#include "guest.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#define CR0_PE 0x01
#define CR0_ET 0x10
#define CR0_NE 0x20

#define CODE_STRIDE 64

/* edi = address, ebx = page size, ecx = pages, eax = value, esi = step, edx = mismatches */
static const unsigned char code[GUEST_OPS][16] = {
	[GUEST_READ] = {
		0x8b, 0x17,		/* mov edx, [edi] */
		0x01, 0xdf,		/* add edi, ebx */
		0x49,			/* dec ecx */
		0x75, 0xf9,		/* jnz 0 */
		0xf4,			/* hlt */
	},
	[GUEST_WRITE] = {
		0x89, 0x07,		/* mov [edi], eax */
		0x01, 0xf0,		/* add eax, esi */
		0x01, 0xdf,		/* add edi, ebx */
		0x49,			/* dec ecx */
		0x75, 0xf7,		/* jnz 0 */
		0xf4,			/* hlt */
	},
	[GUEST_COMPARE] = {
		0x3b, 0x07,		/* cmp eax, [edi] */
		0x74, 0x01,		/* je 5 */
		0x42,			/* inc edx */
		0x01, 0xf0,		/* add eax, esi */
		0x01, 0xdf,		/* add edi, ebx */
		0x49,			/* dec ecx */
		0x75, 0xf4,		/* jnz 0 */
		0xf4,			/* hlt */
	},
};

void guest_write_code(void *page)
{
	for (int op = 0; op < GUEST_OPS; op++)
		memcpy((char *)page + op * CODE_STRIDE, code[op], sizeof(code[op]));
}

int guest_init_vm(int vm_fd)
{
	/*
	 * VMX without unrestricted guest wants three pages for a TSS and one for an identity map.
	 * Others ignore the calls or do not have them, and need neither.
	 */
	uint64_t identity = 0xfffbc000;

	ioctl(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	ioctl(vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000UL);
	return 0;
}

int guest_init_vcpu(int vcpu_fd)
{
	struct kvm_sregs s;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &s) < 0)
		return -errno;

	struct kvm_segment flat = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .db = 1, .g = 1,
	};

	s.cs = flat;
	flat.selector = 16;
	flat.type = 3;
	s.ds = s.es = s.fs = s.gs = s.ss = flat;
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	return ioctl(vcpu_fd, KVM_SET_SREGS, &s) < 0 ? -errno : 0;
}

int guest_start(int vcpu_fd, uint64_t code_gpa, const struct guest_job *job)
{
	struct kvm_regs r = {
		.rip = code_gpa + (unsigned int)job->op * CODE_STRIDE,
		.rdi = job->gpa,
		.rbx = GUEST_PAGE,
		.rcx = job->pages,
		.rax = job->value,
		.rsi = job->step,
		.rflags = 2,
	};

	return ioctl(vcpu_fd, KVM_SET_REGS, &r) < 0 ? -errno : 0;
}

int guest_mismatches(int vcpu_fd, uint64_t *n)
{
	struct kvm_regs r;

	if (ioctl(vcpu_fd, KVM_GET_REGS, &r) < 0)
		return -errno;
	*n = r.rdx;
	return 0;
}

int guest_position(int vcpu_fd, uint64_t *gpa)
{
	struct kvm_regs r;

	if (ioctl(vcpu_fd, KVM_GET_REGS, &r) < 0)
		return -errno;
	*gpa = r.rdi;
	return 0;
}
