#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be said about a source file without running it: licence line, shell
# scripts by shellcheck, man pages by mandoc, no kernel version branches, no
# unfinished business, warnings of the other compiler.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# empty NAME: ok if $dir/found is empty
empty() {
	if [ -s "$dir/found" ]; then
		echo "not ok $1 - $(wc -l < "$dir/found") lines"
		sed 's/^/# /' "$dir/found"
	else
		echo "ok $1"
	fi
}

git ls-files > "$dir/all"
grep -E '\.(c|h|def|sh|py)$|^Makefile$|/Makefile$|^(lab|scripts)/[^.]*$|^tests/run$|^\.ci/run$' "$dir/all" |
	grep -v '\.md$' > "$dir/sources" || true
: > "$dir/found"
while read -r file; do
	[ -f "$file" ] || continue
	head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' || echo "$file" >> "$dir/found"
done < "$dir/sources"
empty licence-line

while read -r file; do
	[ ! -f "$file" ] || ! head -n 1 "$file" | grep -q '^#!/bin/sh' || echo "$file"
done < "$dir/all" > "$dir/shell"
xargs shellcheck -x < "$dir/shell" > "$dir/found" 2>&1 || true
empty shellcheck

# shellcheck disable=SC2046
grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION\(|LINUX_KERNEL_VERSION' \
	$(grep -E '^(bpf|user|load)/|^vmlinux.h' "$dir/all") > "$dir/found" || true
empty no-version-branches

# shellcheck disable=SC2046
grep -nE '\b(TODO|FIXME|XXX)\b' $(grep -v '^tests/style/' "$dir/all") > "$dir/found" 2> "$dir/err" || true
empty nothing-unfinished

# shellcheck disable=SC2016
grep -E '\.(c|h)$' "$dir/all" | xargs awk '
	{ line = $0; n = 0
	  for (i = 1; i <= length(line); i++) n += substr(line, i, 1) == "\t" ? 8 - n % 8 : 1
	  if (n > 110 && line !~ /"/) print FILENAME ":" FNR ": " n " columns" }' > "$dir/found"
empty line-length

pages=$(grep -E '^docs/man/.*\.[1-8]$' "$dir/all" || true)
if [ -n "$pages" ]; then
	# shellcheck disable=SC2086
	mandoc -T lint -W warning $pages > "$dir/found" 2>&1 || true
	empty man-pages
else
	echo "not ok man-pages - there is none in docs/man"
fi

# gcc builds everything for the other tests; clang has warnings of its own. Of files of an architecture those of
# this machine: the other's include headers for it, and its cross compiler looks at them
: > "$dir/found"
other=arm64
[ "$(uname -m)" != aarch64 ] || other=x86
grep -E '^(user|load)/.*\.c$' "$dir/all" | grep -v "/$other/\|/guest_$other" > "$dir/c"
while read -r file; do
	clang -std=gnu11 -D_GNU_SOURCE '-DVERSION="0"' -Ibuild -I. -Wall -Wextra -Wshadow \
		-Wstrict-prototypes -Werror -fsyntax-only "$file" >> "$dir/found" 2>&1 || true
done < "$dir/c"
empty clang-warnings

# make docs
build/bin/mmuscope metrics | diff docs/metrics.md - > "$dir/found" 2>&1 || true
scripts/cost-table --check >> "$dir/found" 2>&1 || true
scripts/scale --check >> "$dir/found" 2>&1 || true
scripts/bench --check >> "$dir/found" 2>&1 || true
empty docs-are-current
