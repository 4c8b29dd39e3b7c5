// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers of the running kernel: a session that goes on and on.  What needs a privilege happens in open.
 */
#include "user/cmd/checked.h"
#include "user/base/format.h"
#include "user/base/reason.h"
#include "user/serve/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STORIES = 64 };

struct live {
	struct source source;
	struct session *session;
	struct session_cost cost;
	struct collector collector;
	struct ksyms *ksyms;		/* every name there is: later they cannot be read any more */
	struct options options;		/* of a session's report */
	struct checked checked;		/* valid from one gathering to the next */
	bool made;
};

/* The stories go to the journal as they come; numbers follow with the next gathering. */
static void tell_violation(struct live *l, const struct told *t)
{
	const struct event_violation *v = &t->e;
	struct journal_entry e = { 0 };
	char text[256], comm[FORMAT_LEN];
	const char *name = invariant_name((enum invariant)v->invariant);

	format_comm(comm, v->comm, sizeof(v->comm));
	snprintf(text, sizeof(text), "VIOLATED: %s, VM %s, gfn 0x%llx, by %s (pid %u)", name, t->vm_name,
		 (unsigned long long)v->gfn, comm, v->pid);
	journal_field(&e, "MMUSCOPE_INVARIANT=%s", name);
	journal_field(&e, "MMUSCOPE_SENTENCE=%s", invariant_sentence((enum invariant)v->invariant));
	journal_field(&e, "MMUSCOPE_VM=%u", v->vm);
	journal_field(&e, "MMUSCOPE_VM_NAME=%s", t->vm_name);
	journal_field(&e, "MMUSCOPE_GFN=0x%llx", (unsigned long long)v->gfn);
	journal_field(&e, "MMUSCOPE_COMM=%s", comm);
	journal_field(&e, "MMUSCOPE_PID=%u", v->pid);
	journal_send(l->source.journal, JOURNAL_VIOLATION, &e, text, serve_clock_ns());
}

static void on_violation(struct session *s, const struct event_violation *v, void *arg)
{
	struct live *l = arg;
	size_t before = l->collector.n;

	collect(s, v, &l->collector);
	if (l->collector.n > before)
		tell_violation(l, &l->collector.told[before]);
}

static int live_open(struct source *s)
{
	struct live *l = (struct live *)s;
	struct session_options so = {
		.check = !s->options->count_only, .survey = true, .scope_pid = s->options->pid,
		.max_vms = s->options->max_vms, .max_stories = STORIES,
		.most = s->options->most, .reducible = true,
	};
	int err;

	if (!collector_init(&l->collector, STORIES))
		return reason_explain("serve", ENOMEM);
	err = session_open(&l->session, &so);
	err = err ?: session_attach(l->session);
	if (err)
		return err;
	l->ksyms = ksyms_new();
	if (!l->ksyms)
		return reason_explain("serve", ENOMEM);
	ksyms_want_all(l->ksyms);
	ksyms_load(l->ksyms);
	session_cost_begin(l->session, s->options->program_times, &l->cost);
	s->fd = session_fd(l->session);
	s->folder = session_folder(l->session);
	return EXIT_OK;
}

static int live_ready(struct source *s)
{
	struct live *l = (struct live *)s;

	return session_consume(l->session, on_violation, l);
}

static void live_tick(struct source *s)
{
	session_tick(((struct live *)s)->session);
}

/* Numbers of VMs are given again after all others: one that has ended may share its number. */
static void note_ended(const struct snapshot *now, struct vm_set *ended)
{
	struct vm_set living = { 0 };

	for (size_t i = 0; i < now->nvms; i++)
		if (!now->vms[i].gone)
			vm_set_add(&living, now->vms[i].info.index);
	for (size_t i = 0; i < now->nvms; i++)
		if (now->vms[i].gone && !vm_set_has(&living, now->vms[i].info.index))
			vm_set_add(ended, now->vms[i].info.index);
}

static int live_gather(struct source *s, struct samples *out, struct vm_set *ended)
{
	struct live *l = (struct live *)s;
	struct report *r = &l->checked.report;
	int err = live_ready(s);

	if (l->made)
		checked_free(&l->checked);
	l->made = false;
	err = err ?: checked_make(&l->checked, l->session, &l->options, &l->collector, l->ksyms);
	if (err)
		return err;
	l->made = true;
	r->command = "serve";
	r->compact = true;
	if (!session_judges(l->session)) {
		r->verdicts = NULL;
		r->told = NULL;
		r->ntold = 0;
	}
	note_ended(r->snapshot, ended);
	return metrics_from_report(r, out);
}

static char *live_report(struct source *s, size_t *size)
{
	struct live *l = (struct live *)s;
	char *text = NULL;
	FILE *f = l->made ? open_memstream(&text, size) : NULL;
	int err = f ? json_report(f, &l->checked.report) : -ENOMEM;

	if (f && fclose(f))
		err = -ENOMEM;
	if (err) {
		free(text);
		return NULL;
	}
	return text;
}

static int live_cost(struct source *s, struct samples *out)
{
	struct live *l = (struct live *)s;
	int err = samples_add(out, METRIC_MAPS, NULL, (double)l->cost.map_bytes);

	for (int h = 0; h < HOOK_NR; h++) {
		const char *name = hook_name((enum hook)h);
		uint64_t runs, ns;

		if (!hook_here(h))
			continue;
		session_cost_of(l->session, (enum hook)h, &runs, &ns);
		err = err ?: samples_add(out, METRIC_PROGRAM_RUNS, &name, (double)runs);
		err = err ?: samples_add(out, METRIC_PROGRAM_TIME, &name, (double)ns);
	}
	return err;
}

static void live_close(struct source *s)
{
	struct live *l = (struct live *)s;

	if (l->made)
		checked_free(&l->checked);
	session_cost_end(&l->cost);
	session_close(l->session);
	ksyms_free(l->ksyms);
	collector_deinit(&l->collector);
	free(l);
}

struct source *live_source(void)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->cost.stats_fd = -1;
	l->source = (struct source){
		.mode = "live", .open = live_open, .fd = -1, .folder = -1, .ready = live_ready, .tick = live_tick,
		.gather = live_gather, .report = live_report, .cost = live_cost, .close = live_close,
	};
	return &l->source;
}
