// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of host leaves and SPTEs in mmuscope-load: every way of touching a page from every
 * state of the host, and what the host's own acts zap.
 */
#include "../../load/expect.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PAGES 4099

static void open_model(struct model *m, struct expect *e, enum host_pte on_read)
{
	*e = (struct expect){ 0 };
	assert_int_equal(model_init(m, e, PAGES, 1, LEVEL_4K, on_read, 1), 0);
}

static uint64_t count(const struct expect *e, enum count_id id)
{
	return e->counts[id].n;
}

/* faults, installs and zaps of one more page, from a host leaf and an SPTE that are given */
static void touch(enum host_pte host, enum spte spte, bool write, uint64_t faults,
		  uint64_t installs, uint64_t zaps, enum host_pte host_after, enum spte spte_after)
{
	struct expect e;
	struct model m;

	open_model(&m, &e, HOST_ZERO);
	m.host[7] = (uint8_t)host;
	m.spte[7] = (uint8_t)spte;
	model_guest(&m, 7, 8, write);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), faults);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), installs);
	assert_int_equal(count(&e, COUNT_ZAPS), zaps);
	assert_int_equal(m.host[7], host_after);
	assert_int_equal(m.spte[7], spte_after);
	model_deinit(&m);
}

static void read_from_every_state(void **state)
{
	(void)state;
	touch(HOST_NONE, SPTE_NONE, false, 1, 1, 0, HOST_ZERO, SPTE_RO);
	touch(HOST_ZERO, SPTE_NONE, false, 1, 1, 0, HOST_ZERO, SPTE_RO);
	touch(HOST_COW, SPTE_NONE, false, 1, 1, 0, HOST_COW, SPTE_RO);
	touch(HOST_RO, SPTE_NONE, false, 1, 1, 0, HOST_RO, SPTE_RO);
	touch(HOST_RW, SPTE_NONE, false, 1, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_GONE, SPTE_NONE, false, 1, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_ZERO, SPTE_RO, false, 0, 0, 0, HOST_ZERO, SPTE_RO);
	touch(HOST_RW, SPTE_RW, false, 0, 0, 0, HOST_RW, SPTE_RW);
}

static void write_from_every_state(void **state)
{
	(void)state;
	touch(HOST_NONE, SPTE_NONE, true, 1, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_ZERO, SPTE_NONE, true, 2, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_COW, SPTE_NONE, true, 2, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_RO, SPTE_NONE, true, 1, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_RW, SPTE_NONE, true, 1, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_GONE, SPTE_NONE, true, 1, 1, 0, HOST_RW, SPTE_RW);
	touch(HOST_ZERO, SPTE_RO, true, 2, 1, 1, HOST_RW, SPTE_RW);
	touch(HOST_COW, SPTE_RO, true, 2, 1, 1, HOST_RW, SPTE_RW);
	touch(HOST_RO, SPTE_RO, true, 1, 0, 0, HOST_RW, SPTE_RW);
	touch(HOST_RW, SPTE_RW, true, 0, 0, 0, HOST_RW, SPTE_RW);
}

static void vmm_write_replaces_shared_pages(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_guest(&m, 0, 10, false);
	model_vmm(&m, 0, 10, true);
	assert_int_equal(count(&e, COUNT_ZAPS), 10);
	model_guest(&m, 0, 10, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 20);
	model_vmm(&m, 0, 10, true);
	assert_int_equal(count(&e, COUNT_ZAPS), 10);
	model_deinit(&m);
}

static void one_fault_a_page_and_one_for_the_code(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	for (int i = 0; i < 3; i++) {
		model_code(&m, 0);
		model_guest(&m, 0, PAGES, true);
	}
	model_finish(&m, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 4100);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 4100);
	assert_int_equal(count(&e, COUNT_ZAPS), 0);
	assert_int_equal(count(&e, COUNT_ZAPS_TEARDOWN), 4100);
	assert_int_equal(count(&e, COUNT_PAGES_4K), 4100);
	assert_null(e.counts[COUNT_HVA_TO_PFN].why);
	model_deinit(&m);
}

static void one_fault_for_each_huge_page(void **state)
{
	struct expect e = { 0 };
	struct model m;

	(void)state;
	assert_int_equal(model_init(&m, &e, PAGES, PAGES_2M, LEVEL_2M, HOST_RW, 2), 0);
	model_guest(&m, 0, PAGES, true);
	model_code(&m, 1);
	model_finish(&m, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 10);
	assert_int_equal(count(&e, COUNT_INSTALLS_2M), 9);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 1);
	assert_int_equal(count(&e, COUNT_PAGES_2M), 9);
	assert_int_equal(count(&e, COUNT_PAGES_4K), 1);
	model_deinit(&m);
}

static void empty_ranges_touch_nothing(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_guest(&m, 5, 5, true);
	model_vmm(&m, 0, 0, true);
	model_invalidate(&m, 0, 0, HOST_NONE);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 0);
	assert_int_equal(model_mapped(&m), 0);
	model_deinit(&m);
}

