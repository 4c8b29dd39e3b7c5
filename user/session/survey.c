// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking stock of the VMs for the level ledger: on demand, and as often as it costs little.
 */
#include "session_state.h"

#include <stdlib.h>
#include <time.h>

#include "mmuscope.skel.h"

enum {
	SURVEY_SHARE = 20,	/* surveys take at most one part in so many of the time */
	FOLIO_SURVEYS = 8,	/* one in so many, and the first, looks at each page's folio too */
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* One call of the BPF program.  False: no memslot at or above a->gfn, or an error. */
static bool survey_call(struct session *s, struct survey_args *a)
{
	int fd = bpf_map__fd(s->skel->maps.surveys);
	uint32_t zero = 0;

	return !bpf_map_update_elem(fd, &zero, a, BPF_ANY) &&
	       session_run(s->skel->progs.survey_slot, NULL, 0) >= 0 &&
	       !bpf_map_lookup_elem(fd, &zero, a) && a->found;
}

static int survey_vm(struct session *s, uint32_t index, bool folios, struct ledger *stock)
{
	for (uint32_t as_id = 0; as_id < 2; as_id++) {
		struct survey_args a = { .vm = index, .as_id = as_id, .folios = folios };

		for (uint64_t from = 0; survey_call(s, &a) && a.gfn > from; from = a.gfn)
			if (ledger_add(stock, &a))
				return -ENOMEM;
	}
	return 0;
}

static bool vm_lives(struct session *s, uint32_t index)
{
	struct vm_info info;

	return !bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.vms), &index, &info) && info.kvm &&
	       !(info.flags & VM_DYING);
}

void session_survey(struct session *s, bool folios)
{
	for (uint32_t i = 1; i <= s->options.max_vms; i++) {
		struct ledger stock = { 0 };

		if (!vm_lives(s, i))
			continue;
		if (!s->ledgers[i])
			s->ledgers[i] = calloc(1, sizeof(*s->ledgers[i]));
		/* of a VM that has begun to end meanwhile the last whole stock stays */
		if (s->ledgers[i] && !survey_vm(s, i, folios, &stock) && vm_lives(s, i))
			ledger_take(s->ledgers[i], &stock, clock_ns());
		ledger_free(&stock);
	}
}

void survey_tick(struct session *s)
{
	uint64_t began = clock_ns();

	if (began < s->next_survey_ns)
		return;
	session_survey(s, s->surveys++ % FOLIO_SURVEYS == 0);
	s->next_survey_ns = began + SURVEY_SHARE * (clock_ns() - began);
}
