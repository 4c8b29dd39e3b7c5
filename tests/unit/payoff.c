// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mmuscope walk --payoff makes of its times: buckets, medians and their intervals, what is saved; and
 * its report, compared with tests/golden/ (UPDATE_GOLDEN=1 renews it; look at the diff).
 */
#include "user/judge/payoff.h"
#include "user/sink/report.h"

#include "lib/golden.h"
#include "unit.h"

#include <jansson.h>
#include <math.h>

static void add(struct time_hist *h, uint64_t v, uint64_t n)
{
	h->n[time_bucket(v)] += n;
	h->sum[time_bucket(v)] += v * n;
}

static void near(double got, double want, double by)
{
	if (fabs(got - want) > by)
		fail_msg("%f is not within %f of %f", got, by, want);
}

/* in order, none skipped, and no wider than a sixteenth */
static void buckets(void **arg)
{
	uint32_t last = 0;

	(void)arg;
	for (uint64_t v = 0; v < 1 << 20; v++) {
		uint32_t b = time_bucket(v);

		assert_true(b == last || b == last + 1);
		last = b;
	}
	assert_int_equal(time_bucket(15), 15);
	assert_int_equal(time_bucket(16), 16);
	assert_int_equal(time_bucket(31), 31);
	assert_int_equal(time_bucket(32), 32);
	assert_int_equal(time_bucket(33), 32);
	assert_int_equal(time_bucket(34), 33);
	assert_int_equal(time_bucket(1024), time_bucket(1087));
	assert_int_equal(time_bucket(1088), time_bucket(1024) + 1);
	assert_int_equal(time_bucket((1ULL << 32) - 1), TIME_BUCKETS - 1);
	assert_int_equal(time_bucket(UINT64_MAX), TIME_BUCKETS - 1);
}

static void medians(void **arg)
{
	uint64_t odd[] = { 9, 1, 5 }, even[] = { 4, 3, 2, 1 };

	(void)arg;
	assert_int_equal(payoff_median(NULL, 0), 0);
	assert_int_equal(payoff_median(odd, 3), 5);
	assert_int_equal(payoff_median(even, 4), 3);
}

/* a few that an interrupt has hit do not move it */
static void estimates(void **arg)
{
	struct time_hist h = { .n = { 0 } };
	struct estimate e = payoff_estimate(&h);

	(void)arg;
	assert_int_equal(e.n, 0);
	near(e.median, 0, 0);
	add(&h, 627, 1000);
	add(&h, 30000, 10);
	e = payoff_estimate(&h);
	assert_int_equal(e.n, 1010);
	near(e.median, 627, 0);
	near(e.low, 627, 0);
	near(e.high, 627, 0);
	near(e.mean, (627.0 * 1000 + 300000) / 1010, 1e-6);
}

/* as good as sorting: of random numbers, within a bucket's width; and the interval holds the truth */
static void estimates_of_random_numbers(void **arg)
{
	uint64_t seed = 20240314;
	int outside = 0;

	(void)arg;
	for (int run = 0; run < 400; run++) {
		struct time_hist h = { .n = { 0 } };
		uint64_t v[500];
		struct estimate e;

		for (int i = 0; i < 500; i++) {
			v[i] = 1000 + random_below(&seed, 1000);
			add(&h, v[i], 1);
		}
		e = payoff_estimate(&h);
		near(e.median, (double)payoff_median(v, 500), 1500 / 32.0);
		assert_true(e.low <= e.median && e.median <= e.high);
		outside += e.low > 1500 || e.high < 1500;
	}
	/* 5% of 400, give or take */
	if (outside > 34)
		fail_msg("%d of 400 intervals do not hold the median", outside);
}

static struct payoff_key key(int from, int before, int path, int write, int part)
{
	return (struct payoff_key){
		.part = (uint8_t)part, .from = (uint8_t)from, .before = (uint8_t)before,
		.path = (uint8_t)path, .write = (uint8_t)write, .level = 1, .backing = BACKING_ANON,
	};
}

struct fixture {
	struct payoff payoff;
	struct payoff_cell cells[32];
};

static void cell(struct fixture *f, struct payoff_key k, uint64_t v, uint64_t n)
{
	struct payoff_cell *c = &f->cells[f->payoff.ncells++];

	memset(c, 0, sizeof(*c));
	c->key = k;
	add(&c->hist, v, n);
}

