#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every scenario of mmuscope-load on one kernel: the guest's data is intact, and
# the counts that it promises are those that kprobes see, without mmuscope: the
# exact ones to the page, the others as lower bounds.
set -eu

kernel=${1:?usage: load-counts.matrix.arm64.sh KERNEL}
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

names=$("$top/build/static/mmuscope-load" --list --json | jq -r '.scenarios[].name')
# shellcheck disable=SC2086
"$top/lab/run" -q -k "$kernel" --mem 4G --append hugepagesz=1G --append hugepages=1 \
	--disk ext4:128M --swap 128M --timeout 600 --push "$top/tests/lab/load-counts.guest" -- \
	sh load-counts.guest 211 $names > "$out"

python3 "$top/tests/lab/load-counts.judge" "$out"
