# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by lab/fetch, lab/headers, lab/module and lab/kvmbuild: the list of
# kernels, the package archive of each, files kept with their checksums, and
# builds in a root directory.

# shellcheck source=scripts/apt.sh disable=SC2154
. "$top/scripts/apt.sh"

cache=$(cache_dir)

# kernel_names SET: the names of a set ('any': of all)
kernel_names() {
	awk -v set="$1" '!/^#/ && NF && (set == "any" || $5 == set) { print $1 }' "$top/lab/kernels"
}

# kernel_load NAME: sets series, suite, flavour, arch
kernel_load() {
	line=$(awk -v name="$1" '!/^#/ && $1 == name { print $2, $3, $4 }' "$top/lab/kernels")
	[ -n "$line" ] || die "unknown kernel '$1'; lab/kernels has: $(kernel_names any | xargs)"
	# shellcheck disable=SC2034
	read -r series suite flavour <<-END
		$line
	END
	arch=${flavour##*-}
	archive=$cache/apt/$suite
	[ "$arch" = amd64 ] || archive=$archive-$arch
}

# archive_open: private package lists of $suite, fetched at most once in a run
archive_open() {
	case " ${opened-} " in
	*" $archive "*) return 0 ;;
	esac
	case $suite in
	*-backports)
		base=${suite%-backports}
		apt_config "$archive" "$archive.status" "$base" "$base-updates" "$base-security" "$suite"
		;;
	*) apt_config "$archive" "$archive.status" "$suite" "$suite-updates" "$suite-security" ;;
	esac
	say "reading the package lists of $suite ($arch)"
	apt_update "$archive"
	opened="${opened-} $archive"
}

archive_names() {
	apt-cache -c "$archive/apt.conf" pkgnames "$1"
}

archive_has() {
	[ -n "$(apt-cache -c "$archive/apt.conf" show "$1" 2>/dev/null | sed -n '/^Filename:/p')" ]
}

# debs_get DIR PACKAGE...: download into DIR; apt checks signature and hash
debs_get() {
	dest=$1
	shift
	mkdir -p "$dest"
	if ! (cd "$dest" && apt-get -c "$archive/apt.conf" -q download "$@") \
		> "$archive/download.log" 2>&1; then
		cat "$archive/download.log" >&2
		die "could not download $* from $suite (reason above)"
	fi
}

# debs_get_all PACKAGE...: download with all dependencies into $archive/archives; prints the files
debs_get_all() {
	if ! apt-get -c "$archive/apt.conf" -q -y -o Debug::NoLocking=1 --no-install-recommends \
		--download-only install "$@" > "$archive/download.log" 2>&1; then
		cat "$archive/download.log" >&2
		die "could not download $* from $suite (reason above)"
	fi
	find "$archive/archives" -maxdepth 1 -name '*.deb' | LC_ALL=C sort
}

# sums_write DIR / sums_ok DIR: record and check what is kept in DIR
sums_write() {
	(cd "$1" && find . -type f ! -name 'SHA256SUMS*' -print0 | LC_ALL=C sort -z |
		xargs -0 sha256sum > SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
}

sums_ok() {
	[ -s "$1/SHA256SUMS" ] && (cd "$1" && sha256sum --quiet --strict -c SHA256SUMS) > /dev/null 2>&1
}

# cache_lock: one writer at a time, until the script ends or cache_unlock
cache_unlock() {
	exec 9>&-
}

# cache_lock: waits for other writers, at most half an hour
cache_lock() {
	mkdir -p "$cache"
	exec 9> "$cache/lock"
	if ! flock -n 9; then
		say "waiting for another run that is filling $cache"
		flock -w 1800 9 || die "gave up waiting for $cache/lock"
	fi
}

# unpack DEB: into $root, once; boot images and firmware are no part of a build
unpack() {
	deb=${1##*/}
	case $deb in
	linux-image-* | linux-binary-* | linux-modules-*) return 0 ;;
	esac
	! grep -qxF "$deb" "$root/unpacked" || return 0
	# older packages have /bin and /lib, which are links here
	dpkg-deb --fsys-tarfile "$1" |
		tar -x -C "$root" --keep-directory-symlink --no-same-owner
	echo "$deb" >> "$root/unpacked"
}

# root_run ROOT COMMAND...: in the root directory of lab/headers, as root or in a user namespace.
# A build needs /dev/null, and objtool of new kernels reads its limits in /proc; the mounts are
# in a namespace of their own and end with the command. Who is in a chroot has no mount at / that
# could be made private: there they are made private one by one, and undone.
root_run() {
	spaces=--mount
	[ "$(id -u)" = 0 ] || spaces="--user --map-root-user --mount"
	# shellcheck disable=SC2086
	unshare $spaces true 2> /dev/null || spaces="$spaces --propagation unchanged"
	# shellcheck disable=SC2016,SC2086
	unshare $spaces sh -c '
		root=$1
		shift
		for dir in dev proc; do
			mount --rbind "/$dir" "$root/$dir" && mount --make-rprivate "$root/$dir" || exit 1
		done
		status=0
		chroot "$root" "$@" || status=$?
		umount -R -l "$root/dev" "$root/proc" 2> /dev/null || true
		exit $status
		' sh "$@"
}

# root_make ROOT RELEASE ARGUMENT...: kbuild with the headers of that kernel
root_make() {
	in_root=$1 of_release=$2
	shift 2
	root_run "$in_root" /usr/bin/env -i PATH=/usr/bin HOME=/build LC_ALL=C \
		KBUILD_BUILD_TIMESTAMP=@0 make -s -C "/usr/src/linux-headers-$of_release" "$@"
}
