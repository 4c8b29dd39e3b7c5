// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the sinks print, compared with tests/golden/ (UPDATE_GOLDEN=1 renews it; look at the diff).  Run
 * from the top of the tree, as tests/run does.
 */
#include "user/metrics/metrics.h"
#include "user/sink/report.h"

#include "lib/golden.h"
#include "unit.h"

#include <jansson.h>

/* A report on two VMs, one ended; everything in it has a number of its own. */
struct scene {
	struct snapshot snapshot;
	struct verdict verdicts[INV_NR];
	struct claim_result claims[CLAIM_NR];
	struct told told[2];
	struct cause causes[11];
	struct cause_list list;
	struct ksyms *ksyms;
	struct report report;
};

/* what the stacks of the scene are made of */
static const char kallsyms[] =
	"ffffffff81000000 T __mmu_notifier_invalidate_range_start\n"
	"ffffffff81001000 t try_to_unmap_one\n"
	"ffffffff81002000 t shrink_lruvec\n"
	"ffffffff81003000 T do_mprotect_pkey\n"
	"ffffffff81004000 T kthread\n"
	"ffffffff81005000 T ret_from_fork\n"
	"ffffffffc0001000 t kvm_mmu_notifier_invalidate_range_start\t[kvm]\n"
	"ffffffffc0002000 t kvm_set_memslot\t[kvm]\n"
	"ffffffffc0100000 t bpf_prog_0123456789abcdef_win_end\t[bpf]\n"
	"ffffffffc0101000 t bpf_trampoline_42\t[bpf]\n";

static void fill_counts(struct vm_counts *c, unsigned int n)
{
	*c = (struct vm_counts){
		.hva = { [HVA_CALLS] = 4100 + n, [HVA_WRITE] = 4099, [HVA_ERR_FAULT] = n, [HVA_ERR_IO] = 2 },
		.installed = { 4100, 9, 0 },
		.zapped = { 1000 + n, 1, 0 },
		.torn_down = { 3100 - n + 512, 7, 0 },
		.split = { 0, 1, 0 },
		.collapsed = { 0, 3, 0 },
		.windows = { 1, 1234567, 3, 0, 0, 0, 7, 0, 0 },
		.windows_followed = 1234578,
		.zapped_in_window = 999,
		.kvm_marked = 12345,
		.checked = { 4100, 17, 5 },
	};
}

/* A row of a cause, innermost frame first; those of the BPF program come before them. */
static void fill_cause(struct cause *c, unsigned int n, const char *comm, uint64_t frame)
{
	*c = (struct cause){
		.key = { .tid = 100 + n, .vm = 1, .path = 600, .event = 1 },
		.row = {
			.windows = 5000 - 100 * n, .ns = 1000000 * (uint64_t)(n + 1),
			.ns_max = 12345 * (n + 1), .zapped = 4000 - 10 * n, .retries = n,
			.pid = 100 + n, .samples = 12, .frames = 7,
			.stack = { 0xffffffffc0100040, 0xffffffffc0101020, 0xffffffffc0001000,
				   0xffffffff81000044, 0xffffffff81001055, frame, 0xffffffff81004066 },
			.ns_bucket = { [3] = 5000 - 100 * n },
		},
	};
	memcpy(c->row.comm, comm, strlen(comm) < COMM_LEN ? strlen(comm) : COMM_LEN);
}

