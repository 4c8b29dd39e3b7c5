// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of VMs out of command lines, of all kinds that there are and of some that are no good.
 */
#include "user/host/vm_name.h"

#include "unit.h"

static char name[VM_NAME_LEN];

/* The words of a command line, between bars, as /proc has them. */
static bool named(const char *words)
{
	char cmdline[4096];
	size_t n = strlen(words);

	memcpy(cmdline, words, n + 1);
	for (size_t i = 0; i < n; i++)
		if (cmdline[i] == '|')
			cmdline[i] = '\0';
	return vm_name_of(cmdline, n + 1, name);
}

static void is(const char *words, const char *want)
{
	assert_true(named(words));
	assert_string_equal(name, want);
}

static void is_none(const char *words)
{
	assert_false(named(words));
	assert_string_equal(name, "");
}

static void qemu(void **arg)
{
	(void)arg;
	is("/usr/bin/qemu-system-x86_64|-name|guest=web-1,debug-threads=on|-S", "web-1");
	is("qemu|-enable-kvm|-name|web-1", "web-1");
	is("qemu|-name|web-1,process=vm", "web-1");
	/* QEMU writes a comma of the name twice */
	is("qemu|-name|guest=a,,b,debug-threads=on", "a,b");
	is("qemu|--name|guest=two-dashes", "two-dashes");
}

static void others(void **arg)
{
	(void)arg;
	is("crosvm|run|--name|chromeos", "chromeos");
	is("lkvm|run|--name=tiny", "tiny");
	is("/opt/firecracker|--id|anonymous-instance|--api-sock|/run/fc.sock", "anonymous-instance");
	is("firecracker|--id=7b1e", "7b1e");
	/* an --id is a name to Firecracker only, and --identity is no --id */
	is_none("/opt/firecracker/other|--id|5");
	is_none("firecracker|--identity|5");
	is_none("vmm|--id|5");
}

static void no_name(void **arg)
{
	char cut[] = "qemu\0-name";

	(void)arg;
	is_none("mmuscope-load|-q|anon-4k");
	is_none("qemu|-name");
	is_none("qemu|-name|");
	is_none("-name|first");
	assert_false(vm_name_of("", 0, name));
	/* the last word is cut off */
	assert_false(vm_name_of(cut, sizeof(cut) - 1, name));
	assert_false(vm_name_of("qemu\0-name\0web", 14, name));
}

static void hostile_names(void **arg)
{
	char words[400] = "qemu|-name|";

	(void)arg;
	is("qemu|-name|a\033[2Jb\xc3\xa9", "a?[2Jb??");
	memset(words + strlen(words), 'x', 300);
	is(words, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	assert_int_equal(strlen(name), VM_NAME_LEN - 1);
}

static void of_a_process(void **arg)
{
	(void)arg;
	assert_false(vm_name_read((uint32_t)getpid(), name));
	assert_false(vm_name_read(0, name));
	vm_comm_read((uint32_t)getpid(), name, 5);
	assert_string_equal(name, "vm_n");
	vm_comm_read(0, name, sizeof(name));
	assert_string_equal(name, "");
}

static void told(void **arg)
{
	char buf[128];

	(void)arg;
	vm_name_tell(buf, sizeof(buf), 3, "web", 812, "qemu");
	assert_string_equal(buf, "3 web (pid 812 qemu)");
	vm_name_tell(buf, sizeof(buf), 3, "", 812, "qemu");
	assert_string_equal(buf, "3 (pid 812 qemu)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu),
		cmocka_unit_test(others),
		cmocka_unit_test(no_name),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(of_a_process),
		cmocka_unit_test(told),
	};

	return cmocka_run_group_tests_name("vm_name", tests, NULL, NULL);
}
