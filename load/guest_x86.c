// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 guest: machine code and registers. The plain one is in flat 32-bit protected mode without
 * paging, so that it runs the same on NPT, EPT and shadow paging. No stack, no interrupts, no
 * descriptor tables: a loop, then HLT.
 */
#include "guest_x86.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define CPUID_ENTRIES 256
#define MSR_VM_HSAVE_PA 0xc0010117

const struct guest_traits guest_traits = {
	.table_entry = GUEST_X86_TABLE, .shadow_mmu = true, .slot_zaps_all = true,
};

/* edi = address, ebx = stride, ecx = pages, eax = value, esi = step, edx = mismatches */
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

/* All that the TLB knows goes first, since another vCPU may have changed the page tables. */
#define RELOAD_CR3				\
	0x41, 0x0f, 0x20, 0xd8,	/* mov r8, cr3 */	\
	0x41, 0x0f, 0x22, 0xd8	/* mov cr3, r8 */

static const unsigned char long_code[GUEST_OPS][32] = {
	[GUEST_READ] = {
		RELOAD_CR3,
		0x8b, 0x17,		/* mov edx, [rdi] */
		0x48, 0x01, 0xdf,	/* add rdi, rbx */
		0x48, 0xff, 0xc9,	/* dec rcx */
		0x75, 0xf6,		/* jnz 8 */
		0xf4,			/* hlt */
	},
	[GUEST_WRITE] = {
		RELOAD_CR3,
		0x89, 0x07,		/* mov [rdi], eax */
		0x01, 0xf0,		/* add eax, esi */
		0x48, 0x01, 0xdf,	/* add rdi, rbx */
		0x48, 0xff, 0xc9,	/* dec rcx */
		0x75, 0xf4,		/* jnz 8 */
		0xf4,			/* hlt */
	},
	[GUEST_COMPARE] = {
		RELOAD_CR3,
		0x3b, 0x07,		/* cmp eax, [rdi] */
		0x74, 0x02,		/* je 14 */
		0xff, 0xc2,		/* inc edx */
		0x01, 0xf0,		/* add eax, esi */
		0x48, 0x01, 0xdf,	/* add rdi, rbx */
		0x48, 0xff, 0xc9,	/* dec rcx */
		0x75, 0xf0,		/* jnz 8 */
		0xf4,			/* hlt */
	},
};

static const unsigned char vmrun[] = {
	0x0f, 0x01, 0xd8,	/* vmrun rax */
	0xf4,			/* hlt */
};

/* From one page to the next, and at the end to HLT. */
static const unsigned char hop[] = {
	0x01, 0xdf,	/* add edi, ebx */
	0x49,		/* dec ecx */
	0x74, 0x02,	/* jz 7 */
	0xff, 0xe7,	/* jmp edi */
	0xf4,		/* hlt */
};

void guest_write_code(void *page)
{
	char *at = page;

	for (int op = 0; op < GUEST_OPS; op++) {
		memcpy(at + op * CODE_STRIDE, code[op], sizeof(code[op]));
		memcpy(at + CODE_LONG + op * CODE_STRIDE, long_code[op], sizeof(long_code[op]));
	}
	memcpy(at + CODE_VMRUN, vmrun, sizeof(vmrun));
	at[CODE_HLT] = (char)0xf4;
}

void guest_write_hop(void *page)
{
	memcpy((char *)page + GUEST_HOP, hop, sizeof(hop));
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

/* Each job of a nested guest is a VMRUN: there shall be many. */
size_t guest_job_pages(enum guest_mode mode)
{
	return guest_is_nested(mode) ? 61 : SIZE_MAX;
}

/* All that KVM can give: long mode and SVM among it. */
static struct kvm_cpuid2 *supported_cpuid(int kvm_fd)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + CPUID_ENTRIES * sizeof(c->entries[0]));

	if (!c)
		return NULL;
	c->nent = CPUID_ENTRIES;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, c) == 0)
		return c;
	free(c);
	return NULL;
}

static uint32_t cpuid_word(const struct kvm_cpuid2 *c, uint32_t function, bool edx)
{
	for (uint32_t i = 0; c && i < c->nent; i++)
		if (c->entries[i].function == function)
			return edx ? c->entries[i].edx : c->entries[i].ecx;
	return 0;
}

const char *guest_lacks(int kvm_fd, enum guest_mode mode)
{
	struct kvm_cpuid2 *c = supported_cpuid(kvm_fd);
	bool longmode = cpuid_word(c, 0x80000001, true) & 1u << 29;
	bool svm = cpuid_word(c, 0x80000001, false) & 1u << 2;
	bool npt = cpuid_word(c, 0x8000000a, true) & 1u << 0;

	free(c);
	if (guest_is_long(mode) && !longmode)
		return "KVM does not give guests long mode here";
	if (guest_is_nested(mode) && !svm)
		return "KVM does not give guests AMD's SVM here, for a nested guest; on AMD load it by "
		       "modprobe kvm_amd nested=1 (nested VMX is not what this guest speaks)";
	if (mode == GUEST_NESTED && !npt)
		return "KVM does not give guests nested page tables here; load it by modprobe kvm_amd npt=1";
	if (mode == GUEST_SMM && ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_SMM) <= 0)
		return "this kernel's KVM has no system management mode (CONFIG_KVM_SMM)";
	return NULL;
}

