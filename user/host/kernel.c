// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions to a kernel's BTF and symbol table.  A function is looked for in vmlinux first, then in
 * the kvm module, so that KVM as a module and KVM built in are the same to everybody else.
 */
#include "kernel.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/log.h"

void kernel_want(struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->nwanted; i++)
		if (!strcmp(k->wanted[i], name))
			return;
	if (k->nwanted < SYMBOLS_MAX)
		k->wanted[k->nwanted++] = name;
}

/*
 * Of the hundred thousands of names of a kernel a few dozen are wanted: nearly all others are told from them
 * by their length and one character.
 */
static unsigned int mark_of(const char *name, size_t len)
{
	return ((unsigned int)len * 8 ^ (unsigned char)name[len / 2]) & (MARKS - 1);
}

static void mark_wanted(struct kernel *k)
{
	memset(k->marks, 0, sizeof(k->marks));
	for (size_t i = 0; i < k->nwanted; i++)
		k->marks[mark_of(k->wanted[i], strlen(k->wanted[i]))] = true;
}

/* Which of the wanted names this is; -1: none. */
static int which(const struct kernel *k, const char *name, size_t len)
{
	if (!len || !k->marks[mark_of(name, len)])
		return -1;
	for (size_t i = 0; i < k->nwanted; i++)
		if (!strncmp(k->wanted[i], name, len) && !k->wanted[i][len])
			return (int)i;
	return -1;
}

/*
 * The name is word `column` (from 0) of a line: 0 in the lab's "name type", 2 in kallsyms.  A file without a
 * name is none: systemd's ProtectKernelTunables= hides kallsyms under an empty one.
 */
static int read_symbols(struct kernel *k, const char *path, int column)
{
	char *line = NULL;
	int err = -ENODATA;
	size_t size = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		const char *name = line;
		int i;

		err = 0;
		for (int c = 0; name && c < column; c++) {
			name = strchr(name, ' ');
			name = name ? name + 1 : NULL;
		}
		i = name ? which(k, name, strcspn(name, " \t\n")) : -1;
		if (i >= 0)
			k->present[i] = true;
	}
	free(line);
	fclose(f);
	return err;
}

/* Look for all wanted functions at once: one look through a kernel's types takes millions of instructions. */
static void find_functions(struct kernel *k, const struct btf *btf, uint32_t from)
{
	uint32_t n = btf ? btf__type_cnt(btf) : 0;

	for (uint32_t id = from; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name;
		int i;

		if (!btf_is_func(t))
			continue;
		name = btf__name_by_offset(btf, t->name_off);
		i = which(k, name, strlen(name));
		/* the first one of a name, as btf__find_by_name_kind() would */
		if (i >= 0 && !k->functions[i])
			k->functions[i] = id;
	}
}

static void find_all(struct kernel *k)
{
	find_functions(k, k->vmlinux, 1);
	find_functions(k, k->kvm, btf__type_cnt(k->vmlinux));
	k->found = true;
}

static int open_files(struct kernel *k, const char *dir)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/btf/vmlinux", dir);
	k->vmlinux = btf__parse(path, NULL);
	if (!k->vmlinux)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/btf/kvm", dir);
	k->kvm = btf__parse_split(path, k->vmlinux);
	find_all(k);
	snprintf(path, sizeof(path), "%s/kvm.syms", dir);
	k->kvm_symbols = !read_symbols(k, path, 0);
	return 0;
}

/* The preemption model that is switched on; where it cannot be read the answer is the safe one, yes. */
static bool read_preemptible(void)
{
	FILE *f = fopen("/sys/kernel/debug/sched/preempt", "r");
	char line[128];
	bool yes = true;

	if (!f)
		return yes;
	if (fgets(line, sizeof(line), f))
		yes = strstr(line, "(full)") || strstr(line, "(lazy)");
	fclose(f);
	return yes;
}

int kernel_open(struct kernel *k, const char *dir)
{
	int err;

	mark_wanted(k);
	if (dir)
		return open_files(k, dir);
	k->preemptible = read_preemptible();
	k->vmlinux = btf__load_vmlinux_btf();
	if (!k->vmlinux)
		return -ENOENT;
	k->kvm = btf__load_module_btf("kvm", k->vmlinux);
	find_all(k);
	err = read_symbols(k, "/proc/kallsyms", 2);
	if (err)
		log_error("/proc/kallsyms cannot be read: %s; is it hidden, as systemd's ProtectKernelTunables= does?",
			 strerror(-err));
	k->kvm_symbols = k->vmlinux_symbols = !err;
	return 0;
}

