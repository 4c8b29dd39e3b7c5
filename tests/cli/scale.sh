#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The programs of make bench-scale check what they compute: here for small hosts.  Those of serve are what it promises:
# all series and right sums in each answer, memory within its budget and the same after an hour, slow clients ended.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)

# expect NAME COMMAND...
expect() {
	name=$1
	shift
	if out=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name - $out"
	fi
}

expect block-map-is-exact "$top/build/scale/block_map" 1
expect sums-are-exact "$top/build/scale/scrape" 16 512
# VMs, simulated seconds, slow clients, MiB resident at most
expect an-hour-of-serving "$top/build/scale/serve" 32 3600 200 24
# 16 bytes lost at each gathering would be 40 KiB, and 16 are allowed
expect memory-is-flat-for-four-hours "$top/build/scale/serve" 2 14400 1 24
expect a-thousand-vms-fit "$top/build/scale/serve" 1000 60 1 24
expect an-hour-without-a-leak "$top/build/test/scale/serve" 4 3600 20 4096
