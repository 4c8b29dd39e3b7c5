// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices whose mmap gives page frames that are no ordinary memory, for guests to be put on:
 *
 *	/dev/frames-4k		VM_PFNMAP, 4K entries, pages with a reference each
 *	/dev/frames-2m		VM_PFNMAP, 2M entries, compound pages (where the kernel has such entries)
 *	/dev/frames-tail	VM_PFNMAP, 4K entries, blocks of 2M without __GFP_COMP: one reference
 *				on the first page
 *	/dev/frames-mixed	the same pages in VM_MIXEDMAP
 *	/dev/frames-reserved	VM_PFNMAP, 4K entries, pages with PG_reserved
 *	/dev/frames-bare-4k	VM_PFNMAP, 4K entries, memory without struct page: bare=, size=
 *	/dev/frames-bare-2m	the same in 2M entries
 *
 * All mappings are shared and as long as blocks= says at most.  For the lab.
 */
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#ifdef HAVE_PFN_T
#include <linux/pfn_t.h>
#endif

enum { BLOCK_ORDER = 9, BLOCK_PAGES = 1 << BLOCK_ORDER };

static unsigned int blocks = 8;
module_param(blocks, uint, 0400);
MODULE_PARM_DESC(blocks, "blocks of 2M that each device has (8)");

static unsigned long bare;
module_param(bare, ulong, 0400);
MODULE_PARM_DESC(bare, "physical address of blocks * 2M that the kernel has no struct page for");

enum frames_kind { ONE_EACH, COMPOUND, TAILS, RESERVED, BARE };

struct frames {
	struct miscdevice misc;
	enum frames_kind kind;
	bool mixed;
	bool huge;
	unsigned long *first;	/* page frame of each block */
};

static struct frames *frames_of(struct vm_area_struct *vma)
{
	return container_of(vma->vm_file->private_data, struct frames, misc);
}

/* The page frame at an address that lies in the mapping, whose length was checked. */
static unsigned long frame_at(struct vm_area_struct *vma, unsigned long address)
{
	unsigned long page = vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT);

	return frames_of(vma)->first[page / BLOCK_PAGES] + page % BLOCK_PAGES;
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	unsigned long pfn = frame_at(vmf->vma, vmf->address);

	if (!frames_of(vmf->vma)->mixed)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
#ifdef HAVE_PFN_T
	return vmf_insert_mixed(vmf->vma, vmf->address, __pfn_to_pfn_t(pfn, PFN_DEV));
#else
	return vmf_insert_mixed(vmf->vma, vmf->address, pfn);
#endif
}

static const struct vm_operations_struct small_ops = { .fault = fault };

#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
/* A hole at either end of the mapping, or one that is not aligned, is left to fault(). */
static vm_fault_t huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long address = vmf->address & PMD_MASK, pfn;

	if (order != BLOCK_ORDER || address < vma->vm_start || address + PMD_SIZE > vma->vm_end)
		return VM_FAULT_FALLBACK;
	pfn = frame_at(vma, address);
	if (pfn % BLOCK_PAGES)
		return VM_FAULT_FALLBACK;
#ifdef HAVE_PFN_T
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), vmf->flags & FAULT_FLAG_WRITE);
#else
	return vmf_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
#endif
}

static const struct vm_operations_struct huge_ops = { .fault = fault, .huge_fault = huge_fault };
enum { HAVE_HUGE = 1 };
#else
enum { HAVE_HUGE = 0 };
#define huge_ops small_ops
#endif

static int map_now(struct vm_area_struct *vma)
{
	unsigned long at, length;
	int err = 0;

	for (at = vma->vm_start; !err && at < vma->vm_end; at += length) {
		length = min(vma->vm_end - at, BLOCK_PAGES * PAGE_SIZE);
		err = remap_pfn_range(vma, at, frame_at(vma, at), length, vma->vm_page_prot);
	}
	return err;
}

static int frames_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct frames *f = frames_of(vma);
	unsigned long flags = VM_IO | VM_DONTEXPAND | VM_DONTDUMP;

	if (vma->vm_pgoff || vma_pages(vma) > (unsigned long)blocks * BLOCK_PAGES)
		return -ENXIO;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (!f->mixed && !f->huge)
		return map_now(vma);
	vma->vm_ops = f->huge ? &huge_ops : &small_ops;
	flags = f->mixed ? VM_MIXEDMAP : flags | VM_PFNMAP;
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
	return 0;
}

