// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope record: check, and keep everything that its models were given.
 */
#include "checked.h"
#include "commands.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/recording/recorder.h"

#include <errno.h>
#include <signal.h>

static const char usage[] =
"Usage: mmuscope record -o FILE.mms [OPTION]... [-- COMMAND [ARG]...]\n"
"\n"
"Judge KVM's MMU invariants as 'mmuscope check' does, and write everything that\n"
"the judges were given to FILE.mms: 'mmuscope judge' judges it again, at any time.\n"
"\n"
"  -o, --output FILE   the recording; it must not exist\n"
"      --force         unless it may be written over\n"
"      --ring SIZE     buffer between kernel and recorder, a power of 2 (16M)\n"
"      --rotate-size SIZE, --rotate-time TIME\n"
"                      begin a new file FILE.0001.mms, ... when one is so large, or\n"
"                      so old (64M, 1G; 90, 5m, 1h)\n"
"      --keep N        keep only the newest N files\n"
"  -p, --pid PID       only VMs of this process\n"
"      --for TIME      stop after TIME (90, 500ms, 5m)\n"
"      --only INV,...  judge only these; they must then have had an occasion\n"
"      --claims        weigh what is said about dirty and accessed pages\n"
"      --stacks        kernel and user stacks of whoever changed guest memory\n"
"      --stories N     tell the first N violations in full (16)\n"
"      --max-vms N     follow up to N VMs at a time (256)\n"
"      --tier TIER     no better one than fentry, kprobe, tracepoint or stats\n"
"      --json          machine-readable report on stdout\n"
"  -v, -q              all reasons, all causes (-vv: libbpf too); errors only\n"
"  -h, --help          this text\n"
"\n"
"The report goes to stdout.  Exit status: 0 held, 1 error, COMMAND failed or the\n"
"recording is not whole, 2 violated, 3 inconclusive, or some steps found no room\n"
"in the ring, 4 this kernel cannot do it.\n";

static uint64_t unrecorded(const struct snapshot *s)
{
	struct vm_counts total;
	uint64_t n;

	snapshot_total(s, &total);
	n = total.unrecorded_windows;
	for (int i = 0; i < INV_NR; i++)
		n += total.unrecorded[i];
	return n;
}

/* Show the report, and let the recording end with it. */
static int report(struct observation *ob, const struct options *o, struct collector *c, struct recorder *r)
{
	static struct checked checked;
	struct output *out;
	uint64_t missing;
	int err = checked_make(&checked, ob->session, o, c, NULL), code;

	if (err) {
		recorder_end(r, NULL);
		return reason_explain("record", -err);
	}
	checked.report.command = "record";
	checked.report.command_status = o->command ? ob->command_status : -1;
	out = output_open(NULL);
	if (o->json)
		err = json_report(output_file(out), &checked.report);
	else
		text_check(output_file(out), &checked.report);
	err |= output_close(out);
	missing = unrecorded(checked.report.snapshot);
	code = checked_exit_code(checked.report.overall, ob->command_failed);
	err |= recorder_end(r, &checked.report);
	checked_free(&checked);
	if (missing)
		log_error("%llu steps are not in the recording: the ring buffer was full; --ring makes it larger",
			  (unsigned long long)missing);
	if (code == EXIT_VIOLATED)
		return code;
	if (err)
		return EXIT_FAILED;
	return missing && code == EXIT_OK ? EXIT_INCONCLUSIVE : code;
}

int cmd_record(int argc, char **argv)
{
	struct observation ob;
	struct collector c;
	struct recorder *r;
	struct options o;
	int err = options_parse(&o, argc, argv, "record",
				OPT_TARGET | OPT_ONLY | OPT_STORIES | OPT_CLAIMS | OPT_STACKS | OPT_RECORD,
				usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	if (!o.output) {
		log_error("record: where to? -o FILE.mms names the recording");
		return EXIT_FAILED;
	}
	/* a limit of the file's size is as a full disk */
	signal(SIGXFSZ, SIG_IGN);
	if (!collector_init(&c, o.stories))
		return reason_explain("record", ENOMEM);
	r = recorder_new(&o, &c);
	if (!r) {
		collector_deinit(&c);
		return EXIT_FAILED;
	}
	o.times = true;
	o.hooks = &recorder_hooks;
	o.hooks_arg = r;
	err = observe(&ob, &o, true, collect, &c);
	if (!err)
		err = report(&ob, &o, &c, r);
	else
		recorder_end(r, NULL);
	observe_end(&ob);
	collector_deinit(&c);
	return err;
}
