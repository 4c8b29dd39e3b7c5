/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the saboteur know of each other.
 */
#ifndef SABOTEUR_H
#define SABOTEUR_H

#include <linux/kprobes.h>
#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

/* main.c: the parameters, and the count of what was done */
bool occasion(struct kvm *kvm, const char *what, gfn_t gfn, unsigned long hva);
bool wanted(struct kvm *kvm);
unsigned long lowest_gfn(void);

/*
 * hook.c: a function of the kernel is redirected behind its call of __fentry__, so that what others
 * hooked there sees a kernel that behaves like this. The replacement may call what is left of it.
 */
struct hook {
	const char *function;
	void *replacement;
	void *rest;		/* the original, behind its call of __fentry__ */
	struct kprobe probe;
};

int hook_attach(struct hook *h);
void hook_detach(struct hook *h);

/* What a replacement that is being executed tells those that it calls; lives on its stack. */
struct frame {
	struct list_head list;
	struct task_struct *task;
	struct kvm *kvm;	/* whose fault or window it is; NULL: of none that we want */
	gfn_t gfn;
	unsigned long hva;
	struct mmu_notifier_range range;
	bool window_open;
	bool spoilt;		/* pages of this window have been made clean */
};

void frame_enter(struct frame *f);
void frame_leave(struct frame *f);
struct frame *frame_of_current(void);
void frames_wait(void);

/* symbols.c: what the kernel does not export, and what differs between kernels */
int symbols_init(void);
void *symbol(const char *name);
int btf_argument(const char *function, const char *argument);
int btf_offset(const char *type, const char *member);

/* host.c: the host's page tables */
struct host_leaf {
	unsigned long pfn;
	bool writable;
	bool dirty;
	pmd_t *pmd;		/* when it is an entry for 2M */
};

bool host_leaf(struct mm_struct *mm, unsigned long hva, struct host_leaf *leaf);
bool host_huge(struct mm_struct *mm, unsigned long hva);
bool host_split(struct mm_struct *mm, unsigned long hva);
bool host_clean(struct mm_struct *mm, unsigned long hva);
struct folio *host_folio_get(struct mm_struct *mm, unsigned long hva);

/* vm.c: memslots. Only those from parameter 'gpa' on, so that the guest's code is left alone. */
struct piece {
	gfn_t gfn;
	unsigned long hva;
	unsigned long pages;
};

bool slot_of_gfn(struct kvm *kvm, gfn_t gfn, struct piece *one);
bool slot_of_hva(struct kvm *kvm, unsigned long hva, struct piece *one);
bool slots_in_range(struct kvm *kvm, unsigned long start, unsigned long end, struct piece *first);

/* tricks.c: the modes */
int trick_start(const char *name);
void trick_stop(void);
int tricks_init(void);

#endif
