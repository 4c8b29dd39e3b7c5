#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope report over a made-up run: each form against its golden text, damaged and lossy recordings, names
# that would be code, exit codes. UPDATE=1 writes new goldens.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib/checks.sh"
mmuscope=$top/build/bin/mmuscope
scene=$top/build/test/recording/scene
golden=$top/tests/golden
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"

same() {
	if [ -n "${UPDATE-}" ]; then
		cp "$2" "$golden/$1"
	fi
	diff "$golden/$1" "$2"
}

# form NAME OPTION: its golden text; 3: this scene has a loss
form() {
	status 3 "$mmuscope" report "--$1" -o "out.$1" run.mms
	if [ "$1" = csv ]; then
		# of the thousands of rows: one metric over time, one cause in the end
		{ head -n 4 out.csv; grep 'mmuscope_mapped_bytes.*vm=1;level=2M' out.csv; grep '^60.*duration_seconds_sum,cause=writeback' out.csv; } > out.csv.part
		same report-csv.txt out.csv.part
	else
		same "report-$1.txt" "out.$1"
	fi
}

trace() {
	status 3 "$mmuscope" report --perfetto -o out.trace run.mms
	"$top/tests/lib/trace-text" out.trace > out.trace.txt
	# of the counters and windows the first ones
	{ head -n 20 out.trace.txt; grep -v ' counter ' out.trace.txt | head -n 100; } > out.trace.part
	same report-perfetto.txt out.trace.part
}

json() {
	status 3 "$mmuscope" report --json -o out.json run.mms
	jq -e '.version == 1 and .recording.lossless and (.recording.complete | not) and
		(.points.vms | length) == 3 and (.stories[0].steps | length) == 4 and
		.stories[0].steps[3].what == "dirty flag cleared" and
		([.windows.causes[].windows] | add) == .recording.records.window and
		([.windows.causes[].windows_by_bin | add] | add) == .recording.records.window and
		.last.verdict == "VIOLATED" and (.losses | length) == 1' out.json
}

# 72 columns and nothing but ASCII
narrow() {
	! grep -nE '^.{73}' out.lkml && ! LC_ALL=C grep -n '[^ -~]' out.lkml
}

# a command line of any length keeps to the columns, and a shell reads from the mail what was run; so for
# the name of the file
long_command() {
	long=$(printf '%0200d' 0)
	set -- run-migration --name "$long" "it's $long and 'more', '''''''''''''''''''''''''' it" '' 'a b'
	for n in $(seq 100); do
		set -- "$@" "--option=$n"
	done
	"$scene" "$long.mms" 300 60 clean "$@"
	status 0 "$mmuscope" report --lkml -o out.lkml "$long.mms"
	narrow
	sed -n '/^  mmuscope /,/^$/p' out.lkml > commands
	printf '%s\n' record -o run.mms -- "$@" judge "$long.mms" > want
	sh -c 'mmuscope() { printf "%s\n" "$@"; }; . ./commands' > got
	diff want got
	status 0 "$mmuscope" report -o out.text "$long.mms"
	grep -q '^while ran: run-migration.*[.][.][.]$' out.text
}

stdin() {
	got=0
	# shellcheck disable=SC2002
	cat run.mms | "$mmuscope" report -q --csv - > piped.csv || got=$?
	[ "$got" = 3 ] && cmp piped.csv out.csv
}

clean() {
	"$scene" clean.mms 300 60 clean
	status 0 "$mmuscope" report -o clean.txt clean.mms
	grep -q '^nothing lost$' clean.txt
	status 0 "$mmuscope" report --lkml clean.mms
}

# every form of a file that was cut off says so first, and is made of what there is
cut_off() {
	head -c 9000 run.mms > cut.mms
	for f in text lkml csv folded json html perfetto; do
		status 3 "$mmuscope" report "--$f" -o "cut.$f" cut.mms
		head -c 250000 "cut.$f" | grep -aq 'ends early' || { echo "$f does not say it"; return 1; }
	done
	head -n 1 cut.text | grep -q 'ends early'
	head -n 1 cut.csv | grep -q 'ends early'
	head -n 1 cut.folded | grep -q 'ends early'
	"$top/tests/lib/trace-text" cut.perfetto > /dev/null
}

# nothing but the header; a damaged byte in the middle
damaged() {
	head -c 600 run.mms > header.mms
	status 3 "$mmuscope" report --lkml header.mms
	grep -q 'no snapshot' status.out
	cp run.mms damaged.mms
	printf 'XXXX' | dd of=damaged.mms bs=1 seek=20000 conv=notrunc 2> dd.err
	status 3 "$mmuscope" report damaged.mms
	grep -q 'bytes are lost' status.out
}

usage() {
	status 1 "$mmuscope" report && status 1 "$mmuscope" report --html --csv run.mms &&
		status 1 "$mmuscope" report --what run.mms && status 1 "$mmuscope" report run.mms run.mms &&
		status 1 "$mmuscope" report absent.mms && status 0 "$mmuscope" report --help &&
		status 1 "$mmuscope" report "$0" && status 1 "$mmuscope" report -o /dev/full run.mms
}

# names that would be code reach no output as such
hostile() {
	"$scene" hostile.mms 400 60 hostile
	for f in text lkml csv folded json html perfetto; do
		status 3 "$mmuscope" report "--$f" -o "hostile.$f" hostile.mms
		# perfetto is binary: the UI shows its names as text
		[ "$f" = perfetto ] || ! LC_ALL=C grep -n "$(printf '\033')" "hostile.$f" || return 1
	done
	if grep -i '<img\|<script>x' hostile.html; then
		return 1
	fi
	[ "$(grep -ic '</script' hostile.html)" = "$(grep -ic '</script' out.html)" ]
}

"$scene" run.mms 300 600
for f in text lkml folded csv; do
	check "report-$f" form "$f"
done
check report-html status 3 "$mmuscope" report --html -o out.html run.mms
check report-html-loads-nothing sh -c '! grep -aoiE "(src|href)=\"?(https?:)?//[^\" >]*" out.html'
check report-perfetto trace
check report-json json
check report-lkml-is-narrow narrow
check report-lkml-long-command long_command
check report-stdin stdin
check report-clean clean
check report-cut-off cut_off
check report-damaged damaged
check report-usage usage
check report-hostile-names hostile
