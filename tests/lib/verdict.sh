# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by tests, which then are in a directory that goes at the end.

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"

# verdict NAME COMMAND...: ok if COMMAND succeeds, else what `explain` prints, which the test has
verdict() {
	name=$1
	shift
	if "$@" > /dev/null 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name - failed: $*"
		failed=1
		explain | sed 's/^/# /'
	fi
}