static void build_causes(struct scene *s)
{
	fill_cause(&s->causes[0], 0, "kswapd0", 0xffffffff81002010);
	s->causes[0].row.seen[SEEN_ZAP_KVM][BACKING_SHMEM] = 4096;
	s->causes[0].row.seen[SEEN_ZAP_PRIMARY][BACKING_ANON] = 3;
	s->causes[0].row.seen[SEEN_ZAP_NEWS][BACKING_SHMEM] = 4000;
	fill_cause(&s->causes[1], 1, "CPU 0/KVM-a-long-name", 0xffffffff81003010);
	s->causes[1].row.pid = 4194304;
	s->causes[1].key.tid = 4194303;
	s->causes[1].row.differs = 3;
	s->causes[1].row.user_frames = 2;
	s->causes[1].row.seen[SEEN_ZAP_NEWS][BACKING_ANON] = 17;
	s->causes[1].row.seen[SEEN_ZAP_YOUNG][BACKING_ANON] = 4;
	fill_cause(&s->causes[2], 2, "kswapd0", 0xffffffff81002011);
	/* the same task and cause as the first on another call path */
	s->causes[2].key.tid = 100;
	s->causes[2].row.pid = 100;
	/* not in a window, and without a stack */
	fill_cause(&s->causes[3], 3, "qemu-system-x86", 0xffffffffc0002010);
	s->causes[3].key.event = NOTIFIER_EVENTS;
	s->causes[3].key.path = 0;
	s->causes[3].row.windows = 0;
	s->causes[3].row.ns = s->causes[3].row.ns_max = s->causes[3].row.retries = 0;
	s->causes[3].row.ns_bucket[3] = 0;
	for (unsigned int i = 4; i < 11; i++) {
		fill_cause(&s->causes[i], i, "thread", 0xffffffff90000000);
		s->causes[i].row.frames = 0;
	}
	s->snapshot.causes = s->causes;
	s->snapshot.ncauses = 11;
}

static void name_causes(struct scene *s)
{
	FILE *f = fmemopen((void *)(uintptr_t)kallsyms, sizeof(kallsyms) - 1, "r");

	assert_non_null(f);
	s->ksyms = ksyms_new();
	assert_true(causes_want(&s->snapshot, s->ksyms));
	ksyms_read(s->ksyms, f);
	fclose(f);
	assert_int_equal(causes_group(&s->snapshot, s->ksyms, &s->list), 0);
	s->report.causes = &s->list;
	s->report.ksyms = s->ksyms;
}

/* The causes are part of the scene, everything else of the snapshot is its own. */
static void done(struct scene *s)
{
	causes_free(&s->list);
	ksyms_free(s->ksyms);
	s->snapshot.causes = NULL;
	snapshot_free(&s->snapshot);
}

static void build(struct scene *s, const char *command)
{
	struct vm_row *row;

	memset(s, 0, sizeof(*s));
	row = snapshot_add_vm(&s->snapshot);
	row->info = (struct vm_info){ .index = 1, .pid = 812, .comm = "qemu-system-x86" };
	fill_counts(&row->counts, 1);
	row->gone = true;
	row = snapshot_add_vm(&s->snapshot);
	row->info = (struct vm_info){ .index = 3, .pid = 4194304, .comm = "mmuscope-load" };
	row->counts.hva[HVA_CALLS] = 2;
	s->snapshot.hists[HIST_WINDOW_NS].bucket[11] = 90;
	s->snapshot.hists[HIST_WINDOW_NS].bucket[21] = 10;
	s->snapshot.hists[HIST_WINDOW_NS].sum = 12345678;
	s->snapshot.hists[HIST_WINDOW_PAGES].bucket[1] = 100;
	s->snapshot.hists[HIST_WINDOW_PAGES].sum = 100;
	s->snapshot.seconds_ns = 61500000000;
	s->snapshot.checking = true;
	s->report = (struct report){
		.command = command,
		.kernel = "6.12.117+deb13-cloud-amd64",
		.machine = "x86_64",
		.tier = "fentry, one kprobe",
		.snapshot = &s->snapshot,
		.selected = (1u << INV_NR) - 1,
		.told = s->told,
		.dirty_bit = 4,
		.command_status = -1,
	};
	build_causes(s);
	name_causes(s);
}

static void judge(struct scene *s)
{
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s->snapshot, i, false, &s->verdicts[i]);
	s->report.verdicts = s->verdicts;
	s->report.overall = verdict_overall(s->verdicts, s->report.selected);
	for (int i = 0; i < CLAIM_NR; i++)
		claim_weigh(&s->snapshot, &s->list, i, &s->claims[i]);
}

