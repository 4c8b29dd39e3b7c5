// SPDX-License-Identifier: GPL-2.0-only
/*
 * fits hooks DIR [arm64]: the shape that each hook of that architecture, else x86, takes on the kernel whose
 * BTF and symbols lie in DIR.
 * fits types DIR OBJECT TYPE...: does that kernel have every field of these types, as OBJECT's BTF
 * declares them (struct x___suffix stands for x), in a kind that a relocated access can read?
 * fits stage2 DIR: which hooks of arm64's stage 2 that kernel has, with as many arguments.
 * One line for each thing: 'ok hook NAME PROGRAM', 'ok field TYPE.FIELD', or 'no ... - why'.
 */
#include "user/host/probe.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int hooks(const struct kernel *k, unsigned int on)
{
	char why[256];

	for (int h = 0; h < HOOK_NR; h++) {
		const struct shape *s = hook_choose(k, h, why, sizeof(why));

		if (hook_on(h) && hook_on(h) != on)
			continue;
		if (s)
			printf("ok hook %s %s\n", hook_name(h), s->program);
		else
			printf("no hook %s - %s\n", hook_name(h), why);
	}
	return 0;
}

static int stage2(const struct kernel *k)
{
	static const struct {
		const char *function;
		int args;
	} rows[] = {
#define STAGE2(id, name, how, function, args, tried, text) { function, args },
#include "user/host/stage2.def"
#undef STAGE2
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int args = kernel_function_args(k, rows[i].function);

		if (args < 0)
			printf("no function %s - there is none\n", rows[i].function);
		else if (rows[i].args && args != rows[i].args)
			printf("no function %s - it has %d arguments\n", rows[i].function, args);
		else
			printf("ok function %s\n", rows[i].function);
	}
	return 0;
}

static const struct btf_type *resolve(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

struct place {
	const struct btf_type *type;
	uint32_t bits;		/* 0: no bit field */
	uint32_t offset;	/* in bits */
};

/* Find a member by name, also inside anonymous structs and unions. */
static bool find_member(const struct btf *btf, const struct btf_type *t, const char *name,
			uint32_t offset, struct place *out)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const struct btf_type *type = resolve(btf, m->type);
		uint32_t at = offset + btf_member_bit_offset(t, i);

		if (!m->name_off) {
			if (type && btf_is_composite(type) && find_member(btf, type, name, at, out))
				return true;
		} else if (!strcmp(btf__name_by_offset(btf, m->name_off), name)) {
			*out = (struct place){ .type = type, .offset = at,
					       .bits = btf_member_bitfield_size(t, i) };
			return true;
		}
	}
	return false;
}

static bool is_number(const struct btf_type *t)
{
	return btf_is_int(t) || btf_is_any_enum(t);
}

static uint32_t width(const struct btf_type *t)
{
	return btf_is_ptr(t) ? 8 : t->size;
}

/*
 * Most accesses read by offset alone (FIELD64, FIELD32 in bpf/compat.bpf.h), so a number or pointer
 * must have the width that our declaration says; what we declare as a bit field is read as one,
 * wherever it is.  bits: of our bit field, or 0.  NULL: it fits.
 */
static const char *misfit(const struct btf_type *ours, uint32_t bits, const struct place *theirs)
{
	const struct btf_type *t = theirs->type;

	if (!t)
		return "has no type";
	if (bits)
		return theirs->bits == bits ? NULL : "is no bit field of that size";
	if (theirs->bits || theirs->offset % 8)
		return "is a bit field";
	if (is_number(ours) && is_number(t))
		return width(ours) == width(t) ? NULL : "is of another size";
	if (btf_is_ptr(ours) && btf_is_ptr(t))
		return NULL;
	if (btf_is_composite(ours) && btf_is_composite(t))
		return NULL;
	if (btf_is_array(ours) && btf_is_array(t))
		return NULL;
	return "is of another kind";
}

