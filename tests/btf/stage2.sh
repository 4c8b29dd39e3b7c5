#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every hook of user/host/stage2.def and every hook of hooks.def that arm64 has, and every field of
# bpf/arch/arm64/kvm.h, against the BTF of every arm64 kernel of the lab.
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

# compiled as the Makefile does, but for what other architectures have of it
printf '#include "vmlinux.h"\n#include "bpf/arch/arm64/kvm.h"\n' > "$dir/arm64.c"
sed -n 's/^\(struct [a-z0-9_]*\) {/\1/p' "$top/bpf/arch/arm64/kvm.h" | awk '{ print $0, "type" NR ";" }' >> "$dir/arm64.c"
sed -n 's/^struct \([a-z0-9_]*\) {/\1/p' "$top/bpf/arch/arm64/kvm.h" > "$dir/types"
${CLANG:-clang} -g -O2 -target bpf -I"$top" -I"$(echo /usr/include/*-linux-gnu | cut -d ' ' -f 1)" \
	-c "$dir/arm64.c" -o "$dir/arm64.o"

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
	# timing a fault is x86's only
	"$top/build/test/btf/fits" hooks "$cache/$kernel" arm64 > "$dir/hooks"
	if ! grep '^no' "$dir/hooks" > "$dir/missing" && [ "$(wc -l < "$dir/hooks")" -ge 25 ]; then
		echo "ok $kernel-hooks-fit"
	else
		echo "not ok $kernel-hooks-fit - $(head -n 1 "$dir/missing")"
		sed 's/^/# /' "$dir/hooks"
	fi
	# shellcheck disable=SC2046
	"$top/build/test/btf/fits" types "$cache/$kernel" "$dir/arm64.o" $(cat "$dir/types") > "$dir/fields"
	if ! grep '^no' "$dir/fields" && [ "$(grep -c '^ok' "$dir/fields")" -ge 15 ]; then
		echo "ok $kernel-fields-fit"
	else
		echo "not ok $kernel-fields-fit - $(grep -m 1 '^no' "$dir/fields")"
	fi
done
