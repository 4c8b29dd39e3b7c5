// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope walk: the reference walker beside GUP, at each hva_to_pfn; or what both cost.
 */
#include "commands.h"
#include "lookups.h"
#include "observe.h"
#include "payoff.h"
#include "reason.h"
#include "report.h"

#include <sys/utsname.h>

static const char usage[] =
"Usage: mmuscope walk [--payoff] [OPTION]... [-- COMMAND [ARG]...]\n"
"\n"
"At each lookup of KVM's (hva_to_pfn) walk the host's page tables without locks,\n"
"before and after it, while COMMAND runs, for a time, or until interrupted.  Show\n"
"how many lookups the walk before would have served without GUP, what stood\n"
"against the others, and whether the walk after agrees on page and rights.\n"
"\n"
"      --payoff        time instead of comparing: what lookup, level lookup and walk\n"
"                      cost, and what a walk in the place of both would save\n"
"  -p, --pid PID       only VMs of this process\n"
"      --for TIME      stop after TIME (90, 500ms, 5m)\n"
"      --max-vms N     follow up to N VMs at a time (256)\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              say more (-vv: libbpf too); errors only\n"
"  -h, --help          this text\n"
"\n"
"With COMMAND, the VMs that it and its children create are looked at.\n"
"Exit status: 0 they agree (timed), 1 error or COMMAND failed, 2 they differ where they\n"
"must not, 3 something was missed, 4 this kernel cannot do it.\n";

static int exit_code(const struct snapshot *s, bool command_failed)
{
	struct walk_counts total;

	if (s->payoff && !command_failed)
		return payoff_missed(s) ? EXIT_INCONCLUSIVE : EXIT_OK;
	walk_total(s, &total);
	if (walk_sum(&total).wrong)
		return EXIT_VIOLATED;
	if (command_failed)
		return EXIT_FAILED;
	return walk_missed(s) ? EXIT_INCONCLUSIVE : EXIT_OK;
}

static int report(struct observation *ob, const struct options *o)
{
	const struct snapshot *snapshot = session_snapshot(ob->session);
	struct output *out;
	struct utsname uts;
	struct report r;
	int err = 0;

	out = snapshot ? output_open(o->output) : NULL;
	if (!out)
		return EXIT_FAILED;
	uname(&uts);
	r = (struct report){
		.command = "walk",
		.kernel = uts.release,
		.machine = uts.machine,
		.tier = session_tier(ob->session),
		.snapshot = snapshot,
		.walk = !o->payoff,
		.tells_pins = kernel_struct_has(session_kernel(ob->session), "kvm_follow_pfn", "pin"),
		.command_status = o->command ? ob->command_status : -1,
	};
	if (o->json)
		err = json_report(output_file(out), &r);
	else
		text_walk(output_file(out), &r);
	if (output_close(out) || err)
		return EXIT_FAILED;
	return exit_code(snapshot, ob->command_failed);
}

int cmd_walk(int argc, char **argv)
{
	struct observation ob;
	struct options o;
	int err = options_parse(&o, argc, argv, "walk", OPT_TARGET | OPT_PAYOFF, usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	o.walk = !o.payoff;
	err = observe(&ob, &o, false, NULL, NULL);
	if (!err)
		err = report(&ob, &o);
	observe_end(&ob);
	return err;
}
