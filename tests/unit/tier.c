// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ladder: every combination of what a host can lack, against a slow oracle; what a tier leaves unknown
 * is in no sink a zero.
 */
#include "user/cmd/doctor.h"
#include "user/host/tier.h"
#include "user/metrics/metrics.h"
#include "user/sink/report.h"

#include "unit.h"

#include <jansson.h>

/* what docs/tiers.md says: name of a tier, and its needs */
static const struct {
	enum tier tier;
	const char *needs;
} contract[] = {
	{ TIER_FENTRY, "kvm dev-kvm vmlinux-btf kvm-btf cap-bpf cap-perfmon bpf cap-sys-admin kernel-symbols "
	  "lockdown ftrace " },
	{ TIER_KPROBE, "kvm dev-kvm vmlinux-btf cap-bpf cap-perfmon bpf lockdown ftrace kprobes functions tracepoints " },
	{ TIER_TRACEPOINT, "kvm dev-kvm vmlinux-btf cap-bpf cap-perfmon bpf tracepoints " },
	{ TIER_STATS, "kvm dev-kvm kvm-stats " },
};

static bool listed(const char *list, enum need n)
{
	char word[32];

	snprintf(word, sizeof(word), "%s ", need_name(n));
	for (const char *p = strstr(list, word); p; p = strstr(p + 1, word))
		if (p == list || p[-1] == ' ')
			return true;
	return false;
}

static enum tier oracle(unsigned int there, enum tier most)
{
	for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
		bool all = contract[i].tier >= most;

		for (enum need n = 0; n < NEED_NR; n++)
			all &= there & (1u << n) || !listed(contract[i].needs, n);
		if (all)
			return contract[i].tier;
	}
	return TIER_NONE;
}

static struct tiers host(unsigned int there)
{
	struct tiers t = { .tdp_mmu = true, .faults = true };

	for (enum need n = 0; n < NEED_NR; n++) {
		t.need[n].there = there & (1u << n);
		snprintf(t.need[n].why, sizeof(t.need[n].why), "no %s", need_name(n));
		snprintf(t.need[n].remedy, sizeof(t.need[n].remedy), "get %s", need_name(n));
	}
	return t;
}

static void best_is_the_first_that_has_all(void **state)
{
	(void)state;
	for (unsigned int there = 0; there < 1u << NEED_NR; there++) {
		struct tiers t = host(there);

		for (enum tier most = TIER_FENTRY; most < TIER_NONE; most++)
			assert_int_equal(tiers_best(&t, most), oracle(there, most));
	}
}

/* One thing is missing: it is named, and the exit code is of its kind. */
static void what_is_missing_is_said(void **state)
{
	(void)state;
	for (enum need n = 0; n < NEED_NR; n++) {
		struct tiers t = host(~(1u << n));
		bool matters = listed(contract[0].needs, n);
		static struct catch c;
		char want[128];
		int code;

		catch_begin(&c, stderr);
		code = tiers_refuse(&t);
		catch_end(&c, stderr);
		snprintf(want, sizeof(want), "mmuscope: no %s; get %s\n", need_name(n), need_name(n));
		assert_string_equal(c.text, matters ? want : "");
		assert_int_equal(code, !matters ? 0 : need_code(n));
		assert_int_equal(need_code(n), !strncmp(need_name(n), "cap-", 4) || n == NEED_SYMBOLS || n == NEED_BPF ? 1 : 4);
	}
}

static void names_are_found(void **state)
{
	(void)state;
	for (enum tier t = 0; t < TIER_NONE; t++)
		assert_int_equal(tier_named(tier_name(t)), t);
	assert_int_equal(tier_named("none"), TIER_NR);
	assert_int_equal(tier_named(""), TIER_NR);
}

/* A worse tier knows nothing that a better one does not, but for whose changes it does not count. */
static void each_tier_knows_less(void **state)
{
	(void)state;
	assert_int_equal(tier_unknown(TIER_FENTRY), 0);
	for (enum tier t = TIER_FENTRY; t < TIER_STATS; t++)
		assert_int_equal(tier_unknown(t) & ~tier_unknown(t + 1) & ~UNKNOWN(WHOSE), 0);
	for (enum tier t = TIER_KPROBE; t < TIER_NONE; t++)
		assert_true(tier_unknown(t) & UNKNOWN(VERDICTS));
}

