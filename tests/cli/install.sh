#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The life of the Debian package in a clean, minimal Debian of this machine's release: installed, upgraded from
# an older version, removed, purged. The user is there, what the admin changed in the conffile stays, and a purge
# leaves nothing. Nothing is started: there is no systemd; tests/lab/service.matrix.py has one.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib/checks.sh"
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"
root=$dir/root
export DEBFULLNAME="the mmuscope tests" DEBEMAIL=root@localhost LC_ALL=C
PATH=$PATH:/sbin:/usr/sbin

if [ "$(id -u)" != 0 ]; then
	echo "skip root - only root can make a Debian root directory"
	exit 0
fi

# shellcheck disable=SC2016
version() {
	in_root dpkg-query -W -f '${db:Status-Abbrev}${Version}' mmuscope
}

in_root() {
	DEBIAN_FRONTEND=noninteractive chroot "$root" "$@" < /dev/null
}

# files: all of them, but what dpkg itself writes at each step, logs and caches, and adduser's lock in /run
files() {
	(cd "$root" && find . -xdev | grep -vE '^\./(var/(log|lib/dpkg|cache)|tmp|run|dev|proc)(/|$)' | sort)
}

# accounts: backup copies of them are not looked at
accounts() {
	(cd "$root/etc" && cat passwd group shadow gshadow | sort)
}

prepare() {
	"$top/scripts/make-deb" "$top/build/bin" 1.0.0 "$dir/old.deb"
	"$top/scripts/make-deb" "$top/build/bin" 1.1.0 "$dir/new.deb"
	tar=$("$top/lab/debian" tar "$dir/new.deb")
	mkdir "$root"
	tar -xf "$tar" -C "$root"
	cp old.deb new.deb "$root/tmp"
	files | grep -vE '^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-$' > files.before
	accounts > accounts.before
}

installs() {
	set -e
	in_root dpkg -i /tmp/old.deb
	[ "$(version)" = "ii 1.0.0" ]
	in_root mmuscope --version
	in_root mmuscope-load --list
	in_root mmuscope serve --help
}

has_user() {
	set -e
	in_root getent passwd mmuscope | grep -E '^mmuscope:x:[0-9]{3}:[0-9]{3}:[^:]*:/nonexistent:/usr/sbin/nologin$'
	[ ! -e "$root/nonexistent" ]
	[ "$(grep -c '^mmuscope:[!*]' "$root/etc/shadow")" = 1 ]
	in_root find / -xdev -user mmuscope > owned
	[ ! -s owned ]
}

# to watch the whole host is for the admin to decide
is_not_enabled() {
	[ -e "$root/lib/systemd/system/mmuscope.service" ] &&
		! find "$root/etc/systemd" -name 'mmuscope*' | grep .
}

upgrades() {
	set -e
	in_root env DPKG_MAINTSCRIPT_PACKAGE=mmuscope deb-systemd-helper enable mmuscope.service
	echo '# changed by the admin' >> "$root/etc/default/mmuscope"
	in_root id -u mmuscope > uid.before
	in_root dpkg -i /tmp/new.deb
	[ "$(version)" = "ii 1.1.0" ]
	grep -qx '# changed by the admin' "$root/etc/default/mmuscope"
	in_root id -u mmuscope | cmp - uid.before
	[ -L "$root/etc/systemd/system/multi-user.target.wants/mmuscope.service" ]
	zcat "$root/usr/share/doc/mmuscope/changelog.gz" | grep -q '^mmuscope (1.1.0)'
}

is_verified() {
	in_root dpkg --verify mmuscope > verified || true
	grep -v ' c /etc/default/mmuscope$' verified > changed || true
	[ ! -s changed ]
}

removes() {
	set -e
	in_root dpkg -r mmuscope
	[ ! -e "$root/usr/bin/mmuscope" ] && [ ! -e "$root/lib/systemd/system/mmuscope.service" ]
	grep -qx '# changed by the admin' "$root/etc/default/mmuscope"
	in_root getent passwd mmuscope
}

installs_again() {
	set -e
	in_root dpkg -i /tmp/new.deb
	grep -qx '# changed by the admin' "$root/etc/default/mmuscope"
	[ "$(version)" = "ii 1.1.0" ]
}

purges() {
	set -e
	in_root dpkg -P mmuscope
	files | grep -vE '^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-$' > files.after
	diff files.before files.after
	accounts | diff accounts.before -
	! in_root dpkg-query -W mmuscope
}

check prepares prepare
check installs installs
check user has_user
check not-enabled is_not_enabled
check upgrades upgrades
check verified is_verified
check removes removes
check installs-again installs_again
check purges purges
