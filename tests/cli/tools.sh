#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The command lines of mmuscope and mmuscope-load on any machine: help, bad
# usage, and hosts that cannot do it. No VM.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
mmuscope=$top/build/bin/mmuscope
load=$top/build/bin/mmuscope-load
. "$top/tests/lib/cli.sh"

# shellcheck disable=SC2317
is_help() {
	[ "$status" = 0 ] && [ ! -s err ] && grep -qi '^usage' out && [ "$(expand out | awk '
		length($0) > n { n = length($0) } END { print n }')" -le 80 ]
}

# is_bad_usage TEXT: exit 1, two lines on stderr, the first quotes TEXT, nothing on stdout
# shellcheck disable=SC2317
is_bad_usage() {
	[ "$status" = 1 ] && [ ! -s out ] && [ "$(wc -l < err)" = 2 ] &&
		head -n 1 err | grep -qF -- "'$1'"
}

for tool in mmuscope mmuscope-load; do
	for flag in --help -h; do
		run "$top/build/bin/$tool" "$flag"
		verdict "$tool$flag" is_help
	done
	run "$top/build/bin/$tool" --version
	verdict "$tool-version" grep -q "^$tool [0-9]" out
	cmp -s "$top/build/bin/$tool" "$top/build/static/$tool" && echo "not ok $tool-static - same file"
	run "$top/build/static/$tool" --help
	verdict "$tool-static-help" is_help
done
run ldd "$top/build/static/mmuscope"
verdict mmuscope-is-static grep -q 'not a dynamic executable' out err

for command in doctor check levels top walk serve; do
	for flag in --help -h; do
		run "$mmuscope" "$command" "$flag"
		verdict "$command$flag" is_help
	done
	# every option that the help names must be known, by its long name
	grep -oE -- '--[a-z-]+' out | sort -u | grep -vx -- --help > options
	while read -r option; do
		# two words that are wrong, one of which the option may take: nothing is ever observed
		run "$mmuscope" "$command" "$option" --bogus --bogus
		# shellcheck disable=SC2251
		verdict "$command-knows$option" sh -c '[ -s err ] && ! grep -q -- "'"'$option'"'" err'
	done < options
	run "$mmuscope" "$command" --bogus
	verdict "$command-unknown-option" is_bad_usage --bogus
	# to top it would be a recording
	[ "$command" != top ] || continue
	run "$mmuscope" "$command" stray
	verdict "$command-stray-word" is_bad_usage stray
done
run "$mmuscope"
verdict no-command test "$status" = 1 -a ! -s out
run "$mmuscope" chekc
verdict unknown-command is_bad_usage chekc
run "$mmuscope" check --for 10x -- true
verdict bad-duration is_bad_usage 10x
run "$mmuscope" check -p 12 -- true
verdict pid-and-command is_bad_usage true
run "$mmuscope" levels --only zapped-at-start
verdict option-of-another-command test "$status" = 1 -a "$(wc -l < err)" = 2
run "$mmuscope" levels --tier best
verdict tier-unknown is_bad_usage best
run "$mmuscope" doctor --for 1s
verdict doctor-takes-no-time test "$status" = 1 -a "$(wc -l < err)" = 2

run "$load" --list
verdict load-list grep -q '^ *anon-4k ' out
run "$load" --list --json
verdict load-list-json jq -e '.scenarios | length > 20' out
verdict load-list-json-kvm jq -e 'has("kvm")' out
run "$load" --bogus
verdict load-unknown-option is_bad_usage --bogus
run "$load" anon-4kk
verdict load-unknown-scenario is_bad_usage anon-4kk
verdict load-nearest-scenario grep -q "'anon-4k'" err
run "$load" --pages 0 anon-4k
verdict load-no-pages is_bad_usage 0
run "$load" --pages 12k anon-4k
verdict load-bad-number is_bad_usage 12k
run "$load" --device /dev/mem --device-offset 4097 device
verdict load-bad-offset is_bad_usage 4097
run "$load" --device /dev/mem --device-offset 0xg000 device
verdict load-bad-hex-offset is_bad_usage 0xg000
run "$load" --cut 0 anon-4k
verdict load-cut-at-no-page is_bad_usage 0
for scenario in slots two-slots stress; do
	run "$load" --cut 5 $scenario
	verdict load-cut-of-$scenario is_bad_usage $scenario
done
run "$load" --vcpus
verdict load-missing-argument is_bad_usage --vcpus
run "$load" anon-4k memfd
verdict load-two-scenarios is_bad_usage memfd
run "$load"
verdict load-no-scenario test "$status" = 1 -a "$(wc -l < err)" = 2
run "$load" --steps 'write nonsense'
verdict load-unknown-step grep -q "nonsense" err
verdict load-unknown-step-status test "$status" = 1
run "$load" --steps 'backing=paper write'
verdict load-unknown-backing is_bad_usage paper

# Without KVM (the device node may be there all the same): one sentence that
# says what to do, exit 4.
if [ -e /sys/module/kvm ]; then
	echo "skip no-kvm - this machine has KVM"
else
	run "$load" anon-4k
	verdict load-no-kvm test "$status" = 4 -a "$(wc -l < err)" = 1
	verdict load-no-kvm-says grep -q '/dev/kvm' err
	run "$load" --json anon-4k
	verdict load-no-kvm-json jq -e '.result == "unsupported" and (.reason | contains("/dev/kvm"))' out
	for command in doctor check levels 'top -b'; do
		# shellcheck disable=SC2086
		run "$mmuscope" $command
		verdict "${command%% *}-no-kvm" test "$status" = 4 -a "$(wc -l < err)" = 1
		if [ "$command" = doctor ]; then
			verdict doctor-no-kvm-out grep -qx 'tier none: nothing' out
		else
			verdict "${command%% *}-no-kvm-out" test ! -s out
		fi
		verdict "${command%% *}-no-kvm-says" grep -qE 'KVM|kvm|BTF' err
	done
	# the same must be said to somebody without privileges, and nothing must crash
	install -m 755 "$top/build/static/mmuscope" "$top/build/static/mmuscope-load" "$dir"
	chmod 755 "$dir"
	if [ "$(id -u)" = 0 ]; then
		run setpriv --reuid 65534 --regid 65534 --clear-groups ./mmuscope doctor
		verdict doctor-as-nobody test "$status" = 4 -a "$(wc -l < err)" = 1
		run setpriv --reuid 65534 --regid 65534 --clear-groups ./mmuscope-load anon-4k
		verdict load-as-nobody test "$status" = 4 -a "$(wc -l < err)" = 1
	fi
fi
