// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses to names: of the kernel by /proc/kallsyms, of a process by /proc/PID/maps.
 */
#include "user/host/ksyms.h"
#include "user/host/umaps.h"

#include "unit.h"

static FILE *file_of(const char *text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(f);
	return f;
}

static struct ksyms *names_of(const char *text, const uint64_t *addresses, size_t n)
{
	struct ksyms *k = ksyms_new();
	FILE *f = file_of(text);

	assert_true(ksyms_want(k, addresses, n));
	ksyms_read(k, f);
	fclose(f);
	return k;
}

static void is_named(const struct ksyms *k, uint64_t address, const char *want, const char *want_module,
		     uint64_t want_offset)
{
	const char *module;
	uint64_t offset;

	assert_string_equal(ksyms_name(k, address, &module, &offset), want);
	assert_string_equal(module, want_module);
	assert_int_equal(offset, want_offset);
}

/* modules lie anywhere, and the file is not sorted */
static const char kallsyms[] =
	"0000000000001000 T first\n"
	"0000000000001000 T alias_of_first\n"
	"0000000000003000 t third\n"
	"0000000000001014 d data_is_no_function\n"
	"0000000000000000 T hidden_address\n"
	"nonsense\n"
	"\n"
	"0000000000004fff W weak\t[module_a]\n"
	"0000000000002000 t second\t[module_b]\n";

static void symbols(void **arg)
{
	static const uint64_t wanted[] = {
		0x5000, 0x1010, 0x2fff, 0x1010, 0x3000, 0, 0x100, 0x900000, 0x1018,
	};
	struct ksyms *k = names_of(kallsyms, wanted, sizeof(wanted) / sizeof(wanted[0]));

	(void)arg;
	is_named(k, 0x1010, "first", "", 0x10);
	is_named(k, 0x1018, "first", "", 0x18);
	is_named(k, 0x2fff, "second", "module_b", 0xfff);
	is_named(k, 0x3000, "third", "", 0);
	is_named(k, 0x5000, "weak", "module_a", 1);
	/* below all, far above all, never asked for */
	is_named(k, 0x100, "?", "", 0);
	is_named(k, 0x900000, "?", "", 0);
	is_named(k, 0x1011, "?", "", 0);
	ksyms_free(k);
}

/* the same, not knowing what will be asked */
static void all_symbols(void **arg)
{
	struct ksyms *k = ksyms_new();
	FILE *f = file_of(kallsyms);

	(void)arg;
	ksyms_want_all(k);
	is_named(k, 0x1010, "?", "", 0);
	ksyms_read(k, f);
	fclose(f);
	is_named(k, 0x1000, "first", "", 0);
	is_named(k, 0x1018, "first", "", 0x18);
	is_named(k, 0x2fff, "second", "module_b", 0xfff);
	is_named(k, 0x3000, "third", "", 0);
	is_named(k, 0x5000, "weak", "module_a", 1);
	is_named(k, 0x100, "?", "", 0);
	is_named(k, 0x900000, "?", "", 0);
	ksyms_free(k);
}

/* more than there is room for at first */
static void many_symbols(void **arg)
{
	struct ksyms *k = ksyms_new();
	char *text = NULL, want[32];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)arg;
	for (int i = 3000; i > 0; i--)
		fprintf(f, "%x t function_%d%s\n", 0x10000 + i * 16, i, i % 100 < 50 ? " [module]" : "");
	fclose(f);
	f = file_of(text);
	ksyms_want_all(k);
	ksyms_read(k, f);
	fclose(f);
	free(text);
	for (int i = 3000; i > 0; i--) {
		snprintf(want, sizeof(want), "function_%d", i);
		is_named(k, (uint64_t)(0x10000 + i * 16 + 3), want, i % 100 < 50 ? "module" : "", 3);
	}
	ksyms_free(k);
}

static void no_symbols(void **arg)
{
	static const uint64_t wanted[] = { 0xffffffff81000000 };
	/* as it looks to somebody without CAP_SYSLOG */
	struct ksyms *k = names_of("0000000000000000 T _text\n", wanted, 1);

	(void)arg;
	is_named(k, 0xffffffff81000000, "?", "", 0);
	is_named(NULL, 0xffffffff81000000, "?", "", 0);
	ksyms_free(k);
	ksyms_free(NULL);
	assert_true(ksyms_want(NULL, wanted, 1));
	ksyms_load(NULL);
}

