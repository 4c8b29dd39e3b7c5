// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope check: judge the invariants.
 */
#include "blame.h"
#include "commands.h"
#include "format.h"
#include "log.h"
#include "observe.h"
#include "reason.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char usage[] =
"Usage: mmuscope check [OPTION]... [-- COMMAND [ARG]...]\n"
"\n"
"Judge KVM's MMU invariants on this host while COMMAND runs, for a time, or until\n"
"interrupted, and report for each one: HELD, VIOLATED, INCONCLUSIVE, NO OCCASION\n"
"when nothing happened that it speaks of, or NOT APPLICABLE to this kernel.\n"
"\n"
"  -p, --pid PID       only VMs of this process\n"
"      --for TIME      stop after TIME (90, 500ms, 5m)\n"
"      --only INV,...  judge only these; they must then have had an occasion\n"
"      --claims        weigh what is said about dirty and accessed pages\n"
"      --stacks        kernel and user stacks of whoever changed guest memory\n"
"      --stories N     tell the first N violations in full (16)\n"
"      --max-vms N     follow up to N VMs at a time (256)\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              all reasons, all causes (-vv: libbpf too); errors only\n"
"  -h, --help          this text\n"
"\n"
"With COMMAND, the VMs that it and its children create are looked at.\n"
"Exit status: 0 held, 1 error or COMMAND failed, 2 violated, 3 inconclusive,\n"
"4 this kernel cannot do it.\n";

/* violations as they come in; located at once, while the SPTE is likely still there */
struct collector {
	struct told *told;
	size_t n;
	size_t max;
};

static void name_vm(struct session *s, uint32_t index, char *buf, size_t size)
{
	const struct vm_row *vm;
	char comm[FORMAT_LEN];

	session_snapshot(s);
	vm = index ? session_vm(s, index) : NULL;
	if (vm)
		snprintf(buf, size, "%u (pid %u %s)", index, vm->info.pid,
			 format_comm(comm, vm->info.comm, COMM_LEN));
	else
		snprintf(buf, size, "unknown: its mapping was gone when looked for");
}

static void collect(struct session *s, const struct event_violation *v, void *arg)
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
		}
	}
	name_vm(s, t->e.vm, t->vm_name, sizeof(t->vm_name));
}

static int exit_code(enum value overall, bool command_failed)
{
	if (overall == VIOLATED)
		return EXIT_VIOLATED;
	if (command_failed)
		return EXIT_FAILED;
	return overall == HELD ? EXIT_OK : EXIT_INCONCLUSIVE;
}

static int report(struct observation *ob, const struct options *o, struct collector *c)
{
	unsigned int selected = o->only ? o->only : (1u << INV_NR) - 1;
	const struct snapshot *snapshot = session_snapshot(ob->session);
	static struct claim_result claims[CLAIM_NR];
	static struct verdict verdicts[INV_NR];
	struct output *out;
	struct utsname uts;
	struct blame blame;
	struct report r;
	int err;

	if (!snapshot)
		return EXIT_FAILED;
	err = blame_find(&blame, snapshot, c->told, c->n, o->stacks);
	if (err)
		return reason_explain("check", -err);
	out = output_open(o->output);
	if (!out) {
		blame_free(&blame);
		return EXIT_FAILED;
	}
	for (int i = 0; i < INV_NR; i++)
		verdict_of(snapshot, i, o->only != 0, &verdicts[i]);
	for (int i = 0; i < CLAIM_NR; i++)
		claim_weigh(snapshot, &blame.causes, i, &claims[i]);
	uname(&uts);
	r = (struct report){
		.command = "check",
		.kernel = uts.release,
		.machine = uts.machine,
		.host = uts.nodename,
		.workload = o->command,
		.tier = session_tier(ob->session),
		.snapshot = snapshot,
		.verdicts = verdicts,
		.selected = selected,
		.overall = verdict_overall(verdicts, selected),
		.claims = o->claims ? claims : NULL,
		.told = c->told,
		.ntold = c->n,
		.causes = &blame.causes,
		.ksyms = blame.ksyms,
		.stacks = o->stacks,
		.verbose = log_level >= LOG_VERBOSE,
		.dirty_bit = kernel_enum_value(session_kernel(ob->session), "pageflags", "PG_dirty"),
		.command_status = o->command ? ob->command_status : -1,
	};
	if (o->json)
		err = json_report(output_file(out), &r);
	else
		text_check(output_file(out), &r);
	blame_free(&blame);
	if (output_close(out) || err)
		return EXIT_FAILED;
	return exit_code(r.overall, ob->command_failed);
}

int cmd_check(int argc, char **argv)
{
	struct collector c = { 0 };
	struct observation ob;
	struct options o;
	int err = options_parse(&o, argc, argv, "check",
				OPT_TARGET | OPT_ONLY | OPT_STORIES | OPT_CLAIMS | OPT_STACKS, usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	c.max = o.stories;
	c.told = calloc(c.max ? c.max : 1, sizeof(*c.told));
	if (!c.told)
		return reason_explain("check", ENOMEM);
	err = observe(&ob, &o, true, collect, &c);
	if (!err)
		err = report(&ob, &o, &c);
	observe_end(&ob);
	free(c.told);
	return err;
}
