#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope gate, runs and metrics as a CI system meets them: files, a store,
# every exit code, and what is said about bad input. No VM.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
mmuscope=$top/build/bin/mmuscope
. "$top/tests/lib/cli.sh"
unset MMUSCOPE_STORE || true

# exits NAME STATUS: and a status that is not 0 has a reason
# shellcheck disable=SC2317
exits() {
	verdict "$1" test "$status" = "$2"
}

# report FILE WINDOW-NS FAULTS [JQ]: a report of that mean window and count, and what jq makes of it
report() {
	jq --argjson ns "$2" --argjson faults "$3" \
		'.window_ns.sum = $ns * 100 | .window_ns.buckets = [range(14) | 0] + [100] | .vms[0].faults = $faults |
		.verdict = "HELD" | .claims = [] | .causes = [] | .host.name = "ci" | .workload = ["true"] |
		.mmuscope = "0.1.0" | .invariants |= map(.verdict = "HELD" | .violations = 0) |
		'"${4:-.}" "$top/tests/golden/check-violated.json" > "$1"
}

for command in gate runs metrics; do
	for flag in --help -h; do
		run "$mmuscope" "$command" "$flag"
		verdict "$command$flag" sh -c '[ ! -s err ] && grep -qi ^usage out && ! expand out | grep -q "^.\{81\}"'
	done
	run "$mmuscope" "$command" --bogus x y
	verdict "$command-unknown-option" sh -c "[ $status = 1 ] && [ ! -s out ] && [ \$(wc -l < err) = 2 ]"
done
run "$mmuscope" metrics
verdict metrics-are-the-docs cmp out "$top/docs/metrics.md"
run "$mmuscope" metrics --json
verdict metrics-json jq -e '.metrics | length > 50 and all(.help != "" and (.name |
	test("^(mmuscope_.+|process_(cpu_seconds_total|resident_memory_bytes|start_time_seconds))$")))' out

mkdir base new slow
i=0
while [ $i -lt 8 ]; do
	report base/$i.json $((10000 + i * 3)) 1000
	report new/$i.json $((10001 + i * 3)) 1000
	report slow/$i.json $((10501 + i * 3)) 1000
	i=$((i + 1))
done
report less.json 10000 900
report broken.json 10000 1000 '.invariants[0].verdict = "VIOLATED" | .verdict = "VIOLATED"'
report other.json 10000 1000 '.host.kernel = "7.3.1"'
cat > rules <<'END'
invariants not-worse
mean of mmuscope_window_duration_seconds not-above 2% and 100ns
mmuscope_faults_total within 1%
END

# every exit code
run "$mmuscope" gate --rules rules base new
exits gate-passes 0
verdict gate-first-line grep -q '^PASS: of 3 rules 3 passed' out
verdict gate-80-columns sh -c '! grep -q "^.\{81\}" out'
run "$mmuscope" gate --rules rules base slow
exits gate-slow-fails 2
verdict gate-slow-says grep -q '^FAIL 2: mean' out
run "$mmuscope" gate --rules rules base less.json
exits gate-count-fails 2
run "$mmuscope" gate --rules rules base/0.json new/0.json
exits gate-too-few-runs 3
verdict gate-too-few-says grep -q 'runs are too few' out
run "$mmuscope" gate base/0.json new/0.json,new/1.json
exits gate-without-rules 0
run "$mmuscope" gate base/0.json broken.json
exits gate-violated-fails 2
run "$mmuscope" gate base/0.json other.json
exits gate-other-kernel 4
verdict gate-other-kernel-says grep -q 'the kernel differs.*--allow kernel' err
verdict gate-other-kernel-no-output test ! -s out
run "$mmuscope" gate --allow kernel base/0.json other.json
exits gate-allowed 0
verdict gate-allowed-says grep -q 'compared although the kernel differs' out
run "$mmuscope" gate --allow paper base/0.json other.json
exits gate-allow-nonsense 1
run "$mmuscope" gate base/0.json
exits gate-only-base 1
run "$mmuscope" gate base none.json
exits gate-no-such-file 1
verdict gate-no-such-file-says grep -q 'none.json' err
echo '{"version": 1}' > no.json
run "$mmuscope" gate base no.json
exits gate-no-report 1
verdict gate-no-report-says grep -q 'no report of mmuscope' err
echo '{' > no.json
run "$mmuscope" gate base no.json
verdict gate-no-json grep -q 'no.json.*line' err
report new.json 10000 1000 '.version = 2'
run "$mmuscope" gate base new.json
verdict gate-newer-report grep -q 'version 2, and this program reads version 1' err
mkdir empty
run "$mmuscope" gate base empty
verdict gate-empty-directory grep -q 'has no \*.json' err
printf 'invariants not-worse\nmmuscope_fault_total exact\n' > bad
run "$mmuscope" gate --rules bad base new
exits gate-bad-rules 1
verdict gate-bad-rules-says grep -q 'bad, line 2, column 1: there is no metric' err
run "$mmuscope" gate --rules none base new
exits gate-no-rules 1

