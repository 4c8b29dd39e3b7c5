// SPDX-License-Identifier: GPL-2.0-only
/*
 * From reports to numbers, and from two of them to rates: what the sink writes is read back, nothing is made
 * up, and no report brings it down.
 */
#include "user/top/numbers.h"
#include "user/sink/report.h"

#include "unit.h"

#include <errno.h>
#include <math.h>

static const uint64_t second = 1000000000;

/* Numbers that belong to nobody's heap. */
static struct numbers numbers_with(struct vm_numbers *vms, size_t n, uint64_t ns)
{
	return (struct numbers){ .observed_ns = ns, .checking = true, .vms = vms, .nvms = n };
}

static struct vm_numbers vm_numbers(uint32_t id, uint64_t born_ns, uint64_t faults)
{
	struct vm_numbers vm = { .id = id, .pid = 100 + id, .born_ns = born_ns, .faults = faults };

	vm.lost = vm.mapped[0] = vm.mapped[1] = vm.mapped[2] = -1;
	return vm;
}

static void rates_are_differences_by_time(void **arg)
{
	struct vm_numbers a = vm_numbers(1, 5, 1000), b = vm_numbers(1, 5, 1600);
	struct numbers before, now;
	struct rates r;

	(void)arg;
	a.windows = 10;
	b.windows = 14;
	a.retries = b.retries = 7;
	b.zapped = 1024;
	before = numbers_with(&a, 1, 10 * second);
	now = numbers_with(&b, 1, 12 * second);
	assert_int_equal(rates_of(&before, &now, &r), 0);
	assert_true(r.seconds == 2);
	assert_true(r.vms[0].faults == 300 && r.vms[0].windows == 2 && r.vms[0].retries == 0);
	assert_true(r.vms[0].zapped == 512 && r.total.zapped == 512 && r.total.faults == 300);
	rates_free(&r);
}

static void the_first_picture_is_since_the_start(void **arg)
{
	struct vm_numbers vm = vm_numbers(1, 5, 1000);
	struct numbers now = numbers_with(&vm, 1, 4 * second);
	struct rates r;

	(void)arg;
	assert_int_equal(rates_of(NULL, &now, &r), 0);
	assert_true(r.seconds == 4 && r.vms[0].faults == 250);
	rates_free(&r);
	/* at the very start nothing is divided by zero */
	now = numbers_with(&vm, 1, 0);
	assert_int_equal(rates_of(NULL, &now, &r), 0);
	assert_true(isfinite(r.vms[0].faults));
	rates_free(&r);
	now = numbers_with(&vm, 1, second);
	assert_int_equal(rates_of(&now, &now, &r), 0);
	assert_true(r.vms[0].faults == 0);
	rates_free(&r);
}

/* A VM's number goes to another one: its counters are its own. */
static void another_vm_of_the_same_number(void **arg)
{
	struct vm_numbers a = vm_numbers(1, 5, 5000);
	struct vm_numbers b[2] = { vm_numbers(1, 5, 5300), vm_numbers(1, 99, 40) };
	struct numbers before = numbers_with(&a, 1, 10 * second), now = numbers_with(b, 2, 11 * second);
	struct rates r;

	(void)arg;
	b[0].ended = true;
	assert_int_equal(rates_of(&before, &now, &r), 0);
	assert_true(r.vms[0].faults == 300 && r.vms[1].faults == 40);
	assert_true(r.nended == 1 && r.total.faults == 340);
	rates_free(&r);
}

/* Recordings of before there was born_ns do not tell them apart: a counter that went back is a new one. */
static void a_counter_that_went_back(void **arg)
{
	struct vm_numbers a = vm_numbers(1, 0, 5000), b = vm_numbers(1, 0, 40);
	struct numbers before = numbers_with(&a, 1, 10 * second), now = numbers_with(&b, 1, 11 * second);
	struct rates r;

	(void)arg;
	assert_int_equal(rates_of(&before, &now, &r), 0);
	assert_true(r.vms[0].faults == 40);
	rates_free(&r);
}

