#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope top of a made-up recording: as text, as JSON, and in a terminal (tmux), where keys are pressed, the
# size changes, and what is on the screen is looked at.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib/checks.sh"
mmuscope=$top/build/bin/mmuscope
scene=$top/build/test/recording/scene
dir=$(mktemp -d)
trap 'end; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir"
export TZ=UTC LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS

# end: of all terminals
end() {
	for socket in "$dir"/tmux.*; do
		[ ! -S "$socket" ] || tmux -S "$socket" kill-server 2> /dev/null || true
	done
}

# none COMMAND...: it must find nothing
none() {
	if "$@"; then
		return 1
	fi
}

# ---- as text ----

# 2: there is a violation in it
text() {
	status 2 env COLUMNS=120 "$mmuscope" top -b -d 20 run.mms
	[ "$(grep -c '^mmuscope top' status.out)" = 4 ]
	grep -q 'db-1 .*dirty logging' status.out
	grep -q 'VIOLATED: notified-before-clean' status.out
	grep -q '22:13:40' status.out
}

narrow() {
	status 2 env COLUMNS=80 "$mmuscope" top -b --ascii run.mms
	none env LC_ALL=C grep -n '[^ -~]' status.out
	none grep -nE '^.{81}' status.out
	status 0 env LC_ALL=C "$mmuscope" top -b -n 2 run.mms
	none env LC_ALL=C grep -n '[^ -~]' status.out
}

json() {
	status 2 "$mmuscope" top --json --sort vm run.mms
	jq -es 'length == 61 and all(.version == 1 and .command == "top") and .[30].vms[0].name == "cloud-hyperviso" and
		(.[60].verdict == "VIOLATED") and (.[60].vms | map(select(.ended)) | length == 3) and
		(.[50].vms[] | select(.name == "db-1") | .verdict == "VIOLATED" and .lookups > 0 and
		 .lookup_p50_ns <= .lookup_p99_ns and .lost_cause == "dirty logging" and
		 .main_initiator.windows_per_second > 0)' status.out
}

filtered() {
	status 0 "$mmuscope" top -b -n 1 -d 5s --filter WEB run.mms
	grep -q 'no VM matches' status.out
	status 2 "$mmuscope" top -b -d 30 --filter WEB run.mms
	grep -q 'web-2' status.out
	none grep '^ db-1' status.out
}

clean() {
	"$scene" clean.mms 300 60 clean
	status 0 "$mmuscope" top -b -d 1h -o log clean.mms
	grep -q ' held' log
}

# cut off, damaged, empty, none: what can be shown is, and the rest is said
broken() {
	head -c 45000 run.mms > cut.mms
	status 0 "$mmuscope" top -b cut.mms
	grep -q 'ends early' status.err
	grep -q 'web-2' status.out
	head -c 600 run.mms > header.mms
	status 1 "$mmuscope" top -b header.mms
	grep -q 'no snapshot' status.err
	status 1 "$mmuscope" top -b absent.mms
	status 1 "$mmuscope" top -b "$0"
	"$mmuscope" top -b - < clean.mms | grep -q ' held'
}

hostile() {
	"$scene" hostile.mms 400 60 hostile
	status 2 "$mmuscope" top -b hostile.mms
	none env LC_ALL=C grep -n "$(printf '\033')" status.out
}

usage() {
	status 1 "$mmuscope" top --sort size run.mms
	grep -q 'windows, zapped' status.err
	status 1 "$mmuscope" top -b -d 10ms run.mms
	status 1 "$mmuscope" top -b -n 0 run.mms
	status 1 "$mmuscope" top -b run.mms other.mms
	status 1 "$mmuscope" top -b --no-check run.mms
	status 1 "$mmuscope" top -o log run.mms
	status 1 "$mmuscope" top -b -o /dev/full run.mms
	status 1 "$mmuscope" top run.mms < /dev/null
	grep -q 'no terminal' status.err
	status 0 "$mmuscope" top --help
}

# ---- in a terminal ----

tm() {
	tmux -S "$socket" -f /dev/null -u "$@"
}

# begin COLUMNS ROWS [VARIABLE=VALUE...] -- ARG...: top in a terminal of that size
begin() {
	columns=$1 rows=$2
	shift 2
	end
	# a new one: the server of the old one may be on its way out
	socket=$(mktemp -u "$dir/tmux.XXXXXX")
	variables=
	while [ "$1" != -- ]; do
		variables="$variables $1"
		shift
	done
	shift
	tm new-session -d -x "$columns" -y "$rows" "env TZ=UTC $variables '$mmuscope' top $* 2> term.err
		echo status \$?; exec cat"
}

