// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the candidate's calls come from: a program that writes addresses into /dev/candidate, and, with
 * guests=1, every lookup of KVM's that asks GUP. For the lab.
 *
 *	insmod candidate.ko wrong=stale		or nothing, level, prot-none, secret, stale, write
 */
#include "candidate.h"

#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

enum wrong wrong = WRONG_NOTHING;

static const char *const wrongs[] = { "nothing", "level", "prot-none", "secret", "stale", "write" };

static unsigned long (*lookup_name)(const char *name);

int symbols_init(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	int err = register_kprobe(&probe);

	if (err) {
		pr_err("candidate: no kprobe on %s: error %d\n", probe.symbol_name, err);
		return err;
	}
	lookup_name = (void *)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

void *symbol(const char *name)
{
	return (void *)lookup_name(name);
}

/* ---- parameters ---- */

static int wrong_set(const char *text, const struct kernel_param *kp)
{
	int i = sysfs_match_string(wrongs, text);

	if (i < 0)
		return i;
	WRITE_ONCE(wrong, i);
	return 0;
}

static int wrong_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", wrongs[READ_ONCE(wrong)]);
}

static const struct kernel_param_ops wrong_ops = { .set = wrong_set, .get = wrong_get };
module_param_cb(wrong, &wrong_ops, NULL, 0600);
MODULE_PARM_DESC(wrong, "what the candidate does wrong (nothing)");

static bool guests;
module_param(guests, bool, 0600);
MODULE_PARM_DESC(guests, "look up what KVM looks up (0)");

/* ---- a program's calls ---- */

struct request {
	u64 hva;
	u64 write;
};

static ssize_t device_write(struct file *file, const char __user *buffer, size_t size, loff_t *at)
{
	struct request request;
	unsigned long pfn;
	bool writable;

	if (size != sizeof(request))
		return -EINVAL;
	if (copy_from_user(&request, buffer, sizeof(request)))
		return -EFAULT;
	/* whether there is an answer is for mmuscope to say */
	candidate_lookup(request.hva, request.write, &pfn, &writable);
	return size;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.write = device_write,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "candidate",
	.fops = &device_operations,
};

/* ---- KVM's calls ---- */

struct later {
	struct callback_head work;
	unsigned long hva;
	bool write;
};

static int (*add_work)(struct task_struct *task, struct callback_head *work, int how);
static atomic_t pending = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(none_pending);

static void look_up(struct callback_head *work)
{
	struct later *later = container_of(work, struct later, work);
	unsigned long pfn;
	bool writable;

	candidate_lookup(later->hva, later->write, &pfn, &writable);
	kfree(later);
	if (atomic_dec_and_test(&pending))
		wake_up(&none_pending);
}

/*
 * KVM's fast way into GUP; its first argument is the hva on all kernels. The lookup is made before the
 * task goes back to its guest: inside a kprobe no other is noticed.
 */
static int asked(struct kprobe *p, struct pt_regs *regs)
{
	struct later *later;

	if (!READ_ONCE(guests) || !current->mm)
		return 0;
	later = kmalloc(sizeof(*later), GFP_ATOMIC | __GFP_NOWARN);
	if (!later)
		return 0;
	init_task_work(&later->work, look_up);
	later->hva = regs_get_kernel_argument(regs, 0);
	later->write = true;
	atomic_inc(&pending);
	if (!add_work(current, &later->work, TWA_RESUME))
		return 0;
	atomic_dec(&pending);
	kfree(later);
	return 0;
}

static struct kprobe gup = {
	.symbol_name = "get_user_pages_fast_only",
	.pre_handler = asked,
};

/* ---- the module ---- */

static int __init candidate_init(void)
{
	int err = symbols_init();

	err = err ?: lookup_init();
	if (err)
		return err;
	add_work = symbol("task_work_add");
	if (!add_work)
		return -ENOENT;
	err = register_kprobe(&gup);
	if (err) {
		pr_err("candidate: no kprobe on %s: error %d\n", gup.symbol_name, err);
		return err;
	}
	err = misc_register(&device);
	if (err)
		unregister_kprobe(&gup);
	return err;
}

static void __exit candidate_exit(void)
{
	misc_deregister(&device);
	unregister_kprobe(&gup);
	wait_event(none_pending, !atomic_read(&pending));
}

module_init(candidate_init);
module_exit(candidate_exit);
MODULE_DESCRIPTION("a lookup of host pages without GUP, and what can be wrong with one");
MODULE_LICENSE("GPL");