# what a CI system reads
run "$mmuscope" gate --rules rules --json --junit j.xml --markdown m.md base slow
exits gate-ci-status 2
verdict gate-json jq -e '.verdict == "FAIL" and .version == 1 and (.rules | length) == 3 and
	.rules[1].change > 0.049 and .rules[1].p < 0.01 and (.rules[1].interval | length) == 2' out
verdict gate-junit xmllint --noout j.xml
verdict gate-junit-counts grep -q 'tests="3" failures="1" errors="0"' j.xml
verdict gate-markdown grep -q '^| \*\*FAIL\*\* | mean of' m.md
run "$mmuscope" gate --rules rules -o /dev/full base slow
exits gate-full-disk 1
run "$mmuscope" gate --rules rules -o none/x base slow
exits gate-cannot-write 1

# a new baseline
cp base/0.json b.json
run "$mmuscope" gate --rules rules --update b.json less.json
exits gate-update-file 0
verdict gate-updated-file cmp b.json less.json
cp -r base b
run "$mmuscope" gate --rules rules --update b slow
exits gate-update-directory 0
verdict gate-updated-directory cmp b/1.json slow/0.json
verdict gate-former-directory cmp b.old/0.json base/0.json
run "$mmuscope" gate --rules rules --update b new
exits gate-update-twice 1
verdict gate-update-twice-says grep -q 'b.old' err
run "$mmuscope" gate --rules rules --update b.json new
exits gate-update-many-to-one 1
run "$mmuscope" gate --update b.json broken.json
exits gate-update-violated 2
verdict gate-update-violated-kept cmp b.json less.json
run "$mmuscope" gate --update b,base new
exits gate-update-of-a-list 1

