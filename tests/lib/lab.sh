# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by tests of the lab itself: boots a VM, and judges what came of it.

. "$top/tests/lib/verdict.sh"
lab=$top/lab/run
export TMPDIR="$dir"
failed=0

# what the last VM said
# shellcheck disable=SC2317
explain() {
	cat "$dir/status" "$dir/facts" "$dir/err" 2> /dev/null | head -c 2000 | tr -cd '\n\t -~'
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

