// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the kernel skip runs of mmuscope's program for the hook window-end: while the program is active
 * on this CPU, its function is called once more. The range is one of a process that nobody watches, so
 * that nothing else happens. For the lab, kernels 6.2 and later.
 *
 *	insmod reenter.ko times=3	or later
 *	echo 3 > /sys/module/reenter/parameters/times	(counted down to 0)
 */
#include <linux/bpf.h>
#include <linux/kprobes.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PROGRAM "win_end"
#define FUNCTION "__mmu_notifier_invalidate_range_end"

/* more than struct mmu_notifier_subscriptions has, which only mm/mmu_notifier.c knows: zero is nobody */
enum { SUBSCRIPTIONS_SIZE = 1024 };

static atomic_t times = ATOMIC_INIT(0);
module_param_named(times, times.counter, int, 0600);
MODULE_PARM_DESC(times, "so many runs are still to be skipped (0)");

static void (*range_end)(struct mmu_notifier_range *range);
static struct mm_struct *nobody;

/* Not 0: its return does not matter. */
static int entering(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct bpf_prog *prog = (const void *)regs_get_kernel_argument(regs, 0);

	return strcmp(prog->aux->name, PROGRAM) || atomic_dec_if_positive(&times) < 0;
}

/* The program is marked as active, and has not begun. */
static int entered(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct mmu_notifier_range range = { .mm = nobody };

	range_end(&range);
	return 0;
}

static struct kretprobe probe = {
	.kp.symbol_name = "__bpf_prog_enter_recur",
	.entry_handler = entering,
	.handler = entered,
};

static int find_function(void)
{
	struct kprobe finder = { .symbol_name = FUNCTION };
	int err = register_kprobe(&finder);

	if (err)
		return err;
	range_end = (void *)finder.addr;
	unregister_kprobe(&finder);
	return 0;
}

static void nobody_free(void)
{
	if (nobody)
		kfree(nobody->notifier_subscriptions);
	kfree(nobody);
}

static int __init reenter_init(void)
{
	int err = find_function();

	if (err) {
		pr_err("reenter: no kprobe on " FUNCTION ": error %d\n", err);
		return err;
	}
	nobody = kzalloc(sizeof(*nobody), GFP_KERNEL);
	if (nobody)
		nobody->notifier_subscriptions = kzalloc(SUBSCRIPTIONS_SIZE, GFP_KERNEL);
	if (!nobody || !nobody->notifier_subscriptions) {
		nobody_free();
		return -ENOMEM;
	}
	err = register_kretprobe(&probe);
	if (err) {
		pr_err("reenter: no kretprobe on %s: error %d\n", probe.kp.symbol_name, err);
		nobody_free();
	}
	return err;
}

static void __exit reenter_exit(void)
{
	unregister_kretprobe(&probe);
	nobody_free();
}

module_init(reenter_init);
module_exit(reenter_exit);
MODULE_DESCRIPTION("enters a BPF program that is active, to test mmuscope");
MODULE_LICENSE("GPL");
