# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by scripts/setup and lab/*: apt configurations of our own for other
# Debian suites, on the mirror that the system itself uses and checked with
# Debian's own keys. Nothing under /etc/apt is touched.

APT_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

say() {
	echo "${0##*/}: $*" >&2
}

cache_dir() {
	echo "${MMUSCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mmuscope}"
}

os_field() {
	# shellcheck disable=SC1091
	(. /etc/os-release && eval "printf '%s' \"\${$1-}\"")
}

# apt_mirror main|security: the URI of the first such Debian source of the system.
# apt itself reads its sources, so every format and every proxy setting works.
apt_mirror() {
	code=$(os_field VERSION_CODENAME)
	# shellcheck disable=SC2016
	found=$(apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(ORIGIN)|$(LABEL)|$(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk -F'|' -v want="$1" -v code="$code" '
		$3 != "Debian" || $5 != "main" { next }
		want == "main" && ($2 == code || ($4 == "Debian" && $2 ~ /^(old)*stable$/)) { print $1; exit }
		want == "security" && ($2 == code "-security" || $4 == "Debian-Security") { print $1; exit }')
	# Without package lists apt knows no origin: go by the names in its sources.
	[ -n "$found" ] || found=$(apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\([^']*/\)dists/\([^']*\)/InRelease'.*|\1 \2|p" |
		awk -v want="$1" -v code="$code" '
		want == "security" { sub(/-security$/, "", $2) || sub(/\/updates$/, "", $2) || $2 = "" }
		($2 == code || $2 ~ /^(old)*stable$/) && $1 ~ /\/debian(-security)?\/$/ { print $1; exit }')
	echo "$found"
}

# apt_sources SUITE...: one-line sources of $arch; SUITE-security only if the system has a security mirror
apt_sources() {
	main=$(apt_mirror main)
	security=$(apt_mirror security)
	[ -n "$main" ] || die "apt has no Debian source for $(os_field VERSION_CODENAME) main;" \
		"add one to /etc/apt/sources.list.d and run me again"
	[ -e "$APT_KEYRING" ] || die "$APT_KEYRING is missing; apt-get install debian-archive-keyring"
	for apt_suite; do
		case $apt_suite in
		*-security)
			[ -z "$security" ] || echo "deb [arch=$arch signed-by=$APT_KEYRING] $security $apt_suite main"
			;;
		*)
			echo "deb [arch=$arch signed-by=$APT_KEYRING] $main $apt_suite main"
			;;
		esac
	done
}

# apt_config DIR STATUS SUITE...: a private configuration in DIR; STATUS: the dpkg status file. $arch, if set, is
# the architecture that it takes for the machine's own
apt_config() {
	: "${arch:=$(dpkg --print-architecture)}"
	apt_dir=$1 apt_status=$2
	shift 2
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	apt_sources "$@" > "$apt_dir/sources.list.new"
	[ -e "$apt_status" ] || : > "$apt_status"
	cat > "$apt_dir/apt.conf" <<-CONF
		Dir::State::lists "$apt_dir/lists";
		Dir::State::status "$apt_status";
		Dir::Cache::archives "$apt_dir/archives";
		Dir::Cache::pkgcache "$apt_dir/pkgcache.bin";
		Dir::Cache::srcpkgcache "";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		Acquire::Languages "none";
		Acquire::Retries "3";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	CONF
	# _apt cannot read a cache below a private home; what is fetched is checked all the same
	[ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";' >> "$apt_dir/apt.conf"
	mv "$apt_dir/sources.list.new" "$apt_dir/sources.list"
}

# apt_update DIR: fetch the package lists of a private configuration
apt_update() {
	if ! apt-get -c "$1/apt.conf" -q -o APT::Update::Error-Mode=any update > "$1/update.log" 2>&1; then
		sed -n 's/^[EW]: /apt: /p' "$1/update.log" >&2
		die "could not fetch the package lists (reason above);" \
			"check the network and the mirror in /etc/apt/sources.list.d, then run me again"
	fi
}
