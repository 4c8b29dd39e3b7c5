# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What tests of ours in shell share; to be read by '.', in a folder of the test's own, where out, err, status.out
# and status.err are written.

# check NAME COMMAND...: every command of a function counts, which within 'if' would not be so
check() {
	name=$1
	shift
	set +e
	(set -e; "$@") > out 2> err
	failed=$?
	set -e
	if [ $failed = 0 ]; then
		echo "ok $name"
	else
		echo "not ok $name - failed: $*"
		tail -n 40 out err | sed 's/^/# /'
	fi
}

# status WANTED COMMAND...
status() {
	wanted=$1
	shift
	got=0
	"$@" > status.out 2> status.err || got=$?
	[ "$got" = "$wanted" ] || { echo "status $got, wanted $wanted"; tail -n 3 status.err; return 1; }
}
