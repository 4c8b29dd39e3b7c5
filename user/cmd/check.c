// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope check: judge the invariants.
 */
#include "checked.h"
#include "commands.h"
#include "user/base/reason.h"

#include <errno.h>

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
"      --tier TIER     no better one than fentry, kprobe, tracepoint or stats\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              all reasons, all causes (-vv: libbpf too); errors only\n"
"  -h, --help          this text\n"
"\n"
"With COMMAND, the VMs that it and its children create are looked at.\n"
"Exit status: 0 held, 1 error or COMMAND failed, 2 violated, 3 inconclusive,\n"
"4 this kernel cannot do it.\n";

static int report(struct observation *ob, const struct options *o, struct collector *c)
{
	struct checked checked;
	struct output *out;
	int err = checked_make(&checked, ob->session, o, c, NULL);

	if (err)
		return reason_explain("check", -err);
	checked.report.command_status = o->command ? ob->command_status : -1;
	out = output_open(o->output);
	if (!out) {
		checked_free(&checked);
		return EXIT_FAILED;
	}
	if (o->json)
		err = json_report(output_file(out), &checked.report);
	else
		text_check(output_file(out), &checked.report);
	checked_free(&checked);
	if (output_close(out) || err)
		return EXIT_FAILED;
	return checked_exit_code(checked.report.overall, ob->command_failed);
}

int cmd_check(int argc, char **argv)
{
	struct collector c;
	struct observation ob;
	struct options o;
	int err = options_parse(&o, argc, argv, "check",
				OPT_TARGET | OPT_ONLY | OPT_STORIES | OPT_CLAIMS | OPT_STACKS, usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	if (!collector_init(&c, o.stories))
		return reason_explain("check", ENOMEM);
	err = observe(&ob, &o, true, collect, &c);
	if (!err)
		err = report(&ob, &o, &c);
	observe_end(&ob);
	collector_deinit(&c);
	return err;
}