static struct snapshot reduced(enum tier t)
{
	struct snapshot s = { .reduced = true, .unknown = tier_unknown(t), .seconds_ns = 1000000000 };
	struct vm_row *row = snapshot_add_vm(&s);

	assert_non_null(row);
	row->info.index = 1;
	row->info.pid = 812;
	row->by_stats = row->walk_done = true;
	row->walked[0] = 1032;
	return s;
}

static bool has(const struct samples *s, enum metric m)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].metric == m)
			return true;
	return false;
}

/* The same samples from the report and from its JSON; of what is not known there are none. */
static void unknown_is_not_zero(void **state)
{
	(void)state;
	for (enum tier t = TIER_KPROBE; t < TIER_NONE; t++) {
		struct snapshot s = reduced(t);
		struct report r = { .command = "levels", .kernel = "7.3", .machine = "x86_64", .tier = tier_name(t),
				    .snapshot = &s, .command_status = -1 };
		struct samples live = { 0 }, read = { 0 };
		json_t *o = json_of_report(&r), *vm;
		char why[128];

		assert_non_null(o);
		vm = json_array_get(json_object_get(o, "vms"), 0);
		assert_int_equal(json_is_null(json_object_get(vm, "faults")), t == TIER_STATS);
		assert_true(json_is_null(json_object_get(vm, "violations")));
		assert_null(json_object_get(o, "verdict"));
		assert_int_equal(metrics_from_report(&r, &live), 0);
		assert_int_equal(metrics_from_json(o, &read, why, sizeof(why)), 0);
		assert_int_equal(live.n, read.n);
		for (size_t i = 0; i < live.n; i++) {
			assert_int_equal(live.list[i].metric, read.list[i].metric);
			assert_true(live.list[i].value == read.list[i].value);
		}
		assert_true(has(&live, METRIC_MAPPED));
		assert_true(has(&live, METRIC_UNKNOWN));
		assert_int_equal(has(&live, METRIC_INSTALLED), t != TIER_STATS);
		assert_int_equal(has(&live, METRIC_HVA_CALLS), t == TIER_KPROBE);
		assert_false(has(&live, METRIC_HVA_WRITES) || has(&live, METRIC_RETRIES) ||
			     has(&live, METRIC_VERDICT));
		samples_free(&live);
		samples_free(&read);
		json_decref(o);
		snapshot_free(&s);
	}
}

static const struct works *work(const struct doctor *d, const char *name)
{
	for (size_t i = 0; i < d->nworks; i++)
		if (!strcmp(d->works[i].name, name))
			return &d->works[i];
	fail();
	return NULL;
}

static void doctor_concludes(unsigned int missing, enum tier tier, const char *stock, const char *flow,
			     const char *windows)
{
	static struct doctor d;

	d.tiers = host(~missing);
	d.best = tiers_best(&d.tiers, TIER_FENTRY);
	assert_int_equal(d.best, tier);
	doctor_conclude(&d);
	assert_string_equal(works_name(work(&d, "levels: stock")->state), stock);
	assert_string_equal(works_name(work(&d, "levels: flow")->state), flow);
	assert_string_equal(works_name(work(&d, "windows")->state), windows);
	for (int i = 0; i < INV_NR; i++)
		assert_int_equal(work(&d, invariant_name(i))->state, WORKS_NOT);
	assert_int_equal(work(&d, "walk")->state, WORKS_NOT);
	assert_int_equal(work(&d, "record")->state, WORKS_NOT);
}

static void doctor_says_what_works(void **state)
{
	(void)state;
	doctor_concludes(1u << NEED_KVM_BTF, TIER_KPROBE, "yes", "yes", "reduced");
	doctor_concludes(1u << NEED_UNLOCKED, TIER_TRACEPOINT, "yes", "reduced", "reduced");
	doctor_concludes(1u << NEED_UNLOCKED | 1u << NEED_STATS, TIER_TRACEPOINT, "no", "reduced", "reduced");
	doctor_concludes(1u << NEED_CAP_BPF, TIER_STATS, "yes", "no", "no");
	doctor_concludes(1u << NEED_CAP_BPF | 1u << NEED_STATS, TIER_NONE, "no", "no", "no");
	doctor_concludes(1u << NEED_KVM, TIER_NONE, "no", "no", "no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_is_the_first_that_has_all),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(each_tier_knows_less),
		cmocka_unit_test(unknown_is_not_zero),
		cmocka_unit_test(doctor_says_what_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