static void invalidate_zaps_what_is_mapped_only(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_guest(&m, 10, 20, true);
	model_invalidate(&m, 0, 15, HOST_NONE);
	assert_int_equal(count(&e, COUNT_ZAPS), 5);
	assert_int_equal(m.host[14], HOST_NONE);
	assert_int_equal(m.host[15], HOST_RW);
	model_invalidate(&m, 15, 16, HOST_KEEP);
	assert_int_equal(count(&e, COUNT_ZAPS), 6);
	assert_int_equal(m.host[15], HOST_RW);
	assert_int_equal(model_mapped(&m), 4);
	model_deinit(&m);
}

static void writeback_cleans_only_dirty_pages(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_RO);
	model_guest(&m, 0, 8, false);
	model_guest(&m, 0, 3, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 11);
	model_clean(&m);
	assert_int_equal(count(&e, COUNT_ZAPS), 3);
	assert_int_equal(model_mapped(&m), 5);
	model_clean(&m);
	assert_int_equal(count(&e, COUNT_ZAPS), 3);
	model_deinit(&m);
}

static void zap_all_takes_the_code_too(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_code(&m, 0);
	model_guest(&m, 0, 100, true);
	model_zap_all(&m);
	assert_int_equal(count(&e, COUNT_ZAPS), 101);
	model_zap_all(&m);
	assert_int_equal(count(&e, COUNT_ZAPS), 101);
	model_code(&m, 0);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 102);
	model_deinit(&m);
}

static void what_kvm_protects_is_asked_for_again(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_guest(&m, 0, 100, true);
	model_protect(&m);
	model_guest(&m, 0, 70, false);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 100);
	model_guest(&m, 0, 70, true);
	model_guest(&m, 0, 70, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 170);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 100);
	assert_int_equal(count(&e, COUNT_ZAPS), 0);
	model_deinit(&m);
}

static void collapse_leaves_huge_units(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_guest(&m, 0, PAGES, true);
	assert_int_equal(model_resize(&m, PAGES_2M, LEVEL_2M), 0);
	assert_int_equal(count(&e, COUNT_ZAPS), 4099);
	model_guest(&m, 0, PAGES, false);
	assert_int_equal(count(&e, COUNT_INSTALLS_2M), 9);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 4108);
	model_deinit(&m);
}

static void the_shadow_mmu_maps_ahead(void **state)
{
	struct expect e = { 0 };
	struct model m;

	(void)state;
	assert_int_equal(model_init(&m, &e, 19, 1, LEVEL_4K, HOST_ZERO, 1), 0);
	model_map_ahead(&m, 19);
	/* Nothing is there yet: one fault a page. */
	model_guest(&m, 0, 19, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 19);
	/* All is there: one fault for eight, but for the last three, with which the memslot ends. */
	model_zap_all(&m);
	model_guest(&m, 0, 19, false);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 19 + 2 + 3);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 38);
	model_deinit(&m);
}

static void it_stops_at_pages_that_are_not_writable(void **state)
{
	struct expect e = { 0 };
	struct model m;

	(void)state;
	assert_int_equal(model_init(&m, &e, 16, 1, LEVEL_4K, HOST_ZERO, 1), 0);
	model_map_ahead(&m, 16);
	model_vmm(&m, 0, 16, true);
	m.host[3] = HOST_RO;
	model_guest(&m, 1, 2, true);
	/* 0, and of the run from 2 on the pages before 3 */
	assert_int_equal(model_mapped(&m), 3);
	model_guest(&m, 5, 6, true);
	/* 3 begins a run that fails, and 6 and 7 are not tried any more */
	assert_int_equal(model_mapped(&m), 4);
	model_guest(&m, 3, 4, true);
	assert_int_equal(model_mapped(&m), 8);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 3);
	model_deinit(&m);
}

static void the_host_reaches_both_mappings(void **state)
{
	struct expect e;
	struct model a;
	struct model b;

	(void)state;
	open_model(&a, &e, HOST_ZERO);
	assert_int_equal(model_init_twin(&b, &a), 0);
	model_guest(&a, 0, 100, false);
	model_guest(&b, 0, 100, false);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 200);
	/* Copy on write takes the zero page from both. */
	model_guest(&a, 0, 10, true);
	assert_int_equal(count(&e, COUNT_ZAPS), 20);
	assert_int_equal(b.spte[9], SPTE_NONE);
	model_guest(&b, 0, 10, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 230);
	model_invalidate(&b, 0, 5, HOST_NONE);
	assert_int_equal(count(&e, COUNT_ZAPS), 30);
	assert_int_equal(a.host[4], HOST_NONE);
	assert_int_equal(model_mapped(&a), 95);
	model_deinit(&a);
	model_deinit(&b);
}

static void a_split_leaves_small_units(void **state)
{
	struct expect e = { 0 };
	struct model m;

	(void)state;
	assert_int_equal(model_init(&m, &e, 1031, PAGES_2M, LEVEL_2M, HOST_RW, 1), 0);
	model_guest(&m, 0, 1031, true);
	assert_int_equal(model_resize(&m, 1, LEVEL_4K), 0);
	assert_int_equal(count(&e, COUNT_ZAPS), 3);
	model_guest(&m, 0, 1031, true);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 1031);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 1034);
	model_finish(&m, true);
	assert_int_equal(count(&e, COUNT_PAGES_4K), 1031);
	model_deinit(&m);
}

