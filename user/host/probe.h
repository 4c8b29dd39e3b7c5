/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which hooks does a kernel have, and in which shape?  The only user file, with hooks.def, that knows
 * that kernels differ.
 */
#ifndef MMUSCOPE_PROBE_H
#define MMUSCOPE_PROBE_H

#include "hooks.h"
#include "kernel.h"

enum how { FENTRY, FEXIT, KPROBE };
enum needed {
	FOR_ALL,
	FOR_COUNTS,
	FOR_CHECK,
	FOR_WALK,
	FOR_PAYOFF,
	FOR_TIMES,
	FOR_WHAT = 15,
	/* of an architecture's MMU, instead of every one's */
	ON_X86 = 1 << 4,
	ON_ARM64 = 1 << 5,
};

struct shape {
	const char *program;	/* of bpf/mmuscope.bpf.c */
	const char *target;	/* function */
	const char *arg2;
	enum how how;
	int args;
};

/* Shapes of a hook, newest kernel first, ended by one without a program. */
const struct shape *hook_shapes(enum hook hook);
const char *hook_name(enum hook hook);
const char *hook_text(enum hook hook);
enum needed hook_needed(enum hook hook);
/* ON_X86 or ON_ARM64, 0: of every architecture; is it one of that which we are built for? */
unsigned int hook_on(enum hook hook);
bool hook_here(enum hook hook);
const char *how_name(enum how how);

/* kernel_open, with the symbols of every hook asked for. */
int probe_open_kernel(struct kernel *k, const char *dir);

/*
 * The shape of a hook that fits this kernel, or NULL and the reason in why (a sentence without its
 * full stop).
 */
const struct shape *hook_choose(const struct kernel *k, enum hook hook, char *why, size_t size);

#endif /* MMUSCOPE_PROBE_H */