/* The kernel's type of that kind: vmlinux is looked at before kvm, as libbpf does. */
static const struct btf_type *kernel_type(const struct kernel *k, const char *name, uint32_t kind,
					  const struct btf **btf)
{
	const struct btf *both[] = { k->vmlinux, k->kvm };

	for (int i = 0; i < 2; i++) {
		int id = both[i] ? btf__find_by_name_kind(both[i], name, kind) : -ENOENT;

		if (id > 0) {
			*btf = both[i];
			return resolve(*btf, (uint32_t)id);
		}
	}
	return NULL;
}

/* The members of our type, also inside anonymous structs, against theirs. */
static void members(const struct btf *ours, const struct btf_type *t, const char *name,
		    const struct btf *btf, const struct btf_type *theirs)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *field = btf__name_by_offset(ours, m->name_off);
		struct place place;
		const char *why;

		if (!m->name_off) {
			members(ours, resolve(ours, m->type), name, btf, theirs);
			continue;
		}
		if (!find_member(btf, theirs, field, 0, &place)) {
			printf("no field %s.%s - there is no such field\n", name, field);
			continue;
		}
		why = misfit(resolve(ours, m->type), btf_member_bitfield_size(t, i), &place);
		if (why)
			printf("no field %s.%s - it %s\n", name, field, why);
		else
			printf("ok field %s.%s\n", name, field);
	}
}

static void composite(const struct kernel *k, const struct btf *ours, const struct btf_type *t,
		      const char *name, const char *essential, uint32_t kind)
{
	const struct btf *btf = NULL;
	const struct btf_type *theirs = kernel_type(k, essential, kind, &btf);

	if (theirs)
		members(ours, t, name, btf, theirs);
	else
		printf("no field %s - this kernel has no such type\n", name);
}

static void enumeration(const struct kernel *k, const struct btf *ours, const struct btf_type *t,
			const char *name, const char *essential)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *value = btf__name_by_offset(ours, btf_enum(t)[i].name_off);

		if (kernel_enum_value(k, essential, value) < 0)
			printf("no field %s.%s - there is no such enumerator\n", name, value);
		else
			printf("ok field %s.%s\n", name, value);
	}
}

static int types(const struct kernel *k, const char *object, char **names)
{
	static const uint32_t kinds[] = {
		BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_ENUM, BTF_KIND_TYPEDEF,
	};
	struct btf *ours = btf__parse(object, NULL);

	if (!ours) {
		fprintf(stderr, "fits: no BTF in %s\n", object);
		return 1;
	}
	for (; *names; names++) {
		char essential[64];
		const char *suffix = strstr(*names, "___");
		size_t len = suffix ? (size_t)(suffix - *names) : strlen(*names);
		uint32_t kind = 0;
		int id = -ENOENT;

		snprintf(essential, sizeof(essential), "%.*s", (int)len, *names);
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && id < 0; i++) {
			kind = kinds[i];
			id = btf__find_by_name_kind(ours, *names, kind);
		}
		if (id < 0)
			printf("no field %s - declared, but no program uses it\n", *names);
		else if (kind == BTF_KIND_ENUM)
			enumeration(k, ours, btf__type_by_id(ours, (uint32_t)id), *names, essential);
		else
			composite(k, ours, resolve(ours, (uint32_t)id), *names, essential, kind);
	}
	btf__free(ours);
	return 0;
}

int main(int argc, char **argv)
{
	struct kernel k;
	int err;

	if (argc < 3 || (strcmp(argv[1], "hooks") && strcmp(argv[1], "stage2") &&
			 (strcmp(argv[1], "types") || argc < 5))) {
		fprintf(stderr, "usage: fits hooks DIR [arm64] | fits stage2 DIR | fits types DIR OBJECT TYPE...\n");
		return 1;
	}
	if (probe_open_kernel(&k, argv[2])) {
		fprintf(stderr, "fits: no BTF in %s\n", argv[2]);
		return 1;
	}
	if (!strcmp(argv[1], "hooks"))
		err = hooks(&k, argc > 3 && !strcmp(argv[3], "arm64") ? ON_ARM64 : ON_X86);
	else
		err = strcmp(argv[1], "stage2") ? types(&k, argv[3], &argv[4]) : stage2(&k);
	kernel_close(&k);
	return err;
}
