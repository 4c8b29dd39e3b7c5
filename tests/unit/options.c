// SPDX-License-Identifier: GPL-2.0-only
/*
 * Option parsing: every option's meaning, and what is said about every kind of bad one.
 */
#include "user/cmd/options.h"
#include "user/base/log.h"
#include "user/judge/verdict.h"

#include "unit.h"

#include <errno.h>

enum { EVERYTHING = OPT_TARGET | OPT_ONLY | OPT_STORIES | OPT_CLAIMS | OPT_STACKS | OPT_PAYOFF,
       ARGS_MAX = 20 };

/* Split line at spaces, parse it; stdout and stderr go to out and err. */
static int parse(struct options *o, unsigned int accepts, const char *line, struct catch *out,
		 struct catch *err)
{
	static char copy[256];
	static char *argv[ARGS_MAX + 1];
	int argc = 0, result;

	log_level = LOG_NORMAL;
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *save, *word = strtok_r(copy, " ", &save); word && argc < ARGS_MAX;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	catch_begin(out, stdout);
	catch_begin(err, stderr);
	result = options_parse(o, argc, argv, "check", accepts, "usage text\n");
	catch_end(err, stderr);
	catch_end(out, stdout);
	return result;
}

static struct options good_of(unsigned int accepts, const char *line)
{
	static struct catch out, err;
	struct options o;

	if (parse(&o, accepts, line, &out, &err))
		fail_msg("'%s' said: %s", line, err.text);
	assert_string_equal(out.text, "");
	assert_string_equal(err.text, "");
	return o;
}

static struct options good(const char *line)
{
	return good_of(EVERYTHING, line);
}

static void defaults(void **arg)
{
	struct options o = good("check");

	(void)arg;
	assert_int_equal(o.pid, 0);
	assert_int_equal(o.for_ns, 0);
	assert_null(o.command);
	assert_null(o.output);
	assert_false(o.json);
	assert_false(o.claims);
	assert_false(o.stacks);
	assert_false(o.payoff);
	assert_int_equal(o.only, 0);
	assert_int_equal(o.max_vms, 256);
	assert_int_equal(o.stories, 16);
}

static void every_option(void **arg)
{
	struct options o = good("check -p 42 --for 1.5s --json --only zapped-at-start,dirty-until-notified "
				"--max-vms 4095 --stories 0 -o out.json -v --claims --stacks --payoff");

	(void)arg;
	assert_int_equal(o.pid, 42);
	assert_int_equal(o.for_ns, 1500000000);
	assert_true(o.json);
	assert_true(o.claims);
	assert_true(o.stacks);
	assert_true(o.payoff);
	assert_int_equal(o.only, 1 << INV_ZAPPED_AT_START | 1 << INV_DIRTY_UNTIL_NOTIFIED);
	assert_int_equal(o.max_vms, 4095);
	assert_int_equal(o.stories, 0);
	assert_string_equal(o.output, "out.json");
	assert_int_equal(log_level, LOG_VERBOSE);
	good("check -q");
	assert_int_equal(log_level, LOG_QUIET);
	good("check -vv");
	assert_int_equal(log_level, LOG_DEBUG);
}

static void options_of_record(void **arg)
{
	struct options o = good_of(OPT_RECORD | OPT_TARGET, "record -o a.mms --ring 64K --rotate-size 1G "
				   "--rotate-time 5m --keep 3 --force -- load");

	(void)arg;
	assert_string_equal(o.output, "a.mms");
	assert_int_equal(o.ring_bytes, 65536);
	assert_int_equal(o.rotate_bytes, 1 << 30);
	assert_int_equal(o.rotate_ns, 300000000000);
	assert_int_equal(o.keep, 3);
	assert_true(o.force);
	assert_string_equal(o.command[0], "load");
	o = good_of(OPT_RECORD, "record -o a.mms");
	assert_int_equal(o.ring_bytes, 16 << 20);
	assert_int_equal(o.rotate_bytes, 0);
	assert_int_equal(o.rotate_ns, 0);
	assert_int_equal(o.keep, 0);
	assert_false(o.force);
}

