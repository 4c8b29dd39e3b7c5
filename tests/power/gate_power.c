// SPDX-License-Identifier: GPL-2.0-only
/*
 * How often the gate cries wolf, and how often it misses one: comparisons drawn from pools of runs
 * of one build, as they are (A/A), with windows that take longer, and with 2M mappings lost.  The
 * pools are directories of real reports, or made by arithmetic from one of them, or by a model
 * (docs/gate.md).  tests/gate-power runs it.
 */
#include "model.h"
#include "user/gate/gather.h"
#include "user/cmd/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
"Usage: tests/gate-power [OPTION]... [BASE [SLOW LOST]]\n"
"\n"
"Draw comparisons from the reports of BASE, a directory of 30 or more runs of one\n"
"build, or from a model of them; tell how many raise a false alarm, and how many\n"
"notice a slow-down and a loss of 2M mappings.  SLOW and LOST are directories of\n"
"runs with such a change; without them it is made of BASE by arithmetic.  Files\n"
"named BOOT-* are compared across boots, too.\n"
"\n"
"      --model icount|wall  without DIRECTORY: runs that count instructions, or\n"
"                           whose clock is that of a busy machine (icount)\n"
"      --runs N             runs of BASE and of NEW in a comparison (10)\n"
"      --comparisons N      of each kind (1000)\n"
"      --slow PERCENT       by which windows get longer (5)\n"
"      --lose PERCENT       of the 2M mappings (1)\n"
"      --rules FILE         instead of the rules of this program\n"
"      --seed N             other draws\n"
"  -h, --help               this text\n"
"\n"
"Exit status: 0 at most 1 % false alarms, and at least 95 % noticed (wall: false\n"
"alarms only); 1 not so, or error.\n";

static const char own_rules[] =
	"mean of mmuscope_window_duration_seconds not-above 2% and 100ns\n"
	"quantile p99 of mmuscope_window_duration_seconds not-above 20% and 500ns\n"
	"mmuscope_window_duration_seconds_sum per mmuscope_faults_total not-above 2%\n"
	"mmuscope_mapped_bytes{level=2M} not-below 0.5%\n"
	"mmuscope_faults_total within 1%\n";

enum { BASE, SLOW, LOST, POOLS };
enum { POOL_LEAST = 30, MODEL_POOL = 40 };

struct plan {
	const char *directory[POOLS];	/* NULL: made */
	const char *rules_file;
	bool wall;
	uint64_t runs;
	uint64_t comparisons;
	double slow;
	double lose;
	uint64_t seed;
	struct rules rules;
	struct gate gate;
};

static bool copy_pool(struct runs *to, const struct runs *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct run run = from->list[i];

		if (samples_copy(&run.samples, &from->list[i].samples) || !runs_add(to, &run))
			return false;
	}
	return true;
}

/* Number of the boot that a report is of, as its name says; 0: it does not. */
static unsigned long boot_of(const struct run *r)
{
	const char *name = strrchr(r->name, '/');
	char *end;
	unsigned long boot = strtoul(name ? name + 1 : r->name, &end, 10);

	return *end == '-' ? boot : 0;
}

static const struct run *one_of(const struct runs *pool, uint64_t *seed)
{
	return &pool->list[rank_random_below(seed, pool->n)];
}

/* n runs of the pool, drawn with replacement; they stay the pool's.  boot: only of that; 0: of all. */
static void draw(struct runs *out, const struct runs *pool, size_t n, unsigned long boot, uint64_t *seed)
{
	for (out->n = 0; out->n < n;) {
		const struct run *r = one_of(pool, seed);

		if (!boot || boot_of(r) == boot)
			out->list[out->n++] = *r;
	}
}

struct tally {
	size_t n[3];		/* by enum gate_value */
	size_t meant;		/* failed by a rule about the metric that was changed */
};

static bool failed_by(const struct gate *g, enum metric m)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].value == GATE_FAIL && g->list[i].rule->a.metric == m)
			return true;
	return false;
}

/* m: what differs between the pools; across: BASE and NEW are of different boots. */
static struct tally compare(struct plan *p, const struct runs *pool, const struct runs *other,
			    enum metric m, bool across)
{
	struct runs base = { 0 }, new = { 0 };
	struct tally t = { 0 };

