# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by tests of command lines, which then are in a directory that goes at the end: what a command printed, how
# it ended, and what is made of it.

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"

# run COMMAND...: stdout, stderr and status are kept
run() {
	status=0
	"$@" > out 2> err < /dev/null || status=$?
}

# verdict NAME COMMAND...
verdict() {
	name=$1
	shift
	if "$@" > /dev/null 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name - status $status, failed: $*"
		sed 's/^/# out: /' out
		sed 's/^/# err: /' err
	fi
}
