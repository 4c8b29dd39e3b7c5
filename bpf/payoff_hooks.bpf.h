/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks of --payoff.  Each program reads the clock before it does anything else, so that what it does is
 * known to take time.
 */
#ifndef MMUSCOPE_PAYOFF_HOOKS_BPF_H
#define MMUSCOPE_PAYOFF_HOOKS_BPF_H

#include "calibrate.bpf.h"

SEC("fentry/kvm_tdp_page_fault")
int BPF_PROG(payoff_fault_in, struct kvm_vcpu *vcpu, struct kvm_page_fault *fault)
{
	u64 began = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_fault(began, FIELD64(arg_number(ctx, 0), struct kvm_vcpu, kvm), fault->prefetch,
			    fault->write);
}

SEC("fexit/kvm_tdp_page_fault")
int BPF_PROG(payoff_fault_out, struct kvm_vcpu *vcpu, struct kvm_page_fault *fault, int ret)
{
	u64 now = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_faulted(now);
}

static __always_inline int payoff_enter(u64 began, u64 hva, bool write, bool asks, bool pin)
{
	if (!enabled)
		return 0;
	if (pin) {
		__sync_fetch_and_add(&payoff_pinned, 1);
		return 0;
	}
	/* hva_to_pfn_fast() tries where it may write, or tell that the caller may (kvm_main.c) */
	return payoff_ask(began, hva, (write ? ASK_WRITE : 0) | (write || asks ? ASK_TRIES : 0));
}

SEC("fentry/hva_to_pfn")
int BPF_PROG(payoff_ask_kfp, struct kvm_follow_pfn *kfp)
{
	u64 began = bpf_ktime_get_ns();

	return payoff_enter(began, kfp->hva, kfp->flags & FOLL_WRITE, BPF_CORE_READ(kfp, map_writable),
			    kfp->pin);
}

SEC("fentry/hva_to_pfn")
int BPF_PROG(payoff_ask_six, u64 addr, bool atomic, bool intr, bool *async, bool write, bool *writable)
{
	u64 began = bpf_ktime_get_ns();

	return payoff_enter(began, addr, write, writable, false);
}

SEC("fentry/hva_to_pfn")
int BPF_PROG(payoff_ask_five, u64 addr, bool atomic, bool *async, bool write, bool *writable)
{
	u64 began = bpf_ktime_get_ns();

	return payoff_enter(began, addr, write, writable, false);
}

SEC("fexit/hva_to_pfn")
int BPF_PROG(payoff_told_kfp, struct kvm_follow_pfn *kfp, u64 pfn)
{
	u64 now = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_told(now, kfp->hva, pfn);
}

SEC("fexit/hva_to_pfn")
int BPF_PROG(payoff_told_six, u64 addr, bool atomic, bool intr, bool *async, bool write, bool *writable,
	     u64 pfn)
{
	u64 now = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_told(now, addr, pfn);
}

SEC("fexit/hva_to_pfn")
int BPF_PROG(payoff_told_five, u64 addr, bool atomic, bool *async, bool write, bool *writable, u64 pfn)
{
	u64 now = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_told(now, addr, pfn);
}

SEC("fentry/get_user_pages_unlocked")
int BPF_PROG(payoff_slow)
{
	u64 now = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_mark(now, PATH_SLOW);
}

static __always_inline int payoff_remaps(u64 now)
{
	if (!enabled)
		return 0;
	return payoff_mark(now, PATH_REMAPPED);
}

SEC("fentry/follow_pfnmap_start")
int BPF_PROG(payoff_pfnmap)
{
	return payoff_remaps(bpf_ktime_get_ns());
}

SEC("fentry/follow_pte")
int BPF_PROG(payoff_pte)
{
	return payoff_remaps(bpf_ktime_get_ns());
}

SEC("fentry/kvm_mmu_hugepage_adjust")
int BPF_PROG(payoff_level_in)
{
	u64 began = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_level(began);
}

SEC("fexit/kvm_mmu_hugepage_adjust")
int BPF_PROG(payoff_level_out, struct kvm_vcpu *vcpu, struct kvm_page_fault *fault)
{
	u64 now = bpf_ktime_get_ns();

	if (!enabled)
		return 0;
	return payoff_leveled(now, fault->goal_level);
}

#endif /* MMUSCOPE_PAYOFF_HOOKS_BPF_H */