	base.list = calloc(p->runs, sizeof(*base.list));
	new.list = calloc(p->runs, sizeof(*new.list));
	for (size_t i = 0; base.list && new.list && i < p->comparisons; i++) {
		unsigned long from = across ? boot_of(one_of(pool, &p->seed)) : 0, to = from;

		while (across && to == from)
			to = boot_of(one_of(other, &p->seed));
		draw(&base, pool, p->runs, from, &p->seed);
		draw(&new, other, p->runs, to, &p->seed);
		gate_judge(&p->rules, &base, &new, NULL, &p->gate);
		t.n[p->gate.value]++;
		t.meant += failed_by(&p->gate, m);
	}
	free(base.list);
	free(new.list);
	return t;
}

static double percent(const struct plan *p, size_t n)
{
	return (double)n * 100 / (double)p->comparisons;
}

static bool say_equal(const struct plan *p, const char *what, const struct tally *t)
{
	double alarms = percent(p, t->n[GATE_FAIL]);

	printf("%-34s %5zu false alarms (%.1f%%), %zu inconclusive, %zu passed%s\n", what,
	       t->n[GATE_FAIL], alarms, t->n[GATE_INCONCLUSIVE], t->n[GATE_PASS],
	       alarms <= 1 ? "" : ": too many");
	return alarms <= 1;
}

static bool say_changed(const struct plan *p, const char *what, const struct tally *t, double wanted)
{
	double caught = percent(p, t->meant);

	printf("%-34s %5zu failed (%.1f%%), %zu inconclusive, %zu passed%s\n", what, t->meant, caught,
	       t->n[GATE_INCONCLUSIVE], t->n[GATE_PASS], caught >= wanted ? "" : ": too few failed");
	return caught >= wanted;
}

static bool several_boots(const struct runs *pool)
{
	for (size_t i = 0; i < pool->n; i++)
		if (!boot_of(&pool->list[i]))
			return false;
	for (size_t i = 1; i < pool->n; i++)
		if (boot_of(&pool->list[i]) != boot_of(&pool->list[0]))
			return true;
	return false;
}

/* All kinds; true: as it should be. */
static bool prove(struct plan *p, const struct runs pool[POOLS])
{
	double wanted = p->wall && !p->directory[BASE] ? 0 : 95;
	struct tally t = compare(p, &pool[BASE], &pool[BASE], METRIC_NR, false);
	bool good = say_equal(p, "the same build", &t);
	char what[64];

	if (several_boots(&pool[BASE])) {
		t = compare(p, &pool[BASE], &pool[BASE], METRIC_NR, true);
		good &= say_equal(p, "the same build, in another boot", &t);
	}
	if (p->directory[SLOW])
		snprintf(what, sizeof(what), "slow (%zu real runs)", pool[SLOW].n);
	else
		snprintf(what, sizeof(what), "windows %g%% longer", p->slow);
	t = compare(p, &pool[BASE], &pool[SLOW], METRIC_WINDOW_TIME, false);
	good &= say_changed(p, what, &t, wanted);
	if (p->directory[LOST])
		snprintf(what, sizeof(what), "2M mappings lost (%zu real runs)", pool[LOST].n);
	else
		snprintf(what, sizeof(what), "%g%% of 2M mappings lost", p->lose);
	if (!pool[LOST].n) {
		printf("%-34s not tried: these runs have no 2M mapping\n", what);
		return good;
	}
	t = compare(p, &pool[BASE], &pool[LOST], METRIC_MAPPED, false);
	return say_changed(p, what, &t, 95) && good;
}

static bool fill_base(struct plan *p, struct runs *pool)
{
	struct run run;

	if (p->directory[BASE]) {
		if (gather(pool, p->directory[BASE], NULL, NULL))
			return false;
		if (pool->n >= POOL_LEAST)
			return true;
		fprintf(stderr,
			"gate-power: %s has %zu runs; at least %d of one build are needed\n",
			p->directory[BASE], pool->n, POOL_LEAST);
		return false;
	}
	for (int i = 0; i < MODEL_POOL; i++) {
		model_run(&run, p->wall, &p->seed);
		if (!runs_add(pool, &run))
			return false;
	}
	return true;
}

