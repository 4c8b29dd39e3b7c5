// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that the x86 guest needs besides code: page tables, nested page tables, VMCBs, the code
 * for system management mode.
 */
#include "guest_x86.h"

#include <string.h>

#define AREA_GPA 0x100000UL
#define ENTRIES 512
#define GIBS 4			/* of guest addresses that are mapped */
#define TOP_PAGES (2 + GIBS)	/* PML4, PDPT and a page directory for each GiB */

#define TABLE GUEST_X86_TABLE
/* accessed and dirty, too: of the entries that the hardware need not change */
#define HUGE 0x0e7UL

static uint64_t *page_at(const struct guest_area *a, uint64_t gpa)
{
	return (uint64_t *)(a->hva + (gpa - a->gpa));
}

static size_t ntables(size_t pages)
{
	return (pages + ENTRIES - 1) / ENTRIES;
}

/* What the guest itself runs on: 4 GiB in 2M pages, or small pages for the memory under test. */
static size_t own_pages(const struct guest_area *a)
{
	return TOP_PAGES + (a->mode == GUEST_PAGED ? ntables(a->pages) : 0);
}

static size_t nested_pages(const struct guest_area *a)
{
	return a->mode == GUEST_NESTED ? TOP_PAGES + ntables(a->pages) : 0;
}

uint64_t guest_cr3(const struct guest_area *area)
{
	return area->gpa;
}

static uint64_t nested_cr3(const struct guest_area *a)
{
	return a->gpa + own_pages(a) * GUEST_PAGE;
}

uint64_t guest_vmcb_gpa(const struct guest_area *area, unsigned int vcpu)
{
	return area->gpa + (own_pages(area) + nested_pages(area) + 2 * vcpu) * GUEST_PAGE;
}

uint64_t guest_hsave_gpa(const struct guest_area *area, unsigned int vcpu)
{
	return guest_vmcb_gpa(area, vcpu) + GUEST_PAGE;
}

void guest_plan_area(struct guest_area *area, enum guest_mode mode, size_t pages,
		     unsigned int nvcpus)
{
	*area = (struct guest_area){
		.mode = mode, .gpa = AREA_GPA, .pages = pages, .nvcpus = nvcpus,
	};
	if (mode == GUEST_SMM) {
		area->gpa = SMM_BASE;
		area->size = 0x10000;
		area->as_id = 1;
	} else if (guest_is_nested(mode)) {
		area->size = guest_vmcb_gpa(area, nvcpus) - area->gpa;
	} else if (mode == GUEST_PAGED) {
		area->size = own_pages(area) * GUEST_PAGE;
		area->tables = area->gpa + TOP_PAGES * GUEST_PAGE;
	}
}

/* All is identity; small: the memory under test in 4K pages, by tables behind the directories. */
static void write_tables(const struct guest_area *a, uint64_t root, bool small)
{
	uint64_t directories = root + 2 * GUEST_PAGE;
	uint64_t tables = root + TOP_PAGES * GUEST_PAGE;

	page_at(a, root)[0] = (root + GUEST_PAGE) | TABLE;
	for (uint64_t i = 0; i < GIBS; i++)
		page_at(a, root + GUEST_PAGE)[i] = (directories + i * GUEST_PAGE) | TABLE;
	for (uint64_t i = 0; i < GIBS * ENTRIES; i++)
		page_at(a, directories)[i] = i * ENTRIES * GUEST_PAGE | HUGE;
	for (uint64_t i = 0; small && i < ntables(a->pages); i++)
		page_at(a, directories)[GUEST_MEM_GPA / GUEST_PAGE / ENTRIES + i] =
			(tables + i * GUEST_PAGE) | TABLE;
	for (uint64_t i = 0; small && i < a->pages; i++)
		page_at(a, tables)[i] = (GUEST_MEM_GPA + i * GUEST_PAGE) | TABLE;
}

/* jmp bp at the entry, then the loops in 16-bit code, each with HLT and RSM at its end. */
static void write_smm(const struct guest_area *a)
{
	static const unsigned char entry[] = { 0xff, 0xe5 };
	static const unsigned char loops[GUEST_OPS][24] = {
		[GUEST_READ] = {
			0x67, 0x66, 0x8b, 0x17,	/* mov edx, [edi] */
			0x66, 0x01, 0xdf,	/* add edi, ebx */
			0x66, 0x49,		/* dec ecx */
			0x75, 0xf5,		/* jnz 0 */
			0xf4, 0x0f, 0xaa,	/* hlt; rsm */
		},
		[GUEST_WRITE] = {
			0x67, 0x66, 0x89, 0x07,	/* mov [edi], eax */
			0x66, 0x01, 0xf0,	/* add eax, esi */
			0x66, 0x01, 0xdf,	/* add edi, ebx */
			0x66, 0x49,		/* dec ecx */
			0x75, 0xf2,		/* jnz 0 */
			0xf4, 0x0f, 0xaa,	/* hlt; rsm */
		},
		[GUEST_COMPARE] = {
			0x67, 0x66, 0x3b, 0x07,	/* cmp eax, [edi] */
			0x74, 0x02,		/* je 8 */
			0x66, 0x42,		/* inc edx */
			0x66, 0x01, 0xf0,	/* add eax, esi */
			0x66, 0x01, 0xdf,	/* add edi, ebx */
			0x66, 0x49,		/* dec ecx */
			0x75, 0xee,		/* jnz 0 */
			0xf4, 0x0f, 0xaa,	/* hlt; rsm */
		},
	};
	char *at = a->hva + SMM_ENTRY;

	memcpy(at, entry, sizeof(entry));
	for (int op = 0; op < GUEST_OPS; op++)
		memcpy(at + CODE_STRIDE + op * CODE_STRIDE, loops[op], sizeof(loops[op]));
}