static void call(struct fixture *f, int before, int path, int write, const int *ns, uint64_t n)
{
	for (int p = 0; p < PAYOFF_PARTS; p++)
		if (ns[p])
			cell(f, key(FROM_FAULT, before, path, write, p), (uint64_t)ns[p], n);
}

/* in the order of enum payoff_part: walk, lookup, try, level, fault */
static const int cold[] = { 271, 8104, 435, 174, 9526 };
static const int warm[] = { 268, 627, 0, 170, 2056 };
static const int bare[] = { 0, 0, 0, 0, 900 };

static void build(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->payoff.cells = f->cells;
	call(f, BEFORE_WARM, PATH_FAST, 0, warm, 10);
	call(f, BEFORE_WARM, PATH_FAST, 1, warm, 1000);
	call(f, BEFORE_COLD, PATH_SLOW, 1, cold, 500);
	call(f, BEFORE_NONE, PATH_NONE, 1, bare, 7);
}

static const struct payoff_row *find(const struct payoff_result *r, int before, int write)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].key.before == before && r->rows[i].key.write == write)
			return &r->rows[i];
	fail_msg("there is no such row");
	return NULL;
}

static void what_is_saved(void **arg)
{
	const struct payoff_row *row;
	struct payoff_result r;
	struct fixture f;

	(void)arg;
	build(&f);
	payoff_judge(&f.payoff, &r);
	assert_int_equal(r.n, 4);
	near(r.native.median, 174, 0);
	row = find(&r, BEFORE_WARM, 1);
	assert_true(row->judged);
	near(row->saved[WALK_FREE], 627 + 170, 0);
	near(row->saved[WALK_OURS], 627 + 170 - 268, 0);
	near(row->saved[WALK_NATIVE], 627 + 170 - 174, 0);
	/* the level has to be looked up all the same */
	row = find(&r, BEFORE_COLD, 1);
	near(row->saved[WALK_FREE], 435, 0);
	near(row->saved[WALK_OURS], 435 - 271, 0);
	assert_false(find(&r, BEFORE_NONE, 1)->judged);
	assert_int_equal(r.sum.faults, 1517);
	assert_int_equal(r.sum.writes, 1500);
	assert_int_equal(r.sum.served, 1000);
	near(r.sum.faults_ns, 2056 * 1010.0 + 9526 * 500.0 + 900 * 7, 1e-3);
	near(r.sum.saved_ns[WALK_NATIVE], 623 * 1000.0 + (435 - 174) * 500.0, 1e-3);
	near(r.sum.error_ns, 0, 0);
	payoff_result_free(&r);
}

/* of reads the fast path is not always tried, and a failed lookup has given nothing */
static void what_is_not_judged(void **arg)
{
	static const int failed[] = { 200, 9000, 400, 0, 9900 }, untried[] = { 200, 3000, 0, 170, 4000 };
	struct payoff_result r;
	struct fixture f;

	(void)arg;
	memset(&f, 0, sizeof(f));
	f.payoff.cells = f.cells;
	call(&f, BEFORE_UNFIT, PATH_FAILED, 1, failed, 5);
	call(&f, BEFORE_COLD, PATH_SLOW, 0, untried, 5);
	payoff_judge(&f.payoff, &r);
	assert_false(find(&r, BEFORE_UNFIT, 1)->judged);
	assert_false(find(&r, BEFORE_COLD, 0)->judged);
	near(r.sum.saved_ns[WALK_FREE], 0, 0);
	payoff_result_free(&r);
	payoff_judge(&(struct payoff){ .ncells = 0 }, &r);
	assert_int_equal(r.n, 0);
	payoff_result_free(&r);
}

/* half the interval of a sum is the root of the squares of its parts' */
static void errors_add_up(void **arg)
{
	struct payoff_result r;
	struct fixture f;
	const struct payoff_row *row;
	const struct estimate *e;
	double squares = 0;

	(void)arg;
	build(&f);
	for (size_t i = 0; i < f.payoff.ncells; i++)
		for (int k = 0; k < 200; k++)
			add(&f.cells[i].hist, 100 + 10 * (uint64_t)k, 1);
	payoff_judge(&f.payoff, &r);
	row = find(&r, BEFORE_WARM, 0);
	for (int p = 0; p < PART_FAULT; p++) {
		e = &row->part[p];
		squares += pow((e->high - e->low) / 2, 2);
	}
	squares += pow((r.native.high - r.native.low) / 2, 2);
	assert_true(row->error > 0);
	near(row->error, sqrt(squares), 1e-6);
	payoff_result_free(&r);
}

