// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scene, recorded second by second through the recording API.
 */
#include "lib/scene.h"
#include "lib/sample.h"

#include "bpf/event.h"
#include "bpf/hist.h"
#include "user/judge/cause.h"
#include "user/judge/verdict.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 60, VMS = 3, GIB_PAGES = 262144, TORN = 31, LOST_AT = 42 };

static const char evil[] = "</script><img/src=x/onerror=alert(1)>\"'&\\u003cb\x1b[2J";

struct vm {
	uint32_t id, pid, from, to;
	const char *comm;
	uint64_t pages;
	const char *name;
};

static const struct vm vms[VMS] = {
	{ 1, 812, 0, SECONDS, "qemu-system-x86", 4 * GIB_PAGES, "db-1" },
	{ 2, 1207, 4, SECONDS, "qemu-system-x86", 2 * GIB_PAGES, "web-2" },
	{ 3, 2044, 15, 47, "cloud-hyperviso", GIB_PAGES, NULL },
};

struct maker {
	struct recording *w;
	const struct scene *s;
	uint64_t windows;
	struct cause_group_sum {
		uint64_t windows, ns, ns_max, pages, retries, bucket[CAUSE_BUCKETS];
	} causes[CAUSE_NR];
	uint32_t stacks[CAUSE_NR];
	uint64_t state;
};

/* the mix of causes, in the order of their shares */
static const struct {
	enum cause_id cause;
	const char *comm, *stack;
	uint32_t tid, event;
	uint32_t from, to;	/* seconds */
	uint32_t share;
	double ns;
	uint32_t pages;
} kinds[] = {
	{ CAUSE_NUMA, "CPU 0/KVM", "mmu_notifier_invalidate_range_start\nchange_prot_numa\ntask_numa_work\n"
	  "task_work_run\nxfer_to_guest_mode_handle_work\nkvm_arch_vcpu_ioctl_run", 831, 2, 0, 60, 40, 9e3, 12 },
	{ CAUSE_KHUGEPAGED, "khugepaged", "mmu_notifier_invalidate_range_start\ncollapse_huge_page\n"
	  "hpage_collapse_scan_pmd\nkhugepaged\nkthread", 61, 1, 26, 50, 30, 60e3, 512 },
	{ CAUSE_RECLAIM, "kswapd0", "mmu_notifier_invalidate_range_start\ntry_to_unmap_one\nshrink_folio_list\n"
	  "shrink_lruvec\nkswapd\nkthread", 88, 1, 34, 44, 60, 4e3, 1 },
	{ CAUSE_MADV_DONTNEED, "qemu-system-x86", "mmu_notifier_invalidate_range_start\nzap_page_range_single\n"
	  "madvise_dontneed\n__x64_sys_madvise", 812, 1, 8, 20, 25, 17e3, 64 },
	{ CAUSE_KSM, "ksmd", "mmu_notifier_invalidate_range_start\nwrite_protect_page\ntry_to_merge_one_page\n"
	  "ksm_scan_thread\nkthread", 62, 1, 0, 60, 12, 6e3, 1 },
	{ CAUSE_WRITEBACK, "kworker/u8:3", "mmu_notifier_invalidate_range_start\npage_vma_mkclean_one\n"
	  "folio_mkclean\nfolio_clear_dirty_for_io\nwrite_cache_pages\nwb_writeback\nkthread", 77, 3, 20, 40, 15,
	  5e3, 1 },
	{ CAUSE_COMPACTION, "kcompactd0", "mmu_notifier_invalidate_range_start\ntry_to_migrate_one\n"
	  "migrate_pages_batch\ncompact_zone\nkcompactd\nkthread", 59, 6, 38, 46, 20, 12e3, 4 },
	{ CAUSE_UNKNOWN, "mystery", NULL, 4242, 8, 0, 60, 2, 2e3, 1 },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* xorshift: the same on every machine */
static uint64_t dice(struct maker *m)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return m->state;
}

static uint64_t at(uint32_t second, uint64_t part, uint64_t of)
{
	return SAMPLE_NS * (1 + second) + (of ? part * SAMPLE_NS / of : 0);
}