static void quantiles_are_of_the_interval(void **arg)
{
	struct vm_numbers a = vm_numbers(1, 5, 0), b = a;
	struct numbers before, now;
	struct rates r;

	(void)arg;
	a.timed = b.timed = true;
	/* long ago all was slow */
	a.lookup_ns.bucket[20] = b.lookup_ns.bucket[20] = 100000;
	b.lookup_ns.bucket[10] = 98;
	b.lookup_ns.bucket[14] = 2;
	before = numbers_with(&a, 1, 10 * second);
	now = numbers_with(&b, 1, 11 * second);
	assert_int_equal(rates_of(&before, &now, &r), 0);
	assert_int_equal(r.vms[0].lookups, 100);
	assert_int_equal(r.vms[0].p50_ns, 1023);
	assert_int_equal(r.vms[0].p99_ns, 16383);
	assert_int_equal(r.total.p99_ns, 16383);
	rates_free(&r);
	/* none in this time: there is no quantile */
	assert_int_equal(rates_of(&now, &now, &r), 0);
	assert_int_equal(r.vms[0].lookups, 0);
	assert_int_equal(r.vms[0].p50_ns, 0);
	rates_free(&r);
}

static void the_main_initiator_is_the_one_of_now(void **arg)
{
	struct initiator_numbers old[] = { { .vm = 1, .tid = 7, .cause = "KSM", .comm = "ksmd", .windows = 9000 } };
	struct initiator_numbers new[] = {
		{ .vm = 1, .tid = 7, .cause = "KSM", .comm = "ksmd", .windows = 9001 },
		{ .vm = 1, .tid = 8, .cause = "reclaim", .comm = "kswapd0", .windows = 50 },
		{ .vm = 2, .tid = 8, .cause = "reclaim", .comm = "kswapd0", .windows = 60 },
	};
	struct vm_numbers vms[3] = { vm_numbers(1, 5, 0), vm_numbers(2, 6, 0), vm_numbers(3, 7, 0) };
	struct numbers before = numbers_with(vms, 3, 10 * second), now = numbers_with(vms, 3, 12 * second);
	struct rates r;

	(void)arg;
	before.initiators = old;
	before.ninitiators = 1;
	now.initiators = new;
	now.ninitiators = 3;
	assert_int_equal(rates_of(&before, &now, &r), 0);
	assert_ptr_equal(r.vms[0].main.who, &new[1]);
	assert_true(r.vms[0].main.windows == 25);
	assert_ptr_equal(r.vms[1].main.who, &new[2]);
	assert_null(r.vms[2].main.who);
	assert_ptr_equal(r.total.main.who, &new[2]);
	rates_free(&r);
}

static void what_is_lost_and_what_is_not_known(void **arg)
{
	struct vm_numbers vms[3] = { vm_numbers(1, 5, 0), vm_numbers(2, 6, 0), vm_numbers(3, 7, 0) };
	struct numbers now = numbers_with(vms, 3, second);
	struct rates r;

	(void)arg;
	vms[0].mapped[0] = 4096;
	vms[0].mapped[1] = 2 << 20;
	vms[0].mapped[2] = 0;
	vms[0].lost = 4096;
	vms[0].lost_by[LOW_EDGE] = 4096;
	/* of one that ended nothing is mapped any more */
	vms[1].ended = true;
	vms[1].mapped[0] = vms[1].lost = 1 << 30;
	vms[1].lost_by[LOW_DIRTY_LOG] = 1 << 30;
	assert_int_equal(rates_of(NULL, &now, &r), 0);
	assert_int_equal(r.total_mapped[0] + r.total_mapped[1] + r.total_mapped[2], 4096 + (2 << 20));
	assert_int_equal(r.total_lost, 4096);
	assert_int_equal(r.unknown_stock, 1);
	assert_int_equal(r.vms[0].lost_cause, LOW_EDGE);
	assert_int_equal(r.vms[1].lost_cause, LOW_DIRTY_LOG);
	assert_int_equal(r.vms[2].lost_cause, LOW_NR);
	assert_int_equal(r.total.lost_cause, LOW_EDGE);
	rates_free(&r);
}

