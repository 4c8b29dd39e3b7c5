// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope judge: a recording, judged again.
 */
#include "checked.h"
#include "commands.h"
#include "user/judge/judge_file.h"
#include "user/base/log.h"
#include "user/base/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
"Usage: mmuscope judge [OPTION]... FILE.mms\n"
"\n"
"Judge a recording of 'mmuscope record' by the models of this build, and say if\n"
"they say what was said live.  Of one in several files the first is named; the\n"
"others are found beside it.  A recording that lacks something is INCONCLUSIVE\n"
"where that could matter.\n"
"\n"
"      --only INV,...  judge only these; they must then have had an occasion\n"
"      --vm N          only this VM, and what is of no known VM\n"
"      --from TIME     what happened from here on, from the recording's start (1.5s)\n"
"      --to TIME       ... to here\n"
"      --stories N     tell the first N violations in full (16)\n"
"      --json          machine-readable report\n"
"  -o, --output FILE   write the report to FILE\n"
"  -v, -q              all reasons; errors only\n"
"  -h, --help          this text\n"
"\n"
"Exit status: 0 held, 1 error, 2 violated, 3 inconclusive.\n";

/* A text of the recording, "?" if it has none. */
static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "?";
}

static uint64_t number_of(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

/* What the final report of the session had said. */
static void read_live(const json_t *report, struct live_verdict live[INV_NR])
{
	const json_t *list = json_object_get(report, "invariants");
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o) {
		int inv = invariant_find(text_of(o, "name"));

		if (inv < 0)
			continue;
		live[inv] = (struct live_verdict){
			.known = true, .checked = number_of(o, "checked"),
			.violations = number_of(o, "violations"),
		};
		snprintf(live[inv].value, sizeof(live[inv].value), "%s", text_of(o, "verdict"));
	}
}

/* Other numbers by the same models are something that nobody has told us: neither is to be trusted. */
static void compare(struct snapshot *s, const struct live_verdict live[INV_NR], const char *version)
{
	struct vm_counts total;

	snapshot_total(s, &total);
	for (int i = 0; i < INV_NR; i++)
		s->differs[i] = live[i].known && !strcmp(version, VERSION) && !s->not_whole &&
				!s->unrecorded[i] && (i != INV_DIRTY_AT_MAP || s->marks_at_map) &&
				(live[i].checked != total.checked[i] ||
				 live[i].violations != total.violated[i]);
}

static int report(struct judge *j, const struct judged_file *f, const struct options *o)
{
	unsigned int selected = o->only ? o->only : (1u << INV_NR) - 1;
	static struct live_verdict live[INV_NR];
	static struct verdict verdicts[INV_NR];
	const json_t *host = json_object_get(f->facts, "host");
	struct recorded recorded = {
		.path = o->file, .version = text_of(f->facts, "mmuscope"), .parts = f->parts,
		.records = f->records, .steps = f->steps, .vm = o->vm, .from_ns = o->from_ns,
		.to_ns = o->to_ns,
	};
	struct output *out;
	struct report r;
	int err = 0;

	memset(live, 0, sizeof(live));
	if (f->ended && !o->vm && !o->from_ns && !o->to_ns) {
		read_live(f->live, live);
		compare(judge_snapshot(j), live, recorded.version);
		recorded.live = live;
	}
	verdicts_of(judge_snapshot(j), o->only != 0, verdicts);
	r = (struct report){
		.command = "judge",
		.kernel = text_of(host, "kernel"),
		.machine = text_of(host, "machine"),
		.host = text_of(host, "name"),
		.tier = text_of(f->meta, "tier"),
		.snapshot = judge_snapshot(j),
		.verdicts = verdicts,
		.selected = selected,
		.overall = verdict_overall(verdicts, selected),
		.recorded = &recorded,
		.verbose = log_level >= LOG_VERBOSE,
		.dirty_bit = -1,
		.command_status = -1,
	};
	r.told = judge_told(j, &r.ntold);
	out = output_open(o->output);
	if (!out)
		return EXIT_FAILED;
	if (o->json)
		err = json_report(output_file(out), &r);
	else
		text_judge(output_file(out), &r);
	if (output_close(out) || err)
		return EXIT_FAILED;
	return checked_exit_code(r.overall, false);
}

int cmd_judge(int argc, char **argv)
{
	struct judge_options jo;
	struct judged_file f;
	struct options o;
	struct judge *j;
	int err = options_parse(&o, argc, argv, "judge", OPT_ONLY | OPT_STORIES | OPT_JUDGE, usage);

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	if (o.to_ns && o.to_ns <= o.from_ns) {
		log_error("judge: --to is not after --from");
		return EXIT_FAILED;
	}
	jo = (struct judge_options){ .vm = o.vm, .to_ns = UINT64_MAX, .stories = o.stories };
	j = judge_new(&jo);
	if (!j)
		return reason_explain("judge", ENOMEM);
	err = judge_file(j, o.file, o.from_ns, o.to_ns, &f);
	err = err ? EXIT_FAILED : report(j, &f, &o);
	judged_file_free(&f);
	judge_free(j);
	return err;
}