static void put_window(struct maker *m, uint32_t second, int k, uint64_t part, uint64_t of)
{
	double spread = exp(((double)(dice(m) % 1000) / 1000 - 0.5) * 3) * (dice(m) % 97 ? 1 : 30);
	uint64_t ns = (uint64_t)(kinds[k].ns * spread);
	struct record_window w = { .id = ++m->windows, .start = at(second, part, of),
				   .vm = 1 + (uint32_t)(dice(m) % 2),
				   .tid = kinds[k].tid, .pid = kinds[k].tid, .event = kinds[k].event,
				   .pages = dice(m) % 3 ? kinds[k].pages : dice(m) % (2 * kinds[k].pages + 1),
				   .retries = dice(m) % 29 == 0, .cause = kinds[k].cause };
	struct cause_group_sum *sum = &m->causes[kinds[k].cause];
	uint32_t b = hist_bucket(ns);

	w.end = w.start + ns;
	if (kinds[k].stack)
		w.stack = recording_stack(m->w, w.end, kinds[k].stack);
	strncpy(w.comm, m->s->hostile && k == KINDS - 1 ? "<script>x</scri" : kinds[k].comm, sizeof(w.comm));
	recording_put(m->w, RECORD_WINDOW, WINDOW_VERSION, w.end, &w, sizeof(w));
	sum->windows++;
	sum->ns += ns;
	sum->ns_max = ns > sum->ns_max ? ns : sum->ns_max;
	sum->pages += w.pages;
	sum->retries += w.retries;
	sum->bucket[b > CAUSE_BUCKET_LOW ? b - CAUSE_BUCKET_LOW : 0]++;
}

static uint64_t weight(uint32_t second, int k)
{
	if (second < kinds[k].from || second >= kinds[k].to)
		return 0;
	return kinds[k].share * (5 + (second * 7 + (uint32_t)k * 3) % 5);
}

static void put_windows(struct maker *m, uint32_t second)
{
	uint64_t all = 0;

	for (uint32_t s = 0; s < SECONDS; s++)
		for (int k = 0; k < KINDS; k++)
			all += weight(s, k);
	for (int k = 0; k < KINDS; k++) {
		uint64_t n = weight(second, k) * m->s->windows / all;

		for (uint64_t i = 0; i < n; i++)
			put_window(m, second, k, i, n);
	}
}

/* Share of a VM's memory that is mapped by 4K: all at once while its dirty log is on, from 12 to 24 s. */
static double small_share(const struct vm *vm, uint32_t second)
{
	double base = vm->id == 2 ? 0.35 : 0.06;

	if (vm->id != 1 || second < 12)
		return base;
	if (second < 24)
		return fmin(0.9, base + 0.14 * (second - 11));
	return fmax(base, 0.9 - 0.05 * (second - 23));
}

static json_t *level(uint64_t stock, uint64_t flow)
{
	return json_pack("{s:I, s:I, s:I, s:i, s:i, s:i, s:i}", "stock", (json_int_t)stock, "installed",
			 (json_int_t)(stock + flow), "zapped", (json_int_t)flow, "torn_down", 0, "split", 0,
			 "collapsed", 0, "adopted", 0);
}

static json_t *ledger_of(uint64_t small, uint64_t large, uint64_t huge, uint64_t lost, const char *cause)
{
	json_int_t k = 4096, m = 2 << 20, g = 1 << 30;

	return json_pack("{s:I, s:I, s:{s:{s:i, s:I, s:I, s:i}, s:{s:i, s:i, s:I, s:i}, s:{s:i, s:i, s:i, s:I}},"
			 "s:{s:I, s:I}, s:[s]}", "mapped", (json_int_t)small * k + (json_int_t)large * m +
			 (json_int_t)huge * g, "lost", (json_int_t)lost * k, "mapped_by_level_and_host_level",
			 "4K", "n/a", 0, "4K", (json_int_t)(small - lost) * k, "2M", (json_int_t)lost * k, "1G", 0,
			 "2M", "n/a", 0, "4K", 0, "2M", (json_int_t)large * m, "1G", 0,
			 "1G", "n/a", 0, "4K", 0, "2M", 0, "1G", (json_int_t)huge * g,
			 "lost_by_cause", cause, (json_int_t)(lost - lost / 9) * k, "memslot edge",
			 (json_int_t)(lost / 9) * k, "backings", "anon");
}

/* Lookups: most in a microsecond, and some that had to wait, more of them while there is reclaim. */
static json_t *lookups_json(uint64_t calls, uint32_t second)
{
	uint64_t slow = second > 34 ? calls / 40 : calls / 400;

	return json_pack("{s:s, s:I, s:I, s:[i,i,i,i,i,i,i,i,i,I,I,I,i,i,i,i,I,I]}", "scale", "log2", "count",
			 (json_int_t)calls, "sum", (json_int_t)(calls * 900 + slow * 80000), "buckets", 0, 0, 0, 0,
			 0, 0, 0, 0, 0, (json_int_t)(calls / 4), (json_int_t)(calls / 2),
			 (json_int_t)(calls - calls / 4 - calls / 2 - slow), 0, 0, 0, 0,
			 (json_int_t)(slow / 3), (json_int_t)(slow - slow / 3));
}

