# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by tests of the lab itself, in a directory that goes at the end: boots a VM, and judges what came of it.

lab=$top/lab/run
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
export TMPDIR="$dir"
cd "$dir"
failed=0

# verdict NAME COMMAND...: ok if COMMAND succeeds, else what the last VM said
verdict() {
	name=$1
	shift
	if "$@" > /dev/null 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		failed=1
		cat "$dir/status" "$dir/facts" "$dir/err" 2> /dev/null | head -c 2000 |
			tr -cd '\n\t -~' | sed 's/^/# /'
	fi
}

# vm ARG...: runs lab/run, keeps stdout, stderr and status
vm() {
	status=0
	"$lab" "$@" > "$dir/out" 2> "$dir/err" || status=$?
	echo "status $status" > "$dir/status"
}

# shellcheck disable=SC2317
status_is() {
	[ "$status" = "$1" ]
}

# shellcheck disable=SC2317
said() {
	grep -q -- "$1" "$dir/err"
}

