#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in the lab VM, for mutants that only wide windows show: mmuscope-load, and from outside
# /proc/PID/clear_refs, which makes one invalidation of the whole process, all memslots, and frees nothing.
#	soft-dirty.sh once ARG...	once, when the guest has done its steps and holds
#	soft-dirty.sh busy ARG...	some 60 times while the guest runs; more would keep it from its work
set -eu

how=$1
shift
out=$(mktemp)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2> /dev/null || true' EXIT
trap 'exit 143' INT TERM

# holds: the guest has come to its end, and is still there
holds() {
	tries=0
	until grep -q holding "$out"; do
		kill -0 "$pid" && [ $tries -lt 600 ] || return 1
		tries=$((tries + 1))
		usleep 100000
	done
}

case $how in
once)
	mmuscope-load --hold-until-signal "$@" > "$out" &
	pid=$!
	holds
	echo 4 > "/proc/$pid/clear_refs"
	kill -USR1 "$pid"
	;;
busy)
	mmuscope-load "$@" > "$out" &
	pid=$!
	n=0
	while [ $n -lt 60 ] && kill -0 "$pid" 2> /dev/null; do
		echo 4 > "/proc/$pid/clear_refs" 2> /dev/null || break
		n=$((n + 1))
	done
	;;
esac
status=0
wait "$pid" || status=$?
pid=
exit $status