static json_t *slots_json(const struct vm *vm, json_t *ledger)
{
	json_t *slot = json_deep_copy(ledger);

	json_object_set_new(slot, "as_id", json_integer(0));
	json_object_set_new(slot, "id", json_integer(1));
	json_object_set_new(slot, "base_gfn", json_integer(0x100));
	json_object_set_new(slot, "size", json_integer((json_int_t)vm->pages * 4096));
	json_object_set_new(slot, "flags", json_integer(vm->id == 1));
	return json_pack("[o]", slot);
}

/* What top shows besides. */
static json_t *live_json(const struct maker *m, const struct vm *vm, uint32_t second, json_t *o)
{
	json_t *ledger = json_object_get(o, "ledger");
	const char *verdict = m->s->clean || second < TORN ? "HELD" : vm->id == 1 ? "VIOLATED" :
			      second < LOST_AT ? "HELD" : "INCONCLUSIVE";

	if (vm->name)
		json_object_set_new(o, "name", json_string(vm->name));
	json_object_set_new(o, "born_ns", json_integer((json_int_t)at(vm->from, 0, 1)));
	json_object_set_new(o, "verdict", json_string(verdict));
	json_object_set_new(o, "lookup_ns",
			    lookups_json((uint64_t)json_integer_value(json_object_get(o, "faults")), second));
	json_object_set_new(ledger, "memslots", slots_json(vm, ledger));
	return o;
}

static json_t *vm_json(const struct maker *m, const struct vm *vm, uint32_t second)
{
	uint32_t age = (second < vm->to ? second : vm->to) - vm->from;
	double filled = fmin(1, 0.15 + age / 9.0);
	uint64_t huge = vm->id == 1 ? 1 : 0;
	uint64_t pages = (uint64_t)((double)vm->pages * filled) - huge * GIB_PAGES / 8;
	uint64_t small = (uint64_t)((double)pages * small_share(vm, second)), large;

	huge = huge && age > 8;
	pages -= huge * GIB_PAGES;
	small = small > pages ? pages : small;
	large = (pages - small) / 512;
	return live_json(m, vm, second, json_pack(
			 "{s:i, s:i, s:s, s:b, s:b, s:{s:I}, s:{s:i}, s:I, s:{s:o, s:o, s:o}, s:I, s:I, s:o, s:{}}", "id", (int)vm->id, "pid", (int)vm->pid, "comm",
			 m->s->hostile && vm->id == 3 ? evil : vm->comm, "late", 0, "ended", second >= vm->to,
			 "hva_to_pfn", "calls", (json_int_t)(small + large), "windows", "clear", (int)age * 100,
			 "zapped_in_windows", (json_int_t)age * 900, "levels", "4K", level(small, age * 700u),
			 "2M", level(large, age * 9u), "1G", level(huge, 0), "faults",
			 (json_int_t)(small + large + age * (700u + 400u * (age % 7 == 3))), "fault_retries",
			 (json_int_t)(age * (4u + age % 5)), "ledger",
			 ledger_of(small, large, huge, vm->id == 2 ? small / 3 : small - small / 9,
				   vm->id == 1 ? "dirty logging" : "misaligned"), "violations"));
}

static json_t *cause_json(const struct maker *m, int k)
{
	const struct cause_group_sum *c = &m->causes[kinds[k].cause];
	json_t *buckets = json_array();

	for (int b = 0; b < CAUSE_BUCKETS; b++)
		json_array_append_new(buckets, json_integer((json_int_t)c->bucket[b]));
	return json_pack("{s:s, s:s, s:b, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:{s:s, s:i, s:I, s:o}, s:[{s:i, s:I, s:I}, {s:i, s:I, s:I}]}", "cause",
			 cause_name(kinds[k].cause), "page", fate_name(cause_fate(kinds[k].cause)),
			 "outside_windows", 0, "comm", m->s->hostile && k == 7 ? evil : kinds[k].comm, "pid",
			 (int)kinds[k].tid, "tid", (int)kinds[k].tid, "windows", (json_int_t)c->windows, "ns",
			 (json_int_t)c->ns, "ns_max", (json_int_t)c->ns_max, "pages", (json_int_t)c->pages,
			 "retries", (json_int_t)c->retries, "window_ns", "scale", "log2", "first_bucket",
			 CAUSE_BUCKET_LOW, "sum", (json_int_t)c->ns, "buckets", buckets, "vms", "vm", 1, "windows",
			 (json_int_t)(c->windows - c->windows / 3), "ns", (json_int_t)(c->ns - c->ns / 3), "vm", 2,
			 "windows", (json_int_t)(c->windows / 3), "ns", (json_int_t)(c->ns / 3));
}

