// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program for each hook of arm64's stage 2, which counts how often the kernel calls it for the process that
 * tries them (user/arch/arm64/doctor.c).
 */
#include "../../../vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

enum stage2 {
#define STAGE2(id, name, how, function, args, tried, text) STAGE2_##id,
#include "../../../user/host/stage2.def"
#undef STAGE2
	STAGE2_NR,
};

enum tried { UNTRIED, TRIED, IN_WINDOW };

const volatile __u32 cfg_tgid;
__u64 calls[STAGE2_NR];
/* the process has one thread, which does all of this one after another */
bool in_window;

static __always_inline int count(enum stage2 hook, enum tried tried)
{
	if (bpf_get_current_pid_tgid() >> 32 != cfg_tgid)
		return 0;
	if (hook == STAGE2_WINDOW_START || hook == STAGE2_WINDOW_END)
		in_window = hook == STAGE2_WINDOW_START;
	if (tried != IN_WINDOW || in_window)
		__sync_fetch_and_add(&calls[hook], 1);
	return 0;
}

#define SECTION_FENTRY "?fentry/"
#define SECTION_FEXIT "?fexit/"
#define STAGE2(id, name, how, function, args, tried_, text)	\
	SEC(SECTION_##how function)				\
	int s2_##id(void *ctx)					\
	{							\
		return count(STAGE2_##id, tried_);		\
	}
#include "../../../user/host/stage2.def"
