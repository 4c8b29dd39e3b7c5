/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's variables on arm64 with 4K pages, and what follows from how it lays out its addresses
 * (arch/arm64/include/asm/memory.h): user space proves that by a page of its own.
 */
#ifndef MMUSCOPE_ARCH_ARM64_INIT_BPF_H
#define MMUSCOPE_ARCH_ARM64_INIT_BPF_H

extern const void memstart_addr __ksym __weak;
extern const void shmem_aops __ksym __weak;
extern const void hugetlbfs_aops __ksym __weak;
extern const void secretmem_aops __ksym __weak;
extern const void vm_list __ksym __weak;

enum {
	INIT_OK,
	INIT_NO_SYMBOLS,
	VA_BITS = 52,
	VA_BITS_MIN = 48,
	VMEMMAP_END_SHIFT = 30,	/* 1 GiB before the end */
};

/* Read the kernel's variables.  Answers INIT_NO_SYMBOLS if one that is needed has no address. */
SEC("syscall")
int init(void *ctx)
{
	u64 page_offset = -1ULL << VA_BITS, page_end = -1ULL << (VA_BITS_MIN - 1), vmemmap;
	s64 memstart;

	if (!&memstart_addr || !&vm_list)
		return INIT_NO_SYMBOLS;
	memstart = read64((u64)&memstart_addr);
	vmemmap = (-1ULL << VMEMMAP_END_SHIFT) -
		  ((page_end - page_offset) >> 12) * bpf_core_type_size(struct page);
	/* k_five_levels is user space's to say: with LPA2 bits 51:50 of an address are elsewhere */
	k_physical_mask = ((1ULL << (k_five_levels ? 50 : 48)) - 1) & ~0xfffULL;
	k_page_offset_base = page_offset - memstart;
	/* memstart is negative on CPUs with fewer bits than the kernel can use */
	k_vmemmap_base = vmemmap - (memstart >> 12) * (s64)bpf_core_type_size(struct page);
	k_mmu_writable_mask = S2_WRITE;
	k_accessed_mask = S2_ACCESSED;
	k_spte_usual = S2_WRITE | S2_ACCESSED;
	k_ad_disabled = 1;
	k_tdp_mmu = 1;
	k_max_level = LEVELS;
	k_shmem_aops = (u64)&shmem_aops;
	k_hugetlb_aops = (u64)&hugetlbfs_aops;
	k_secret_aops = (u64)&secretmem_aops;
	k_vm_list = (u64)&vm_list;
	return INIT_OK;
}

#endif /* MMUSCOPE_ARCH_ARM64_INIT_BPF_H */
