// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choosing shapes of hooks, on kernels made up of BTF for the purpose: KVM as a module and built in,
 * each known signature, an unknown one, a function that is missing or inlined.
 */
#include "user/host/probe.h"

#include "unit.h"

#include <bpf/btf.h>
#include <errno.h>
#include <sys/stat.h>

static char why[256];

/* A function of n arguments; the second one points to a struct of that name, or is an int. */
static void add_function(struct btf *btf, const char *name, int n, const char *arg2)
{
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), pointer = 0, proto;

	if (arg2)
		pointer = btf__add_ptr(btf, btf__add_struct(btf, arg2, 8));
	proto = btf__add_func_proto(btf, number);
	for (int i = 0; i < n; i++) {
		char arg[16];

		snprintf(arg, sizeof(arg), "a%d", i);
		assert_int_equal(btf__add_func_param(btf, arg, i == 1 && arg2 ? pointer : number), 0);
	}
	assert_true(btf__add_func(btf, name, BTF_FUNC_GLOBAL, proto) > 0);
}

/* What a hook's first shape needs: a kernel of the newest kind. */
static void add_newest(struct btf *btf)
{
	for (int h = 0; h < HOOK_NR; h++) {
		const struct shape *s = hook_shapes(h);

		if (btf__find_by_name_kind(btf, s->target, BTF_KIND_FUNC) < 0)
			add_function(btf, s->target, s->args ? s->args : 2,
				     s->arg2 && strcmp(s->arg2, "-") ? s->arg2 : NULL);
	}
}

static struct kernel empty_kernel(void)
{
	struct kernel k = { .vmlinux = btf__new_empty() };

	assert_non_null(k.vmlinux);
	for (int h = 0; h < HOOK_NR; h++)
		for (const struct shape *s = hook_shapes(h); s->program; s++)
			kernel_want(&k, s->target);
	return k;
}

static void add_module(struct kernel *k)
{
	k->kvm = btf__new_empty_split(k->vmlinux);
	assert_non_null(k->kvm);
}

static void assert_all_newest(const struct kernel *k)
{
	for (int h = 0; h < HOOK_NR; h++) {
		const struct shape *s = hook_choose(k, h, why, sizeof(why));

		if (!s)
			fail_msg("%s: %s", hook_name(h), why);
		assert_string_equal(s->program, hook_shapes(h)->program);
	}
}

static void kvm_built_in(void **arg)
{
	struct kernel k = empty_kernel();

	(void)arg;
	add_newest(k.vmlinux);
	assert_all_newest(&k);
	kernel_close(&k);
}

static void kvm_as_module(void **arg)
{
	struct kernel k = empty_kernel();

	(void)arg;
	btf__add_int(k.vmlinux, "long", 8, BTF_INT_SIGNED);
	add_module(&k);
	add_newest(k.kvm);
	assert_all_newest(&k);
	kernel_close(&k);
}

