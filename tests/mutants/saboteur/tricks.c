// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modes: which functions of the kernel each replaces. README.md says what each breaks. All
 * spoil only what the kernel can live with: a guest's data, or an agreement between KVM and mm.
 */
#include "tricks.h"

#include <linux/string.h>

#define BIT_OF(h) (1U << (h))

enum trick trick;
static unsigned int attached;

struct hook hooks[HOOKS] = {
	[HVA_TO_PFN] = { "hva_to_pfn", do_hva_to_pfn },
	[PAGE_FAULT] = { "kvm_mmu_page_fault", do_page_fault },
	[FAULTIN_OLD] = { "kvm_faultin_pfn", do_faultin_old },
	[FAULTIN_NEW] = { "kvm_mmu_faultin_pfn", do_faultin_new },
	[STALE] = { "is_page_fault_stale", do_stale },
	[ADJUST] = { "kvm_mmu_hugepage_adjust", do_adjust },
	[KVM_START] = { "kvm_mmu_notifier_invalidate_range_start", do_kvm_start },
	[KVM_END] = { "kvm_mmu_notifier_invalidate_range_end", do_kvm_end },
	[MM_START] = { "__mmu_notifier_invalidate_range_start", do_mm_start },
	[MM_END] = { "__mmu_notifier_invalidate_range_end", do_mm_end },
	[UNMAP] = { "kvm_unmap_gfn_range", do_unmap },
	[MARK_AT_ZAP] = { "kvm_set_pfn_dirty", do_mark_at_zap },
	[MARK_AT_MAP] = { "kvm_release_page_dirty", do_mark_at_map },
	[MAP_OLD] = { "kvm_vcpu_map", do_map_old },
	[MAP_NEW] = { "__kvm_vcpu_map", do_map_new },
	[UNMAP_MAP] = { "kvm_vcpu_unmap", do_unmap_map },
};

/* either: the first of these that the kernel has */
static const struct {
	const char *name;
	unsigned int all, either;
} tricks[] = {
	[CLEAN] = { "clean", BIT_OF(PAGE_FAULT) },
	[CLEAN_FOR_IO] = { "clean-for-io", BIT_OF(PAGE_FAULT) },
	[CLEAN_IN_WINDOW] = { "clean-in-window", BIT_OF(KVM_START) | BIT_OF(MM_START) },
	[CLEAN_BEFORE_ZAP] = { "clean-before-zap", BIT_OF(KVM_START), BIT_OF(MARK_AT_ZAP) },
	[CLEAN_AT_MAP] = { "clean-at-map", BIT_OF(PAGE_FAULT) | BIT_OF(MARK_AT_MAP) },
	[SKIP_MARK] = { "skip-mark", BIT_OF(PAGE_FAULT) | BIT_OF(KVM_START),
			BIT_OF(MARK_AT_ZAP) | BIT_OF(MARK_AT_MAP) },
	[SECRET] = { "secret", BIT_OF(HVA_TO_PFN) },
	[WRONG_PAGE] = { "wrong-page", BIT_OF(HVA_TO_PFN) },
	[STALE_PAGE] = { "stale-page", BIT_OF(HVA_TO_PFN) },
	[LEAK] = { "leak", BIT_OF(HVA_TO_PFN) },
	[GRANT_WRITE] = { "grant-write", BIT_OF(HVA_TO_PFN) },
	[TOO_LARGE] = { "too-large", BIT_OF(PAGE_FAULT) | BIT_OF(ADJUST) },
	[RETRY_BLIND] = { "retry-blind", BIT_OF(PAGE_FAULT) | BIT_OF(STALE),
			  BIT_OF(FAULTIN_OLD) | BIT_OF(FAULTIN_NEW) },
	[LOST_END] = { "lost-end", BIT_OF(KVM_END) },
	[LOST_MM_END] = { "lost-mm-end", BIT_OF(KVM_START) | BIT_OF(MM_END) },
	[NO_FLUSH] = { "no-flush", BIT_OF(KVM_START) | BIT_OF(UNMAP) },
	[SKIP_ZAP] = { "skip-zap", BIT_OF(KVM_START) | BIT_OF(UNMAP) },
	[SHORT_ZAP] = { "short-zap", BIT_OF(KVM_START) | BIT_OF(UNMAP) },
	[UNPIN] = { "unpin", BIT_OF(UNMAP_MAP), BIT_OF(MAP_OLD) | BIT_OF(MAP_NEW) },
};

void trick_stop(void)
{
	for (int i = 0; i < HOOKS; i++)
		if (attached & BIT_OF(i))
			hook_detach(&hooks[i]);
	attached = 0;
	frames_wait();
	trick = NONE;
	lookup_give_back();
}

static int attach(enum which which)
{
	int err = hook_attach(&hooks[which]);

	if (!err)
		attached |= BIT_OF(which);
	return err;
}

int trick_start(const char *name)
{
	int err = 0;
	size_t t;

	for (t = 1; t < ARRAY_SIZE(tricks); t++)
		if (!strcmp(tricks[t].name, name))
			break;
	if (t == ARRAY_SIZE(tricks)) {
		pr_err("saboteur: there is no mode '%s'; README.md lists them\n", name);
		return -EINVAL;
	}
	/* a kernel that marks at the zap has no mark at the map, though it has the function */
	if (t == CLEAN_AT_MAP && symbol(hooks[MARK_AT_ZAP].function)) {
		pr_err("saboteur: %s: this kernel marks pages when they are unmapped\n", name);
		return -EOPNOTSUPP;
	}
	trick = t;
	for (int i = 0; i < HOOKS && !err; i++)
		if (tricks[t].all & BIT_OF(i))
			err = attach(i);
	for (int i = 0; i < HOOKS && !err; i++) {
		if ((tricks[t].either & BIT_OF(i)) && symbol(hooks[i].function)) {
			err = attach(i);
			break;
		}
	}
	if (err)
		trick_stop();
	return err;
}

int tricks_init(void)
{
	int missing = min(lookup_init(), fault_init());

	if (missing >= 0)
		return 0;
	pr_err("saboteur: is kvm loaded? Its functions are not as expected (%d)\n",
	       missing);
	return -EOPNOTSUPP;
}