/* ---- reports ---- */

static struct slot_row slot_row(uint32_t id, uint64_t gfn, uint64_t npages)
{
	struct slot_row r = { .id = id, .flags = 1, .base_gfn = gfn, .npages = npages,
			      .backings = 1 << BACKING_ANON };

	r.leaves[0][2] = 512;
	r.leaves[1][2] = 3;
	r.lost[LOW_DIRTY_LOG] = 512;
	return r;
}

static struct json_t *a_report(struct snapshot *s)
{
	static struct verdict verdicts[INV_NR];
	static struct slot_row slots[1];
	static struct ledger ledger;
	static struct cause_share shares[] = { { 1, 30, 3000 }, { 2, 4, 400 } };
	static struct cause_group group;
	static struct cause_list list = { .groups = &group, .n = 1 };
	static const struct vm_lookups lookups = { .ns = { .bucket[10] = 1001, .sum = 900000 } };
	struct vm_row *row;
	struct report r;

	memset(s, 0, sizeof(*s));
	slots[0] = slot_row(3, 0x100, 4096);
	ledger = (struct ledger){ .slots = slots, .nslots = 1, .total = slots[0], .surveyed_ns = 1 };
	group = (struct cause_group){ .id = CAUSE_KSM, .name = "KSM", .comm = "ksmd", .pid = 60, .tid = 62,
				      .windows = 34, .ns = 3400, .shares = shares, .nshares = 2 };
	row = snapshot_add_vm(s);
	*row = (struct vm_row){ .info = { .index = 1, .pid = 812, .born_ns = 77, .comm = "qemu-system-x86" },
				.name = "web-1", .ledger = &ledger, .lookups = &lookups };
	row->counts.installed[0] = 600;
	row->counts.zapped[0] = 88;
	row->counts.installed[1] = 3;
	row->counts.fault_ends = 1000;
	row->counts.fault_retries = 10;
	row->counts.windows[2] = 30;
	row->counts.windows[3] = 4;
	row->counts.zapped_in_window = 88;
	row->counts.hva[HVA_CALLS] = 1001;
	row->counts.checked[INV_SAME_PAGE] = 5;
	row->counts.violated[INV_NEVER_SECRET] = 2;
	s->seconds_ns = 5 * second;
	s->checking = s->timed = true;
	s->losses[LOSS_EVENT] = 3;
	for (int i = 0; i < INV_NR; i++)
		verdict_of(s, (enum invariant)i, false, &verdicts[i]);
	r = (struct report){ .command = "top", .kernel = "6.12", .machine = "x86_64", .host = "hv7", .tier = "fentry",
			     .snapshot = s, .verdicts = verdicts, .selected = (1 << INV_NR) - 1,
			     .overall = VIOLATED, .causes = &list, .command_status = -1 };
	return json_of_report(&r);
}

