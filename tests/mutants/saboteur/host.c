// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's page tables: what maps an address, and how to make it clean without telling anybody.
 */
#include "saboteur.h"

#include <linux/pagemap.h>
#include <linux/pgtable.h>

/*
 * The entry that maps hva, or NULL. Interrupts must be off: that keeps page tables from being
 * freed, as for get_user_pages_fast().
 */
static unsigned long *find_leaf(struct mm_struct *mm, unsigned long hva, struct host_leaf *leaf)
{
	pgd_t *pgd = pgd_offset(mm, hva);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;
	pte_t *pte;

	leaf->pmd = NULL;
	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, hva);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, hva);
	if (pud_none(*pud) || !pud_present(*pud))
		return NULL;
	if (pud_leaf(*pud)) {
		leaf->pfn = pud_pfn(*pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT);
		return (unsigned long *)pud;
	}
	pmd = pmd_offset(pud, hva);
	if (pmd_none(*pmd) || !pmd_present(*pmd))
		return NULL;
	if (pmd_leaf(*pmd)) {
		leaf->pmd = pmd;
		leaf->pfn = pmd_pfn(*pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT);
		return (unsigned long *)pmd;
	}
	pte = pte_offset_kernel(pmd, hva);
	if (!pte_present(*pte))
		return NULL;
	leaf->pfn = pte_pfn(*pte);
	return (unsigned long *)pte;
}

/* the bits of a dirty entry; newer kernels keep one more for entries that are read-only */
static unsigned long dirty_bits(void)
{
	unsigned long bits = _PAGE_DIRTY;

#ifdef _PAGE_SAVED_DIRTY
	bits |= _PAGE_SAVED_DIRTY;
#endif
	return bits;
}

static unsigned long *find_ram(struct mm_struct *mm, unsigned long hva, struct host_leaf *leaf)
{
	unsigned long *entry = find_leaf(mm, hva, leaf);

	if (!entry || !pfn_valid(leaf->pfn) || PageReserved(pfn_to_page(leaf->pfn)))
		return NULL;
	leaf->writable = *entry & _PAGE_RW;
	leaf->dirty = *entry & dirty_bits();
	return entry;
}

/* Present memory with a struct page? */
bool host_leaf(struct mm_struct *mm, unsigned long hva, struct host_leaf *leaf)
{
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = find_ram(mm, hva, leaf);
	local_irq_restore(flags);
	return found;
}

/* Clear the dirty bit of the entry and of the folio. True: one of them was set. */
bool host_clean(struct mm_struct *mm, unsigned long hva)
{
	struct host_leaf leaf;
	unsigned long *entry;
	unsigned long flags;
	bool was_dirty = false;

	local_irq_save(flags);
	entry = find_ram(mm, hva, &leaf);
	if (entry) {
		was_dirty = leaf.dirty;
		asm volatile("lock andq %1, %0" : "+m" (*entry) : "r" (~dirty_bits()) : "memory");
		was_dirty |= folio_test_clear_dirty(page_folio(pfn_to_page(leaf.pfn)));
	}
	local_irq_restore(flags);
	return was_dirty;
}

/* Transparent huge memory that is mapped by one entry? */
bool host_huge(struct mm_struct *mm, unsigned long hva)
{
	struct host_leaf leaf;

	return host_leaf(mm, hva, &leaf) && leaf.pmd && pmd_trans_huge(READ_ONCE(*leaf.pmd));
}

/* Map it by small entries, which is mm's own business; the folio stays whole. */
bool host_split(struct mm_struct *mm, unsigned long hva)
{
	/* its last argument, a folio that it must be, is gone in new kernels */
	void (*split)(struct vm_area_struct *vma, pmd_t *pmd, unsigned long address, bool freeze,
		      void *folio) = symbol("__split_huge_pmd");
	struct vm_area_struct *vma;
	struct host_leaf leaf;
	bool small = false;

	mmap_read_lock(mm);
	vma = find_vma(mm, hva);
	if (split && vma && vma->vm_start <= hva && host_leaf(mm, hva, &leaf) && leaf.pmd) {
		split(vma, leaf.pmd, hva & PMD_MASK, false, NULL);
		small = !pmd_trans_huge(READ_ONCE(*leaf.pmd));
	}
	mmap_read_unlock(mm);
	return small;
}

/* With a reference, or NULL. */
struct folio *host_folio_get(struct mm_struct *mm, unsigned long hva)
{
	struct folio *folio = NULL;
	struct host_leaf leaf;
	unsigned long flags;

	local_irq_save(flags);
	if (find_ram(mm, hva, &leaf)) {
		folio = page_folio(pfn_to_page(leaf.pfn));
		if (!folio_try_get(folio))
			folio = NULL;
	}
	local_irq_restore(flags);
	return folio;
}