static void options_of_judge(void **arg)
{
	struct options o = good_of(OPT_JUDGE | OPT_ONLY, "judge --vm 4095 --from 1.5s --to 2m --only level-fits "
				   "a.mms");

	(void)arg;
	assert_string_equal(o.file, "a.mms");
	assert_int_equal(o.vm, 4095);
	assert_int_equal(o.from_ns, 1500000000);
	assert_int_equal(o.to_ns, 120000000000);
	assert_int_equal(o.only, 1 << INV_LEVEL_FITS);
	o = good_of(OPT_JUDGE, "judge -");
	assert_string_equal(o.file, "-");
	assert_int_equal(o.vm, 0);
	assert_int_equal(o.from_ns, 0);
	assert_int_equal(o.to_ns, 0);
}

/* what has to be named, and was not */
static void options_of_top(void **arg)
{
	static const char *const bad[] = {
		"top -n 0", "top -n x", "top -d 10ms", "top -d 0", "top a.mms b.mms", "top a.mms -- load",
		"top a.mms -n 1", "top -p 3 a.mms", "top --for 1s a.mms", "top --no-check a.mms", "top --",
	};
	struct options o = good_of(OPT_TOP | OPT_TARGET, "top -b -n 3 -d 250ms --sort vm --filter web --ascii "
				   "--no-check -- load 5");
	static struct catch out, err;

	(void)arg;
	assert_true(o.batch && o.ascii && o.no_check);
	assert_int_equal(o.pictures, 3);
	assert_int_equal(o.every_ns, 250000000);
	assert_string_equal(o.sort, "vm");
	assert_string_equal(o.filter, "web");
	assert_string_equal(o.command[1], "5");
	assert_null(o.file);
	o = good_of(OPT_TOP | OPT_TARGET, "top --batch --times 1 --delay 2m a.mms");
	assert_string_equal(o.file, "a.mms");
	assert_int_equal(o.every_ns, 120000000000);
	assert_null(o.command);
	o = good_of(OPT_TOP | OPT_TARGET, "top");
	assert_int_equal(o.every_ns, 1000000000);
	assert_true(!o.file && !o.sort && !o.filter && !o.pictures && !o.batch);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(&o, OPT_TOP | OPT_TARGET, bad[i], &out, &err), -1);
	assert_int_equal(parse(&o, EVERYTHING, "check -b", &out, &err), -1);
}

static void judge_wants_a_file(void **arg)
{
	static struct catch out, err;
	struct options o;

	(void)arg;
	assert_int_equal(parse(&o, OPT_JUDGE, "judge --vm 1", &out, &err), -1);
	assert_non_null(strstr(err.text, ".mms"));
}