static int set_cpuid(int kvm_fd, int vcpu_fd)
{
	struct kvm_cpuid2 *c = supported_cpuid(kvm_fd);
	int err = 0;

	if (!c)
		return -EIO;
	if (ioctl(vcpu_fd, KVM_SET_CPUID2, c) < 0)
		err = -errno;
	free(c);
	return err;
}

static int set_hsave(const struct guest_cpu *cpu)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + sizeof(msrs->entries[0]));

	if (!msrs)
		return -ENOMEM;
	msrs->nmsrs = 1;
	msrs->entries[0].index = MSR_VM_HSAVE_PA;
	msrs->entries[0].data = guest_hsave_gpa(cpu->area, cpu->id);

	int n = ioctl(cpu->fd, KVM_SET_MSRS, msrs);
	int err = n < 0 ? -errno : 0;

	free(msrs);
	return n == 0 ? -EINVAL : err;
}

int guest_init_vcpu(int kvm_fd, const struct guest_cpu *cpu)
{
	enum guest_mode mode = cpu->area->mode;
	bool lm = guest_is_long(mode);
	struct kvm_sregs s;
	int err = lm ? set_cpuid(kvm_fd, cpu->fd) : 0;

	if (err)
		return err;
	if (ioctl(cpu->fd, KVM_GET_SREGS, &s) < 0)
		return -errno;

	struct kvm_segment flat = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .db = !lm, .l = lm,
		.g = 1,
	};

	s.cs = flat;
	flat.selector = 16;
	flat.type = 3;
	flat.db = 1;
	flat.l = 0;
	s.ds = s.es = s.fs = s.gs = s.ss = flat;
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (lm) {
		s.tr.type = 11;
		s.tr.present = 1;
		s.cr0 |= CR0_PG;
		s.cr3 = guest_cr3(cpu->area);
		s.cr4 = CR4_PAE;
		s.efer = EFER_LME | EFER_LMA | (guest_is_nested(mode) ? EFER_SVME : 0);
	}
	if (ioctl(cpu->fd, KVM_SET_SREGS, &s) < 0)
		return -errno;
	return guest_is_nested(mode) ? set_hsave(cpu) : 0;
}

static uint64_t entry_point(const struct guest_cpu *cpu, const struct guest_job *job)
{
	uint64_t loop = (unsigned int)job->op * CODE_STRIDE;

	if (job->op == GUEST_EXEC)
		return job->gpa;
	if (job->smm)
		return cpu->code_gpa + CODE_HLT;
	if (guest_is_nested(cpu->area->mode))
		return cpu->code_gpa + CODE_VMRUN;
	return cpu->code_gpa + loop + (guest_is_long(cpu->area->mode) ? CODE_LONG : 0);
}

int guest_start(const struct guest_cpu *cpu, const struct guest_job *job)
{
	struct kvm_regs r = {
		.rip = entry_point(cpu, job),
		.rdi = job->gpa,
		.rbx = (uint64_t)(job->stride ? job->stride : (int64_t)GUEST_PAGE),
		.rcx = job->pages,
		.rax = job->value,
		.rsi = job->step,
		.rbp = SMM_ENTRY + CODE_STRIDE + (unsigned int)job->op * CODE_STRIDE,
		.rflags = 2,
	};

	if (guest_is_nested(cpu->area->mode)) {
		guest_write_vmcb(cpu, job);
		r.rax = guest_vmcb_gpa(cpu->area, cpu->id);
	}
	if (ioctl(cpu->fd, KVM_SET_REGS, &r) < 0)
		return -errno;
	if (job->smm && ioctl(cpu->fd, KVM_SMI) < 0)
		return -errno;
	return 0;
}

bool guest_has_ended(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_HLT;
}

/* Behind the HLT that ended the loop there is RSM, and then the HLT that SMM had interrupted. */
static int leave_smm(const struct guest_cpu *cpu)
{
	while (ioctl(cpu->fd, KVM_RUN, 0) < 0)
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	return 0;
}

int guest_end(const struct guest_cpu *cpu, const struct guest_job *job, uint64_t *left)
{
	*left = 0;
	if (job->smm)
		return leave_smm(cpu);
	if (guest_is_nested(cpu->area->mode) && guest_vmcb_exit_code(cpu) != VMEXIT_HLT)
		*left = guest_vmcb_exit_code(cpu);
	return 0;
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