void guest_write_area(const struct guest_area *area)
{
	if (area->mode == GUEST_SMM)
		write_smm(area);
	if (guest_is_long(area->mode))
		write_tables(area, guest_cr3(area), area->mode == GUEST_PAGED);
	if (area->mode == GUEST_NESTED)
		write_tables(area, nested_cr3(area), true);
}

/* Offsets in a VMCB: AMD64 Architecture Programmer's Manual, volume 2, appendix B. */
enum vmcb {
	VMCB_INTERCEPT3 = 0x00c,
	VMCB_INTERCEPT4 = 0x010,
	VMCB_ASID = 0x058,
	VMCB_EXIT_CODE = 0x070,
	VMCB_NESTED_CTL = 0x090,
	VMCB_NESTED_CR3 = 0x0b0,
	VMCB_ES = 0x400,
	VMCB_CS = 0x410,
	VMCB_SS = 0x420,
	VMCB_DS = 0x430,
	VMCB_EFER = 0x4d0,
	VMCB_CR0 = 0x558,
	VMCB_DR7 = 0x560,
	VMCB_DR6 = 0x568,
	VMCB_RFLAGS = 0x570,
	VMCB_RIP = 0x578,
	VMCB_RAX = 0x5f8,
	VMCB_PAT = 0x668,
};

#define INTERCEPT3_HLT		(1u << 24)
#define INTERCEPT3_SHUTDOWN	(1u << 31)
#define INTERCEPT4_VMRUN	(1u << 0)

static void put32(char *vmcb, enum vmcb at, uint32_t value)
{
	memcpy(vmcb + at, &value, sizeof(value));
}

static void put64(char *vmcb, enum vmcb at, uint64_t value)
{
	memcpy(vmcb + at, &value, sizeof(value));
}

/* selector and attributes, limit, base */
static void put_segment(char *vmcb, enum vmcb at, uint16_t selector, uint16_t attributes)
{
	memset(vmcb + at, 0, 16);
	memcpy(vmcb + at, &selector, sizeof(selector));
	memcpy(vmcb + at + 2, &attributes, sizeof(attributes));
	memset(vmcb + at + 4, 0xff, 4);
}

void guest_write_vmcb(const struct guest_cpu *cpu, const struct guest_job *job)
{
	const struct guest_area *a = cpu->area;
	char *v = (char *)page_at(a, guest_vmcb_gpa(a, cpu->id));

	memset(v, 0, GUEST_PAGE);
	put32(v, VMCB_INTERCEPT3, INTERCEPT3_HLT | INTERCEPT3_SHUTDOWN);
	put32(v, VMCB_INTERCEPT4, INTERCEPT4_VMRUN);
	put32(v, VMCB_ASID, 1);
	if (a->mode == GUEST_NESTED) {
		put64(v, VMCB_NESTED_CTL, 1);
		put64(v, VMCB_NESTED_CR3, nested_cr3(a));
	}
	put_segment(v, VMCB_CS, 8, 0xc9b);
	put_segment(v, VMCB_ES, 16, 0xc93);
	put_segment(v, VMCB_SS, 16, 0xc93);
	put_segment(v, VMCB_DS, 16, 0xc93);
	put64(v, VMCB_EFER, EFER_SVME);
	put64(v, VMCB_CR0, CR0_PE | CR0_ET | CR0_NE);
	put64(v, VMCB_DR6, 0xffff0ff0);
	put64(v, VMCB_DR7, 0x400);
	put64(v, VMCB_PAT, 0x0007040600070406);
	put64(v, VMCB_RFLAGS, 2);
	put64(v, VMCB_RIP, cpu->code_gpa + (unsigned int)job->op * CODE_STRIDE);
	put64(v, VMCB_RAX, job->value);
}

uint64_t guest_vmcb_exit_code(const struct guest_cpu *cpu)
{
	const char *v = (const char *)page_at(cpu->area, guest_vmcb_gpa(cpu->area, cpu->id));
	uint64_t code;

	memcpy(&code, v + VMCB_EXIT_CODE, sizeof(code));
	return code;
}