static void sizes(void **arg)
{
	static const char *const bad[] = { "", "K", "-1", " 1", "1 K", "1k", "1KB", "1T", "0x10", "1.5M" };
	static const char *const over[] = { "0", "0G", "18446744073709551616", "17179869184G" };
	uint64_t n;

	(void)arg;
	assert_int_equal(parse_size("1", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(parse_size("64K", &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(parse_size("90M", &n), 0);
	assert_int_equal(n, 90 << 20);
	assert_int_equal(parse_size("17179869183G", &n), 0);
	assert_int_equal(n, 17179869183ULL << 30);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_size(bad[i], &n) != -EINVAL)
			fail_msg("size '%s' was taken", bad[i]);
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
		if (parse_size(over[i], &n) != -ERANGE)
			fail_msg("size '%s' was taken", over[i]);
}

static void a_command_keeps_its_own_options(void **arg)
{
	struct options o = good("check --json -- load --json -p 1");

	(void)arg;
	assert_string_equal(o.command[0], "load");
	assert_string_equal(o.command[1], "--json");
	assert_string_equal(o.command[3], "1");
	assert_null(o.command[4]);
	assert_int_equal(o.pid, 0);
}

static void help_goes_to_stdout(void **arg)
{
	struct catch out, err;
	struct options o;

	(void)arg;
	assert_int_equal(parse(&o, 0, "check -h", &out, &err), 1);
	assert_string_equal(out.text, "usage text\n");
	assert_string_equal(err.text, "");
	assert_int_equal(parse(&o, 0, "check --help", &out, &err), 1);
	assert_string_equal(out.text, "usage text\n");
}

static void bad_options(void **arg)
{
	static const struct {
		unsigned int accepts;
		const char *line;
		const char *quoted;	/* the offending text, as the message has it */
	} bad[] = {
		{ EVERYTHING, "check --bogus", "'--bogus'" },
		{ EVERYTHING, "check -Z", "'-Z'" },
		{ EVERYTHING, "check -p", "'-p'" },
		{ EVERYTHING, "check --for", "'--for'" },
		{ EVERYTHING, "check -p x", "'x'" },
		{ EVERYTHING, "check -p 0", "'0'" },
		{ EVERYTHING, "check -p -1", "'-1'" },
		{ EVERYTHING, "check -p 2147483648", "'2147483648'" },
		{ EVERYTHING, "check -p 99999999999999999999", "'99999999999999999999'" },
		{ EVERYTHING, "check --for 5q", "'5q'" },
		{ EVERYTHING, "check --for -3", "'-3'" },
		{ EVERYTHING, "check --for 0", "'0'" },
		{ EVERYTHING, "check --for nan", "'nan'" },
		{ EVERYTHING, "check --for 1e99", "'1e99'" },
		{ EVERYTHING, "check --max-vms 0", "'0'" },
		{ EVERYTHING, "check --max-vms 4096", "'4096'" },
		{ EVERYTHING, "check --stories 1001", "'1001'" },
		{ EVERYTHING, "check --stories two", "'two'" },
		{ EVERYTHING, "check --only ,", "','" },
		{ EVERYTHING, "check stray", "'stray'" },
		{ EVERYTHING, "check --", "'--'" },
		{ EVERYTHING, "check -p 7 -- load", "'load'" },
		{ EVERYTHING, "check --json=yes", "'--json=yes'" },
		/* options of other commands */
		{ 0, "check -p 7", "'" },
		{ 0, "check --for 1", "'" },
		{ 0, "check --max-vms 1", "'" },
		{ 0, "check -- load", "'load'" },
		{ OPT_TARGET, "check --only zapped-at-start", "'" },
		{ OPT_TARGET, "check --stories 1", "'" },
		{ OPT_TARGET | OPT_STACKS, "check --claims", "'--claims'" },
		{ OPT_TARGET | OPT_CLAIMS, "check --stacks", "'--stacks'" },
		{ OPT_TARGET | OPT_STACKS, "levels --payoff", "'--payoff'" },
		{ EVERYTHING, "check --claims=all", "'--claims=all'" },
		{ OPT_RECORD, "record --ring 3M", "'3M'" },
		{ OPT_RECORD, "record --ring 32K", "'32K'" },
		{ OPT_RECORD, "record --ring 2G", "'2G'" },
		{ OPT_RECORD, "record --ring 1T", "'1T'" },
		{ OPT_RECORD, "record --ring", "'--ring'" },
		{ OPT_RECORD, "record --rotate-size 1K", "'1K'" },
		{ OPT_RECORD, "record --rotate-size 1KB", "'1KB'" },
		{ OPT_RECORD, "record --rotate-time never", "'never'" },
		{ OPT_RECORD, "record --keep 0", "'0'" },
		{ OPT_RECORD, "record --force=yes", "'--force=yes'" },
		{ OPT_RECORD, "record --vm 1", "'" },
		{ OPT_JUDGE, "judge a.mms --vm 0", "'" },
		{ OPT_JUDGE, "judge --vm 0 a.mms", "'0'" },
		{ OPT_JUDGE, "judge --vm 4096 a.mms", "'4096'" },
		{ OPT_JUDGE, "judge --from -1 a.mms", "'-1'" },
		{ OPT_JUDGE, "judge --to 5x a.mms", "'5x'" },
		{ OPT_JUDGE, "judge a.mms b.mms", "'b.mms'" },
		{ OPT_JUDGE, "judge --ring 1M a.mms", "'" },
		{ OPT_JUDGE, "judge --claims a.mms", "'--claims'" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		static struct catch out, err;
		struct options o;

		if (parse(&o, bad[i].accepts, bad[i].line, &out, &err) != -1)
			fail_msg("'%s' was taken", bad[i].line);
		if (!strstr(err.text, bad[i].quoted) || lines_of(err.text) != 2 ||
		    strncmp(err.text, "mmuscope: check: ", 17) ||
		    !strstr(err.text, "\nTry 'mmuscope check --help'.\n"))
			fail_msg("'%s' said: %s", bad[i].line, err.text);
		assert_string_equal(out.text, "");
	}
}

static void an_unknown_invariant_brings_the_list(void **arg)
{
	struct catch out, err;
	struct options o;

	(void)arg;
	assert_int_equal(parse(&o, EVERYTHING, "check --only zapped-at-start,zaped", &out, &err), -1);
	assert_non_null(strstr(err.text, "'zaped'"));
	for (int i = 0; i < INV_NR; i++)
		assert_non_null(strstr(err.text, invariant_name(i)));
}

static void durations(void **arg)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} ok[] = {
		{ "90", 90000000000 }, { "60s", 60000000000 }, { "1.5s", 1500000000 },
		{ "250ms", 250000000 }, { "2m", 120000000000 }, { "1h", 3600000000000 },
		{ ".5", 500000000 }, { "366h", 366 * 3600000000000 },
	};
	static const char *const bad[] = {
		"", "s", "-1", "+1", " 1", "1 s", "1d", "1ss", "0", "0s", "0.0000000001", "nan", "inf",
		"1e30", "9000h", "infinity", "ms",
	};
	uint64_t ns;

	(void)arg;
	for (size_t i = 0; i < sizeof(ok) / sizeof(ok[0]); i++) {
		assert_int_equal(parse_duration(ok[i].text, &ns), 0);
		assert_int_equal(ns, ok[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_duration(bad[i], &ns) != -EINVAL)
			fail_msg("duration '%s' was taken as %llu", bad[i], (unsigned long long)ns);
}

static void numbers(void **arg)
{
	uint64_t n;

	(void)arg;
	assert_int_equal(parse_number("17", 1, 20, &n), 0);
	assert_int_equal(n, 17);
	assert_int_equal(parse_number("1", 1, 20, &n), 0);
	assert_int_equal(parse_number("20", 1, 20, &n), 0);
	assert_int_equal(parse_number("18446744073709551615", 0, UINT64_MAX, &n), 0);
	assert_int_equal(parse_number("21", 1, 20, &n), -ERANGE);
	assert_int_equal(parse_number("0", 1, 20, &n), -ERANGE);
	assert_int_equal(parse_number("18446744073709551616", 0, UINT64_MAX, &n), -ERANGE);
	assert_int_equal(parse_number("", 0, 20, &n), -EINVAL);
	assert_int_equal(parse_number("-1", 0, 20, &n), -EINVAL);
	assert_int_equal(parse_number("+1", 0, 20, &n), -EINVAL);
	assert_int_equal(parse_number(" 1", 0, 20, &n), -EINVAL);
	assert_int_equal(parse_number("1x", 0, 20, &n), -EINVAL);
	assert_int_equal(parse_number("0x10", 0, 20, &n), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option),
		cmocka_unit_test(options_of_record),
		cmocka_unit_test(options_of_judge),
		cmocka_unit_test(options_of_top),
		cmocka_unit_test(judge_wants_a_file),
		cmocka_unit_test(a_command_keeps_its_own_options),
		cmocka_unit_test(help_goes_to_stdout),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(an_unknown_invariant_brings_the_list),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