static void tell(struct scene *s)
{
	s->told[0] = (struct told){
		.e = {
			.head = { .type = EVENT_VIOLATION, .size = sizeof(struct event_violation) },
			.invariant = INV_NOTIFIED_BEFORE_CLEAN, .vm = 3, .gfn = 0x40011,
			.hva = 0x7f1234511000, .pfn = 0x1abcd, .old_spte = 0x8600000001abcdc7,
			.new_spte = 0x8600000001abcdc7, .page_flags = 0x17ffffc0020014, .pages = 1,
			.level = 1, .order = 0, .pid = 77, .tid = 78, .comm = "kworker/u8:3", .frames = 2,
			.stack = { 0xffffffff81234567, 0xffffffff81300000 },
		},
		.vm_name = "3 (pid 4194304 mmuscope-load)",
		.cause = "writeback",
		.since_start_ns = 1500000000,
	};
	s->told[1] = (struct told){
		.e = {
			.invariant = INV_DIRTY_UNTIL_NOTIFIED, .vm = 0, .pfn = 0x200,
			.old_spte = 0x800 | 0x42,
			.page_flags = 0, .window_start = 0x7f0000000000, .window_end = 0x7f0000200000,
			.pages = 512, .level = 2, .as_id = 1, .order = 9, .notifier_event = 6, .pid = 1,
			.tid = 1, .comm = "a-16-byte-comm--",
		},
		.vm_name = "unknown: its mapping was gone when looked for",
		.cause = "unknown",
		.since_start_ns = 2000,
	};
	s->report.ntold = 2;
	s->snapshot.host.violated[INV_NOTIFIED_BEFORE_CLEAN] = 1;
	s->snapshot.vms[1].counts.violated[INV_DIRTY_UNTIL_NOTIFIED] = 1234567;
}

static void check_text(struct scene *s, void (*sink)(FILE *, const struct report *), const char *name)
{
	golden_report(name, sink, &s->report);
	done(s);
}

static void held(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "check");
	judge(&s);
	assert_int_equal(s.report.overall, HELD);
	check_text(&s, text_check, "check-held.txt");
}

static void violated(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "check");
	tell(&s);
	judge(&s);
	check_text(&s, text_check, "check-violated.txt");
}

/* everything that can be missed was missed */
static void inconclusive(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "check");
	for (int l = 0; l < LOSS_NR; l++)
		s.snapshot.losses[l] = 1000000 + (uint64_t)l;
	s.snapshot.missed_runs = 31;
	s.snapshot.late_vms = 2;
	s.snapshot.missed[HOOK_SPTE_CHANGE] = 31;
	s.snapshot.unbalanced_vms = 1;
	s.snapshot.vms_over = 99;
	s.snapshot.vms[1].info.flags = VM_LATE;
	judge(&s);
	check_text(&s, text_check, "check-inconclusive.txt");
}

/* everything that can be said about what was judged: -v */
static void verbose(void **arg)
{
	struct vm_counts *c;
	struct scene s;

	(void)arg;
	build(&s, "check");
	c = &s.snapshot.vms[0].counts;
	for (int e = 0; e < EXEMPT_NR; e++)
		c->exempt[e] = 1000 + (uint64_t)e;
	for (int i = 0; i < INV_NR; i++)
		c->checked[i] = 4099;
	c->window_pages = 5000;
	c->window_pages_followed = 4999;
	c->pinned_cleaned = 2;
	c->fault_ends = 4100;
	c->fault_retries = 3;
	s.snapshot.audited = true;
	s.snapshot.audit_sptes = 4099;
	s.report.verbose = true;
	judge(&s);
	check_text(&s, text_check, "check-verbose.txt");
}

