#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every hook of user/host/stage2.def against the BTF of every arm64 kernel of the lab.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${MMUSCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mmuscope}/kernels
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# KERNEL FUNCTION: what a kernel does not have, and another function stands for
cat > "$dir/absent" <<'END'
arm64/7 kvm_set_pfn_dirty
END

kernels=$(awk '!/^#/ && $5 == "arm64" { print $1 }' "$top/lab/kernels")
for kernel in $kernels; do
	if [ ! -f "$cache/$kernel/btf/vmlinux" ]; then
		echo "not ok $kernel-btf - there is no $cache/$kernel/btf/vmlinux; run lab/fetch $kernel"
		continue
	fi
	"$top/build/test/btf/fits" stage2 "$cache/$kernel" > "$dir/functions"
	awk '$1 == "no" { print $3 }' "$dir/functions" > "$dir/got"
	awk -v k="$kernel" '$1 == k { print $2 }' "$dir/absent" > "$dir/expected"
	if diff "$dir/expected" "$dir/got" > "$dir/diff" && [ "$(wc -l < "$dir/functions")" -ge 15 ]; then
		echo "ok $kernel-stage2-hooks-fit"
	else
		echo "not ok $kernel-stage2-hooks-fit - '<' is what was expected to be absent, '>' what is"
		cat "$dir/diff" "$dir/functions" | sed 's/^/# /'
	fi
done
