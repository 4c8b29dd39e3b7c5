// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a scrape grows: the counters of so many VMs, on a host of so many CPUs, are read out and added up
 * by user/session/session.c, and become the text that mmuscope serve answers with.  Checks the sums, prints
 * a line of JSON with time and size.
 */
#include "tests/scale/host.h"
#include "user/judge/blame.h"
#include "user/metrics/exposition.h"
#include "user/session/session_state.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "mmuscope.skel.h"

enum { TIMES = 5 };

static uint32_t nvms, ncpus;

/* Every copy of every VM's counters, and of every CPU's histograms, is in the sums exactly once. */
static void sums_are_right(const struct snapshot *now)
{
	struct vm_counts one, total;

	host_fill_counts(&one);
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
	double began = host_cpu_ms(), read, made;
	const struct snapshot *now = session_snapshot(s);
	struct verdict verdicts[INV_NR];
	struct samples samples = { 0 };
	struct text text = { 0 };

	if (!now)
		errx(1, "no memory for a snapshot");
	read = host_cpu_ms();
	sums_are_right(now);

	struct report r = {
		.command = "serve", .kernel = "", .machine = "", .tier = "fentry", .snapshot = now,
		.verdicts = verdicts, .selected = (1U << INV_NR) - 1, .dirty_bit = -1, .command_status = -1,
	};

	c->read_ms = read - began;
	began = host_cpu_ms();
	verdicts_of(now, false, verdicts);
	r.overall = verdict_overall(verdicts, r.selected);
	if (metrics_from_report(&r, &samples))
		errx(1, "no memory for samples");
	made = host_cpu_ms();
	if (exposition_write(&text, &samples, FORM_OPENMETRICS) || exposition_end(&text, FORM_OPENMETRICS))
		errx(1, "no memory for the text");
	c->samples_ms = made - began;
	c->text_ms = host_cpu_ms() - made;
	c->series = samples.n;
	c->bytes = text.n;
	text_free(&text);
	samples_free(&samples);
}

int main(int argc, char **argv)
{
	struct cost best, c;
	struct session *s;

	if (argc != 3)
		errx(1, "usage: scrape VMS CPUS");
	nvms = host_number(argv[1], MAX_VMS);
	ncpus = host_number(argv[2], MAX_VMS);
	s = host_make(nvms, ncpus);
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