/* the claims, and the stacks of causes */
static void claims(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "check");
	s.report.claims = s.claims;
	s.report.stacks = true;
	s.snapshot.vms[0].counts.seen[SEEN_MAP_CLEAN][BACKING_SHMEM] = 4096;
	s.snapshot.vms[0].counts.seen[SEEN_MAP_DIRTY][BACKING_ANON] = 3;
	s.snapshot.vms[0].counts.seen[SEEN_ZAP_KVM][BACKING_SHMEM] = 4096;
	s.snapshot.vms[0].counts.seen[SEEN_ZAP_PRIMARY][BACKING_ANON] = 3;
	s.snapshot.vms[0].counts.seen[SEEN_ZAP_NEWS][BACKING_SHMEM] = 4000;
	s.snapshot.vms[0].counts.seen[SEEN_ZAP_NEWS][BACKING_ANON] = 18;
	s.snapshot.vms[0].counts.seen[SEEN_ZAP_YOUNG][BACKING_ANON] = 4;
	for (size_t i = 0; i < s.list.n; i++) {
		if (s.list.groups[i].tid != 4194303)
			continue;
		s.list.groups[i].user_frames = 2;
		strcpy(s.list.groups[i].user[0], "libc.so.6+0x2a1c9");
		strcpy(s.list.groups[i].user[1], "0x7f1234567890");
	}
	judge(&s);
	check_text(&s, text_check, "check-claims.txt");
}

static void nothing_seen(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "check");
	s.snapshot.nvms = 0;
	causes_free(&s.list);
	memset(s.snapshot.hists, 0, sizeof(s.snapshot.hists));
	judge(&s);
	check_text(&s, text_check, "check-nothing.txt");
}

/* a ledger with a number of its own in every place */
static struct slot_row slot_rows[2] = {
	{
		.id = 3, .backings = 1 << BACKING_ANON, .base_gfn = 0x40000, .npages = 4099,
		.leaves = { { 0, 100, 3 }, { 0, 0, 7 } }, .lost = { [LOW_EDGE] = 3 }, .promised = 64,
		.recovery = { .on_ns = 41000000000, .off_ns = 42100000000, .short_ns = 44000000000,
			      .over_ns = 45200000000, .lost = 15 << 20, .mapped = 16 << 20 },
	},
	{
		.id = 508, .as_id = 1, .backings = 1 << BACKING_HUGETLB | 1 << BACKING_KSM, .flags = 3,
		.base_gfn = 0xfffbc000, .npages = 1UL << 28,
		.leaves = { { 17, 0, 5000 }, { 0, 0, 0, 512 }, { 0, 0, 0, 2 } },
		.lost = { [LOW_DIRTY_LOG] = 5000 + 512 * 512 },
	},
};

static const struct ledger ledger = {
	.slots = slot_rows, .nslots = 2,
	.total = {
		.leaves = { { 17, 100, 5003 }, { 0, 0, 7, 512 }, { 0, 0, 0, 2 } },
		.lost = { [LOW_DIRTY_LOG] = 5000 + 512 * 512, [LOW_EDGE] = 3 }, .promised = 64,
	},
	.surveyed_ns = 50000000000, .watched_ns = 49000000000, .folios = true,
	.byte_seconds = { [LOW_DIRTY_LOG] = 52e9, [LOW_EDGE] = 602112, [LOW_NX] = 1.5e15 },
};

/* what is lost to memslots as well: -v */
static void levels_verbose(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "levels");
	s.report.verbose = true;
	causes_free(&s.list);
	s.snapshot.vms[0].ledger = &ledger;
	s.snapshot.vms[0].gone_ns = 50700000000;
	s.snapshot.vms[1].ledger = &ledger;
	check_text(&s, text_levels, "levels-verbose.txt");
}

static void levels(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "levels");
	s.snapshot.vms[1].info.flags = VM_LATE;
	s.snapshot.vms[1].counts.zapped[0] = 5;
	s.snapshot.vms[0].ledger = &ledger;
	check_text(&s, text_levels, "levels.txt");
}