# the run store
run "$mmuscope" runs list
exits runs-no-store 1
verdict runs-no-store-says grep -q 'there is none' err
run "$mmuscope" runs add --tag base base/*.json
exits runs-add 0
run "$mmuscope" runs add base/0.json
exits runs-add-again 0
verdict runs-add-again-says grep -q 'is run 1 already' err
run "$mmuscope" runs list
# shellcheck disable=SC2016
verdict runs-list sh -c '[ "$(wc -l < out)" = 9 ] && ! grep -q "^.\{81\}" out'
run "$mmuscope" runs list --json
verdict runs-list-json jq -e '.runs | length == 8 and .[0].tag == "base" and .[0].workload == "true"' out
run "$mmuscope" runs show 1
verdict runs-show grep -q 'mmuscope_faults_total{vm="1"} 1000' out
run "$mmuscope" runs show --json run:1
verdict runs-show-json jq -e '.runs[0].samples | map(select(.metric == "mmuscope_faults_total")) | .[0].value == 1000' out
run "$mmuscope" runs show 99
exits runs-show-none 1
run "$mmuscope" runs show bogus
exits runs-show-bogus 1
run "$mmuscope" runs tag old 1 2
exits runs-tag 0
run "$mmuscope" runs tag old 3 99
exits runs-tag-none 1
run "$mmuscope" runs list --json
verdict runs-tag-all-or-nothing jq -e '[.runs[] | select(.tag == "old")] | length == 2' out
run "$mmuscope" runs tag base tag:old
run "$mmuscope" gate --rules rules tag:base new
exits gate-of-a-tag 0
run "$mmuscope" gate --rules rules tag:base slow
exits gate-of-a-tag-fails 2
run "$mmuscope" gate tag:none new
exits gate-no-such-tag 1
run "$mmuscope" gate --rules rules --update tag:base slow
exits gate-update-tag 0
run "$mmuscope" gate --rules rules tag:base slow
exits gate-updated-tag 0
run "$mmuscope" gate --rules rules run:1 run:2
exits gate-of-numbers 3
run "$mmuscope" runs delete 1 tag:base
exits runs-delete 0
run "$mmuscope" runs list --json
verdict runs-deleted jq -e '.runs | length == 7' out
for words in '' 'bogus' 'show' 'tag x' 'list x' 'delete'; do
	# shellcheck disable=SC2086
	run "$mmuscope" runs $words
	verdict "runs-usage-$(echo "${words:-nothing}" | tr " " -)" sh -c "[ $status = 1 ] && [ ! -s out ] && [ \$(wc -l < err) = 2 ]"
done
run "$mmuscope" runs --store rules list
verdict runs-no-database grep -q 'not a database' err
# shellcheck disable=SC2016
verdict runs-sound sh -c '[ "$(sqlite3 runs.db "PRAGMA integrity_check")" = ok ]'

# a change point in the history of a store
rm runs.db
i=0
while [ $i -lt 14 ]; do
	faults=1000
	[ $i -lt 9 ] || faults=1010
	report h.json $((10000 + i % 4)) $faults ".observed_ns = $i"
	"$mmuscope" runs -q add h.json
	i=$((i + 1))
done
echo 'change-point last 30 of mmuscope_faults_total' > history
run "$mmuscope" gate --rules history run:1 run:14
exits gate-change-point 2
verdict gate-change-point-says grep -q 'it changed with run 10' out
run "$mmuscope" gate --rules history run:12 run:14
exits gate-change-point-accepted 3

# the short form of the proof (docs/gate.md)
run "$top/tests/gate-power" --comparisons 60
exits gate-power 0
run "$top/tests/gate-power" --real --runs 20 --comparisons 200
exits gate-power-real 0
verdict gate-power-real-all grep -q "slow (12 real runs) *[0-9]* failed" out

# the same with real runs: what the lab prints of two runs of each kind becomes reports
hists() {
	echo "hists 0$(yes ' 0' | head -n 64 | tr -d '\n')"
	echo "hists $1$(yes ' 0' | head -n 13 | tr -d '\n') 100$(yes ' 0' | head -n 50 | tr -d '\n')"
}
{
	echo 'bare 0 {"steps":[{"step":"dontneed","seconds":0.00001}]}'
	echo 'bare 1000000 {"steps":[{"step":"dontneed","seconds":0.00101}]}'
	for run in 'warm 0' 'base 0' 'slow 500' 'base 0' 'lost 0'; do
		echo "run $run"
		hists $((1000000 + ${run#* } * 100))
	done
	echo "report $(jq -c '.vms = [range(10) as $i | .vms[0] | .id = $i]' "$top/tests/golden/check-violated.json")"
} > log
run "$top/tests/power/collect" --log log --boots 1 reports
exits power-collect 0
# shellcheck disable=SC2016
verdict power-collect-files sh -c '[ "$(echo reports/*/*)" = "reports/base/1-01.json reports/base/1-03.json reports/lost/1-04.json reports/slow/1-02.json" ]'
verdict power-collect-says grep -q 'mean window: 10000.0 instructions, slow 10500.0 (+5.00%)' out
verdict power-collect-brake grep -q '1.000 instructions; 500 steps: 500' out
run "$mmuscope" runs --store collected.db add reports/slow/1-02.json
exits power-collect-is-a-report 0
grep -v ^report log > cut.log
run "$top/tests/power/collect" --log cut.log --boots 1 reports
exits power-collect-cut 1
run "$top/tests/gate-power" reports/base
exits gate-power-too-few 1
verdict gate-power-too-few-says grep -q 'has 2 runs; at least 30' err
