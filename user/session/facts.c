// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that BTF is asked for after the start: it is megabytes, which do not stay.
 */
#include "session_state.h"

#include <bpf/btf.h>

bool session_marks_at_map(const struct session *s)
{
	return s->facts.marks_at_map;
}

bool session_flushes_unseen(const struct session *s)
{
	return s->facts.flushes_unseen;
}

bool session_tells_pins(const struct session *s)
{
	return s->facts.tells_pins;
}

int session_dirty_bit(const struct session *s)
{
	return s->facts.dirty_bit;
}

/* Mask of a page flag of this kernel. */
static uint64_t flag(const struct kernel *k, const struct btf_type *flags, const char *name)
{
	int bit = kernel_enumerator(k, flags, name);

	return bit < 0 ? 0 : 1ULL << bit;
}

/*
 * From 6.13 on, when struct kvm_page_fault got to know the page that it holds, KVM marks a page dirty when it
 * maps it; before, at the zap.  For a stage 2, which is arm64's, it has always done so when it maps it.
 */
void facts_ask(struct session *s)
{
	const struct kernel *k = &s->kernel;
	const struct btf_type *flags = kernel_enum(k, "pageflags");

	s->facts = (struct session_facts){
		.marks_at_map = kernel_struct_has(k, "kvm_page_fault", "refcounted_page") ||
				kernel_struct_has(k, "kvm_s2_mmu", "pgt"),
		.tells_pins = (s->options.walk || s->options.payoff) &&
			      kernel_struct_has(k, "kvm_follow_pfn", "pin"),
		.rdonly_cast = btf__find_by_name_kind(k->vmlinux, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0,
		.dirty_bit = kernel_enumerator(k, flags, "PG_dirty"),
		.lru = flag(k, flags, "PG_lru"),
		.locked = flag(k, flags, "PG_locked"),
		.head = flag(k, flags, "PG_head"),
		.swapcache = flag(k, flags, "PG_swapcache"),
		.private = flag(k, flags, "PG_private"),
	};
}
