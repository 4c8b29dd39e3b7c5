/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks' numbers, in the order of hooks.def.
 */
#ifndef MMUSCOPE_HOOKS_H
#define MMUSCOPE_HOOKS_H

enum hook {
#define HOOK(id, name, needed, spoils, text) HOOK_##id,
#define SHAPE(id, program, how, target, args, arg2)
#include "hooks.def"
#undef HOOK
#undef SHAPE
	HOOK_NR,
};

#endif /* MMUSCOPE_HOOKS_H */
