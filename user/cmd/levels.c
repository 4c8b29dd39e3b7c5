// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope levels: what is mapped at which level.
 */
#include "user/judge/blame.h"
#include "commands.h"
#include "user/base/log.h"
#include "observe.h"
#include "user/base/reason.h"
#include "user/sink/report.h"

#include <sys/utsname.h>

static const char usage[] =
"Usage: mmuscope levels [OPTION]... [-- COMMAND [ARG]...]\n"
"\n"
"Show per VM how many pages KVM maps at 4K, 2M and 1G (the stock) and how many it\n"
"installed, zapped, split and collapsed while COMMAND ran, for a time, or until\n"
"interrupted (the flow).  Of a VM that ended, the stock is what it had mapped\n"
"when its end began; of one older than this run it is counted in page tables.\n"
"Then what the host's page tables have under it, why KVM maps smaller where it\n"
"does, and what that has cost so far: stock taken every second.\n"
"\n"
"  -p, --pid PID       only VMs of this process\n"
"      --for TIME      stop after TIME (90, 500ms, 5m)\n"
"      --stacks        kernel and user stacks of whoever changed guest memory\n"
"      --max-vms N     follow up to N VMs at a time (256)\n"
"      --tier TIER     no better one than fentry, kprobe, tracepoint or stats\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              memslots, all causes (-vv: libbpf too); errors only\n"
"  -h, --help          this text\n"
"\n"
"With COMMAND, the VMs that it and its children create are looked at.\n"
"Exit status: 0 done, 1 error or COMMAND failed, 3 something was lost,\n"
"4 this kernel cannot do it.\n";

static bool lossy(const struct snapshot *s)
{
	uint64_t lost = s->missed_runs + s->unbalanced_vms + s->losses[LOSS_EVENT] +
			s->losses[LOSS_VM_TABLE] + s->losses[LOSS_ADOPTION];

	return lost != 0;
}

static int report(struct observation *ob, const struct options *o)
{
	const struct snapshot *snapshot = session_snapshot(ob->session);
	struct output *out;
	struct utsname uts;
	struct blame blame;
	struct report r;
	int err;

	if (!snapshot)
		return EXIT_FAILED;
	err = blame_find(&blame, snapshot, NULL, 0, o->stacks);
	if (err)
		return reason_explain("levels", -err);
	out = output_open(o->output);
	if (!out) {
		blame_free(&blame);
		return EXIT_FAILED;
	}
	uname(&uts);
	r = (struct report){
		.command = "levels",
		.kernel = uts.release,
		.machine = uts.machine,
		.host = uts.nodename,
		.workload = o->command,
		.tier = session_tier(ob->session),
		.snapshot = snapshot,
		.causes = &blame.causes,
		.ksyms = blame.ksyms,
		.stacks = o->stacks,
		.verbose = log_level >= LOG_VERBOSE,
		.command_status = o->command ? ob->command_status : -1,
	};
	if (o->json)
		err = json_report(output_file(out), &r);
	else
		text_levels(output_file(out), &r);
	blame_free(&blame);
	if (output_close(out) || err || ob->command_failed)
		return EXIT_FAILED;
	return lossy(snapshot) ? EXIT_INCONCLUSIVE : EXIT_OK;
}

int cmd_levels(int argc, char **argv)
{
	struct observation ob;
	struct options o;
	int err = options_parse(&o, argc, argv, "levels", OPT_TARGET | OPT_STACKS, usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	o.reducible = true;
	err = observe(&ob, &o, false, NULL, NULL);
	if (!err)
		err = report(&ob, &o);
	observe_end(&ob);
	return err;
}
