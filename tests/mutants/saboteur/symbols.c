// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that are not exported, found by kallsyms; and, by the kernel's own BTF, what differs
 * between kernels: the arguments of a function, the layout of a struct that no header has.
 */
#include "saboteur.h"

#include <linux/btf.h>
#include <linux/string.h>

static unsigned long (*lookup)(const char *name);
static s32 (*find_id)(const char *name, u32 kind, struct btf **btf);
static const struct btf_type *(*type_by_id)(const struct btf *btf, u32 id);
static const char *(*name_by_offset)(const struct btf *btf, u32 offset);
static void (*put)(struct btf *btf);

int symbols_init(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	int err = register_kprobe(&probe);

	if (err) {
		pr_err("saboteur: no kprobe on %s: error %d\n", probe.symbol_name, err);
		return err;
	}
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	find_id = symbol("bpf_find_btf_id");
	type_by_id = symbol("btf_type_by_id");
	name_by_offset = symbol("btf_name_by_offset");
	put = symbol("btf_put");
	if (find_id && type_by_id && name_by_offset && put)
		return 0;
	pr_err("saboteur: the kernel's functions for BTF have other names here\n");
	return -EOPNOTSUPP;
}

void *symbol(const char *name)
{
	return (void *)lookup(name);
}

/* Number of an argument of a function, from 0 on; -ENOENT: it has none of that name. */
int btf_argument(const char *function, const char *argument)
{
	const struct btf_type *proto;
	const struct btf_param *params;
	struct btf *btf;
	s32 id = find_id(function, BTF_KIND_FUNC, &btf);
	int found = -ENOENT;

	if (id < 0)
		return id;
	proto = type_by_id(btf, type_by_id(btf, id)->type);
	params = (const struct btf_param *)(proto + 1);
	for (u32 i = 0; i < btf_type_vlen(proto); i++)
		if (!strcmp(name_by_offset(btf, params[i].name_off), argument))
			found = i;
	put(btf);
	return found;
}

/* Offset of a member in bytes. */
int btf_offset(const char *type, const char *member)
{
	const struct btf_type *t;
	const struct btf_member *members;
	struct btf *btf;
	s32 id = find_id(type, BTF_KIND_STRUCT, &btf);
	int found = -ENOENT;

	if (id < 0)
		return id;
	t = type_by_id(btf, id);
	members = (const struct btf_member *)(t + 1);
	for (u32 i = 0; i < btf_type_vlen(t); i++)
		if (!strcmp(name_by_offset(btf, members[i].name_off), member))
			found = (t->info >> 31 ? BTF_MEMBER_BIT_OFFSET(members[i].offset) :
						 members[i].offset) / 8;
	put(btf);
	return found;
}
