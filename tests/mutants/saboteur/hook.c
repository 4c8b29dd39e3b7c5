// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redirects functions. A breakpoint behind the call of __fentry__ sends every caller but us to the
 * replacement; at that point nothing is on the stack but the return address. Programs on the
 * function's entry and exit are outside of this: they see what they would see of a kernel that is
 * really built this way.
 */
#include "saboteur.h"

#include <asm/cpufeature.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#define ENDBR_SIZE 4

static DEFINE_SPINLOCK(frames_lock);
static LIST_HEAD(frames);
static DECLARE_WAIT_QUEUE_HEAD(frames_gone);

static int redirect(struct kprobe *p, struct pt_regs *regs)
{
	struct hook *h = container_of(p, struct hook, probe);
	unsigned long caller = *(unsigned long *)regs->sp;

	if (within_module(caller, THIS_MODULE))
		return 0;
	regs->ip = (unsigned long)h->replacement;
	return 1;
}

/* A kprobe that has one is not made a jump, which could not change the instruction pointer. */
static void keep_breakpoint(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

/*
 * Where a function calls __fentry__: at its start, or behind an ENDBR. Asked for the start of a
 * function, ftrace names any call up to the next symbol, be it of a function that has no symbol.
 */
static unsigned long fentry_of(unsigned long function)
{
	unsigned long (*ftrace_location)(unsigned long ip) = symbol("ftrace_location");

	if (!ftrace_location || !function)
		return 0;
	if (ftrace_location(function + ENDBR_SIZE) == function + ENDBR_SIZE)
		return function + ENDBR_SIZE;
	return ftrace_location(function) == function ? function : 0;
}

int hook_attach(struct hook *h)
{
	void *function = symbol(h->function);
	unsigned long entry = fentry_of((unsigned long)function);
	int err;

	/* the rest of a function is no target of an indirect call there */
	if (cpu_feature_enabled(X86_FEATURE_IBT))
		return -EOPNOTSUPP;
	if (!entry) {
		pr_err("saboteur: %s: %s\n", h->function,
		       function ? "ftrace does not know it" : "this kernel has no such function");
		return -EOPNOTSUPP;
	}
	h->rest = (void *)(entry + MCOUNT_INSN_SIZE);
	h->probe = (struct kprobe) {
		.addr = h->rest,
		.pre_handler = redirect,
		.post_handler = keep_breakpoint,
	};
	err = register_kprobe(&h->probe);
	if (err)
		pr_err("saboteur: %s: no kprobe at %pS: error %d\n", h->function, h->rest, err);
	return err;
}

void hook_detach(struct hook *h)
{
	unregister_kprobe(&h->probe);
}

void frame_enter(struct frame *f)
{
	unsigned long flags;

	memset(f, 0, sizeof(*f));
	f->task = current;
	spin_lock_irqsave(&frames_lock, flags);
	list_add(&f->list, &frames);
	spin_unlock_irqrestore(&frames_lock, flags);
}

void frame_leave(struct frame *f)
{
	unsigned long flags;

	spin_lock_irqsave(&frames_lock, flags);
	list_del(&f->list);
	if (list_empty(&frames))
		wake_up_all(&frames_gone);
	spin_unlock_irqrestore(&frames_lock, flags);
}

/* The innermost of the current task that belongs to a VM. */
struct frame *frame_of_current(void)
{
	struct frame *f, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&frames_lock, flags);
	list_for_each_entry(f, &frames, list) {
		if (f->task == current && f->kvm) {
			found = f;
			break;
		}
	}
	spin_unlock_irqrestore(&frames_lock, flags);
	return found;
}

/* Until no replacement is executed any more. */
void frames_wait(void)
{
	wait_event(frames_gone, list_empty_careful(&frames));
	synchronize_rcu_tasks();
	synchronize_rcu();
}
