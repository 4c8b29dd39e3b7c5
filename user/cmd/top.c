// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope top: what KVM's MMU does, live.
 */
#include "user/cmd/commands.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/top/show.h"

static const char usage[] =
"Usage: mmuscope top [OPTION]... [FILE.mms | -- COMMAND [ARG]...]\n"
"\n"
"Show every VM of this host, live: guest memory mapped at 4K, 2M and 1G, what\n"
"could be larger and why it is not, faults, how long KVM's lookups take, who\n"
"invalidates its mappings, and whether the invariants hold.  Or the same of a\n"
"recording, which needs neither KVM nor privilege.\n"
"\n"
"  -d, --delay TIME    between two pictures (1s; from 100ms on)\n"
"  -b, --batch         print pictures, for logs\n"
"  -n, --times N       stop after N pictures\n"
"      --sort COLUMN   vm, pid, 4k, 2m, 1g, small, faults, retries, p50, p99,\n"
"                      windows, zapped, verdict (small)\n"
"      --filter TEXT   only VMs whose name, process or pid has TEXT\n"
"      --ascii         nothing but ASCII\n"
"      --no-check      do not judge: cheaper, no verdicts\n"
"  -p, --pid PID       only VMs of this process\n"
"      --for TIME      stop after TIME (90, 500ms, 5m)\n"
"      --max-vms N     follow up to N VMs at a time (256)\n"
"      --tier TIER     no better one than fentry, kprobe, tracepoint or stats\n"
"      --json          print one JSON object a line for each picture\n"
"  -o, --output FILE   of -b and --json: write to FILE\n"
"  -v, -q              say more, errors only\n"
"  -h, --help          this text\n"
"\n"
"Keys: h tells them, q quits.  NO_COLOR in the environment: no colours.\n"
"Exit status: 0 done, 1 error, 2 a violation was seen, 4 this kernel cannot do\n"
"it.\n";

static int check_options(const struct options *o)
{
	char names[256];

	if (o->sort && top_column_named(o->sort) == COLUMN_NR) {
		top_column_names(names, sizeof(names));
		log_error("top: cannot sort by '%s'; there are %s", o->sort, names);
		return -1;
	}
	if (o->output && !o->batch && !o->json) {
		log_error("top: -o is for what -b or --json print");
		return -1;
	}
	return 0;
}

int cmd_top(int argc, char **argv)
{
	struct options o;
	struct top t;
	int err = options_parse(&o, argc, argv, "top", OPT_TOP | OPT_TARGET, usage), result = EXIT_FAILED;

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	if (check_options(&o))
		return EXIT_FAILED;
	if (!top_show_init(&t, &o))
		result = o.file ? top_replay(&t) : top_live(&t);
	if (!top_show_deinit(&t) || t.failed)
		result = EXIT_FAILED;
	return result == EXIT_OK && t.violated ? EXIT_VIOLATED : result;
}
