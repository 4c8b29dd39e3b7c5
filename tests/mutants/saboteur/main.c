// SPDX-License-Identifier: GPL-2.0-only
/*
 * A saboteur: breaks one rule of KVM's memory management behind everybody's back, to prove that
 * mmuscope notices. README.md has the modes. For the lab only.
 *
 *	insmod saboteur.ko mode=leak limit=3		or later
 *	echo leak > /sys/module/saboteur/parameters/mode	(none: stop, give back what is kept)
 *	cat /sys/module/saboteur/parameters/done
 */
#include "saboteur.h"

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/task.h>
#include <linux/string.h>

static DEFINE_MUTEX(mode_lock);
static char mode_name[32] = "none";
static bool loaded;
static atomic_long_t seen = ATOMIC_LONG_INIT(0);
static atomic_long_t acted = ATOMIC_LONG_INIT(0);

static long limit = 1;
module_param(limit, long, 0600);
MODULE_PARM_DESC(limit, "act so many times at most (1)");

static long skip;
module_param(skip, long, 0600);
MODULE_PARM_DESC(skip, "let the first so many occasions pass (0)");

static char comm[TASK_COMM_LEN] = "mmuscope-load";
module_param_string(comm, comm, sizeof(comm), 0600);
MODULE_PARM_DESC(comm, "only VMs of processes with this name; empty: all (mmuscope-load)");

static int pid;
module_param(pid, int, 0600);
MODULE_PARM_DESC(pid, "only VMs of this process; 0: all (0)");

static unsigned long gpa = 1UL << 30;
module_param(gpa, ulong, 0600);
MODULE_PARM_DESC(gpa, "only memslots from this guest address on (1 GiB)");

unsigned long lowest_gfn(void)
{
	return gpa >> PAGE_SHIFT;
}

/* A VM that is being torn down may have lost its owner: then it is nobody's. */
bool wanted(struct kvm *kvm)
{
	struct task_struct *owner;
	bool yes = false;

	rcu_read_lock();
	owner = kvm && kvm->mm ? rcu_dereference(kvm->mm->owner) : NULL;
	if (owner)
		yes = (!comm[0] || !strncmp(owner->comm, comm, TASK_COMM_LEN)) &&
		      (!pid || owner->tgid == pid);
	rcu_read_unlock();
	return yes;
}

/* The trick could be done here: is it to be? */
bool occasion(struct kvm *kvm, const char *what, gfn_t gfn, unsigned long hva)
{
	if (!wanted(kvm) || atomic_long_inc_return(&seen) <= READ_ONCE(skip) ||
	    !atomic_long_add_unless(&acted, 1, READ_ONCE(limit)))
		return false;
	pr_info("saboteur: %s: gfn 0x%llx hva 0x%lx\n", what, gfn, hva);
	return true;
}

static int mode_start(void)
{
	int err;

	trick_stop();
	atomic_long_set(&seen, 0);
	atomic_long_set(&acted, 0);
	err = strcmp(mode_name, "none") ? trick_start(mode_name) : 0;
	if (err)
		strscpy(mode_name, "none", sizeof(mode_name));
	return err;
}

static int mode_set(const char *text, const struct kernel_param *kp)
{
	int err = 0;

	mutex_lock(&mode_lock);
	strscpy(mode_name, text, sizeof(mode_name));
	strscpy(mode_name, strim(mode_name), sizeof(mode_name));
	if (loaded)
		err = mode_start();
	mutex_unlock(&mode_lock);
	return err;
}

static int mode_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%s\n", mode_name);
}

static const struct kernel_param_ops mode_ops = { .set = mode_set, .get = mode_get };
module_param_cb(mode, &mode_ops, NULL, 0600);
MODULE_PARM_DESC(mode, "what to break (none)");

static int count_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%ld\n", atomic_long_read(kp->arg));
}

static const struct kernel_param_ops count_ops = { .get = count_get };
module_param_cb(done, &count_ops, &acted, 0400);
MODULE_PARM_DESC(done, "how often it has acted");
module_param_cb(seen, &count_ops, &seen, 0400);
MODULE_PARM_DESC(seen, "how many occasions there were");

static int __init saboteur_init(void)
{
	int err = symbols_init();

	if (!err)
		err = tricks_init();
	if (err)
		return err;
	mutex_lock(&mode_lock);
	loaded = true;
	err = mode_start();
	mutex_unlock(&mode_lock);
	return err;
}

static void __exit saboteur_exit(void)
{
	trick_stop();
}

module_init(saboteur_init);
module_exit(saboteur_exit);
MODULE_DESCRIPTION("breaks rules of KVM's memory management, to test mmuscope");
MODULE_LICENSE("GPL");