static void a_missing_ledger_is_explained(void **arg)
{
	static const struct ledger never_taken;
	struct vm_row vm = { .gone = true, .gone_ns = 700 };

	(void)arg;
	assert_non_null(strstr(ledger_missing(&vm), "ended before stock"));
	vm.ledger = &never_taken;
	assert_non_null(strstr(ledger_missing(&vm), "ended before stock"));
	vm.gone = false;
	assert_non_null(strstr(ledger_missing(&vm), "could not be taken"));
	vm.ledger = &ledger;
	assert_null(ledger_missing(&vm));
}

/* The JSON, read back; the version of the program is not part of the golden file. */
static json_t *read_back(const struct scene *s)
{
	json_t *o = json_read_back(&s->report);

	assert_string_equal(json_string_value(json_object_get(o, "mmuscope")), VERSION);
	json_object_set_new(o, "mmuscope", json_string("VERSION"));
	return o;
}

static int64_t field(json_t *o, const char *name)
{
	json_t *v = json_object_get(o, name);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static void json_says_what_the_text_says(void **arg)
{
	json_t *o, *vm, *violation, *inv;
	struct scene s;
	char *text;

	(void)arg;
	build(&s, "check");
	tell(&s);
	s.report.command_status = 7;
	s.report.claims = s.claims;
	s.report.stacks = true;
	s.snapshot.vms[0].counts.seen[SEEN_MAP_CLEAN][BACKING_SHMEM] = 4096;
	s.snapshot.vms[0].counts.exempt[EXEMPT_WINDOW_DAX] = 9;
	s.snapshot.vms[0].counts.window_pages = 50;
	s.snapshot.vms[0].counts.window_pages_followed = 40;
	s.snapshot.missed[HOOK_CLEAN_IO] = 6;
	judge(&s);
	o = read_back(&s);
	assert_int_equal(field(o, "version"), 1);
	assert_int_equal(field(o, "command_status"), 7);
	assert_string_equal(json_string_value(json_object_get(o, "verdict")), "VIOLATED");
	vm = json_array_get(json_object_get(o, "vms"), 0);
	assert_int_equal(field(vm, "pid"), 812);
	assert_int_equal(field(json_object_get(vm, "hva_to_pfn"), "calls"), 4101);
	assert_int_equal(field(json_object_get(json_object_get(vm, "levels"), "4K"), "stock"),
			 4100 - 1001 + 512);
	assert_int_equal(json_array_size(json_object_get(o, "invariants")), INV_NR);
	violation = json_array_get(json_object_get(o, "violations"), 0);
	assert_string_equal(json_string_value(json_object_get(violation, "gfn")), "0x40011");
	assert_string_equal(json_string_value(json_object_get(violation, "hva")), "0x7f1234511000");
	assert_string_equal(json_string_value(json_object_get(violation, "level")), "4K");
	assert_int_equal(json_array_size(json_object_get(violation, "stack")), 2);
	/* of an unknown VM neither gfn nor hva can be told */
	violation = json_array_get(json_object_get(o, "violations"), 1);
	assert_true(json_is_null(json_object_get(violation, "gfn")));
	assert_true(json_is_null(json_object_get(violation, "hva")));
	for (int l = 0; l < LOSS_NR; l++)
		assert_int_equal(field(json_object_get(o, "losses"), loss_name(l)), 0);
	/* what a verdict does not cover */
	inv = json_array_get(json_object_get(o, "invariants"), INV_DIRTY_THROUGH_WINDOW);
	assert_int_equal(field(json_object_get(inv, "sampled"), "looked_at"), 40);
	assert_int_equal(field(json_object_get(inv, "sampled"), "of"), 50);
	assert_int_equal(field(json_object_get(inv, "exempt"), "dax"), 9);
	inv = json_array_get(json_object_get(o, "invariants"), INV_NOTIFIED_BEFORE_CLEAN);
	assert_int_equal(field(json_object_get(inv, "missed_runs"), "folio-clean-io"), 6);
	assert_int_equal(field(json_object_get(o, "missed_runs"), "folio-clean-io"), 6);
	/* claims and causes */
	assert_int_equal(json_array_size(json_object_get(o, "claims")), CLAIM_NR);
	inv = json_array_get(json_object_get(o, "claims"), CLAIM_MAP_DIRTIES);
	assert_string_equal(json_string_value(json_object_get(inv, "verdict")), "REFUTED");
	assert_int_equal(field(json_object_get(json_object_get(inv, "by_backing"), "against"),
			       "shmem"), 4096);
	assert_int_equal(json_array_size(json_object_get(o, "causes")), 10);
	inv = json_array_get(json_object_get(o, "causes"), 0);
	assert_string_equal(json_string_value(json_object_get(inv, "cause")), "reclaim");
	assert_string_equal(json_string_value(json_object_get(inv, "page")), "taken");
	assert_int_equal(field(inv, "windows"), 5000 + 4800);
	assert_int_equal(field(inv, "call_paths"), 2);
	/* the BPF program's own frames are gone */
	inv = json_array_get(json_object_get(inv, "stack"), 0);
	assert_string_equal(json_string_value(json_object_get(inv, "function")),
			    "kvm_mmu_notifier_invalidate_range_start");
	text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	golden_compare("check-violated.json", text);
	free(text);
	json_decref(o);
	done(&s);
}

/* numbers beyond 2^53 and names that are no UTF-8 must survive, or at least not spoil the report */
static void json_survives_odd_data(void **arg)
{
	struct scene s;
	json_t *o;

	(void)arg;
	build(&s, "levels");
	s.snapshot.vms[0].counts.installed[0] = 1ULL << 62;
	memcpy(s.snapshot.vms[0].info.comm, "\xff\"\\\n\x01", 6);
	o = read_back(&s);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
			    json_object_get(o, "vms"), 0), "comm")), "?\"\\??");
	assert_int_equal(field(json_object_get(json_object_get(json_array_get(
			 json_object_get(o, "vms"), 0), "levels"), "4K"), "installed"), 1LL << 62);
	json_decref(o);
	done(&s);
}