static json_t *violation_json(void)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:i, s:i, s:I, s:[{s:s, s:i, s:s}, {s:s, s:i, s:s}], s:s, s:s,"
			 "s:s, s:s, s:i, s:s, s:s, s:i, s:s, s:i}", "invariant",
			 invariant_name(INV_NOTIFIED_BEFORE_CLEAN), "sentence",
			 invariant_sentence(INV_NOTIFIED_BEFORE_CLEAN), "vm", 1, "cause", "writeback", "comm",
			 "kworker/u8:3", "pid", 77, "tid", 77, "since_start_ns",
			 (json_int_t)(at(TORN, 1, 2) - SAMPLE_NS), "stack", "function", "folio_clear_dirty_for_io",
			 "offset", 0x88, "module", "", "function", "write_cache_pages", "offset", 0x1a0, "module", "",
			 "gfn", "0x40011", "hva", "0x7f1234511000", "pfn", "0x1abcd", "level", "4K", "as_id", 0,
			 "old_spte", "0x860000001abcdc77", "new_spte", "0x860000001abcdc77", "folio_order", 0,
			 "folio_flags", "0x17ffffc0020014", "pages", 1);
}

static json_t *invariants_json(const struct maker *m)
{
	json_t *list = json_array();

	for (int i = 0; i < INV_NR; i++) {
		bool broken = !m->s->clean && i == INV_NOTIFIED_BEFORE_CLEAN;
		bool none = i == INV_PINNED_OUTSIDE || i == INV_NEVER_SECRET;
		const char *verdict = broken ? "VIOLATED" : none ? "NO OCCASION" :
				      i == INV_DIRTY_AT_MAP ? "NOT APPLICABLE" : m->s->clean ? "HELD" : "INCONCLUSIVE";

		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i, s:[], s:{}, s:{}, s:{}, s:{}}", "name",
						      invariant_name(i), "verdict", verdict, "checked",
						      none ? 0 : 4000 + i * 731, "violations", broken, "reasons",
						      "missed", "missed_runs", "exempt", "notes"));
		if (!m->s->clean && !broken && !none && i != INV_DIRTY_AT_MAP)
			json_array_append_new(json_object_get(json_array_get(list, (size_t)i), "reasons"),
					      json_string("12 records dropped, ring buffer full"));
	}
	return list;
}

static void finish_json(const struct maker *m, json_t *o)
{
	json_object_set_new(o, "verdict", json_string(m->s->clean ? "HELD" : "VIOLATED"));
	json_object_set_new(o, "summary", json_string(m->s->clean ? "HELD: nothing was broken, and nothing missed." :
		"VIOLATED: notified-before-clean is broken: a bug in this kernel or in a module; guest data may be lost."));
	json_object_set_new(o, "marks_at", json_string("zap"));
	json_object_set_new(o, "audit", json_null());
	json_object_set_new(o, "invariants", invariants_json(m));
	json_object_set_new(o, "violations", m->s->clean ? json_array() : json_pack("[o]", violation_json()));
}

static json_t *workload_json(const struct scene *s)
{
	json_t *list;

	if (!s->workload)
		return json_pack("[s, s, s]", "run-migration", "--vms=3", s->hostile ? evil : "--dirty-log");
	list = json_array();
	for (char *const *word = s->workload; *word; word++)
		json_array_append_new(list, json_string(*word));
	return list;
}

