/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel as its BTF and symbol table describe it: the running one, or one whose files lie in a
 * directory (tests/btf looks at every lab kernel that way, without a VM).
 */
#ifndef MMUSCOPE_KERNEL_H
#define MMUSCOPE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct btf_type;

enum { SYMBOLS_MAX = 64, MARKS = 1024 };

struct kernel {
	struct btf *vmlinux;
	struct btf *kvm;		/* kvm module's split BTF; NULL when KVM is built in */
	const char *wanted[SYMBOLS_MAX];	/* symbols whose presence was asked for */
	bool present[SYMBOLS_MAX];
	uint32_t functions[SYMBOLS_MAX];	/* their types, if there are; valid once found */
	bool found;
	bool marks[MARKS];		/* see kernel.c */
	size_t nwanted;
	bool kvm_symbols;		/* the table covers KVM's module... */
	bool vmlinux_symbols;		/* ...and vmlinux */
	bool preemptible;		/* a task can be scheduled away in the middle of the kernel */
};

/*
 * Say that the presence of this symbol will be asked for; before kernel_open, on a zeroed kernel.  The
 * name must live as long as k.
 */
void kernel_want(struct kernel *k, const char *name);
/*
 * Open the running kernel (dir NULL: /sys/kernel/btf, /proc/kallsyms) or DIR/btf/vmlinux,
 * DIR/btf/kvm, DIR/kvm.syms.  0 or negative errno; -ENOENT: no vmlinux BTF.
 */
int kernel_open(struct kernel *k, const char *dir);
void kernel_close(struct kernel *k);
/*
 * Without BTF: of the running kernel, only which of the wanted symbols there are; nothing to close then.
 * 0 or negative errno.
 */
int kernel_read_symbols(struct kernel *k);
bool kernel_saw_symbol(const struct kernel *k, const char *name);

/* Is there a symbol of this name?  Where there is no table to ask the answer is yes: attaching will tell. */
bool kernel_has_symbol(const struct kernel *k, const char *name);

/* Arguments of a function by BTF, or -1 if BTF does not have it. */
int kernel_function_args(const struct kernel *k, const char *function);
/* Name of the struct that argument n (from 0) points to; NULL: not a pointer to a struct. */
const char *kernel_function_arg_struct(const struct kernel *k, const char *function, int n);
/* Does a structure of vmlinux or kvm have this field? */
bool kernel_struct_has(const struct kernel *k, const char *name, const char *field);
/* An enumeration of vmlinux, NULL: there is none. */
const struct btf_type *kernel_enum(const struct kernel *k, const char *name);
/* Value of an enumerator of it, or -1. */
int kernel_enumerator(const struct kernel *k, const struct btf_type *t, const char *enumerator);
/* Both at once. */
int kernel_enum_value(const struct kernel *k, const char *name, const char *enumerator);

#endif /* MMUSCOPE_KERNEL_H */
