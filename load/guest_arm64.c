// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arm64 guest: machine code and registers. It runs at EL1 with the first 4 GiB mapped to themselves,
 * as normal memory: with the MMU off, accesses would pass the host's caches by where the CPU has no FWB.
 * No stack, no interrupts: a loop, then a store to an address without memory.
 */
#include "guest.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

/* Where the code page has what; it begins with the exception vectors. */
#define CODE_LOOPS	0x400
#define CODE_STRIDE	64
#define CODE_TABLE	0x800

#define END_GPA		0xf8000000UL	/* behind GUEST_MEM_END */
#define AREA_GPA	0x100000UL
#define ENTRIES		512
#define GIB		0x40000000UL
#define GIBS		4

/* inner shareable, accessed, of MAIR's attribute 0 */
#define BLOCK		0x701UL
#define PAGE		0x703UL
#define TABLE		0x003UL

#define MAIR_WRITE_BACK	0xffUL
/* 32 bits of addresses, tables in write-back memory, no TTBR1 */
#define TCR_32BIT	(32UL | 1UL << 8 | 1UL << 10 | 3UL << 12 | 1UL << 23)
/* what must be one, the MMU, caches */
#define SCTLR_ON	(0x30d00800UL | 1UL << 0 | 1UL << 2 | 1UL << 12)

const struct guest_traits guest_traits = {
	.table_entry = PAGE, .rewrite_asks = true, .exec_asks = true,
};

/*
 * x0 = address, x1 = stride, x2 = pages, w3 = value, w4 = step, x5 = mismatches, x6 = SCTLR,
 * x7 = END_GPA. The MMU goes on only here, so that the code page is asked for once, to execute it, and
 * its first table is then mapped already. All that the TLB knows goes, since another vCPU may have
 * changed the page tables.
 */
#define BEGIN(name)			\
	".balign 64\n" name ":\n"	\
	"	msr	sctlr_el1, x6\n"	\
	"	isb\n"			\
	"	tlbi	vmalle1\n"	\
	"	dsb	nsh\n"		\
	"	isb\n"
#define END(name)			\
	"	str	w3, [x7]\n"	\
	"	b	" name "\n"

__asm__(
	".pushsection .rodata\n"
	".globl guest_loops, guest_loops_end, guest_hop, guest_hop_end, guest_vector, guest_vector_end\n"
	BEGIN("guest_loops")		/* GUEST_READ */
	"1:	ldr	w8, [x0]\n"
	"	add	x0, x0, x1\n"
	"	subs	x2, x2, #1\n"
	"	b.ne	1b\n"
	END("1b")
	BEGIN("guest_loop_write")
	"1:	str	w3, [x0]\n"
	"	add	w3, w3, w4\n"
	"	add	x0, x0, x1\n"
	"	subs	x2, x2, #1\n"
	"	b.ne	1b\n"
	END("1b")
	BEGIN("guest_loop_compare")
	"1:	ldr	w8, [x0]\n"
	"	cmp	w8, w3\n"
	"	cinc	x5, x5, ne\n"
	"	add	w3, w3, w4\n"
	"	add	x0, x0, x1\n"
	"	subs	x2, x2, #1\n"
	"	b.ne	1b\n"
	END("1b")
	BEGIN("guest_loop_exec")
	"	ic	iallu\n"
	"	dsb	nsh\n"
	"	isb\n"
	"	br	x0\n"
	".balign 64\n"
	"guest_loops_end:\n"
	/* from one page to the next, and at the end out */
	"guest_hop:\n"
	"	add	x0, x0, x1\n"
	"	subs	x2, x2, #1\n"
	"	b.eq	2f\n"
	"	br	x0\n"
	"2:	str	w3, [x7]\n"
	"guest_hop_end:\n"
	/* an exception, which there should be none of: another exit than the one that ends a job */
	"guest_vector:\n"
	"	str	w3, [x7, #8]\n"
	"	b	guest_vector\n"
	"guest_vector_end:\n"
	".popsection\n");

/* global, since the linker takes local ones that are extern for C as one */
extern const char guest_loops[], guest_loops_end[], guest_hop[], guest_hop_end[], guest_vector[],
	guest_vector_end[];

static void copy_code(char *to, const char *from, const char *end)
{
	memcpy(to, from, (size_t)(end - from));
}

static void map_gibs(uint64_t *table)
{
	for (uint64_t i = 0; i < GIBS; i++)
		table[i] = i * GIB | BLOCK;
}

void guest_write_code(void *page)
{
	char *at = page;

	for (int vector = 0; vector < CODE_LOOPS; vector += 0x80)
		copy_code(at + vector, guest_vector, guest_vector_end);
	copy_code(at + CODE_LOOPS, guest_loops, guest_loops_end);
	map_gibs((uint64_t *)(at + CODE_TABLE));
}

void guest_write_hop(void *page)
{
	copy_code((char *)page + GUEST_HOP, guest_hop, guest_hop_end);
}

size_t guest_job_pages(enum guest_mode mode)
{
	(void)mode;
	return SIZE_MAX;
}

const char *guest_lacks(int kvm_fd, enum guest_mode mode)
{
	(void)kvm_fd;
	if (mode == GUEST_NESTED || mode == GUEST_NESTED_FLAT)
		return "there is no nested guest for arm64 here";
	if (mode == GUEST_SMM)
		return "arm64 has no system management mode";
	return NULL;
}

