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
	if (k->nwanted < SYMBOLS_MAX)
		k->wanted[k->nwanted++] = name;
}

static void see_symbol(struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->nwanted; i++) {
		if (!strcmp(k->wanted[i], name)) {
			k->present[i] = true;
			return;
		}
	}
}

/*
 * The name is word `column` (from 0) of a line: 0 in the lab's "name type", 2 in kallsyms.  A file without a
 * name is none: systemd's ProtectKernelTunables= hides kallsyms under an empty one.
 */
static int read_symbols(struct kernel *k, const char *path, int column)
{
	char *line = NULL, *name, *save;
	int err = -ENODATA;
	size_t size = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		err = 0;
		name = strtok_r(line, " \t\n", &save);
		for (int i = 0; name && i < column; i++)
			name = strtok_r(NULL, " \t\n", &save);
		if (name)
			see_symbol(k, name);
	}
	free(line);
	fclose(f);
	return err;
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

	if (dir)
		return open_files(k, dir);
	k->preemptible = read_preemptible();
	k->vmlinux = btf__load_vmlinux_btf();
	if (!k->vmlinux)
		return -ENOENT;
	k->kvm = btf__load_module_btf("kvm", k->vmlinux);
	err = read_symbols(k, "/proc/kallsyms", 2);
	if (err)
		log_error("/proc/kallsyms cannot be read: %s; is it hidden, as systemd's ProtectKernelTunables= does?",
			 strerror(-err));
	k->kvm_symbols = k->vmlinux_symbols = !err;
	return 0;
}

int kernel_read_symbols(struct kernel *k)
{
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

bool kernel_has_symbol(const struct kernel *k, const char *name)
{
	bool in_vmlinux = btf__find_by_name_kind(k->vmlinux, name, BTF_KIND_FUNC) > 0;

	if (!(in_vmlinux ? k->vmlinux_symbols : k->kvm_symbols))
		return true;
	return kernel_saw_symbol(k, name);
}

static const struct btf_type *function(const struct kernel *k, const char *name, const struct btf **btf)
{
	const struct btf *both[] = { k->vmlinux, k->kvm };

	for (size_t i = 0; i < 2; i++) {
		int id = both[i] ? btf__find_by_name_kind(both[i], name, BTF_KIND_FUNC) : -ENOENT;

		if (id > 0) {
			*btf = both[i];
			return btf__type_by_id(*btf, btf__type_by_id(*btf, id)->type);
		}
	}
	return NULL;
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

int kernel_enum_value(const struct kernel *k, const char *name, const char *enumerator)
{
	/* below the tier fentry no BTF is read */
	int id = k->vmlinux ? btf__find_by_name_kind(k->vmlinux, name, BTF_KIND_ENUM) : -ENOENT;
	const struct btf_type *t;

	if (id < 0)
		return -1;
	t = btf__type_by_id(k->vmlinux, id);
	for (int i = 0; i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];

		if (!strcmp(btf__name_by_offset(k->vmlinux, e->name_off), enumerator))
			return e->val;
	}
	return -1;
}
