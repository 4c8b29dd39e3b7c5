#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/mms-read, written from docs/recording.md, and user/recording/recording_read.c find the same in the same
# files: whole ones, an old one, forged ones, and hundreds that were damaged at random.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
mms=$top/build/test/recording/mms
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"

# agree NAME STATUS FILE...: both readers print the same and end with that status
agree() {
	name=$1
	wanted=$2
	shift 2
	c=0
	"$mms" dump "$@" > c.out 2> c.err || c=$?
	python=0
	"$top/scripts/mms-read" --raw "$@" > python.out 2> python.err || python=$?
	if [ "$c" = "$wanted" ] && [ "$python" = "$wanted" ] && cmp -s c.out python.out; then
		echo "ok $name"
	else
		echo "not ok $name - status $c in C, $python in Python, wanted $wanted"
		diff c.out python.out | head -n 20 | cut -c 1-200 | sed 's/^/# /'
		tail -n 3 c.err python.err | sed 's/^/# /'
	fi
}

# verdict NAME COMMAND...
verdict() {
	name=$1
	shift
	if "$@" > /dev/null; then
		echo "ok $name"
	else
		echo "not ok $name - failed: $*"
	fi
}

# the page and the table name the same types
sed -n 's/^RECORD(\([0-9]*\), [A-Z]*, "\([a-z]*\)".*/\1 \2/p' "$top/user/recording/records.def" > types.def
sed -n 's/^| \([0-9]*\) | \([a-z]*\) | .*[A-Za-z].*/\1 \2/p' "$top/docs/recording.md" > types.md
verdict types-are-documented cmp types.def types.md

# the format stands still: a file of long ago is read as it was then, and is written again like that
# (but for the payloads, which may be packed better one day)
base64 -d "$top/tests/golden/recording.base64" > golden.mms
agree golden 0 golden.mms
sed 1d c.out > golden.out
verdict golden-is-read cmp golden.out "$top/tests/golden/recording.txt"
"$mms" make fresh.mms 40 900
"$mms" dump fresh.mms | sed 1d > fresh.out
verdict golden-is-written cmp fresh.out "$top/tests/golden/recording.txt"
verdict golden-header cmp -n 120 fresh.mms golden.mms

"$mms" make whole.mms 3000 8192
agree whole 0 whole.mms
"$mms" make large.mms 100000 0
agree large 0 large.mms

mkdir forged
"$mms" forge forged
agree forged 1 forged/*.mms

"$mms" make small.mms 60 700
mkdir spoilt
"$mms" spoil small.mms spoilt 500
agree spoilt 1 spoilt/*.mms

# every length: what a reader finds behind a recorder that was killed
mkdir cut
size=$(wc -c < small.mms)
for n in $(seq 8 17 $((size - 1))); do
	head -c "$n" small.mms > "cut/$n.mms"
done
agree cut 3 cut/*.mms

# what mms-read prints is JSON, line by line, and the summary is last
"$top/scripts/mms-read" whole.mms > whole.json
verdict json jq -es 'length > 2000 and .[0].facts.kernel == "6.12" and .[-1].summary.lossless' whole.json
verdict json-types jq -es '[.[].type] - [null] | unique ==
	["end", "loss", "meta", "note", "snapshot", "stack", "step", "vm"]' whole.json
status=0
"$top/scripts/mms-read" none.mms > none.out 2> none.err || status=$?
verdict no-such-file test "$status" = 1 -a ! -s none.out
verdict no-such-file-says grep -q '^mms-read: none.mms: No such file' none.err