static void each_signature_has_its_program(void **arg)
{
	static const struct {
		enum hook hook;
		const char *function;
		int args;
		const char *arg2;
		const char *program;
	} rows[] = {
		{ HOOK_HVA_TO_PFN, "hva_to_pfn", 1, NULL, "hva_pfn_kfp" },
		{ HOOK_HVA_TO_PFN, "hva_to_pfn", 6, NULL, "hva_pfn_six" },
		{ HOOK_HVA_TO_PFN, "hva_to_pfn", 5, NULL, "hva_pfn_five" },
		{ HOOK_SPTE_CHANGE, "__handle_changed_spte", 7, "kvm_mmu_page", "spte_sp" },
		{ HOOK_SPTE_CHANGE, "handle_changed_spte", 7, NULL, "spte_as" },
		{ HOOK_SPTE_CHANGE, "__handle_changed_spte", 7, NULL, "spte_kprobe" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kernel k = empty_kernel();
		const struct shape *s;

		add_module(&k);
		add_function(k.kvm, rows[i].function, rows[i].args, rows[i].arg2);
		s = hook_choose(&k, rows[i].hook, why, sizeof(why));
		if (!s)
			fail_msg("%s: %s", rows[i].program, why);
		assert_string_equal(s->program, rows[i].program);
		kernel_close(&k);
	}
}

static void an_unknown_signature_is_refused(void **arg)
{
	struct kernel k = empty_kernel();

	(void)arg;
	add_function(k.vmlinux, "hva_to_pfn", 4, NULL);
	assert_null(hook_choose(&k, HOOK_HVA_TO_PFN, why, sizeof(why)));
	assert_string_equal(why, "hva_to_pfn has 4 arguments, a shape not known here");
	/* as many arguments as a known one, but the second is another thing */
	add_function(k.vmlinux, "__handle_changed_spte", 7, "tdp_iter");
	assert_null(hook_choose(&k, HOOK_SPTE_CHANGE, why, sizeof(why)));
	assert_string_equal(why, "__handle_changed_spte has 7 arguments, a shape not known here");
	kernel_close(&k);
}

static void a_missing_function_is_named(void **arg)
{
	struct kernel k = empty_kernel();

	(void)arg;
	assert_null(hook_choose(&k, HOOK_VM_CREATE, why, sizeof(why)));
	assert_string_equal(why, "kvm_arch_init_vm is not in this kernel");
	kernel_close(&k);
}

/* pahole 1.30 lists functions of which the compiler left only a part under another name */
static void a_function_without_symbol_is_refused(void **arg)
{
	struct kernel k = empty_kernel();

	(void)arg;
	add_module(&k);
	add_function(k.kvm, "hva_to_pfn", 1, NULL);
	k.kvm_symbols = true;
	assert_null(hook_choose(&k, HOOK_HVA_TO_PFN, why, sizeof(why)));
	assert_string_equal(why, "hva_to_pfn is in BTF but not in the symbol table (inlined)");
	for (size_t i = 0; i < k.nwanted; i++)
		k.present[i] = !strcmp(k.wanted[i], "hva_to_pfn");
	assert_non_null(hook_choose(&k, HOOK_HVA_TO_PFN, why, sizeof(why)));
	/* a table of kvm's symbols says nothing about vmlinux */
	add_function(k.vmlinux, "folio_clear_dirty_for_io", 1, NULL);
	assert_non_null(hook_choose(&k, HOOK_CLEAN_IO, why, sizeof(why)));
	k.vmlinux_symbols = true;
	assert_null(hook_choose(&k, HOOK_CLEAN_IO, why, sizeof(why)));
	kernel_close(&k);
}

static void questions_to_btf(void **arg)
{
	struct kernel k = empty_kernel();

	(void)arg;
	btf__add_enum(k.vmlinux, "pageflags", 4);
	btf__add_enum_value(k.vmlinux, "PG_locked", 0);
	btf__add_enum_value(k.vmlinux, "PG_dirty", 4);
	add_function(k.vmlinux, "f", 2, "kvm");
	assert_int_equal(kernel_enum_value(&k, "pageflags", "PG_dirty"), 4);
	assert_int_equal(kernel_enum_value(&k, "pageflags", "PG_none"), -1);
	assert_int_equal(kernel_enum_value(&k, "none", "PG_dirty"), -1);
	assert_int_equal(kernel_function_args(&k, "f"), 2);
	assert_int_equal(kernel_function_args(&k, "g"), -1);
	assert_string_equal(kernel_function_arg_struct(&k, "f", 1), "kvm");
	assert_null(kernel_function_arg_struct(&k, "f", 0));
	assert_null(kernel_function_arg_struct(&k, "f", 2));
	assert_null(kernel_function_arg_struct(&k, "g", 0));
	kernel_close(&k);
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void a_kernel_in_a_directory(void **arg)
{
	static const char symbols[] = "kvm_arch_init_vm t\nhva_to_pfn_extra T\nT hva_to_pfn\n";
	char dir[] = "/tmp/mmuscope-probe.XXXXXX";
	struct btf *vmlinux = btf__new_empty(), *kvm;
	const void *data;
	struct kernel k;
	uint32_t size;

	(void)arg;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(probe_open_kernel(&k, dir), -ENOENT);
	kernel_close(&k);

	assert_int_equal(mkdir("btf", 0755), 0);
	btf__add_int(vmlinux, "int", 4, BTF_INT_SIGNED);
	data = btf__raw_data(vmlinux, &size);
	write_file("btf/vmlinux", data, size);
	kvm = btf__new_empty_split(vmlinux);
	add_function(kvm, "kvm_arch_init_vm", 2, NULL);
	add_function(kvm, "hva_to_pfn", 1, NULL);
	data = btf__raw_data(kvm, &size);
	write_file("btf/kvm", data, size);
	write_file("kvm.syms", symbols, sizeof(symbols) - 1);

	assert_int_equal(probe_open_kernel(&k, dir), 0);
	assert_non_null(hook_choose(&k, HOOK_VM_CREATE, why, sizeof(why)));
	/* neither a longer name nor a symbol's type is the name */
	assert_null(hook_choose(&k, HOOK_HVA_TO_PFN, why, sizeof(why)));
	kernel_close(&k);

	/* without a symbol table attaching will tell */
	assert_int_equal(unlink("kvm.syms"), 0);
	assert_int_equal(probe_open_kernel(&k, dir), 0);
	assert_non_null(hook_choose(&k, HOOK_HVA_TO_PFN, why, sizeof(why)));
	kernel_close(&k);
	/* KVM built in: no BTF of a module */
	assert_int_equal(unlink("btf/kvm"), 0);
	assert_int_equal(probe_open_kernel(&k, dir), 0);
	assert_null(k.kvm);
	kernel_close(&k);

	btf__free(kvm);
	btf__free(vmlinux);
	unlink("btf/vmlinux");
	rmdir("btf");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void every_hook_is_complete(void **arg)
{
	size_t targets = 0;

	(void)arg;
	for (int h = 0; h < HOOK_NR; h++) {
		assert_non_null(hook_name(h));
		assert_true(strlen(hook_text(h)) > 5);
		assert_non_null(hook_shapes(h)->program);
		for (const struct shape *s = hook_shapes(h); s->program; s++) {
			assert_non_null(how_name(s->how));
			targets++;
		}
	}
	/* more would be forgotten silently */
	assert_true(targets <= SYMBOLS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kvm_built_in),
		cmocka_unit_test(kvm_as_module),
		cmocka_unit_test(each_signature_has_its_program),
		cmocka_unit_test(an_unknown_signature_is_refused),
		cmocka_unit_test(a_missing_function_is_named),
		cmocka_unit_test(a_function_without_symbol_is_refused),
		cmocka_unit_test(questions_to_btf),
		cmocka_unit_test(a_kernel_in_a_directory),
		cmocka_unit_test(every_hook_is_complete),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
