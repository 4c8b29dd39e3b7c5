// SPDX-License-Identifier: GPL-2.0-only
/*
 * The live view without a terminal: pictures compared with tests/golden/ (UPDATE_GOLDEN=1 renews them; look
 * at the diff), what keys do, and every size that a terminal may have.
 */
#include "user/top/top.h"

#include "lib/golden.h"
#include "unit.h"

enum { VMS = 5, TEXT_MAX = 1 << 17 };

#define GIB (1LL << 30)
#define MIB (1LL << 20)

static struct slot_numbers slots[2];
static struct vm_numbers vms[VMS];
static struct initiator_numbers initiators[4];
static struct violation_numbers violations[1];
static struct numbers before, now;
static struct rates rates;
static struct top_view view;

static void name_vm(struct vm_numbers *vm, const char *name, const char *comm)
{
	snprintf(vm->name, sizeof(vm->name), "%s", name);
	snprintf(vm->comm, sizeof(vm->comm), "%s", comm);
}

static void map(struct vm_numbers *vm, int64_t small, int64_t large, int64_t huge)
{
	vm->mapped[0] = small;
	vm->mapped[1] = large;
	vm->mapped[2] = huge;
	vm->host[1] = small / 8;
	vm->host[2] = small - small / 8 + large;
	vm->host[3] = huge;
}

static void lose(struct vm_numbers *vm, enum level_cause cause, int64_t bytes)
{
	vm->lost_by[cause] = (uint64_t)bytes;
	vm->lost += bytes;
}

static void fill_vms(void)
{
	memset(vms, 0, sizeof(vms));
	for (int i = 0; i < VMS; i++) {
		vms[i].id = (uint32_t)i + 1;
		vms[i].pid = 800 + 407 * (uint32_t)i;
		vms[i].born_ns = 5 + (uint64_t)i;
		vms[i].faults = 1400 * (uint64_t)(VMS - i);
		vms[i].windows = 300 + 90 * (uint64_t)i;
		vms[i].zapped = 5000 * (uint64_t)i;
		vms[i].timed = true;
		vms[i].lookup_ns.bucket[10] = 600;
		vms[i].lookup_ns.bucket[12] = 90 * (uint64_t)i;
		vms[i].lookup_ns.bucket[15 + i] = 10;
		vms[i].verdict = HELD;
	}
	name_vm(&vms[0], "database-primary.eu-west.example", "qemu-system-x86");
	name_vm(&vms[1], "web-1", "qemu-system-x86");
	name_vm(&vms[2], "firecracker", "firecracker");
	name_vm(&vms[3], "old-guest", "qemu-system-x86");
	name_vm(&vms[4], "build-7", "qemu-system-x86");
	map(&vms[0], 200 * MIB, 51 * GIB, 12 * GIB);
	map(&vms[1], 3 * GIB, GIB, 0);
	map(&vms[2], 128 * MIB, 0, 0);
	map(&vms[4], 700 * MIB, 1300 * MIB, 0);
	vms[3].late = true;
	vms[3].lost = vms[3].mapped[0] = vms[3].mapped[1] = vms[3].mapped[2] = -1;
	vms[3].verdict = INCONCLUSIVE;
	vms[3].timed = false;
	vms[4].ended = true;
	lose(&vms[1], LOW_DIRTY_LOG, 2560 * MIB);
	lose(&vms[1], LOW_EDGE, 12 * MIB);
	lose(&vms[2], LOW_MISALIGNED, 96 * MIB);
	vms[2].verdict = VIOLATED;
	vms[2].violations = 3;
	slots[0] = (struct slot_numbers){ .size = 3 * GIB, .mapped = { 2 * GIB, GIB, 0 }, .lost = 2560 * MIB,
					  .flags = 1, .backings = "anon, ksm" };
	slots[0].lost_by[LOW_DIRTY_LOG] = 2560 * MIB;
	slots[1] = (struct slot_numbers){ .id = 4, .as_id = 1, .size = GIB, .base_gfn = 0x100000,
					  .mapped = { GIB, 0, 0 }, .lost = 12 * MIB, .flags = 2 };
	slots[1].lost_by[LOW_EDGE] = 12 * MIB;
	vms[1].slots = slots;
	vms[1].nslots = 2;
}

