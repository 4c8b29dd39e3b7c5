// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that the x86 guest's modes need: page tables that lead where they must, and nothing
 * that overlaps.
 */
#include "../../load/guest_x86.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGES 1031
#define VCPUS 3

static void open_area(struct guest_area *a, enum guest_mode mode)
{
	guest_plan_area(a, mode, PAGES, VCPUS);
	a->hva = calloc(1, a->size ? a->size : 1);
	assert_non_null(a->hva);
	guest_write_area(a);
}

static uint64_t entry(const struct guest_area *a, uint64_t table, uint64_t i)
{
	uint64_t e;

	assert_in_range(table, a->gpa, a->gpa + a->size - GUEST_PAGE);
	memcpy(&e, a->hva + (table - a->gpa) + i * sizeof(e), sizeof(e));
	return e;
}

/* The physical address behind address, as the hardware finds it; small: by a 4K page. */
static uint64_t walk(const struct guest_area *a, uint64_t root, uint64_t address, bool *small)
{
	const uint64_t frame = ~0xfffUL;
	uint64_t table = root;

	*small = false;
	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t e = entry(a, table, address >> shift & 511);

		assert_int_equal(e & 7, 7);
		table = e & frame;
		if (shift == 12 || e & 0x80) {
			*small = shift == 12;
			return table + (address & ((1UL << shift) - 1));
		}
	}
	return 0;
}

static void all_is_where(const struct guest_area *a, uint64_t root, bool small)
{
	static const uint64_t others[] = { 0x1000, 0x1234, 0x100000, 0x3fffffff, 0xf0001000 };
	bool is_small;

	for (uint64_t p = 0; p < PAGES; p++) {
		uint64_t gpa = GUEST_MEM_GPA + p * GUEST_PAGE + 8;

		assert_int_equal(walk(a, root, gpa, &is_small), gpa);
		assert_int_equal(is_small, small);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(walk(a, root, others[i], &is_small), others[i]);
		assert_false(is_small);
	}
}

static void a_flat_guest_needs_no_memory(void **state)
{
	struct guest_area a;

	(void)state;
	guest_plan_area(&a, GUEST_FLAT, PAGES, VCPUS);
	assert_int_equal(a.size, 0);
	assert_int_equal(a.tables, 0);
}

static void page_tables_map_small_pages(void **state)
{
	struct guest_area a;
	bool small;

	(void)state;
	open_area(&a, GUEST_PAGED);
	all_is_where(&a, guest_cr3(&a), true);
	/* The entries that the guest itself changes are those of the first pages. */
	assert_int_equal(entry(&a, a.tables, 0), GUEST_MEM_GPA | GUEST_X86_TABLE);
	assert_int_equal(walk(&a, guest_cr3(&a), a.tables, &small), a.tables);
	free(a.hva);
}

static void nested_tables_lead_to_the_same(void **state)
{
	struct guest_cpu cpu = { .id = 2, .code_gpa = 0x3000 };
	struct guest_job job = { .op = GUEST_WRITE, .value = 241 };
	struct guest_area a;
	uint64_t cr3;

	(void)state;
	open_area(&a, GUEST_NESTED);
	cpu.area = &a;
	all_is_where(&a, guest_cr3(&a), false);
	guest_write_vmcb(&cpu, &job);
	memcpy(&cr3, a.hva + guest_vmcb_gpa(&a, 2) - a.gpa + 0xb0, sizeof(cr3));
	assert_true(cr3 != guest_cr3(&a));
	all_is_where(&a, cr3, true);
	assert_int_equal(guest_vmcb_exit_code(&cpu), 0);
	free(a.hva);
}

static void without_nested_tables_there_are_none(void **state)
{
	struct guest_cpu cpu = { .id = 0, .code_gpa = 0x1000 };
	struct guest_job job = { .op = GUEST_READ };
	struct guest_area a;
	uint64_t control;

	(void)state;
	open_area(&a, GUEST_NESTED_FLAT);
	cpu.area = &a;
	all_is_where(&a, guest_cr3(&a), false);
	guest_write_vmcb(&cpu, &job);
	memcpy(&control, a.hva + guest_vmcb_gpa(&a, 0) - a.gpa + 0x90, sizeof(control));
	assert_int_equal(control, 0);
	free(a.hva);
}

static void every_vcpu_has_pages_of_its_own(void **state)
{
	static const enum guest_mode modes[] = { GUEST_NESTED, GUEST_NESTED_FLAT };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct guest_area a;

		guest_plan_area(&a, modes[i], PAGES, VCPUS);
		for (unsigned int v = 0; v < VCPUS; v++) {
			assert_int_equal(guest_hsave_gpa(&a, v), guest_vmcb_gpa(&a, v) + GUEST_PAGE);
			if (v)
				assert_int_equal(guest_vmcb_gpa(&a, v),
						 guest_hsave_gpa(&a, v - 1) + GUEST_PAGE);
		}
		assert_int_equal(guest_hsave_gpa(&a, VCPUS - 1) + GUEST_PAGE, a.gpa + a.size);
	}
}

static void the_handler_is_where_smm_begins(void **state)
{
	struct guest_area a;

	(void)state;
	open_area(&a, GUEST_SMM);
	assert_int_equal(a.as_id, 1);
	assert_int_equal(a.gpa, 0x30000);
	assert_int_equal((unsigned char)a.hva[0x8000], 0xff);
	free(a.hva);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flat_guest_needs_no_memory),
		cmocka_unit_test(page_tables_map_small_pages),
		cmocka_unit_test(nested_tables_lead_to_the_same),
		cmocka_unit_test(without_nested_tables_there_are_none),
		cmocka_unit_test(every_vcpu_has_pages_of_its_own),
		cmocka_unit_test(the_handler_is_where_smm_begins),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