/* The other two: real ones, or made of the first. */
static bool fill_changed(struct plan *p, struct runs pool[POOLS])
{
	double mapped = 0;

	if (p->directory[SLOW])
		return !gather(&pool[SLOW], p->directory[SLOW], NULL, NULL) &&
		       !gather(&pool[LOST], p->directory[LOST], NULL, NULL);
	if (!copy_pool(&pool[SLOW], &pool[BASE]) || !copy_pool(&pool[LOST], &pool[BASE]))
		return false;
	for (size_t i = 0; i < pool[BASE].n; i++) {
		model_slow_down(&pool[SLOW].list[i].samples, p->slow, &p->seed);
		mapped += model_lose_mappings(&pool[LOST].list[i].samples, p->lose);
	}
	if (mapped == 0)
		runs_free(&pool[LOST]);
	return true;
}

static bool read_rules(struct plan *p)
{
	static char text[RULES_TEXT_MAX + 1];
	struct rules_error error;
	const char *name = p->rules_file ? p->rules_file : "its rules";
	size_t len = sizeof(own_rules) - 1;
	FILE *f = p->rules_file ? fopen(p->rules_file, "r") : NULL;

	if (p->rules_file && !f) {
		fprintf(stderr, "gate-power: cannot read %s\n", name);
		return false;
	}
	if (f) {
		len = fread(text, 1, sizeof(text), f);
		fclose(f);
	} else {
		memcpy(text, own_rules, len);
	}
	if (!rules_parse(text, len, &p->rules, &error))
		return true;
	fprintf(stderr, "gate-power: %s, line %zu, column %zu: %s\n", name, error.line,
		error.column, error.text);
	return false;
}

static bool parse_percent(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && !*end && *out > 0 && *out <= 1000;
}

/* 0: go on; 1: help was printed; -1: bad usage was reported. */
static int parse(struct plan *p, int argc, char **argv)
{
	static const struct option longs[] = {
		{"model", required_argument, NULL, 'm'},
		{"runs", required_argument, NULL, 'n'},
		{"comparisons", required_argument, NULL, 'c'},
		{"slow", required_argument, NULL, 's'},
		{"lose", required_argument, NULL, 'l'},
		{"rules", required_argument, NULL, 'r'},
		{"seed", required_argument, NULL, 'S'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'm':
			p->wall = !strcmp(optarg, "wall");
			good = p->wall || !strcmp(optarg, "icount");
			break;
		case 'n':
			good = !parse_number(optarg, 1, 1000, &p->runs);
			break;
		case 'c':
			good = !parse_number(optarg, 1, 1000000, &p->comparisons);
			break;
		case 's':
			good = parse_percent(optarg, &p->slow);
			break;
		case 'l':
			good = parse_percent(optarg, &p->lose) && p->lose <= 100;
			break;
		case 'r':
			p->rules_file = optarg;
			break;
		case 'S':
			good = !parse_number(optarg, 1, INT64_MAX, &p->seed);
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			good = false;
		}
	}
	for (int i = 0; i < POOLS && optind + i < argc; i++)
		p->directory[i] = argv[optind + i];
	if (good && argc - optind <= POOLS && argc - optind != 2)
		return 0;
	fprintf(stderr, "gate-power: not understood: '%s'\nTry 'tests/gate-power --help'.\n",
		argv[good ? argc - 1 : optind - 1]);
	return -1;
}

int main(int argc, char **argv)
{
	static struct plan plan = {
		.runs = 10, .comparisons = 1000, .slow = 5, .lose = 1, .seed = 19470301};
	static struct runs pool[POOLS];
	int err = parse(&plan, argc, argv);
	bool good;

	if (err)
		return err < 0;
	if (!read_rules(&plan) || !fill_base(&plan, &pool[BASE]) || !fill_changed(&plan, pool))
		return 1;
	printf("%llu comparisons of each kind, %llu and %llu runs each out of %zu ",
	       (unsigned long long)plan.comparisons, (unsigned long long)plan.runs,
	       (unsigned long long)plan.runs, pool[BASE].n);
	if (plan.directory[BASE])
		printf("real ones\n");
	else
		printf("of the model '%s'\n", plan.wall ? "wall" : "icount");
	good = prove(&plan, pool);
	for (int i = 0; i < POOLS; i++)
		runs_free(&pool[i]);
	return !good;
}
