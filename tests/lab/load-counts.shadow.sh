#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The scenarios of mmuscope-load without the TDP MMU and without nested paging:
# the guest's data is intact, what can be promised is what kprobes see, and KVM's
# own stock is the one that was expected.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

# 1G pages need much memory, and say nothing here that 2M pages do not
names=$("$top/build/static/mmuscope-load" --list --json |
	jq -r '.scenarios[].name | select(. != "hugetlb-1g")')
failed=0
for kernel in 6.12 7; do
	for option in kvm.tdp_mmu=0 kvm-amd.npt=0; do
		able=$names
		# nested page tables are nested paging of the host, too
		[ "$option" = kvm.tdp_mmu=0 ] || able=$(echo "$names" | grep -vx nested)
		# shellcheck disable=SC2086
		"$top/lab/run" -q -k "$kernel" --opt "$option" --mem 2G --disk ext4:128M \
			--swap 128M --timeout 300 --push "$top/tests/lab/load-counts.guest" -- \
			sh load-counts.guest 211 $able > "$out"
		python3 "$top/tests/lab/load-counts.judge" --shadow "$out" > "$out.judged" || failed=1
		sed -E "s/^(ok|not ok|skip) /&$kernel-$option-/" "$out.judged"
		rm -f "$out.judged"
	done
done
exit "$failed"
