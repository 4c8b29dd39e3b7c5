// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a scrape grows: the counters of so many VMs, on a host of so many CPUs, are read out and added up
 * by user/session/session.c, and become the text that mmuscope serve answers with.  The linker puts the
 * functions below in the place of libbpf's.  Checks the sums, prints a line of JSON with time and size.
 */
#include "user/judge/blame.h"
#include "user/metrics/exposition.h"
#include "user/session/session_state.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mmuscope.skel.h"

enum map_number { MAP_OTHER, MAP_VMS, MAP_COUNTS, MAP_HISTS };
enum { MEMSLOTS = 4, TIMES = 5 };

static uint32_t nvms, ncpus;

int __wrap_libbpf_num_possible_cpus(void);
int __wrap_bpf_map__fd(const struct bpf_map *map);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next);

int __wrap_libbpf_num_possible_cpus(void)
{
	return (int)ncpus;
}

int __wrap_bpf_map__fd(const struct bpf_map *map)
{
	return (int)(uintptr_t)map;
}

static void fill_counts(struct vm_counts *counts)
{
	uint64_t *n = (uint64_t *)counts;

	/* no two alike, and of seven digits as on a host that has been up for a while */
	for (size_t i = 0; i < sizeof(*counts) / sizeof(*n); i++)
		n[i] = 1000003 + 1009 * i;
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	uint32_t k = *(const uint32_t *)key;

	switch (fd) {
	case MAP_VMS:
		*(struct vm_info *)value = (struct vm_info){
			.kvm = 1, .index = k, .pid = (1U << 22) + k, .comm = "qemu-system-x86"
		};
		return 0;
	case MAP_COUNTS:
		fill_counts(value);
		return 0;
	case MAP_HISTS:
		for (uint32_t c = 0; c < ncpus; c++)
			for (int b = 0; b < HIST_BUCKETS; b++)
				((struct hist *)value)[c].bucket[b] = c + 1;
		return 0;
	default:
		return -1;
	}
}

int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next)
{
	(void)fd;
	(void)key;
	(void)next;
	return -1;
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void *zeros(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		err(1, "memory");
	return p;
}

static void set_map(struct bpf_map **map, enum map_number n)
{
	memcpy(map, &(uintptr_t){ n }, sizeof(*map));
}

static struct ledger *ledger_make(uint32_t vm)
{
	struct survey_args a = { .vm = vm, .npages = 1 << 20, .leaves = { { 7777 + vm }, { 0, 1234 + vm } } };
	struct ledger *l = zeros(1, sizeof(*l));

	for (int i = 0; i < MEMSLOTS; i++) {
		a.id = (uint32_t)i;
		a.base_gfn = (uint64_t)i << 20;
		if (ledger_add(l, &a))
			errx(1, "ledger_add");
	}
	l->surveyed_ns = 1;
	return l;
}

static struct session *session_make(void)
{
	struct session *s = zeros(1, sizeof(*s));

	s->skel = zeros(1, sizeof(*s->skel));
	s->skel->bss = zeros(1, sizeof(*s->skel->bss));
	s->skel->rodata = zeros(1, sizeof(*s->skel->rodata));
	set_map(&s->skel->maps.vms, MAP_VMS);
	set_map(&s->skel->maps.vm_counts, MAP_COUNTS);
	set_map(&s->skel->maps.hists, MAP_HISTS);
	s->options = (struct session_options){ .check = true, .survey = true, .max_vms = nvms };
	s->names = zeros(nvms + 1, sizeof(*s->names));
	s->ledgers = zeros(nvms + 1, sizeof(struct ledger *));
	for (uint32_t i = 1; i <= nvms; i++)
		s->ledgers[i] = ledger_make(i);
	s->started_ns = 1;
	s->stopped_ns = 1000000001;
	return s;
}

/* Every copy of every VM's counters, and of every CPU's histograms, is in the sums exactly once. */
static void sums_are_right(const struct snapshot *now)
{
	struct vm_counts one, total;

	fill_counts(&one);
	snapshot_total(now, &total);
	for (size_t i = 0; i < sizeof(one) / 8; i++)
		if (((uint64_t *)&total)[i] != ((uint64_t *)&one)[i] * COUNT_SHARDS * (nvms + 1))
			errx(1, "counter %zu: a wrong sum", i);
	for (int h = 0; h < HIST_NR; h++)
		for (int b = 0; b < HIST_BUCKETS; b++)
			if (now->hists[h].bucket[b] != (uint64_t)ncpus * (ncpus + 1) / 2)
				errx(1, "histogram %d, bucket %d: a wrong sum", h, b);
}

struct cost {
	double read_ms;		/* counters and histograms, added up */
	double samples_ms;	/* verdicts, samples in order */
	double text_ms;
	size_t series;
	size_t bytes;
};

static void gather(struct session *s, struct cost *c)
{
	double began = cpu_ms(), read, made;
	const struct snapshot *now = session_snapshot(s);
	struct verdict verdicts[INV_NR];
	struct samples samples = { 0 };
	struct text text = { 0 };

	if (!now)
		errx(1, "no memory for a snapshot");
	read = cpu_ms();
	sums_are_right(now);

	struct report r = {
		.command = "serve", .kernel = "", .machine = "", .tier = "fentry", .snapshot = now,
		.verdicts = verdicts, .selected = (1U << INV_NR) - 1, .dirty_bit = -1, .command_status = -1,
	};

	c->read_ms = read - began;
	began = cpu_ms();
	for (int i = 0; i < INV_NR; i++)
		verdict_of(now, i, false, &verdicts[i]);
	r.overall = verdict_overall(verdicts, r.selected);
	if (metrics_from_report(&r, &samples))
		errx(1, "no memory for samples");
	samples_sort(&samples);
	made = cpu_ms();
	if (exposition_write(&text, &samples, FORM_OPENMETRICS) || exposition_end(&text, FORM_OPENMETRICS))
		errx(1, "no memory for the text");
	c->samples_ms = made - began;
	c->text_ms = cpu_ms() - made;
	c->series = samples.n;
	c->bytes = text.n;
	text_free(&text);
	samples_free(&samples);
}

static uint32_t number(const char *text)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (!n || n > MAX_VMS)
		errx(1, "%s: not 1 to %d", text, MAX_VMS);
	return (uint32_t)n;
}

int main(int argc, char **argv)
{
	struct cost best, c;
	struct session *s;

	if (argc != 3)
		errx(1, "usage: scrape VMS CPUS");
	nvms = number(argv[1]);
	ncpus = number(argv[2]);
	s = session_make();
	/* the first looks for the names of processes, which are not there */
	gather(s, &best);
	for (int i = 0; i < TIMES; i++) {
		gather(s, &c);
		if (c.read_ms + c.samples_ms + c.text_ms < best.read_ms + best.samples_ms + best.text_ms)
			best = c;
	}
	printf("{\"vms\": %u, \"cpus\": %u, \"read_ms\": %.3f, \"samples_ms\": %.3f, \"text_ms\": %.3f, "
	       "\"series\": %zu, \"bytes\": %zu}\n",
	       nvms, ncpus, best.read_ms, best.samples_ms, best.text_ms, best.series, best.bytes);
	return 0;
}
