// SPDX-License-Identifier: GPL-2.0-only
/*
 * Violations that were counted for no VM, once their VM is found: in its row, and no longer the host's.
 */
#include "user/session/session.h"
#include "user/session/session_state.h"

#include "unit.h"

static struct session *session;
static struct vm_named names[4];

static int setup(void **arg)
{
	(void)arg;
	session = calloc(1, sizeof(*session));
	memset(names, 0, sizeof(names));
	session->names = names;
	session->options.max_vms = 3;
	return session ? 0 : -1;
}

static int teardown(void **arg)
{
	(void)arg;
	free(session);
	return 0;
}

static void moves_from_the_host_to_the_vm(void **arg)
{
	struct vm_counts host = { .violated = { [INV_NOTIFIED_BEFORE_CLEAN] = 5 } }, vm = { .fault_ends = 7 };

	(void)arg;
	for (int i = 0; i < 3; i++)
		session_found(session, 2, INV_NOTIFIED_BEFORE_CLEAN);
	session_found(session, 3, INV_NOTIFIED_BEFORE_CLEAN);
	found_of_vm(session, 2, &vm);
	found_of_host(session, &host);
	assert_int_equal(vm.violated[INV_NOTIFIED_BEFORE_CLEAN], 3);
	assert_int_equal(vm.fault_ends, 7);
	assert_int_equal(host.violated[INV_NOTIFIED_BEFORE_CLEAN], 1);
	/* the sum is what it was: 3 and 1 of VMs, 1 of nobody */
	found_of_vm(session, 3, &vm);
	assert_int_equal(vm.violated[INV_NOTIFIED_BEFORE_CLEAN] +
			 host.violated[INV_NOTIFIED_BEFORE_CLEAN], 5);
}

/* its last row was made; the next VM of that number begins with none, the host does not get them back */
static void ends_with_the_vm(void **arg)
{
	struct vm_counts host = { .violated = { [INV_SAME_PAGE] = 2 } }, vm = { 0 };

	(void)arg;
	session_found(session, 1, INV_SAME_PAGE);
	found_forget(session, 1);
	found_of_vm(session, 1, &vm);
	found_of_host(session, &host);
	assert_int_equal(vm.violated[INV_SAME_PAGE], 0);
	assert_int_equal(host.violated[INV_SAME_PAGE], 1);
}

/* the host's count was read before; a number that no VM has */
static void never_below_zero(void **arg)
{
	struct vm_counts host = { 0 };

	(void)arg;
	session_found(session, 1, INV_SAME_PAGE);
	session_found(session, 0, INV_LEVEL_FITS);
	session_found(session, 4, INV_LEVEL_FITS);
	found_of_host(session, &host);
	assert_int_equal(host.violated[INV_SAME_PAGE], 0);
	host.violated[INV_LEVEL_FITS] = 1;
	found_of_host(session, &host);
	assert_int_equal(host.violated[INV_LEVEL_FITS], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(moves_from_the_host_to_the_vm, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_with_the_vm, setup, teardown),
		cmocka_unit_test_setup_teardown(never_below_zero, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
