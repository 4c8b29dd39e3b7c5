/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only BPF file that knows kernels differ: flavours of structures, and accessors that hide them.
 * Newest kernel first.  Each shim says which kernel commit or release made it necessary and which
 * lab kernel is the last to need it; when that kernel leaves lab/kernels the shim goes with it.
 */
#ifndef MMUSCOPE_COMPAT_BPF_H
#define MMUSCOPE_COMPAT_BPF_H

#include "../vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/*
 * A function that the verifier looks at once, by itself, instead of at every call: what it does not
 * know about the arguments it need not follow.  Without this a loop over 64 entries is followed path by
 * path.  Pointer arguments are to memory of known size and must be tested for NULL.
 */
#define GLOBAL __attribute__((noinline))

/*
 * A small number in map memory, as a number the verifier does not know: counters of a bpf_loop whose
 * start it knows it would follow value by value, up to its limit (7.x more so than 6.12).
 */
static __always_inline u32 unknown(u32 *memory, u32 value)
{
	*(volatile u32 *)memory = value;
	return *(volatile u32 *)memory;
}

/*
 * bpf_rdonly_cast (a35b9af4ec2c, "bpf: Add a kfunc for generic type cast", 6.2): reads through it are
 * plain loads, a third of the price of a probe read.  Missing in 6.1.  cap_rdonly_cast is constant
 * at load time, so the verifier removes the branch that the running kernel cannot have.
 */
extern void *bpf_rdonly_cast(void *obj, __u32 btf_id) __ksym __weak;
const volatile bool cap_rdonly_cast = false;

/* Read 8 bytes at kernel address addr; a fault reads as 0. */
static __always_inline u64 read64(u64 addr)
{
	u64 v = 0;

	if (cap_rdonly_cast) {
		struct timespec64 *word = bpf_rdonly_cast((void *)addr,
							  bpf_core_type_id_kernel(struct timespec64));

		return word->tv_sec;
	}
	bpf_probe_read_kernel(&v, sizeof(v), (void *)addr);
	return v;
}

/* Read 4 bytes at kernel address addr. */
static __always_inline u32 read32(u64 addr)
{
	u32 v = 0;

	/* the verifier lets a part of an integer be read */
	if (cap_rdonly_cast)
		return *(u32 *)bpf_rdonly_cast((void *)addr,
					       bpf_core_type_id_kernel(struct timespec64));
	bpf_probe_read_kernel(&v, sizeof(v), (void *)addr);
	return v;
}

/* Read a pointer-sized field of a structure at a kernel address. */
#define FIELD64(addr, type, field) \
	read64((u64)(addr) + bpf_core_field_offset(type, field))
#define FIELD32(addr, type, field) \
	read32((u64)(addr) + bpf_core_field_offset(type, field))

/*
 * Tail to head: page.compound_head (a pointer, bit 0 set in tails) became page.compound_info (a mask)
 * in 7.x.  Last lab kernel with the pointer: 6.18.
 */
struct page___pre_v7 {
	unsigned long compound_head;
} __attribute__((preserve_access_index));

/* Address of the head page of the page at address page. */
static __always_inline u64 page_head(u64 page)
{
	u64 info;

	if (bpf_core_field_exists(struct page, compound_info)) {
		info = FIELD64(page, struct page, compound_info);
		/* mask form: HUGETLB_PAGE_OPTIMIZE_VMEMMAP=y and sizeof(struct page) a power of 2 */
		return info & 1 ? page & info : page;
	}
	info = FIELD64(page, struct page___pre_v7, compound_head);
	return info & 1 ? info - 1 : page;
}

/*
 * Order of a large folio: a byte of its own up to 6.5, then the low byte of _flags_1 (ebc1baf5c9b4,
 * "mm: free up a word in the first tail page", 6.6).  Last lab kernel with the byte: 6.1.
 */
struct folio___pre_v6_6 {
	unsigned char _folio_order;
} __attribute__((preserve_access_index));