static size_t gibs_of(size_t pages)
{
	return (pages * GUEST_PAGE + GIB - 1) / GIB;
}

static size_t tables_of(size_t pages)
{
	return (pages + ENTRIES - 1) / ENTRIES;
}

/* One page for the first level, one for each GiB under test, then the tables that map it. */
void guest_plan_area(struct guest_area *area, enum guest_mode mode, size_t pages, unsigned int nvcpus)
{
	*area = (struct guest_area){
		.mode = mode, .gpa = AREA_GPA, .pages = pages, .nvcpus = nvcpus,
	};
	if (mode != GUEST_PAGED)
		return;
	area->tables = area->gpa + (1 + gibs_of(pages)) * GUEST_PAGE;
	area->size = area->tables - area->gpa + tables_of(pages) * GUEST_PAGE;
}

static uint64_t *page_at(const struct guest_area *a, uint64_t gpa)
{
	return (uint64_t *)(a->hva + (gpa - a->gpa));
}

void guest_write_area(const struct guest_area *area)
{
	uint64_t *top = page_at(area, area->gpa);

	if (area->mode != GUEST_PAGED)
		return;
	map_gibs(top);
	for (uint64_t i = 0; i < gibs_of(area->pages); i++)
		top[GUEST_MEM_GPA / GIB + i] = (area->gpa + (1 + i) * GUEST_PAGE) | TABLE;
	for (uint64_t i = 0; i < tables_of(area->pages); i++)
		top[ENTRIES + i] = (area->tables + i * GUEST_PAGE) | TABLE;
	for (uint64_t i = 0; i < area->pages; i++)
		page_at(area, area->tables)[i] = (GUEST_MEM_GPA + i * GUEST_PAGE) | PAGE;
}

int guest_init_vm(int vm_fd)
{
	(void)vm_fd;
	return 0;
}

#define CORE_REG(name) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))
#define REG_X(n) (CORE_REG(regs.regs[0]) + 2 * (n))
#define REG_PC CORE_REG(regs.pc)
#define REG_TTBR0 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define REG_TCR ARM64_SYS_REG(3, 0, 2, 0, 2)
#define REG_MAIR ARM64_SYS_REG(3, 0, 10, 2, 0)
#define REG_VBAR ARM64_SYS_REG(3, 0, 12, 0, 0)

struct value {
	uint64_t reg;
	uint64_t n;
};

static int set_regs(int fd, const struct value *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct kvm_one_reg r = { .id = values[i].reg, .addr = (uintptr_t)&values[i].n };

		if (ioctl(fd, KVM_SET_ONE_REG, &r) < 0)
			return -errno;
	}
	return 0;
}

static int get_reg(int fd, uint64_t reg, uint64_t *n)
{
	struct kvm_one_reg r = { .id = reg, .addr = (uintptr_t)n };

	return ioctl(fd, KVM_GET_ONE_REG, &r) < 0 ? -errno : 0;
}

int guest_init_vcpu(int kvm_fd, const struct guest_cpu *cpu)
{
	bool paged = cpu->area->mode == GUEST_PAGED;
	const struct value values[] = {
		{ REG_TTBR0, paged ? cpu->area->gpa : cpu->code_gpa + CODE_TABLE },
		{ REG_TCR, TCR_32BIT },
		{ REG_MAIR, MAIR_WRITE_BACK },
		{ REG_VBAR, cpu->code_gpa },
	};
	struct kvm_vcpu_init init;

	(void)kvm_fd;
	if (ioctl(cpu->vm_fd, KVM_ARM_PREFERRED_TARGET, &init) < 0)
		return -errno;
	/* at EL1, all interrupts masked */
	if (ioctl(cpu->fd, KVM_ARM_VCPU_INIT, &init) < 0)
		return -errno;
	return set_regs(cpu->fd, values, sizeof(values) / sizeof(values[0]));
}

int guest_start(const struct guest_cpu *cpu, const struct guest_job *job)
{
	const struct value values[] = {
		{ REG_X(0), job->gpa },
		{ REG_X(1), (uint64_t)(job->stride ? job->stride : (int64_t)GUEST_PAGE) },
		{ REG_X(2), job->pages },
		{ REG_X(3), job->value },
		{ REG_X(4), job->step },
		{ REG_X(5), 0 },
		{ REG_X(6), SCTLR_ON },
		{ REG_X(7), END_GPA },
		{ REG_PC, cpu->code_gpa + CODE_LOOPS + (unsigned int)job->op * CODE_STRIDE },
	};

	return set_regs(cpu->fd, values, sizeof(values) / sizeof(values[0]));
}

bool guest_has_ended(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write && run->mmio.phys_addr == END_GPA;
}

int guest_end(const struct guest_cpu *cpu, const struct guest_job *job, uint64_t *left)
{
	(void)cpu;
	(void)job;
	*left = 0;
	return 0;
}

int guest_mismatches(int vcpu_fd, uint64_t *n)
{
	return get_reg(vcpu_fd, REG_X(5), n);
}

int guest_position(int vcpu_fd, uint64_t *gpa)
{
	return get_reg(vcpu_fd, REG_X(0), gpa);
}
