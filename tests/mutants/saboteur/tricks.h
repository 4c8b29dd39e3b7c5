/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modes, the functions of the kernel that they replace, and the replacements.
 */
#ifndef TRICKS_H
#define TRICKS_H

#include "saboteur.h"

enum trick {
	NONE,
	CLEAN, CLEAN_FOR_IO, CLEAN_IN_WINDOW, CLEAN_BEFORE_ZAP, CLEAN_AT_MAP, SKIP_MARK,
	SECRET, WRONG_PAGE, STALE_PAGE, LEAK, GRANT_WRITE, TOO_LARGE, RETRY_BLIND,
	LOST_END, LOST_MM_END, NO_FLUSH, SKIP_ZAP, SHORT_ZAP, UNPIN,
};

enum which {
	HVA_TO_PFN, PAGE_FAULT, FAULTIN_OLD, FAULTIN_NEW, STALE, ADJUST,
	KVM_START, KVM_END, MM_START, MM_END, UNMAP,
	MARK_AT_ZAP, MARK_AT_MAP,	/* kernels with the first may have the other, and not call it */
	MAP_OLD, MAP_NEW, UNMAP_MAP,
	HOOKS
};

extern struct hook hooks[HOOKS];
extern enum trick trick;

/* What is left of a function, to be called. All take integers or pointers: more do no harm. */
#define REST(which) ((u64 (*)(u64, u64, u64, u64, u64, u64))hooks[which].rest)

static inline bool frame_act(const struct frame *f, const char *what)
{
	return occasion(f->kvm, what, f->gfn, f->hva);
}

/* lookup.c */
int lookup_init(void);
void lookup_give_back(void);
u64 do_hva_to_pfn(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);

/* fault.c */
int fault_init(void);
u64 do_page_fault(u64 vcpu, u64 gpa, u64 error_code, u64 insn, u64 insn_len, u64 f);
u64 do_faultin_old(u64 vcpu, u64 fault, u64 access);
u64 do_faultin_new(u64 vcpu, u64 fault, u64 access);
u64 do_stale(u64 vcpu, u64 fault);
u64 do_adjust(u64 vcpu, u64 fault);
u64 do_mark_at_map(u64 page);

/* window.c */
u64 do_kvm_start(u64 notifier, u64 arg);
u64 do_kvm_end(u64 notifier, u64 arg);
u64 do_mm_start(u64 arg, u64 more);
u64 do_mm_end(u64 arg, u64 only_end);
u64 do_unmap(u64 arg, u64 gfn_range);
u64 do_mark_at_zap(u64 pfn);

/* guestmap.c */
u64 do_map_old(u64 vcpu, u64 gfn, u64 map);
u64 do_map_new(u64 vcpu, u64 gfn, u64 map, u64 writable);
u64 do_unmap_map(u64 vcpu, u64 map, u64 dirty);

#endif
