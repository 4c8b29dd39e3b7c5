// SPDX-License-Identifier: GPL-2.0-only
/*
 * A saboteur: clears the dirty flag of folios of a file without telling anybody who maps them, which
 * breaks notified-before-clean when a guest has them mapped writable.
 *
 *	echo PATH > /sys/module/clean_dirty/parameters/path	(/proc/PID/fd/N for a memfd)
 *	echo 'FIRST PAGES' > /sys/module/clean_dirty/parameters/go
 *
 * For memfd and tmpfs: their folios are not written back, so that nothing else is upset.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>

static char *path;
module_param(path, charp, 0600);

static noinline int clean_folio(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	/* NULL up to 6.2, an error pointer since */
	if (IS_ERR_OR_NULL(folio))
		return -ENOENT;
	folio_lock(folio);
	if (folio_test_dirty(folio))
		__folio_cancel_dirty(folio);
	folio_unlock(folio);
	folio_put(folio);
	return 0;
}

static int go_set(const char *text, const struct kernel_param *kp)
{
	unsigned long first, pages;
	char name[128];
	struct file *f;
	int err = 0;

	if (sscanf(text, "%lu %lu", &first, &pages) != 2 || !path)
		return -EINVAL;
	strscpy(name, path, sizeof(name));
	strim(name);
	f = filp_open(name, O_RDONLY | O_LARGEFILE, 0);
	if (IS_ERR(f))
		return PTR_ERR(f);
	for (unsigned long i = 0; i < pages && !err; i++)
		err = clean_folio(f->f_mapping, first + i);
	filp_close(f, NULL);
	return err;
}

static const struct kernel_param_ops go_ops = { .set = go_set };
module_param_cb(go, &go_ops, NULL, 0200);

static int __init clean_dirty_init(void)
{
	return 0;
}

static void __exit clean_dirty_exit(void)
{
}

module_init(clean_dirty_init);
module_exit(clean_dirty_exit);
MODULE_DESCRIPTION("clears dirty flags behind everybody's back, to test mmuscope");
MODULE_LICENSE("GPL");