static const struct file_operations frames_fops = { .owner = THIS_MODULE, .mmap = frames_mmap };

static struct frames all[] = {
	{ .misc.name = "frames-4k", .kind = ONE_EACH },
	{ .misc.name = "frames-2m", .kind = COMPOUND, .huge = true },
	{ .misc.name = "frames-tail", .kind = TAILS },
	{ .misc.name = "frames-mixed", .kind = TAILS, .mixed = true },
	{ .misc.name = "frames-reserved", .kind = RESERVED },
	{ .misc.name = "frames-bare-4k", .kind = BARE },
	{ .misc.name = "frames-bare-2m", .kind = BARE, .huge = true },
};

/* Nothing that the kernel knows of as memory, or we would write to what belongs to others. */
static bool is_bare(unsigned long first)
{
	unsigned long i;

	for (i = 0; i < BLOCK_PAGES; i++)
		if (pfn_valid(first + i))
			return false;
	return true;
}

static int block_get(struct frames *f, unsigned int n)
{
	gfp_t gfp = GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | (f->kind == COMPOUND ? __GFP_COMP : 0);
	struct page *page;
	unsigned int i;

	if (f->kind == BARE) {
		f->first[n] = (bare >> PAGE_SHIFT) + n * BLOCK_PAGES;
		return is_bare(f->first[n]) ? 0 : -EINVAL;
	}
	page = alloc_pages(gfp, BLOCK_ORDER);
	if (!page)
		return -ENOMEM;
	f->first[n] = page_to_pfn(page);
	if (f->kind == ONE_EACH || f->kind == RESERVED)
		split_page(page, BLOCK_ORDER);
	for (i = 0; f->kind == RESERVED && i < BLOCK_PAGES; i++)
		SetPageReserved(page + i);
	return 0;
}

static void block_put(const struct frames *f, unsigned int n)
{
	struct page *page = pfn_to_page(f->first[n]);
	unsigned int i;

	if (f->kind == COMPOUND || f->kind == TAILS)
		__free_pages(page, BLOCK_ORDER);
	for (i = 0; (f->kind == RESERVED || f->kind == ONE_EACH) && i < BLOCK_PAGES; i++) {
		ClearPageReserved(page + i);
		__free_page(page + i);
	}
}

static void frames_drop(struct frames *f)
{
	unsigned int n;

	if (!f->first)
		return;
	misc_deregister(&f->misc);
	for (n = 0; n < blocks && f->kind != BARE; n++)
		block_put(f, n);
	kfree(f->first);
	f->first = NULL;
}

static int frames_make(struct frames *f)
{
	unsigned int n;
	int err = 0;

	f->first = kcalloc(blocks, sizeof(*f->first), GFP_KERNEL);
	if (!f->first)
		return -ENOMEM;
	for (n = 0; !err && n < blocks; n++)
		err = block_get(f, n);
	if (!err) {
		f->misc.minor = MISC_DYNAMIC_MINOR;
		f->misc.fops = &frames_fops;
		f->misc.mode = 0600;
		err = misc_register(&f->misc);
	} else {
		n--;
	}
	if (!err)
		return 0;
	while (n-- && f->kind != BARE)
		block_put(f, n);
	kfree(f->first);
	f->first = NULL;
	return err;
}

/* Without bare= there is nothing to offer, and without huge entries of VM_PFNMAP nobody to offer it. */
static bool frames_offered(const struct frames *f)
{
	return (f->kind != BARE || bare) && (!f->huge || HAVE_HUGE);
}

static void frames_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		frames_drop(&all[i]);
}

static int __init frames_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(all); i++) {
		if (frames_offered(&all[i]))
			err = frames_make(&all[i]);
		if (err)
			pr_err("frames: cannot make %s: error %d\n", all[i].misc.name, err);
	}
	if (err)
		frames_exit();
	return err;
}

module_init(frames_init);
module_exit(frames_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("page frames of every kind in user space, for tests of mmuscope");