static void put_snapshot(struct maker *m, uint32_t second, bool final)
{
	json_t *list = json_array(), *causes = json_array(), *o;
	char *text;

	for (int i = 0; i < VMS; i++)
		if (second >= vms[i].from)
			json_array_append_new(list, vm_json(m, &vms[i], second));
	for (int k = 0; k < KINDS; k++)
		if (m->causes[kinds[k].cause].windows)
			json_array_append_new(causes, cause_json(m, k));
	o = json_pack("{s:s, s:i, s:s, s:{s:s, s:s}, s:s, s:I, s:o, s:{s:i, s:i, s:i}, s:o, s:o, s:i}", "mmuscope",
		      "0.1.0", "version", 1, "command", "record", "host", "kernel", "6.12.117+deb13-cloud-amd64",
		      "machine", "x86_64", "tier", "fentry", "observed_ns",
		      (json_int_t)(at(second, 0, 0) - SAMPLE_NS), "vms", list, "losses", "event",
		      !m->s->clean && second >= LOST_AT ? 12 : 0, "raced", 0, "late-vms", 0, "workload",
		      workload_json(m->s), "causes", causes, "command_status", 0);
	if (final && o)
		finish_json(m, o);
	text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	if (!text)
		abort();
	recording_text(m->w, RECORD_SNAPSHOT, at(second, 0, 0), text);
	free(text);
	json_decref(o);
}

static void put_step(struct maker *m, uint64_t ns, uint64_t object, uint8_t event, uint64_t old, uint64_t new)
{
	struct record_step s = { .vm = 1, .tid = event == 2 ? 77 : 831, .object = object,
				 .invariant = INV_NOTIFIED_BEFORE_CLEAN, .event = event, .level = 1,
				 .gfn = 0x40011 + object - 7, .hva = 0x7f1234511000,
				 .pfn = 0x1abcd + object - 7,
				 .old_spte = old, .new_spte = new, .flags = 0x17ffffc0020014, .pages = 1 };

	recording_put(m->w, RECORD_STEP, STEP_VERSION, ns, &s, sizeof(s));
}

/* Mapped, lost, mapped again, and cleaned while mapped. */
static void put_story(struct maker *m)
{
	uint64_t ns = at(TORN, 1, 2);

	put_step(m, ns - 900000000, 7, 0, 0, 0x860000001abcdc77);
	put_step(m, ns - 4200000, 7, 1, 0x860000001abcdc77, 0);
	put_step(m, ns - 310000, 7, 0, 0, 0x860000001abcdc77);
	put_step(m, ns, 7, 2, 0x860000001abcdc77, 0x860000001abcdc77);
	put_step(m, ns + 5000, 7, 1, 0x860000001abcdc77, 0);
}

static void put_second(struct maker *m, uint32_t second)
{
	uint64_t steps = m->s->steps / SECONDS;

	for (uint64_t i = 0; i < steps; i++)
		put_step(m, at(second, i, steps), 100 + i % 5000, i / 5000 % 2, 0, 0x8600000000000c77);
	put_windows(m, second);
	if (second == TORN && !m->s->clean)
		put_story(m);
	if (second == LOST_AT && !m->s->clean)
		recording_text(m->w, RECORD_LOSS, at(second, 0, 1), "{\"event\": 12}");
	put_snapshot(m, second, false);
}

static const char facts[] = "{\"mmuscope\": \"0.1.0\", \"command\": \"record\", \"host\": {\"kernel\": "
			    "\"6.12.117+deb13-cloud-amd64\", \"machine\": \"x86_64\", \"name\": \"lab\"}, \"btf\": "
			    "\"00c0ffee00c0ffee\", \"clock\": \"CLOCK_MONOTONIC\", \"options\": {\"max_vms\": 256}}";

int scene_make(const char *path, const struct scene *s)
{
	struct recording_options o = sample_options(path);
	struct maker m = { .s = s, .state = 88172645463325252ULL };
	char text[256];
	int err;

	o.facts = facts;
	err = recording_create(&o, SAMPLE_NS, &m.w);
	if (err)
		return err;
	recording_text(m.w, RECORD_META, SAMPLE_NS, "{\"tier\": \"fentry\", \"marks_at\": \"zap\", "
		       "\"started_ns\": 1000000000}");
	for (int i = 0; i < VMS; i++) {
		snprintf(text, sizeof(text), "{\"id\": %u, \"pid\": %u, \"comm\": \"%s\"}", vms[i].id, vms[i].pid,
			 vms[i].comm);
		recording_vm(m.w, at(vms[i].from, 0, 1), vms[i].id, text);
	}
	for (uint32_t second = 0; second < SECONDS; second++)
		put_second(&m, second);
	recording_text(m.w, RECORD_NOTE, at(SECONDS, 0, 1), s->hostile ? evil : "made for a test");
	put_snapshot(&m, SECONDS, true);
	return recording_close(m.w, at(SECONDS, 0, 1), NULL);
}
