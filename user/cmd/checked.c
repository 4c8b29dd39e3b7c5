// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a session that judges to its report.
 */
#include "checked.h"
#include "user/base/format.h"
#include "user/base/log.h"
#include "user/base/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool collector_init(struct collector *c, size_t max)
{
	*c = (struct collector){ .max = max, .told = calloc(max ? max : 1, sizeof(*c->told)) };
	return c->told;
}

void collector_deinit(struct collector *c)
{
	free(c->told);
}

static void name_vm(struct session *s, uint32_t index, char *buf, size_t size)
{
	const struct vm_row *vm;
	char comm[FORMAT_LEN];

	session_snapshot(s);
	vm = index ? session_vm(s, index) : NULL;
	if (vm)
		vm_name_tell(buf, size, index, vm->name, vm->info.pid,
			     format_comm(comm, vm->info.comm, COMM_LEN));
	else
		snprintf(buf, size, "unknown: its mapping was gone when looked for");
}

void collect(struct session *s, const struct event_violation *v, void *arg)
{
	struct collector *c = arg;
	struct told *t;

	if (c->n == c->max)
		return;
	t = &c->told[c->n++];
	t->e = *v;
	t->since_start_ns = (int64_t)(v->head.ns - session_started_ns(s));
	/* first of all: the SPTE may not be there for long */
	if (!t->e.vm) {
		uint64_t gfn, hva, spte;
		uint32_t vm, level;

		if (session_find_pfn(s, t->e.pfn, &vm, &gfn, &hva, &spte, &level)) {
			t->e.vm = vm;
			t->e.gfn = gfn;
			t->e.hva = hva;
			t->e.old_spte = t->e.new_spte = spte;
			t->e.level = level;
			session_found(s, vm, (enum invariant)v->invariant);
		}
	}
	name_vm(s, t->e.vm, t->vm_name, sizeof(t->vm_name));
}

int checked_exit_code(enum value overall, bool command_failed)
{
	if (overall == VIOLATED)
		return EXIT_VIOLATED;
	if (command_failed)
		return EXIT_FAILED;
	return overall == HELD ? EXIT_OK : EXIT_INCONCLUSIVE;
}

int checked_make(struct checked *k, struct session *s, const struct options *o, struct collector *c,
		 struct ksyms *ksyms)
{
	unsigned int selected = o->only ? o->only : (1u << INV_NR) - 1;
	const struct snapshot *snapshot = session_snapshot(s);
	int err;

	memset(k, 0, sizeof(*k));
	if (!snapshot)
		return -ENOMEM;
	k->shared = ksyms;
	err = ksyms ? blame_with(&k->blame, ksyms, snapshot, c->told, c->n) :
		      blame_find(&k->blame, snapshot, c->told, c->n, o->stacks);
	if (err)
		return err;
	verdicts_of(snapshot, o->only != 0, k->verdicts);
	for (int i = 0; i < CLAIM_NR; i++)
		claim_weigh(snapshot, &k->blame.causes, i, &k->claims[i]);
	uname(&k->uts);
	k->report = (struct report){
		.command = "check",
		.kernel = k->uts.release,
		.machine = k->uts.machine,
		.host = k->uts.nodename,
		.workload = o->command,
		.tier = session_tier(s),
		.snapshot = snapshot,
		.verdicts = k->verdicts,
		.selected = selected,
		.overall = verdict_overall(k->verdicts, selected),
		.claims = o->claims ? k->claims : NULL,
		.told = c->told,
		.ntold = c->n,
		.causes = &k->blame.causes,
		.ksyms = k->blame.ksyms,
		.stacks = o->stacks,
		.verbose = log_level >= LOG_VERBOSE,
		.dirty_bit = session_dirty_bit(s),
		.command_status = -1,
	};
	return 0;
}

void checked_free(struct checked *k)
{
	if (k->shared)
		k->blame.ksyms = NULL;
	blame_free(&k->blame);
}
