// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing the shape of each hook by looking at BTF and symbols, never at a version.  BTF alone is
 * not enough: pahole 1.30 lists functions of which only a .part or .isra body is left.
 */
#include "probe.h"
#include "user/arch/arch.h"

#include <stdio.h>
#include <string.h>

struct row {
	enum hook hook;
	struct shape shape;
};

static const struct {
	const char *name;
	const char *text;
	enum needed needed;
} hooks[HOOK_NR] = {
#define HOOK(id, name_, needed_, spoils, text_) \
	[HOOK_##id] = { .name = name_, .needed = needed_, .text = text_ },
#define SHAPE(id, program, how, target, args, arg2)
#include "hooks.def"
#undef HOOK
#undef SHAPE
};

static const struct row rows[] = {
#define HOOK(id, name, needed, spoils, text)
#define SHAPE(id, program_, how_, target_, args_, arg2_) \
	{ HOOK_##id, { .program = #program_, .target = target_, .arg2 = arg2_, .how = how_, \
		       .args = args_ } },
#include "hooks.def"
#undef HOOK
#undef SHAPE
};

enum { SHAPES_MAX = 4, ROWS = sizeof(rows) / sizeof(rows[0]) };

/* table[hook] = its shapes and an end mark; filled once from rows */
static struct shape table[HOOK_NR][SHAPES_MAX + 1];

const struct shape *hook_shapes(enum hook hook)
{
	if (!table[0][0].program) {
		size_t n[HOOK_NR] = { 0 };

		for (size_t i = 0; i < ROWS; i++) {
			enum hook h = rows[i].hook;

			if (n[h] < SHAPES_MAX)
				table[h][n[h]++] = rows[i].shape;
		}
	}
	return table[hook];
}

const char *hook_name(enum hook hook)
{
	return hooks[hook].name;
}

const char *hook_text(enum hook hook)
{
	return hooks[hook].text;
}

enum needed hook_needed(enum hook hook)
{
	return hooks[hook].needed & FOR_WHAT;
}

unsigned int hook_on(enum hook hook)
{
	return hooks[hook].needed & (ON_X86 | ON_ARM64);
}

bool hook_here(enum hook hook)
{
	return !hook_on(hook) || hook_on(hook) == arch_hooks();
}

const char *how_name(enum how how)
{
	static const char *const names[] = { "fentry", "fexit", "kprobe" };

	return names[how];
}

int probe_open_kernel(struct kernel *k, const char *dir)
{
	memset(k, 0, sizeof(*k));
	for (int h = 0; h < HOOK_NR; h++)
		for (const struct shape *s = hook_shapes(h); s->program; s++)
			kernel_want(k, s->target);
	return kernel_open(k, dir);
}

static bool fits(const struct kernel *k, const struct shape *s, int args)
{
	const char *arg2;

	if (s->args && args != s->args)
		return false;
	if (!s->arg2)
		return true;
	arg2 = kernel_function_arg_struct(k, s->target, 1);
	return strcmp(s->arg2, arg2 ? arg2 : "-") == 0;
}

const struct shape *hook_choose(const struct kernel *k, enum hook hook, char *why, size_t size)
{
	const struct shape *s = hook_shapes(hook);
	bool inlined = false;	/* a shape fits: that others do not is no reason then */

	snprintf(why, size, "%s is not in this kernel", s->target);
	for (; s->program; s++) {
		int args;

		args = kernel_function_args(k, s->target);
		if (args < 0)
			continue;
		if (!fits(k, s, args)) {
			if (!inlined)
				snprintf(why, size, "%s has %d arguments, a shape not known here",
					 s->target, args);
			continue;
		}
		if (!kernel_has_symbol(k, s->target)) {
			snprintf(why, size, "%s is in BTF but not in the symbol table (inlined)",
				 s->target);
			inlined = true;
			continue;
		}
		return s;
	}
	return NULL;
}
