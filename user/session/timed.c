// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a session that mmuscope walk --payoff needs: calibration, and reading the times out.
 */
#include "user/base/log.h"
#include "session_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mmuscope.skel.h"

enum { RUNS = 501 };

/* the programs that hang on the test functions of the kernel, in the order in which they are added */
enum sample { GAP_BEGIN, GAP_END, MARK, ENTER, LEAVE, SAMPLES };

/* what one run of the calibration has seen, RUNS times */
struct seen {
	uint64_t gap[RUNS];
	uint64_t inside[RUNS];
	uint64_t programs[RUNS];
};

static struct bpf_program *sample_program(const struct session *s, enum sample i)
{
	switch (i) {
	case GAP_BEGIN:
		return s->skel->progs.gap_begin;
	case GAP_END:
		return s->skel->progs.gap_end;
	case MARK:
		return s->skel->progs.sample_mark;
	case ENTER:
		return s->skel->progs.sample_enter;
	default:
		return s->skel->progs.sample_leave;
	}
}

void timed_choose(struct session *s)
{
	for (int i = 0; i < SAMPLES; i++)
		bpf_program__set_autoload(sample_program(s, i), s->options.payoff);
	bpf_program__set_autoload(s->skel->progs.sample_clock, s->options.payoff);
}

int timed_configure(struct session *s)
{
	return bpf_map__set_max_entries(s->skel->maps.payoff_times,
					s->options.payoff ? TIME_ROWS * TIME_SHARDS : 1);
}

/* Have the kernel call its test functions, again and again. */
static int run_tests(struct session *s, struct seen *seen)
{
	const struct mmuscope_bpf__bss *bss = s->skel->bss;

	for (int i = 0; i < RUNS; i++) {
		int err = session_run(s->skel->progs.gap_begin, NULL, 0);

		if (err < 0)
			return err;
		seen->gap[i] = bss->seen_gap;
		seen->inside[i] = bss->seen_inside;
		seen->programs[i] = bss->seen_programs;
	}
	return 0;
}

static int attach_sample(struct session *s, struct bpf_link **links, enum sample i)
{
	links[i] = bpf_program__attach(sample_program(s, i));
	return links[i] ? 0 : -errno;
}

static void detach_sample(struct bpf_link **links, enum sample i)
{
	bpf_link__destroy(links[i]);
	links[i] = NULL;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What attached programs add to the gap, besides what they have timed themselves. */
static uint64_t added(struct seen *seen, uint64_t bare)
{
	return less(less(payoff_median(seen->gap, RUNS), bare), payoff_median(seen->programs, RUNS));
}

/* Three times the same: with nothing between the two programs that take the time, a mark, a pair. */
static int calibrate(struct session *s, struct bpf_link **links, struct seen *seen,
		     struct payoff_costs *out)
{
	uint64_t bare = 0;
	int err = attach_sample(s, links, GAP_BEGIN);

	err = err ?: attach_sample(s, links, GAP_END);
	err = err ?: run_tests(s, seen);
	if (!err)
		bare = payoff_median(seen->gap, RUNS);
	err = err ?: attach_sample(s, links, MARK);
	err = err ?: run_tests(s, seen);
	if (!err)
		out->entry = added(seen, bare);
	detach_sample(links, MARK);
	err = err ?: attach_sample(s, links, ENTER);
	err = err ?: attach_sample(s, links, LEAVE);
	err = err ?: run_tests(s, seen);
	if (err)
		return err;
	out->inside = payoff_median(seen->inside, RUNS);
	out->pair = added(seen, bare);
	return 0;
}

static int calibrate_clock(struct session *s, struct seen *seen, struct payoff_costs *out)
{
	for (int i = 0; i < RUNS; i++) {
		int err = session_run(s->skel->progs.sample_clock, NULL, 0);

		if (err < 0)
			return err;
		seen->gap[i] = s->skel->bss->seen_clock;
		seen->inside[i] = s->skel->bss->seen_known;
	}
	out->clock = payoff_median(seen->gap, RUNS);
	out->known = less(payoff_median(seen->inside, RUNS), out->clock);
	return 0;
}

int timed_calibrate(struct session *s)
{
	struct payoff_costs *c = &s->payoff.costs;
	struct bpf_link *links[SAMPLES] = { NULL };
	struct mmuscope_bpf__bss *bss = s->skel->bss;
	struct seen *seen;
	int err;

	if (!s->options.payoff)
		return 0;
	seen = calloc(1, sizeof(*seen));
	err = seen ? calibrate(s, links, seen, c) : -ENOMEM;
	err = err ?: calibrate_clock(s, seen, c);
	for (int i = 0; i < SAMPLES; i++)
		bpf_link__destroy(links[i]);
	free(seen);
	c->runs = RUNS;
	bss->cost_clock = c->clock;
	bss->cost_inside = c->inside;
	bss->cost_pair = c->pair;
	bss->cost_entry = c->entry;
	return err;
}

static int read_cell(struct session *s, const struct payoff_key *key, uint32_t row,
		     struct time_hist *shard)
{
	struct payoff *p = &s->payoff;
	struct payoff_cell *cells = reallocarray(p->cells, p->ncells + 1, sizeof(*cells));

	if (!cells)
		return -ENOMEM;
	p->cells = cells;
	memset(&cells[p->ncells], 0, sizeof(*cells));
	cells[p->ncells].key = *key;
	for (uint32_t i = 0; i < TIME_SHARDS; i++) {
		uint32_t at = row * TIME_SHARDS + i;

		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.payoff_times), &at, shard))
			payoff_add_hist(&cells[p->ncells].hist, shard);
	}
	p->ncells++;
	return 0;
}

int timed_read(struct session *s)
{
	int fd = bpf_map__fd(s->skel->maps.payoff_rows), err = 0;
	const struct mmuscope_bpf__bss *bss = s->skel->bss;
	struct payoff_key key, *last = NULL;
	struct time_hist *shard;

	if (!s->options.payoff)
		return 0;
	shard = malloc(sizeof(*shard));
	if (!shard)
		return -ENOMEM;
	while (!err && !bpf_map_get_next_key(fd, last, &key)) {
		uint32_t row;

		if (!bpf_map_lookup_elem(fd, &key, &row))
			err = read_cell(s, &key, row, shard);
		last = &key;
	}
	free(shard);
	s->payoff.switched = bss->payoff_switched;
	s->payoff.pinned = bss->payoff_pinned;
	s->payoff.unmatched = bss->payoff_unmatched;
	s->payoff.full = bss->payoff_full;
	s->payoff.probes_ns = bss->payoff_probes;
	return err;
}
