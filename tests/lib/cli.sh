# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by tests of command lines: what a command printed, how it ended, and what is made of it.

. "$top/tests/lib/verdict.sh"

# run COMMAND...: stdout, stderr and status are kept
run() {
	status=0
	"$@" > out 2> err < /dev/null || status=$?
}

# shellcheck disable=SC2317
explain() {
	echo "status $status"
	sed 's/^/out: /' out
	sed 's/^/err: /' err
}