/* Order of the folio whose head page is at head and has flags word flags. */
static __always_inline u32 folio_order(u64 head, u64 flags)
{
	if (!(flags & (1ULL << bpf_core_enum_value(enum pageflags, PG_head))))
		return 0;
	if (bpf_core_field_exists(struct folio___pre_v6_6, _folio_order)) {
		u8 order = 0;

		bpf_probe_read_kernel(&order, 1, (void *)(head +
				      bpf_core_field_offset(struct folio___pre_v6_6, _folio_order)));
		return order;
	}
	return FIELD64(head, struct folio, _flags_1) & 0xff;
}

/*
 * Flags word of the page at address page.  A plain word until it became memdesc_flags_t (6.18).
 * Last lab kernel with the word: 6.12.
 */
struct page___pre_v6_18 {
	unsigned long flags;
} __attribute__((preserve_access_index));

static __always_inline u64 page_flags(u64 page)
{
	if (bpf_core_field_exists(struct page___pre_v6_18, flags))
		return FIELD64(page, struct page___pre_v6_18, flags);
	return FIELD64(page, struct page, flags.f);
}

#define PAGE_FLAG(name) (1ULL << bpf_core_enum_value(enum pageflags, PG_##name))

/* Read a bit field of a structure at a kernel address; little-endian: any load that reaches it will do. */
#define FIELD_BITS(addr, type, field) \
	(read64((u64)(addr) + __CORE_RELO((type *)0, field, BYTE_OFFSET)) \
	 << __CORE_RELO((type *)0, field, LSHIFT_U64) >> __CORE_RELO((type *)0, field, RSHIFT_U64))

/*
 * Is the page table of the kvm_mmu_page at sp being zapped as a whole?  A bit of its role whose place
 * depends on how many bits rights take: bit 11, and 12 in 7.3, which has four of them.
 */
static __always_inline bool role_invalid(u64 sp)
{
	return FIELD_BITS(sp, struct kvm_mmu_page, role.invalid);
}

/* Does the kvm_mmu_page at sp shadow no page table of the guest's? */
static __always_inline bool role_direct(u64 sp)
{
	return FIELD_BITS(sp, struct kvm_mmu_page, role.direct);
}

/* Argument n of a traced function as a number: the verifier allows no arithmetic on a typed pointer. */
static __always_inline u64 arg_number(void *ctx, u32 n)
{
	u64 v = 0;

	bpf_get_func_arg(ctx, n, &v);
	return v;
}

/*
 * kvm_mmu_page.nx_huge_page_disallowed was lpage_disallowed up to 6.1 (55c510e26ab6, "KVM: x86/mmu: Rename NX
 * huge pages fields/functions for consistency", 6.2).  Last lab kernel with the old name: 6.1.
 */
struct kvm_mmu_page___pre_v6_2 {
	bool lpage_disallowed;
} __attribute__((preserve_access_index));

/* Was the shadow page at sp made in place of a huge leaf because the guest executes from it? */
static __always_inline bool sp_nx_disallowed(u64 sp)
{
	u64 offset;
	u8 v = 0;

	if (bpf_core_field_exists(struct kvm_mmu_page___pre_v6_2, lpage_disallowed))
		offset = bpf_core_field_offset(struct kvm_mmu_page___pre_v6_2, lpage_disallowed);
	else
		offset = bpf_core_field_offset(struct kvm_mmu_page, nx_huge_page_disallowed);
	bpf_probe_read_kernel(&v, 1, (void *)(sp + offset));
	return v;
}

/*
 * With NX huge pages on, does KVM keep to small pages wherever it has a table of them, whatever that was made
 * for?  disallowed_hugepage_adjust() (mmu.c) asks for the mark above only since 76901e56fb51 ("KVM: x86/mmu:
 * explicitly check nx_hugepage in disallowed_hugepage_adjust()", 6.2, as the new name).
 */
static __always_inline bool nx_keeps_any_table(void)
{
	return bpf_core_field_exists(struct kvm_mmu_page___pre_v6_2, lpage_disallowed);
}

/* struct kvm of the mmu_notifier at mn, which is embedded in it. */
static __always_inline u64 notifier_kvm(u64 mn)
{
	return mn - bpf_core_field_offset(struct kvm, mmu_notifier);
}

#endif /* MMUSCOPE_COMPAT_BPF_H */