# shows TEXT...: within 20 s each is on the screen
shows() {
	for text in "$@"; do
		tries=200
		until tm capture-pane -p > screen && grep -qF -- "$text" screen; do
			tries=$((tries - 1))
			[ $tries -gt 0 ] || { echo "not on the screen: $text"; cat screen term.err; return 1; }
			sleep 0.1
		done
	done
}

hides() {
	tries=200
	while tm capture-pane -p > screen && grep -qF -- "$1" screen; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "still on the screen: $1"; cat screen; return 1; }
		sleep 0.1
	done
}

keys() {
	tm send-keys "$@"
}

through_the_pages() {
	begin 80 24 LC_ALL=C.UTF-8 -- -d 100ms run.mms
	shows '▸db-1' 'web-2' 'cloud-hyper'
	keys f
	shows FROZEN
	[ "$(wc -l < screen)" -le 24 ]
	keys Down
	shows '▸web-2'
	keys Up Enter
	shows 'Why KVM maps smaller' 'dirty logging' 'more rows'
	keys End
	shows Memslots
	hides 'more rows'
	keys Escape h
	shows COLUMNS
	keys q
	shows '▸db-1'
	keys / w e b Enter
	hides 'db-1 '
	shows 'filter: web'
	keys Escape
	shows 'db-1 '
	keys r
	shows '▲'
	keys f
	shows 'recording ends here'
	hides cloud-hyper
	keys e
	shows cloud-hyper
	keys q
	shows 'status 2'
}

resized() {
	begin 80 24 LC_ALL=C.UTF-8 -- -d 100ms run.mms
	shows '▸'
	hides 'MOST WINDOWS BY'
	tm resize-window -x 200 -y 60
	shows 'MOST WINDOWS BY' 'ZAPPED/s'
	tm resize-window -x 30 -y 5
	shows 'needs 40 x 10'
	tm resize-window -x 100 -y 30
	shows 'WHY SO SMALL' 'quit'
	# its violation comes late
	shows 'recording ends here'
	keys C-c
	shows 'status 2'
}

# keys go on to be taken, which is waited for, and of what goes on meanwhile nothing is shown
frozen() {
	begin 100 24 LC_ALL=C.UTF-8 -- -d 100ms run.mms
	shows 'replay of run.mms' '▸'
	keys f
	shows FROZEN
	second=$(grep -o 'run.mms at [0-9]* s' screen)
	for _ in 1 2 3 4 5 6; do
		keys r
		shows '▲' "$second"
		keys r
		shows '▼' "$second"
	done
	keys f
	hides FROZEN
	shows 'recording ends here'
	keys q
	shows 'status 2'
}

# without colours no colour is sent, and all is told in words; in ASCII there is nothing else
plain() {
	begin 80 24 LC_ALL=C.UTF-8 NO_COLOR=1 -- -d 100ms run.mms
	shows 'recording ends here' 'VIOLATED'
	tm capture-pane -p -e > coloured
	none grep "$(printf '\033')\[[0-9;]*3[0-7]" coloured
	begin 80 24 LC_ALL=C.UTF-8 -- -d 100ms run.mms
	shows 'recording ends here'
	tm capture-pane -p -e > coloured
	grep -q "$(printf '\033')\[[0-9;]*3[0-7]" coloured
	begin 80 24 LC_ALL=C -- -d 100ms run.mms
	shows 'recording ends here' 'X VIOLATED'
	none env LC_ALL=C grep -n '[^ -~]' screen
}

# what is wrong with the file is on the screen
cut_off() {
	begin 80 24 LC_ALL=C.UTF-8 -- -d 100ms cut.mms
	shows 'ends early' '▸db-1'
	keys q
	shows 'status 0'
}

dumb() {
	begin 80 24 TERM=dumb LC_ALL=C -- run.mms
	shows 'status 1'
	grep -q "'dumb'.*-b" term.err
}

"$scene" run.mms 3000 600
check top-text text
check top-narrow-and-ascii narrow
check top-json json
check top-filter filtered
check top-clean clean
check top-broken-recordings broken
check top-hostile-names hostile
check top-usage usage
check top-keys-and-pages through_the_pages
check top-resize resized
check top-freeze frozen
check top-without-colour plain
check top-of-a-part cut_off
check top-dumb-terminal dumb