static void build_report(struct fixture *f, struct snapshot *s, struct report *r)
{
	build(f);
	cell(f, key(FROM_AHEAD, BEFORE_COLD, PATH_SLOW, 0, PART_LOOKUP), 3268, 3);
	cell(f, key(FROM_ELSEWHERE, BEFORE_WARM, PATH_FAST, 1, PART_LOOKUP), 600, 1);
	f->payoff.costs = (struct payoff_costs){
		.runs = 501, .clock = 48, .inside = 178, .pair = 422, .entry = 186, .known = 1003,
	};
	f->payoff.switched = 14;
	f->payoff.pinned = 2;
	f->payoff.unmatched = 1;
	f->payoff.probes_ns = 5590000;
	*s = (struct snapshot){ .payoff = &f->payoff, .seconds_ns = 500000000 };
	*r = (struct report){
		.command = "walk", .kernel = "6.12.117+deb13-cloud-amd64", .machine = "x86_64",
		.tier = "fentry", .snapshot = s, .dirty_bit = -1, .command_status = -1,
	};
}

static void as_text(void **arg)
{
	struct snapshot s;
	struct fixture f;
	struct report r;

	(void)arg;
	build_report(&f, &s, &r);
	golden_report("payoff.txt", text_walk, &r);
	memset(&f.payoff, 0, sizeof(f.payoff));
	golden_report("payoff-nothing.txt", text_walk, &r);
}

static double number(const json_t *o, const char *a, const char *b)
{
	const json_t *found = json_object_get(o, a);

	found = b ? json_object_get(found, b) : found;
	assert_true(json_is_number(found));
	return json_number_value(found);
}

static void as_json(void **arg)
{
	const json_t *payoff, *calls, *row = NULL;
	struct snapshot s;
	struct fixture f;
	struct report r;
	json_t *o;

	(void)arg;
	build_report(&f, &s, &r);
	o = json_read_back(&r);
	payoff = json_object_get(o, "payoff");
	near(number(payoff, "calibration", "pair_ns"), 422, 0);
	near(number(payoff, "sum", "write_lookups_served"), 1000, 0);
	near(number(payoff, "switched", NULL), 14, 0);
	calls = json_object_get(payoff, "calls");
	assert_int_equal(json_array_size(calls), 6);
	/* the first row: faults, for writing, cold */
	row = json_array_get(calls, 0);
	assert_string_equal(json_string_value(json_object_get(row, "before")), "cold");
	assert_string_equal(json_string_value(json_object_get(row, "at")), "4K");
	near(number(row, "lookup", "median_ns"), 8104, 0);
	near(number(row, "lookup", "n"), 500, 0);
	near(number(row, "saved_ns", "native"), 435 - 174, 0);
	row = json_array_get(calls, 5);
	assert_true(json_is_null(json_object_get(row, "saved_ns")));
	assert_true(json_is_null(json_object_get(row, "fault")));
	json_decref(o);
}

static void missed(void **arg)
{
	struct payoff p = { .ncells = 0 };
	struct snapshot s = { .payoff = &p };

	(void)arg;
	p.switched = 3;
	assert_false(payoff_missed(&s));
	p.unmatched = 1;
	assert_true(payoff_missed(&s));
	p.unmatched = 0;
	p.full = 1;
	assert_true(payoff_missed(&s));
	p.full = 0;
	s.missed_runs = 1;
	assert_true(payoff_missed(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets),
		cmocka_unit_test(medians),
		cmocka_unit_test(estimates),
		cmocka_unit_test(estimates_of_random_numbers),
		cmocka_unit_test(what_is_saved),
		cmocka_unit_test(what_is_not_judged),
		cmocka_unit_test(errors_add_up),
		cmocka_unit_test(as_text),
		cmocka_unit_test(as_json),
		cmocka_unit_test(missed),
	};

	return cmocka_run_group_tests_name("payoff", tests, NULL, NULL);
}
