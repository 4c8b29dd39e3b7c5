// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope walk: the reference walker beside GUP, at each hva_to_pfn; or what both cost.
 */
#include "commands.h"
#include "user/base/log.h"
#include "user/judge/lookups.h"
#include "observe.h"
#include "user/judge/payoff.h"
#include "user/base/reason.h"
#include "user/sink/report.h"

#include <sys/utsname.h>

static const char usage[] =
"Usage: mmuscope walk [--payoff] [OPTION]... [-- COMMAND [ARG]...]\n"
"\n"
"At each lookup of KVM's (hva_to_pfn) walk the host's page tables without locks,\n"
"before and after it, while COMMAND runs, for a time, or until interrupted.  Show\n"
"how many lookups the walk before would have served without GUP, what stood\n"
"against the others, and whether the walk after agrees on page and rights.\n"
"\n"
"      --candidate SPEC  judge a function that looks pages up: compare each\n"
"                      answer with the walk; FUNC(hva=arg1,pfn=*arg2,level=ret),\n"
"                      mmuscope(8) has the words\n"
"      --stories N     tell its first N wrong answers in full (16)\n"
"      --payoff        time instead of comparing: what lookup, level lookup and\n"
"                      walk cost, and what a walk in place of both would save\n"
"  -p, --pid PID       only VMs of this process\n"
"      --for TIME      stop after TIME (90, 500ms, 5m)\n"
"      --max-vms N     follow up to N VMs at a time (256)\n"
"      --tier TIER     no better one than fentry, kprobe, tracepoint or stats\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              say more (-vv: libbpf too); errors only\n"
"  -h, --help          this text\n"
"\n"
"With COMMAND, the VMs that it and its children create are looked at.\n"
"Exit status: 0 they agree (timed), 1 error or COMMAND failed, 2 they differ\n"
"where they must not, 3 something was missed, 4 this kernel cannot do it; with a\n"
"candidate 0 held, 2 violated, 3 inconclusive.\n";

static int exit_code(const struct snapshot *s, const struct candidate_report *c, bool command_failed)
{
	struct walk_counts total;

	if (s->payoff && !command_failed)
		return payoff_missed(s) ? EXIT_INCONCLUSIVE : EXIT_OK;
	walk_total(s, &total);
	if (walk_sum(&total).wrong || (c && candidate_overall(c) == VIOLATED))
		return EXIT_VIOLATED;
	if (command_failed)
		return EXIT_FAILED;
	if (c)
		return candidate_overall(c) == HELD ? EXIT_OK : EXIT_INCONCLUSIVE;
	return walk_missed(s) ? EXIT_INCONCLUSIVE : EXIT_OK;
}

static int report(struct observation *ob, const struct options *o)
{
	const struct snapshot *snapshot = session_snapshot(ob->session);
	struct candidate_report candidate;
	struct output *out;
	struct utsname uts;
	struct report r;
	int err = 0;

	out = snapshot ? output_open(o->output) : NULL;
	if (!out)
		return EXIT_FAILED;
	if (o->judged) {
		session_candidate(ob->session, &candidate);
		candidate.spec = o->candidate;
	}
	uname(&uts);
	r = (struct report){
		.command = "walk",
		.kernel = uts.release,
		.machine = uts.machine,
		.tier = session_tier(ob->session),
		.snapshot = snapshot,
		.walk = !o->payoff,
		.candidate = o->judged ? &candidate : NULL,
		.tells_pins = session_tells_pins(ob->session),
		.command_status = o->command ? ob->command_status : -1,
	};
	if (o->json)
		err = json_report(output_file(out), &r);
	else
		text_walk(output_file(out), &r);
	if (output_close(out) || err)
		return EXIT_FAILED;
	return exit_code(snapshot, r.candidate, ob->command_failed);
}

/* Read the SPEC; show where it is wrong. */
static int parse_candidate(const char *spec, struct candidate *out)
{
	struct candidate_error error;

	if (!candidate_parse(spec, out, &error))
		return EXIT_OK;
	log_error("walk: --candidate '%s', at column %zu: %s", spec, error.column, error.text);
	fprintf(stderr, "Try 'mmuscope walk --help'.\n");
	return EXIT_FAILED;
}

int cmd_walk(int argc, char **argv)
{
	struct candidate candidate;
	struct observation ob;
	struct options o;
	int err = options_parse(&o, argc, argv, "walk", OPT_TARGET | OPT_STORIES | OPT_CANDIDATE | OPT_PAYOFF,
				usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	if (o.candidate && o.payoff) {
		log_error("--payoff and --candidate exclude each other: to time is not to judge; give one of them");
		return EXIT_FAILED;
	}
	if (o.candidate && parse_candidate(o.candidate, &candidate))
		return EXIT_FAILED;
	o.judged = o.candidate ? &candidate : NULL;
	o.walk = !o.payoff;
	err = observe(&ob, &o, false, NULL, NULL);
	if (!err)
		err = report(&ob, &o);
	observe_end(&ob);
	return err;
}