/* Everything that can be there, with numbers of its own. */
static void fill_all(struct scene *s)
{
	static struct vm_lookups lookups[8];
	uint64_t *n, seed = 5;

	for (size_t i = 0; i < s->snapshot.nvms; i++) {
		n = (uint64_t *)&s->snapshot.vms[i].counts;
		for (size_t k = 0; k < sizeof(struct vm_counts) / sizeof(*n); k++)
			n[k] = random_below(&seed, 1u << 30);
	}
	for (int l = 0; l < LOSS_NR; l++)
		s->snapshot.losses[l] = 1000 + (uint64_t)l;
	for (int h = 0; h < HOOK_NR; h++)
		s->snapshot.missed[h] = 100 + (uint64_t)h;
	s->snapshot.missed_runs = 77;
	s->snapshot.late_vms = 2;
	s->snapshot.unadopted_vms = 1;
	s->snapshot.unbalanced_vms = 3;
	s->snapshot.vms_over = 4;
	s->snapshot.audited = true;
	s->snapshot.audit_sptes = 4711;
	s->snapshot.vms[1].info.flags = VM_LATE;
	s->snapshot.vms[1].walk_done = true;
	s->snapshot.vms[1].walked[1] = 99;
	for (size_t i = 0; i < s->list.n; i++)
		s->list.groups[i].changes = s->list.groups[i].outside ? 42 : 0;
	s->report.command_status = 256;
	s->report.walk = true;
	for (size_t i = 0; i < s->snapshot.nvms; i++) {
		s->snapshot.vms[i].lookups = &lookups[i];
		n = (uint64_t *)&lookups[i].walk;
		for (size_t k = 0; k < sizeof(struct walk_counts) / sizeof(*n); k++)
			n[k] = random_below(&seed, 1u << 20);
	}
	s->snapshot.vms[0].ledger = &ledger;
	s->snapshot.timed = true;
	lookups[1].ns.bucket[11] = 4711;
	lookups[1].ns.sum = 5000000;
}