static void frames_of_the_bpf_program(void **arg)
{
	static const uint64_t stack[] = { 0x9010, 0x9110, 0x1010, 0x1020 };
	static const uint64_t helper[] = { 0x8010, 0x8110, 0x9010, 0x1010, 0x9020 };
	static const uint64_t nameless[] = { 0xa0009010, 0xa0009110, 0x1010 };
	struct ksyms *k = names_of("1000 T function\n9000 t bpf_prog_1 [bpf]\n9100 t bpf_trampoline_2 [bpf]\n",
				   stack, 4);

	(void)arg;
	assert_int_equal(ksyms_own_frames(k, stack, 4), 2);
	assert_int_equal(ksyms_own_frames(k, stack + 2, 2), 0);
	assert_int_equal(ksyms_own_frames(k, stack, 1), 1);
	assert_int_equal(ksyms_own_frames(k, stack, 0), 0);
	ksyms_free(k);
	/* with the helper that takes the stack of a task */
	k = names_of("1000 T function\n8000 T __bpf_get_stack\n8100 T __bpf_get_task_stack\n"
		     "9000 t bpf_prog_1 [bpf]\n", helper, 5);
	assert_int_equal(ksyms_own_frames(k, helper, 5), 3);
	ksyms_free(k);
	/* with bpf_jit_kallsyms=0 */
	k = names_of("1000 T function\n", nameless, 3);
	assert_int_equal(ksyms_own_frames(k, nameless, 3), 2);
	ksyms_free(k);
}

static const char maps[] =
	"55d0c0000000-55d0c0400000 r--p 00000000 fe:00 131073                     /usr/bin/qemu-system-x86_64\n"
	"55d0c0400000-55d0c0a00000 r-xp 00400000 fe:00 131073                     /usr/bin/qemu-system-x86_64\n"
	"55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f0000000000-7f0040000000 rw-s 00000000 00:01 42                         /memfd:pc ram (deleted)\n"
	"7f1200000000-7f1200001000 r-xp 00000000 00:00 0 \n"
	"7f1234500000-7f1234700000 r-xp 00028000 fe:00 1234                       /lib/x\033[31m\xff libc.so.6\n";

static void user_addresses(void **arg)
{
	static const uint64_t addresses[] = {
		0x55d0c0401234, 0x55d0c1000010, 0x7f0000001000, 0x7f1200000004, 0x7f1234500001, 0x10,
	};
	static const char *const want[] = {
		"qemu-system-x86_64+0x401234", "[heap]+0x10", "memfd:pc?ram+0x1000", "[anon]+0x4",
		"x?[31m??libc.so.6+0x28001", "0x10",
	};
	char names[6][UMAPS_NAME];
	FILE *f = file_of(maps);

	(void)arg;
	umaps_name(f, addresses, 6, names);
	fclose(f);
	for (int i = 0; i < 6; i++)
		assert_string_equal(names[i], want[i]);
	/* a task that is gone: the address is all that there is */
	umaps_name(NULL, addresses, 1, names);
	assert_string_equal(names[0], "0x55d0c0401234");
}

static void names_as_long_as_they_get(void **arg)
{
	char line[400], names[1][UMAPS_NAME];
	const uint64_t address = 0x7fffffffefff;
	FILE *f;

	(void)arg;
	snprintf(line, sizeof(line), "7ffffffde000-7ffffffff000 r-xp ffffffffff000 00:00 1 /%0300d\n", 7);
	f = file_of(line);
	umaps_name(f, &address, 1, names);
	fclose(f);
	assert_true(strlen(names[0]) < UMAPS_NAME - 1);
	assert_memory_equal(names[0], "000", 3);
	assert_non_null(strstr(names[0], "+0x"));
}

/* ourselves: alive; under another name, or with a number that nobody has: not the task that it was */
static void living_tasks(void **arg)
{
	const uint64_t address = (uint64_t)(uintptr_t)&living_tasks;
	uint32_t pid = (uint32_t)getpid();
	char names[1][UMAPS_NAME], raw[UMAPS_NAME], comm[32] = "";
	FILE *f = fopen("/proc/self/comm", "r");

	(void)arg;
	assert_non_null(f);
	assert_non_null(fgets(comm, sizeof(comm), f));
	fclose(f);
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(raw, sizeof(raw), "0x%lx", (unsigned long)address);
	umaps_name_task(pid, pid, comm, 16, &address, 1, names);
	assert_memory_equal(names[0], "names+0x", 8);
	umaps_name_task(pid, pid, "somebody else", 16, &address, 1, names);
	assert_string_equal(names[0], raw);
	umaps_name_task(pid, 0, comm, 16, &address, 1, names);
	assert_string_equal(names[0], raw);
	umaps_name_task(0x7fffffff, 0x7fffffff, comm, 16, &address, 1, names);
	assert_string_equal(names[0], raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols), cmocka_unit_test(all_symbols), cmocka_unit_test(many_symbols),
		cmocka_unit_test(no_symbols),
		cmocka_unit_test(frames_of_the_bpf_program),
		cmocka_unit_test(user_addresses),
		cmocka_unit_test(names_as_long_as_they_get),
		cmocka_unit_test(living_tasks),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
