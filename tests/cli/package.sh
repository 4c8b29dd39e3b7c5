#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The Debian package and the tarball: what is in them, that lintian has nothing to say, that the same sources
# give the same bytes; and completion in bash and zsh, of every command and option that there is.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib/checks.sh"
bin=$top/build/bin
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"
export DEBFULLNAME="the mmuscope tests" DEBEMAIL=root@localhost

build() {
	"$top/scripts/make-deb" "$bin" 1.2.3 "$dir/a.deb"
	dpkg-deb -x a.deb tree
	dpkg-deb -f a.deb
}

holds() {
	for file in usr/bin/mmuscope usr/bin/mmuscope-load usr/share/man/man8/mmuscope.8.gz \
		usr/share/man/man1/mmuscope-load.1.gz usr/share/bash-completion/completions/mmuscope \
		usr/share/bash-completion/completions/mmuscope-load usr/share/zsh/vendor-completions/_mmuscope \
		usr/share/doc/mmuscope/copyright usr/share/doc/mmuscope/changelog.gz; do
		[ -e "tree/$file" ] || { echo "no $file"; return 1; }
	done
	# the service is there if its command is
	if "$bin/mmuscope" serve --help > /dev/null 2>&1; then
		[ -e tree/lib/systemd/system/mmuscope.service ] && [ -e tree/etc/default/mmuscope ] &&
			[ -e tree/usr/lib/systemd/catalog/mmuscope.catalog ]
	else
		[ ! -e tree/lib ] && [ ! -e tree/etc ]
	fi
	tree/usr/bin/mmuscope --version
	zcat tree/usr/share/man/man8/mmuscope.8.gz | mandoc -T ascii > /dev/null
	[ "$(dpkg-deb -f a.deb Version)" = 1.2.3 ] && dpkg-deb -f a.deb Depends | grep -q 'libncursesw6.*libsqlite3'
}

# by whom it was built and when does not matter
same_bytes() {
	(umask 077 && "$top/scripts/make-deb" "$bin" 1.2.3 "$dir/b.deb")
	cmp a.deb b.deb
}

# who packages it here is nobody
without_a_word() {
	lintian --fail-on error,warning --no-tag-display-limit --suppress-tags \
		bogus-mail-host,bogus-mail-host-in-debian-changelog,mail-contact,root-in-contact a.deb && [ ! -s out ]
}

needs_a_build() {
	! "$top/scripts/make-deb" "$dir/nowhere" 1.2.3 c.deb 2> said && grep -q "run 'make' first" said
}

tarball() {
	for n in 1 2; do
		(umask "02$n" && make -s -C "$top" dist B="$dir/dist$n" VERSION=1.2.3)
	done
	cmp dist1/mmuscope-1.2.3.tar.xz dist2/mmuscope-1.2.3.tar.xz
	tar -tf dist1/mmuscope-1.2.3.tar.xz | sed -n 's,^mmuscope-1.2.3/\(.*[^/]\)$,\1,p' | LC_ALL=C sort > have
	git -C "$top" ls-tree -r --name-only HEAD | LC_ALL=C sort > want
	diff want have
}

# ---- completion ----

# complete WORD...: what bash offers for the last word
complete_in_bash() {
	PATH=$bin:$PATH bash --norc -c '
		. /usr/share/bash-completion/bash_completion
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		function=_mmuscope
		[ "$1" = mmuscope-load ] && function=_mmuscope_load
		compopt() { :; }
		$function "$1" "${!#}" ""
		printf "%s\n" "${COMPREPLY[@]}"' bash "$top/packaging/mmuscope.bash" "$@"
}

commands_of() {
	"$bin/mmuscope" --help | sed -nE 's/^  ([a-z]+) .*/\1/p'
}

bash_commands() {
	complete_in_bash mmuscope '' | LC_ALL=C sort > have
	{ commands_of; printf '%s\n' --help --version; } | LC_ALL=C sort > want
	diff want have
	[ "$(complete_in_bash mmuscope doc)" = doctor ]
}

bash_options() {
	for command in $(commands_of); do
		complete_in_bash mmuscope "$command" -- > have
		"$bin/mmuscope" "$command" --help | grep -oE '^ .*  ' | grep -oE -- '--[a-z][a-z-]+' > want || continue
		while read -r option; do
			grep -qx -- "$option" have || { echo "$command: no $option"; return 1; }
		done < want
	done
	[ "$(complete_in_bash mmuscope top --no-c)" = --no-check ]
}

bash_values() {
	complete_in_bash mmuscope check --only never > have
	[ "$(cat have)" = never-secret ]
	[ "$(complete_in_bash mmuscope top --sort fau)" = faults ]
	complete_in_bash mmuscope-load anon > have
	grep -qx anon-4k have && grep -qx anon-thp have
	complete_in_bash mmuscope-load --pa > have
	grep -qx -- --pages have
}

# what zsh's own functions are given
in_zsh() {
	# shellcheck disable=SC2016
	PATH=$bin:$PATH zsh -f -c '
		_call_program() { shift; "$@"; }
		_describe() { print -l ${(P)4}; }
		_arguments() { print -l -- "$@"; }
		file=$1
		shift
		words=("$@") CURRENT=$# service=$1
		. $file' zsh "$top/packaging/_mmuscope" "$@"
}

zsh_completes() {
	in_zsh mmuscope '' > have
	for command in $(commands_of); do
		grep -q "^$command:" have || { echo "no $command"; return 1; }
	done
	in_zsh mmuscope top --s > have
	grep -qx -- '--no-check\[do not judge.*\]' have && grep -q -- '^--delay=\[.*\]:TIME:' have
	in_zsh mmuscope-load '' > have
	grep -q 'scenario:(anon-4k ' have
}

check deb-is-built build
check deb-holds-it-all holds
check deb-is-reproducible same_bytes
check deb-lintian without_a_word
check deb-needs-a-build needs_a_build
check dist tarball
check bash-commands bash_commands
check bash-options bash_options
check bash-values bash_values
check zsh zsh_completes
