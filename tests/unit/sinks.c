// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the sinks print, compared with tests/golden/ (UPDATE_GOLDEN=1 renews it; look at the diff).  Run
 * from the top of the tree, as tests/run does.
 */
#include "user/report.h"

#include "unit.h"

#include <jansson.h>

enum { TEXT_MAX = 1 << 16 };

/* A report on two VMs, one ended; everything in it has a number of its own. */
struct scene {
	struct snapshot snapshot;
	struct verdict verdicts[INV_NR];
	struct told told[2];
	struct report report;
};

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
}

static void judge(struct scene *s)
{
	for (int i = 0; i < INV_NR; i++)
		verdict_of(&s->snapshot, i, false, &s->verdicts[i]);
	s->report.verdicts = s->verdicts;
	s->report.overall = verdict_overall(s->verdicts, s->report.selected);
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

static void print(const struct scene *s, void (*sink)(FILE *, const struct report *), char *text)
{
	FILE *f = fmemopen(text, TEXT_MAX, "w");

	assert_non_null(f);
	sink(f, &s->report);
	assert_int_equal(fclose(f), 0);
}

static void json_sink(FILE *f, const struct report *r)
{
	assert_int_equal(json_report(f, r), 0);
}

static void compare(const char *name, const char *text)
{
	static char want[TEXT_MAX];
	char path[128];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (getenv("UPDATE_GOLDEN")) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		assert_int_equal(fclose(f), 0);
	}
	f = fopen(path, "r");
	if (!f)
		fail_msg("cannot read %s: run from the top of the tree", path);
	n = fread(want, 1, sizeof(want) - 1, f);
	want[n] = '\0';
	fclose(f);
	if (strcmp(want, text)) {
		fprintf(stderr, "%s", text);
		fail_msg("differs from %s", path);
	}
}

static void fits_80_columns(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > 80)
			fail_msg("%zu columns: %.*s", len, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void check_text(struct scene *s, void (*sink)(FILE *, const struct report *), const char *name)
{
	static char text[TEXT_MAX];

	print(s, sink, text);
	fits_80_columns(text);
	compare(name, text);
	snapshot_free(&s->snapshot);
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
	s.snapshot.unbalanced_vms = 1;
	s.snapshot.vms_over = 99;
	s.snapshot.vms[1].info.flags = VM_LATE;
	judge(&s);
	check_text(&s, text_check, "check-inconclusive.txt");
}

static void nothing_seen(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "check");
	s.snapshot.nvms = 0;
	memset(s.snapshot.hists, 0, sizeof(s.snapshot.hists));
	judge(&s);
	check_text(&s, text_check, "check-nothing.txt");
}

static void levels(void **arg)
{
	struct scene s;

	(void)arg;
	build(&s, "levels");
	s.snapshot.vms[1].info.flags = VM_LATE;
	s.snapshot.vms[1].counts.zapped[0] = 5;
	check_text(&s, text_levels, "levels.txt");
}

/* The JSON, read back; the version of the program is not part of the golden file. */
static json_t *read_back(const struct scene *s)
{
	static char text[TEXT_MAX];
	json_error_t error;
	json_t *o;

	print(s, json_sink, text);
	o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!o)
		fail_msg("line %d: %s", error.line, error.text);
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
	json_t *o, *vm, *violation;
	struct scene s;
	char *text;

	(void)arg;
	build(&s, "check");
	tell(&s);
	s.report.command_status = 7;
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
	text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	compare("check-violated.json", text);
	free(text);
	json_decref(o);
	snapshot_free(&s.snapshot);
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
	snapshot_free(&s.snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held),
		cmocka_unit_test(violated),
		cmocka_unit_test(inconclusive),
		cmocka_unit_test(nothing_seen),
		cmocka_unit_test(levels),
		cmocka_unit_test(json_says_what_the_text_says),
		cmocka_unit_test(json_survives_odd_data),
	};

	return cmocka_run_group_tests_name("sinks", tests, NULL, NULL);
}
