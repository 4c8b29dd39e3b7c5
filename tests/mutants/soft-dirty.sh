#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in the lab VM, for mutants that only wide windows show: mmuscope-load, and from outside
# /proc/PID/clear_refs, which makes one invalidation of the whole process, all memslots, and frees nothing.
#	soft-dirty.sh once ARG...	once, when the guest has done its steps and holds
#	soft-dirty.sh busy ARG...	while the guest runs, whenever it has made 500 page faults more
#	soft-dirty.sh storm ARG...	the same without regard to its progress
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
busy | storm)
	mmuscope-load "$@" > "$out" &
	pid=$!
	seen=0
	[ "$how" = storm ] && step=0 || step=500
	# a process that has ended, but was not waited for, has no exe
	while [ -e "/proc/$pid/exe" ]; do
		now=$(cat "/sys/kernel/debug/kvm/$pid-"*/pf_taken 2> /dev/null || echo 0)
		if [ "$now" -ge $((seen + step)) ]; then
			seen=$now
			echo 4 > "/proc/$pid/clear_refs" || true
		fi
	done
	;;
esac
status=0
wait "$pid" || status=$?
pid=
exit $status