int kernel_read_symbols(struct kernel *k)
{
	mark_wanted(k);
	return read_symbols(k, "/proc/kallsyms", 2);
}

bool kernel_saw_symbol(const struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->nwanted; i++)
		if (k->present[i] && !strcmp(k->wanted[i], name))
			return true;
	return false;
}

void kernel_close(struct kernel *k)
{
	btf__free(k->kvm);
	btf__free(k->vmlinux);
	memset(k, 0, sizeof(*k));
}

/* Type of a function and where it is, or 0. */
static uint32_t find_function(const struct kernel *k, const char *name, const struct btf **btf)
{
	const struct btf *both[] = { k->vmlinux, k->kvm };
	int known = k->found ? which(k, name, strlen(name)) : -1;

	if (known >= 0) {
		*btf = k->functions[known] < btf__type_cnt(k->vmlinux) ? k->vmlinux : k->kvm;
		return k->functions[known];
	}
	for (size_t i = 0; i < 2; i++) {
		int id = both[i] ? btf__find_by_name_kind(both[i], name, BTF_KIND_FUNC) : -ENOENT;

		if (id > 0) {
			*btf = both[i];
			return (uint32_t)id;
		}
	}
	return 0;
}

bool kernel_has_symbol(const struct kernel *k, const char *name)
{
	const struct btf *btf = NULL;
	bool in_vmlinux = find_function(k, name, &btf) && btf == k->vmlinux;

	if (!(in_vmlinux ? k->vmlinux_symbols : k->kvm_symbols))
		return true;
	return kernel_saw_symbol(k, name);
}

static const struct btf_type *function(const struct kernel *k, const char *name, const struct btf **btf)
{
	uint32_t id = find_function(k, name, btf);

	return id ? btf__type_by_id(*btf, btf__type_by_id(*btf, id)->type) : NULL;
}

int kernel_function_args(const struct kernel *k, const char *name)
{
	const struct btf *btf;
	const struct btf_type *proto = function(k, name, &btf);

	return proto ? (int)btf_vlen(proto) : -1;
}

const char *kernel_function_arg_struct(const struct kernel *k, const char *name, int n)
{
	const struct btf *btf;
	const struct btf_type *proto = function(k, name, &btf), *t;

	if (!proto || n >= (int)btf_vlen(proto))
		return NULL;
	t = btf__type_by_id(btf, btf_params(proto)[n].type);
	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(btf, t->type);
	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t && btf_is_struct(t) ? btf__name_by_offset(btf, t->name_off) : NULL;
}

static bool has_member(const struct btf *btf, const struct btf_type *t, const char *field)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), field))
			return true;
	return false;
}

bool kernel_struct_has(const struct kernel *k, const char *name, const char *field)
{
	const struct btf *both[] = { k->vmlinux, k->kvm };

	for (size_t i = 0; i < 2; i++) {
		int id = both[i] ? btf__find_by_name_kind(both[i], name, BTF_KIND_STRUCT) : -ENOENT;

		if (id > 0 && has_member(both[i], btf__type_by_id(both[i], (uint32_t)id), field))
			return true;
	}
	return false;
}

const struct btf_type *kernel_enum(const struct kernel *k, const char *name)
{
	/* below the tier fentry no BTF is read */
	int id = k->vmlinux ? btf__find_by_name_kind(k->vmlinux, name, BTF_KIND_ENUM) : -ENOENT;

	return id < 0 ? NULL : btf__type_by_id(k->vmlinux, (uint32_t)id);
}

int kernel_enumerator(const struct kernel *k, const struct btf_type *t, const char *enumerator)
{
	for (int i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];

		if (!strcmp(btf__name_by_offset(k->vmlinux, e->name_off), enumerator))
			return e->val;
	}
	return -1;
}

int kernel_enum_value(const struct kernel *k, const char *name, const char *enumerator)
{
	return kernel_enumerator(k, kernel_enum(k, name), enumerator);
}