/* What the sink of JSON writes is what is read. */
static void a_report_is_read_back(void **arg)
{
	const struct vm_numbers *vm;
	struct snapshot s;
	struct numbers n;
	json_t *report = a_report(&s);

	(void)arg;
	assert_non_null(report);
	assert_int_equal(numbers_read(report, &n), 0);
	assert_int_equal(n.nvms, 1);
	vm = &n.vms[0];
	assert_string_equal(vm->name, "web-1");
	assert_string_equal(vm->comm, "qemu-system-x86");
	assert_int_equal(vm->id, 1);
	assert_int_equal(vm->pid, 812);
	assert_int_equal(vm->born_ns, 77);
	assert_int_equal(vm->mapped[0], 512 * 4096);
	assert_int_equal(vm->mapped[1], 3 * (2 << 20));
	assert_int_equal(vm->mapped[2], 0);
	assert_int_equal(vm->lost, 512 * 4096);
	assert_int_equal(vm->lost_by[LOW_DIRTY_LOG], 512 * 4096);
	assert_int_equal(vm->host[2], 512 * 4096 + 3 * (2 << 20));
	assert_int_equal(vm->faults, 1000);
	assert_int_equal(vm->retries, 10);
	assert_int_equal(vm->windows, 34);
	assert_int_equal(vm->zapped, 88);
	assert_int_equal(vm->violations, 2);
	assert_int_equal(vm->verdict, VIOLATED);
	assert_true(vm->timed && !vm->late && !vm->ended);
	assert_int_equal(vm->lookup_ns.bucket[10], 1001);
	assert_int_equal(vm->lookup_ns.sum, 900000);
	assert_int_equal(vm->nslots, 1);
	assert_int_equal(vm->slots[0].size, 4096 * 4096);
	assert_int_equal(vm->slots[0].base_gfn, 0x100);
	assert_int_equal(vm->slots[0].lost, 512 * 4096);
	assert_string_equal(vm->slots[0].backings, "anon");
	assert_int_equal(n.ninitiators, 2);
	assert_int_equal(n.initiators[1].vm, 2);
	assert_int_equal(n.initiators[1].windows, 4);
	assert_string_equal(n.initiators[0].cause, "KSM");
	assert_int_equal(n.initiators[0].tid, 62);
	assert_string_equal(n.kernel, "6.12");
	assert_string_equal(n.host, "hv7");
	assert_true(n.checking);
	assert_int_equal(n.verdict, VIOLATED);
	assert_string_equal(n.why, "never-secret, 2 times");
	assert_int_equal(n.lost_records, 3);
	assert_int_equal(n.observed_ns, 5 * second);
	numbers_free(&n);
	json_decref(report);
	snapshot_free(&s);
}

static int read_text(const char *text, struct numbers *n)
{
	json_t *o = json_loads(text, 0, NULL);
	int err;

	assert_non_null(o);
	err = numbers_read(o, n);
	json_decref(o);
	return err;
}

static void odd_reports(void **arg)
{
	struct numbers n;
	struct rates r;

	(void)arg;
	assert_int_equal(read_text("{}", &n), -EINVAL);
	assert_int_equal(read_text("[]", &n), -EINVAL);
	assert_int_equal(read_text("{\"vms\": 5}", &n), -EINVAL);
	assert_int_equal(read_text("{\"vms\": []}", &n), 0);
	assert_int_equal(n.verdict, VERDICT_UNKNOWN);
	numbers_free(&n);
	/* wrong types, negative and huge numbers, too many buckets */
	assert_int_equal(read_text("{\"vms\": [5, {\"id\": -1, \"faults\": \"x\", \"windows\": [1], \"levels\": {\"4K\": "
				   "{\"stock\": -7}, \"2M\": {\"stock\": 9223372036854775807}, \"1G\": 3}, \"ledger\": "
				   "{\"memslots\": [7]}, \"lookup_ns\": {\"buckets\": [-1, \"\", 9, 9]}}], \"causes\": "
				   "[{}, 3], \"violations\": [null], \"invariants\": [{}]}", &n), 0);
	assert_int_equal(n.nvms, 2);
	assert_int_equal(n.vms[1].mapped[0], -1);
	assert_int_equal(n.vms[1].mapped[1], -1);
	assert_int_equal(n.vms[1].mapped[2], -1);
	assert_int_equal(n.vms[1].lookup_ns.bucket[0], 0);
	assert_int_equal(n.vms[1].lookup_ns.bucket[2], 9);
	assert_int_equal(rates_of(NULL, &n, &r), 0);
	rates_free(&r);
	numbers_free(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_differences_by_time),
		cmocka_unit_test(the_first_picture_is_since_the_start),
		cmocka_unit_test(another_vm_of_the_same_number),
		cmocka_unit_test(a_counter_that_went_back),
		cmocka_unit_test(quantiles_are_of_the_interval),
		cmocka_unit_test(the_main_initiator_is_the_one_of_now),
		cmocka_unit_test(what_is_lost_and_what_is_not_known),
		cmocka_unit_test(a_report_is_read_back),
		cmocka_unit_test(odd_reports),
	};

	return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