static void fill_initiators(void)
{
	initiators[0] = (struct initiator_numbers){ .vm = 1, .pid = 62, .tid = 62, .cause = "KSM", .comm = "ksmd",
						    .windows = 4100, .ns = 41000000 };
	initiators[1] = (struct initiator_numbers){ .vm = 2, .pid = 1207, .tid = 1211, .cause = "NUMA balancing",
						    .comm = "CPU 0/KVM", .windows = 350, .ns = 9000000 };
	initiators[2] = (struct initiator_numbers){ .vm = 2, .pid = 88, .tid = 88, .cause = "reclaim",
						    .comm = "kswapd0", .windows = 40, .ns = 160000 };
	initiators[3] = (struct initiator_numbers){ .vm = 3, .pid = 1614, .tid = 1614, .cause = "madvise dontneed",
						    .comm = "fc_vmm", .windows = 480, .ns = 8160000 };
	violations[0] = (struct violation_numbers){ .vm = 3, .since_start_ns = 31500000000,
						    .invariant = "notified-before-clean", .cause = "writeback",
						    .comm = "kworker/u8:3", .gfn = "0x40011", .level = "4K" };
}

static int make(void **arg)
{
	(void)arg;
	fill_vms();
	fill_initiators();
	before = (struct numbers){ .observed_ns = 3721000000000 };
	now = (struct numbers){ .observed_ns = 3723000000000, .checking = true,
				.kernel = "6.12.117+deb13-cloud-amd64", .host = "hv-7", .tier = "fentry",
				.verdict = VIOLATED, .why = "notified-before-clean, 3 times", .vms = vms, .nvms = VMS,
				.initiators = initiators, .ninitiators = 4, .violations = violations,
				.nviolations = 1, .judged = { 12, 1, 0, 1, 0, 0 } };
	top_view_init(&view);
	snprintf(view.clock, sizeof(view.clock), "14:02:31");
	return rates_of(&before, &now, &rates);
}

static int unmake(void **arg)
{
	(void)arg;
	rates_free(&rates);
	return 0;
}

static void press(const char *keys)
{
	for (; *keys; keys++) {
		int key = *keys == '\n' ? TOP_ENTER : *keys == '\033' ? TOP_ESCAPE : *keys;

		assert_false(top_press(&view, &rates, key));
	}
}

/* The picture as text. */
static const char *picture(int rows, int cols, bool utf8)
{
	static char text[TEXT_MAX];
	struct screen s;
	size_t len = 0;

	assert_true(screen_init(&s, rows, cols, utf8));
	assert_int_equal(top_draw(&view, &rates, &s), 0);
	for (int row = 0; row < rows; row++) {
		char *line = screen_row(&s, row);

		assert_non_null(line);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", line);
		free(line);
	}
	assert_true(len < sizeof(text));
	screen_free(&s);
	return text;
}

static void list_80(void **arg)
{
	(void)arg;
	press("j");
	golden_compare("top-80x24.txt", picture(24, 80, true));
}

static void list_80_ascii(void **arg)
{
	const char *text;

	(void)arg;
	press("j");
	text = picture(24, 80, false);
	golden_compare("top-80x24-ascii.txt", text);
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
	fits_80_columns(text);
}

static void list_200(void **arg)
{
	(void)arg;
	press("jjke");
	golden_compare("top-200x60.txt", picture(60, 200, true));
}

static void list_as_a_log(void **arg)
{
	(void)arg;
	view.plain = true;
	golden_compare("top-batch.txt", picture(top_rows(&view, &rates), 132, false));
}

static void vm_page_80(void **arg)
{
	(void)arg;
	press("j\n");
	golden_compare("top-vm-80x24.txt", picture(24, 80, true));
}

static void vm_page_200(void **arg)
{
	(void)arg;
	press("j\n");
	golden_compare("top-vm-200x60.txt", picture(60, 200, true));
}

static void help_80(void **arg)
{
	const char *text;

	(void)arg;
	press("h");
	text = picture(40, 80, false);
	golden_compare("top-help.txt", text);
	fits_80_columns(text);
}

static bool shows(const char *text)
{
	return strstr(picture(24, 80, false), text);
}

static void the_page_scrolls_to_its_end(void **arg)
{
	(void)arg;
	press("j\n");
	assert_true(shows("more rows"));
	assert_false(shows("1:4"));
	top_press(&view, &rates, TOP_END);
	assert_true(shows("1:4"));
	assert_false(shows("more rows"));
	top_press(&view, &rates, TOP_HOME);
	assert_true(shows("Why KVM maps smaller"));
	press("\033");
	assert_int_equal(view.page, PAGE_LIST);
}

static void order_is(const char *want)
{
	char got[VMS + 1] = "";
	size_t order[VMS], n = top_order(&view, &rates, order);

	for (size_t i = 0; i < n; i++)
		got[i] = (char)('0' + vms[order[i]].id);
	assert_string_equal(got, want);
}

