#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The programs of make bench-scale check what they compute: here for small hosts.
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
