#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every hook, and every field that is read, against the BTF of every kernel of
# the matrix: without a VM, in a second. tests/btf/absent and tests/btf/shapes
# say where kernels differ.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
fits=$top/build/test/btf/fits
object=$top/build/mmuscope.bpf.o
cache=${MMUSCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mmuscope}/kernels
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# compare NAME EXPECTED GOT
compare() {
	if diff "$2" "$3" > "$dir/diff"; then
		echo "ok $1"
	else
		echo "not ok $1 - '<' is what was expected, '>' what the kernel has"
		sed 's/^/# /' "$dir/diff"
	fi
}

# Types that are declared for relocation, by name.
sed '/attribute pop/q' "$top/vmlinux.h" | cat - "$top/bpf/compat.bpf.h" |
	sed -n 's/^\(struct\|union\|enum\) \([a-z0-9_]*\) {.*/\2/p; s/^} \([a-z_]*\);/\1/p' \
		> "$dir/types"
if [ "$(wc -l < "$dir/types")" -ge 20 ]; then
	echo "ok types-found"
else
	echo "not ok types-found - vmlinux.h declares fewer types than it must"
fi

matrix=$(awk '!/^#/ && $5 == "matrix" { print $1 }' "$top/lab/kernels")
for kernel in $matrix; do
	if [ ! -f "$cache/$kernel/btf/kvm" ]; then
		echo "not ok $kernel-btf - there is no $cache/$kernel/btf/kvm; run lab/fetch $kernel"
		continue
	fi
	echo "# $kernel: $(cat "$cache/$kernel/release")"

	"$fits" hooks "$cache/$kernel" > "$dir/hooks"
	sed 's/^/# /' "$dir/hooks"
	grep '^no' "$dir/hooks" > "$dir/got" || true
	: > "$dir/expected"
	compare "$kernel-hooks-fit" "$dir/expected" "$dir/got"
	cat "$dir/hooks" >> "$dir/all-hooks"
	awk -v k="$kernel" '!/^#/ && $1 == k { print "ok hook", $2, $3 }' "$top/tests/btf/shapes" |
		sort > "$dir/expected"
	cut -d ' ' -f 3 "$dir/expected" > "$dir/names"
	awk 'NR == FNR { names[$1]; next } $3 in names' "$dir/names" "$dir/hooks" | sort > "$dir/got"
	compare "$kernel-shapes" "$dir/expected" "$dir/got"

	# shellcheck disable=SC2046
	"$fits" types "$cache/$kernel" "$object" $(cat "$dir/types") > "$dir/fields"
	awk '/^no/ { print $3 }' "$dir/fields" | sort > "$dir/got"
	awk -v k="$kernel" '!/^#/ && $1 == k { print $2 }' "$top/tests/btf/absent" | sort > "$dir/expected"
	compare "$kernel-fields" "$dir/expected" "$dir/got"
	if [ "$(grep -c '^ok' "$dir/fields")" -ge 40 ]; then
		echo "ok $kernel-fields-counted"
	else
		echo "not ok $kernel-fields-counted - only $(grep -c '^ok' "$dir/fields") fields were looked at"
	fi

	# variables of kvm.ko that the program 'init' needs the address of
	for symbol in shadow_mmu_writable_mask shadow_dirty_mask shadow_accessed_mask tdp_mmu_enabled vm_list \
		max_huge_page_level nx_huge_pages; do
		if grep -q "^$symbol " "$cache/$kernel/kvm.syms"; then
			echo "ok $kernel-symbol-$symbol"
		else
			echo "not ok $kernel-symbol-$symbol - not in kvm.syms"
		fi
	done
done

# what is stage 2's: tests/btf/stage2.sh looks at its fields
stage2=$(awk '!/^#/ && $5 == "arm64" { print $1 }' "$top/lab/kernels")
for kernel in $stage2; do
	[ -f "$cache/$kernel/btf/vmlinux" ] || continue
	"$fits" hooks "$cache/$kernel" arm64 >> "$dir/all-hooks"
done

# a shape that no kernel takes should go, with its program
sed -n 's/^SHAPE([A-Z0-9_]*, \([a-z0-9_]*\),.*/\1/p' "$top/user/host/hooks.def" | sort -u > "$dir/expected"
awk '/^ok hook/ { print $4 }' "$dir/all-hooks" | sort -u > "$dir/got"
compare every-shape-is-used "$dir/expected" "$dir/got"

# The check must be able to fail: types with wrong fields, compiled as vmlinux.h is.
kernel=$(echo "$matrix" | tail -n 1)
cat > "$dir/wrong.c" <<'END'
struct kvm { void *mm; int no_such_field; short userspace_pid; };
struct kvm_mmu_page { int spt; unsigned int role; };
union kvm_mmu_page_role { struct { unsigned int access : 2; unsigned int word : 1; }; };
struct no_such_type { int x; };
enum pageflags { PG_dirty, PG_no_such_flag };
struct folio___later { void *mapping; };
struct kvm a; struct kvm_mmu_page b; struct no_such_type c; enum pageflags d; struct folio___later e;
union kvm_mmu_page_role f;
END
${CLANG:-clang} -g -O2 -target bpf -c "$dir/wrong.c" -o "$dir/wrong.o"
"$fits" types "$cache/$kernel" "$dir/wrong.o" kvm kvm_mmu_page kvm_mmu_page_role no_such_type pageflags \
	folio___later not_in_object > "$dir/got"
cat > "$dir/expected" <<'END'
ok field kvm.mm
no field kvm.no_such_field - there is no such field
no field kvm.userspace_pid - it is of another size
no field kvm_mmu_page.spt - it is of another kind
no field kvm_mmu_page.role - it is of another kind
no field kvm_mmu_page_role.access - it is no bit field of that size
no field kvm_mmu_page_role.word - it is no bit field of that size
no field no_such_type - this kernel has no such type
ok field pageflags.PG_dirty
no field pageflags.PG_no_such_flag - there is no such enumerator
ok field folio___later.mapping
no field not_in_object - declared, but no program uses it
END
compare the-check-can-fail "$dir/expected" "$dir/got"