static void every_column_sorts(void **arg)
{
	static const struct {
		const char *column, *order, *reversed;
	} cases[] = {
		{ "vm", "1342", "2431" },	{ "pid", "1234", "4321" },	{ "4k", "2134", "4312" },
		{ "2m", "1234", "4321" },	{ "1g", "1234", "4231" },	{ "small", "2314", "4132" },
		{ "faults", "1234", "4321" },	{ "windows", "4321", "1234" },	{ "zapped", "4321", "1234" },
		{ "verdict", "3412", "1243" },	{ "p99", "4321", "1234" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		view.sort = top_column_named(cases[i].column);
		view.reverse = false;
		order_is(cases[i].order);
		view.reverse = true;
		order_is(cases[i].reversed);
	}
	assert_int_equal(top_column_named("nonsense"), COLUMN_NR);
}

static void keys_go_through_the_columns(void **arg)
{
	char names[256];
	enum top_column first = view.sort;
	int n = 0, in_all = 1;

	(void)arg;
	top_column_names(names, sizeof(names));
	for (const char *p = names; *p; p++)
		in_all += *p == ',';
	do {
		press(">");
		n++;
	} while (view.sort != first);
	assert_int_equal(n, in_all);
	press("><");
	assert_int_equal(view.sort, first);
	press("r");
	assert_true(view.reverse);
	press(">");
	assert_false(view.reverse);
}

static void ended_vms(void **arg)
{
	(void)arg;
	order_is("2314");
	press("e");
	order_is("23154");
	press("e");
	/* of a violation nobody is kept in the dark */
	vms[4].verdict = VIOLATED;
	order_is("23154");
}

static void filter(void **arg)
{
	(void)arg;
	press("/WEB");
	assert_true(view.typing);
	order_is("2");
	assert_true(shows("filter by name or pid: WEB"));
	press("q\n");
	assert_false(view.typing);
	order_is("");
	assert_true(shows("no VM matches 'WEBq'"));
	press("\033");
	order_is("2314");
	press("/1614\n");
	order_is("3");
	press("/");
	for (int i = 0; i < 4; i++)
		top_press(&view, &rates, TOP_BACKSPACE);
	top_press(&view, &rates, TOP_BACKSPACE);
	order_is("2314");
	for (int i = 0; i < 100; i++)
		press("x");
	assert_int_equal(strlen(view.filter), TOP_FILTER - 1);
}

/* Who is selected stays so, wherever its row goes. */
static void the_selection_follows_its_vm(void **arg)
{
	(void)arg;
	press("jj");
	assert_int_equal(top_selected(&view, &rates)->vm->id, 3);
	press("r>");
	assert_int_equal(top_selected(&view, &rates)->vm->id, 3);
	/* its number is another one's now */
	vms[2].born_ns = 999;
	assert_null(top_selected(&view, &rates));
	press("\n");
	assert_int_equal(view.page, PAGE_VM);
}

static void quit_and_back(void **arg)
{
	(void)arg;
	press("j\n");
	assert_int_equal(view.page, PAGE_VM);
	press("h");
	assert_int_equal(view.page, PAGE_HELP);
	press("q");
	assert_int_equal(view.page, PAGE_VM);
	press("q");
	assert_int_equal(view.page, PAGE_LIST);
	press("f");
	assert_true(view.frozen && shows("FROZEN"));
	press(" ");
	assert_false(view.frozen);
	press("/q");
	press("\033");
	assert_true(top_press(&view, &rates, 'q'));
}

/* Words tell all that colours do. */
static void verdicts_have_words_and_styles(void **arg)
{
	struct screen s = { .utf8 = false };
	enum style style;

	(void)arg;
	assert_string_equal(top_verdict(&s, HELD, &style), "+ held");
	assert_int_equal(style, STYLE_GOOD);
	assert_string_equal(top_verdict(&s, VIOLATED, &style), "X VIOLATED");
	assert_int_equal(style, STYLE_BAD);
	assert_string_equal(top_verdict(&s, INCONCLUSIVE, &style), "? inconcl.");
	assert_int_equal(style, STYLE_WARN);
	assert_string_equal(top_verdict(&s, VERDICT_UNKNOWN, &style), "- unjudged");
}

static void numbers_in_their_room(void **arg)
{
	static const int64_t bytes[] = { 0, 1, 999, 1000, 1023, 1024, 10188, 10240, 1048064, GIB,
					100 * GIB, INT64_MAX };
	static const double some_rates[] = { 0, 0.01, 0.5, 9.94, 9.95, 999999, 1e6, 1e12, 1e18, 1e30 };
	static const uint64_t ns[] = { 1, 999, 1023, 65535, 999499, 999500, 1ULL << 40, UINT64_MAX };
	char buf[FORMAT_LEN];

	(void)arg;
	assert_string_equal(top_bytes(buf, -1), "?");
	assert_string_equal(top_bytes(buf, 1000), "0.98K");
	assert_string_equal(top_bytes(buf, 51 * GIB), "51.0G");
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		assert_true(strlen(top_bytes(buf, bytes[i])) <= 5);
	assert_string_equal(top_rate(buf, 0), "0");
	assert_string_equal(top_rate(buf, 0.01), "<0.1");
	assert_string_equal(top_rate(buf, 1234.4), "1,234");
	for (size_t i = 0; i < sizeof(some_rates) / sizeof(some_rates[0]); i++)
		assert_true(strlen(top_rate(buf, some_rates[i])) <= 7);
	assert_string_equal(top_below(buf, 0), "-");
	assert_string_equal(top_below(buf, 65535), "<66us");
	for (size_t i = 0; i + 2 < sizeof(ns) / sizeof(ns[0]); i++)
		assert_true(strlen(top_below(buf, ns[i])) <= 6);
}

static void machines_get_the_same(void **arg)
{
	json_t *o = top_json(&view, &rates), *list = json_object_get(o, "vms"), *vm = json_array_get(list, 0);

	(void)arg;
	assert_int_equal(json_array_size(list), 4);
	assert_string_equal(json_string_value(json_object_get(vm, "name")), "web-1");
	assert_string_equal(json_string_value(json_object_get(vm, "lost_cause")), "dirty logging");
	assert_int_equal(json_integer_value(json_object_get(vm, "lost_bytes")), 2572 * MIB);
	assert_true(json_real_value(json_object_get(vm, "windows_per_second")) == 195);
	assert_string_equal(json_string_value(json_object_get(json_object_get(vm, "main_initiator"), "comm")),
			    "CPU 0/KVM");
	vm = json_array_get(list, 3);
	assert_true(json_is_null(json_object_get(vm, "lost_bytes")));
	assert_true(json_is_null(json_object_get(json_object_get(vm, "mapped_bytes"), "4K")));
	assert_string_equal(json_string_value(json_object_get(vm, "verdict")), "INCONCLUSIVE");
	json_decref(o);
}

/* Nothing of it may write outside the picture: the sanitizer looks on. */
static void every_size_and_any_keys(void **arg)
{
	static const int keys[] = {
		TOP_UP, TOP_DOWN, TOP_LEFT, TOP_RIGHT, TOP_PAGE_UP, TOP_PAGE_DOWN, TOP_HOME, TOP_END,
		TOP_ENTER, TOP_ESCAPE, TOP_BACKSPACE, 'r', 'e', 'f', '/', 'h', '?', 'x', 0, -1,
	};
	uint64_t seed = 12345;

	(void)arg;
	for (int i = 0; i < 3000; i++) {
		int rows = 1 + (int)random_below(&seed, 70), cols = 1 + (int)random_below(&seed, 250);

		top_press(&view, &rates, keys[random_below(&seed, sizeof(keys) / sizeof(keys[0]))]);
		picture(rows, cols, i % 2);
	}
}

static void no_vm_at_all(void **arg)
{
	(void)arg;
	rates.nvms = rates.nended = now.nvms = 0;
	assert_true(shows("no VM has been seen"));
	press("jk\n");
	assert_int_equal(view.page, PAGE_LIST);
	rates.nvms = rates.nended = now.nvms = VMS;
	for (int i = 0; i < VMS; i++) {
		vms[i].ended = true;
		vms[i].verdict = HELD;
	}
	assert_true(shows("no VM runs; 5 ended"));
	now.verdict = VERDICT_UNKNOWN;
	assert_true(shows("VMs are judged; the whole is at the end of the recording"));
	for (int i = 0; i < VMS; i++)
		vms[i].verdict = VERDICT_UNKNOWN;
	assert_true(shows("invariants are not judged here"));
	view.note = "the recording ends here";
	assert_true(shows("the recording ends here"));
}

static void names_that_are_commands_for_a_terminal(void **arg)
{
	const char *text;

	(void)arg;
	name_vm(&vms[1], "\033[2J\xff\xe2\x96\x88\n", "\t");
	press("j");
	text = picture(24, 200, true);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\xff'));
	assert_null(strchr(text, '\t'));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(list_80), TEST(list_80_ascii), TEST(list_200), TEST(list_as_a_log), TEST(vm_page_80),
		TEST(vm_page_200), TEST(help_80), TEST(the_page_scrolls_to_its_end), TEST(every_column_sorts),
		TEST(keys_go_through_the_columns), TEST(ended_vms), TEST(filter),
		TEST(the_selection_follows_its_vm), TEST(quit_and_back),
		TEST(verdicts_have_words_and_styles), TEST(numbers_in_their_room),
		TEST(machines_get_the_same), TEST(every_size_and_any_keys), TEST(no_vm_at_all),
		TEST(names_that_are_commands_for_a_terminal),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