static void what_is_gone_was_zapped(void **state)
{
	uint8_t fates[PAGES] = { FATE_SAME };
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_guest(&m, 0, 10, true);
	fates[2] = FATE_GONE;
	fates[3] = FATE_MOVED;
	fates[11] = FATE_GONE;
	model_observe(&m, fates);
	assert_int_equal(count(&e, COUNT_ZAPS), 2);
	assert_int_equal(m.host[2], HOST_GONE);
	assert_int_equal(m.host[3], HOST_RW);
	assert_int_equal(model_mapped(&m), 8);
	model_deinit(&m);
}

static void the_first_reason_stays(void **state)
{
	struct expect e = { 0 };

	(void)state;
	expect_blur(&e, 1u << COUNT_ZAPS, "one");
	expect_blur(&e, BLUR_ALL, "two");
	assert_string_equal(e.counts[COUNT_ZAPS].why, "one");
	assert_string_equal(e.counts[COUNT_HVA_TO_PFN].why, "two");
	assert_true(expect_bounded(&e, COUNT_ZAPS));
	assert_false(expect_bounded(&e, COUNT_PAGES_4K));
	e.unbounded = 1u << COUNT_ZAPS;
	assert_false(expect_bounded(&e, COUNT_ZAPS));
	assert_true(expect_bounded(&e, COUNT_HVA_TO_PFN));
}

static void a_vm_that_ended_has_no_stock(void **state)
{
	struct expect e;
	struct model m;

	(void)state;
	open_model(&m, &e, HOST_ZERO);
	model_guest(&m, 0, 241, true);
	model_finish(&m, false);
	assert_int_equal(count(&e, COUNT_ZAPS_TEARDOWN), 241);
	assert_int_equal(count(&e, COUNT_PAGES_4K), 0);
	model_deinit(&m);
}

/* KVM asks the file, not the host's page tables: faults install, but look nothing up */
static void a_guest_memfd_is_not_looked_up(void **state)
{
	struct expect e = { 0 };
	struct model m;

	(void)state;
	assert_int_equal(model_init(&m, &e, 1031, 1, LEVEL_4K, HOST_RW, 1), 0);
	m.own_pages = true;
	/* the code lies in ordinary memory */
	model_code(&m, 0);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 1);
	model_guest(&m, 0, 500, false);
	model_guest(&m, 0, 1031, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 1);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 1 + 1031);
	/* a hole in the file zaps, and what was there comes back without a lookup */
	model_invalidate(&m, 0, 31, HOST_NONE);
	assert_int_equal(count(&e, COUNT_ZAPS), 31);
	model_guest(&m, 0, 31, true);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 1);
	assert_int_equal(count(&e, COUNT_INSTALLS_4K), 1 + 1031 + 31);
	model_deinit(&m);
}

/* the mapping of the file keeps the VM, so that its end zaps nothing */
static void a_guest_memfd_goes_before_its_vm(void **state)
{
	struct expect e = { 0 };
	struct model m, twin;

	(void)state;
	assert_int_equal(model_init(&m, &e, 1031, 1, LEVEL_4K, HOST_RW, 1), 0);
	m.own_pages = true;
	model_code(&m, 0);
	model_guest(&m, 0, 1031, true);
	model_finish(&m, true);
	assert_int_equal(count(&e, COUNT_ZAPS), 1032);
	assert_int_equal(count(&e, COUNT_ZAPS_TEARDOWN), 0);
	assert_int_equal(count(&e, COUNT_PAGES_4K), 1032);
	assert_int_equal(model_init_twin(&twin, &m), 0);
	model_guest(&twin, 0, 7, false);
	assert_int_equal(count(&e, COUNT_HVA_TO_PFN), 1);
	model_deinit(&m);
	model_deinit(&twin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_from_every_state),
		cmocka_unit_test(write_from_every_state),
		cmocka_unit_test(vmm_write_replaces_shared_pages),
		cmocka_unit_test(one_fault_a_page_and_one_for_the_code),
		cmocka_unit_test(one_fault_for_each_huge_page),
		cmocka_unit_test(empty_ranges_touch_nothing),
		cmocka_unit_test(invalidate_zaps_what_is_mapped_only),
		cmocka_unit_test(writeback_cleans_only_dirty_pages),
		cmocka_unit_test(zap_all_takes_the_code_too),
		cmocka_unit_test(what_kvm_protects_is_asked_for_again),
		cmocka_unit_test(collapse_leaves_huge_units),
		cmocka_unit_test(the_shadow_mmu_maps_ahead),
		cmocka_unit_test(it_stops_at_pages_that_are_not_writable),
		cmocka_unit_test(the_host_reaches_both_mappings),
		cmocka_unit_test(a_split_leaves_small_units),
		cmocka_unit_test(what_is_gone_was_zapped),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(a_vm_that_ended_has_no_stock),
		cmocka_unit_test(a_guest_memfd_is_not_looked_up),
		cmocka_unit_test(a_guest_memfd_goes_before_its_vm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