/* the two ways from a report to its numbers */
static void samples_of_json_are_those_of_the_report(void **arg)
{
	static bool seen[METRIC_NR];
	struct samples direct = { 0 }, read = { 0 };
	struct scene s;
	char why[128];
	json_t *o;

	(void)arg;
	build(&s, "check");
	fill_all(&s);
	judge(&s);
	s.report.claims = s.claims;
	o = read_back(&s);
	json_object_set_new(o, "mmuscope", json_string(VERSION));
	assert_int_equal(metrics_from_report(&s.report, &direct), 0);
	assert_int_equal(metrics_from_json(o, &read, why, sizeof(why)), 0);
	for (size_t i = 0; i < direct.n && i < read.n; i++) {
		const struct sample *a = &direct.list[i], *b = &read.list[i];
		const char *name = metric_info(a->metric)->name;

		seen[a->metric] = true;
		if (a->metric != b->metric)
			fail_msg("%zu: %s and %s", i, name, metric_info(b->metric)->name);
		for (int l = 0; l < METRIC_LABELS && a->label[l]; l++)
			if (strcmp(a->label[l], b->label[l]))
				fail_msg("%s: %s and %s", name, a->label[l], b->label[l]);
		if (a->value != b->value)
			fail_msg("%s: %.17g and %.17g", name, a->value, b->value);
		assert_int_equal(!a->hist, !b->hist);
		if (a->hist && memcmp(a->hist, b->hist, sizeof(*a->hist)))
			fail_msg("%s: histograms differ", name);
	}
	assert_int_equal(direct.n, read.n);
	/*
	 * no report of a run has what a test measures or a lower tier leaves unknown (tests/unit/tier.c),
	 * nor what only 'mmuscope serve' tells of itself
	 */
	for (int m = 0; m < METRIC_NR; m++)
		if (!seen[m] && m != METRIC_BENCH && m != METRIC_UNKNOWN &&
		    *metric_info((enum metric)m)->source)
			fail_msg("no sample of %s", metric_info((enum metric)m)->name);
	samples_free(&direct);
	samples_free(&read);
	json_decref(o);
	done(&s);
}

/* what metrics.def says of its labels is what there is */
static void labels_have_as_many_values_as_told(void **arg)
{
	static const int told[LABEL_NR] = {
#define LABEL(id, name, values, text) [LABEL_##id] = values,
#define METRIC(id, name, type, unit, scale, labels, presence, source, text)
#include "user/metrics/metrics.def"
#undef LABEL
#undef METRIC
	};

	(void)arg;
	for (int l = LABEL_NONE + 1; l < LABEL_NR; l++) {
		int n = 0;

		while (label_value((enum label)l, n))
			n++;
		if (n && told[l] && n != told[l])
			fail_msg("%s: %d values, not %d", label_name((enum label)l), n, told[l]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbose),
		cmocka_unit_test(claims),
		cmocka_unit_test(held),
		cmocka_unit_test(violated),
		cmocka_unit_test(inconclusive),
		cmocka_unit_test(nothing_seen),
		cmocka_unit_test(levels),
		cmocka_unit_test(a_missing_ledger_is_explained),
		cmocka_unit_test(levels_verbose),
		cmocka_unit_test(json_says_what_the_text_says),
		cmocka_unit_test(json_survives_odd_data),
		cmocka_unit_test(samples_of_json_are_those_of_the_report),
		cmocka_unit_test(labels_have_as_many_values_as_told),
	};

	return cmocka_run_group_tests_name("sinks", tests, NULL, NULL);
}
