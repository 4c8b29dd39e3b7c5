// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lookup: one walk of the page tables with interrupts off, which keeps tables from being freed, as
 * for GUP-fast.
 */
#include "candidate.h"

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

struct leaf {
	unsigned long entry;
	unsigned long pfn;
	int level;		/* 0: there is none */
};

/* what WRONG_STALE remembers; nothing is looked up through it */
static struct {
	struct mm_struct *mm;
	unsigned long page;
	struct leaf leaf;
} remembered[8192];
static DEFINE_SPINLOCK(remembered_lock);

static const struct address_space_operations *secret_ops;

int lookup_init(void)
{
	/* NULL: a kernel without memfd_secret */
	secret_ops = symbol("secretmem_aops");
	return 0;
}

/* An entry that a CPU may use; also PROT_NONE, if that is what we do wrong. */
static bool usable(unsigned long entry)
{
	unsigned long bits = _PAGE_PRESENT;

	if (READ_ONCE(wrong) == WRONG_PROT_NONE)
		bits |= _PAGE_PROTNONE;
	return entry & bits;
}

static struct leaf leaf_at(unsigned long entry, unsigned long pfn, int level, unsigned long hva)
{
	unsigned long inside = (1UL << (9 * (level - 1))) - 1;

	return (struct leaf) {
		.entry = entry,
		.pfn = (pfn & ~inside) | ((hva >> PAGE_SHIFT) & inside),
		.level = level,
	};
}

/* The entry that maps hva, all the way to which is still there when it has been read. */
static struct leaf find_leaf(struct mm_struct *mm, unsigned long hva)
{
	struct leaf none = { .level = 0 };
	pgd_t *pgdp = pgd_offset(mm, hva), pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t pte;

	if (!(pgd_val(pgd) & _PAGE_PRESENT))
		return none;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (!(p4d_val(p4d) & _PAGE_PRESENT))
		return none;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (!usable(pud_val(pud)))
		return none;
	if (pud_val(pud) & _PAGE_PSE)
		return leaf_at(pud_val(pud), pud_pfn(pud), 3, hva);
	pmdp = pmd_offset_lockless(pudp, pud, hva);
	pmd = READ_ONCE(*pmdp);
	if (!usable(pmd_val(pmd)) || pud_val(READ_ONCE(*pudp)) != pud_val(pud))
		return none;
	if (pmd_val(pmd) & _PAGE_PSE)
		return leaf_at(pmd_val(pmd), pmd_pfn(pmd), 2, hva);
	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	if (!usable(pte_val(pte)) || pmd_val(READ_ONCE(*pmdp)) != pmd_val(pmd) ||
	    pud_val(READ_ONCE(*pudp)) != pud_val(pud))
		return none;
	return leaf_at(pte_val(pte), pte_pfn(pte), 1, hva);
}

/* Must the page stay out of guests? */
static bool is_secret(const struct leaf *leaf)
{
	struct address_space *mapping;

	if (!secret_ops || (leaf->entry & _PAGE_SPECIAL) || !pfn_valid(leaf->pfn))
		return false;
	mapping = READ_ONCE(page_folio(pfn_to_page(leaf->pfn))->mapping);
	/* the low bits are set where it is no file's */
	return mapping && !((unsigned long)mapping & 3) && mapping->a_ops == secret_ops;
}

/* What was found for hva the first time. */
static void remember(unsigned long hva, struct leaf *leaf)
{
	unsigned long page = hva >> PAGE_SHIFT, i = page % ARRAY_SIZE(remembered);

	spin_lock(&remembered_lock);
	if (remembered[i].mm == current->mm && remembered[i].page == page) {
		*leaf = remembered[i].leaf;
	} else if (leaf->level) {
		remembered[i].mm = current->mm;
		remembered[i].page = page;
		remembered[i].leaf = *leaf;
	}
	spin_unlock(&remembered_lock);
}

/* noipa: whoever wants to watch it must find its arguments where the ABI has them */
__attribute__((noipa))
int candidate_lookup(unsigned long hva, bool write, unsigned long *pfn, bool *writable)
{
	enum wrong how = READ_ONCE(wrong);
	unsigned long flags;
	struct leaf leaf;
	bool secret;

	if (!current->mm || hva >= TASK_SIZE_MAX)
		return -EFAULT;
	local_irq_save(flags);
	leaf = find_leaf(current->mm, hva);
	if (how == WRONG_STALE)
		remember(hva, &leaf);
	secret = leaf.level && how != WRONG_SECRET && is_secret(&leaf);
	if (leaf.level && how == WRONG_LEVEL)
		leaf.level = find_leaf(current->mm, hva + PAGE_SIZE).level ?: 1;
	local_irq_restore(flags);
	if (!leaf.level || secret)
		return -EFAULT;
	*writable = (leaf.entry & _PAGE_RW) || how == WRONG_WRITE;
	if (write && !*writable)
		return -EFAULT;
	*pfn = leaf.pfn;
	return leaf.level;
}
