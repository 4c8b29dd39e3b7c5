/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's variables on x86.
 */
#ifndef MMUSCOPE_ARCH_X86_INIT_BPF_H
#define MMUSCOPE_ARCH_X86_INIT_BPF_H

extern const void page_offset_base __ksym __weak;
extern const void vmemmap_base __ksym __weak;
extern const void physical_mask __ksym __weak;
extern const void __pgtable_l5_enabled __ksym __weak;
extern const void shadow_mmu_writable_mask __ksym __weak;
extern const void shadow_dirty_mask __ksym __weak;
extern const void shadow_accessed_mask __ksym __weak;
extern const void shmem_aops __ksym __weak;
extern const void hugetlbfs_aops __ksym __weak;
extern const void secretmem_aops __ksym __weak;
extern const void kvm_ad_enabled __ksym __weak;
extern const void tdp_mmu_enabled __ksym __weak;
extern const void vm_list __ksym __weak;
/* out of line since it must know of _PAGE_SAVED_DIRTY (6.6) */
extern const void pte_mkwrite __ksym __weak;
extern const void max_huge_page_level __ksym __weak;
extern const void nx_huge_pages __ksym __weak;

enum { INIT_OK, INIT_NO_SYMBOLS };

/* Read the kernel's variables.  Answers INIT_NO_SYMBOLS if one that is needed has no address. */
SEC("syscall")
int init(void *ctx)
{
	if (!&page_offset_base || !&vmemmap_base || !&physical_mask || !&shadow_mmu_writable_mask ||
	    !&shadow_dirty_mask || !&vm_list)
		return INIT_NO_SYMBOLS;
	k_page_offset_base = read64((u64)&page_offset_base);
	k_vmemmap_base = read64((u64)&vmemmap_base);
	k_physical_mask = read64((u64)&physical_mask) & ((1ULL << 52) - 1) & ~0xfffULL;
	k_saved_dirty = &pte_mkwrite ? PTE_SAVED_DIRTY : 0;
	k_mmu_writable_mask = read64((u64)&shadow_mmu_writable_mask);
	k_dirty_mask = read64((u64)&shadow_dirty_mask);
	if (&shadow_accessed_mask)
		k_accessed_mask = read64((u64)&shadow_accessed_mask);
	/* kinds of memory that a kernel can do without */
	k_shmem_aops = (u64)&shmem_aops;
	k_hugetlb_aops = (u64)&hugetlbfs_aops;
	k_secret_aops = (u64)&secretmem_aops;
	k_vm_list = (u64)&vm_list;
	k_nx_huge_pages = (u64)&nx_huge_pages;
	/* unsigned int and bool: wider reads would bring the neighbours along */
	k_five_levels = &__pgtable_l5_enabled ? read32((u64)&__pgtable_l5_enabled) : 0;
	k_max_level = &max_huge_page_level ? read32((u64)&max_huge_page_level) : 0;
	k_tdp_mmu = &tdp_mmu_enabled ? read32((u64)&tdp_mmu_enabled) & 0xff : 0;
	if (&kvm_ad_enabled)
		k_ad_disabled = !(read32((u64)&kvm_ad_enabled) & 0xff);
	k_spte_usual = SPTE_WRITABLE | (k_ad_disabled ? 0 : k_dirty_mask) | k_accessed_mask;
	return INIT_OK;
}

#endif /* MMUSCOPE_ARCH_X86_INIT_BPF_H */
