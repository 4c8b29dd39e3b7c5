#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The runner itself: it must not call a broken test passed. Works on a copy of
# tests/run with tests of its own.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$dir/tests/cli" "$dir/lab"
cp "$top/tests/run" "$dir/tests"
cp "$top/lab/kernels" "$dir/lab"
printf 'all test-programs:\narm64:\n\ttouch cross-built\n' > "$dir/Makefile"
echo 'cli/t:known-* fine here' > "$dir/tests/expected-skips"
echo 'lab/slow' > "$dir/tests/slow-tests"

# case NAME STATUS LAST-LINE < script: what the runner makes of one test
case_of() {
	{
		echo '#!/bin/sh'
		cat
	} > "$dir/tests/cli/t.sh"
	chmod +x "$dir/tests/cli/t.sh"
	status=0
	"$dir/tests/run" cli > "$dir/out" 2>&1 || status=$?
	if [ "$status" = "$2" ] && [ "$(tail -n 1 "$dir/out")" = "$3" ]; then
		echo "ok $1"
	else
		echo "not ok $1 - status $status, last line: $(tail -n 1 "$dir/out")"
		sed 's/^/# /' "$dir/out"
	fi
}

case_of passes 0 '2 passed, 0 failed' <<'END'
echo ok a; echo talk; echo 'ok b - a note'
END
case_of tap 0 '1 passed, 0 failed' <<'END'
echo 1..1; echo 'ok 1 - a'
END
case_of fails 1 '1 passed, 1 failed' <<'END'
echo ok a; echo 'not ok b - reason'
END
case_of fails-and-status-counted-once 1 '0 passed, 1 failed' <<'END'
echo 'not ok b'; exit 1
END
case_of status-without-line 1 '1 passed, 1 failed' <<'END'
echo ok a; exit 3
END
case_of says-nothing 1 '0 passed, 1 failed' <<'END'
echo hello
END
case_of dies 1 '1 passed, 1 failed' <<'END'
echo ok a; kill -9 $$
END
case_of expected-skip 0 '1 passed, 0 failed, 1 skipped' <<'END'
echo ok a; echo 'skip known-b - reason'
END
case_of unexpected-skip 1 '1 passed, 1 failed' <<'END'
echo ok a; echo 'skip other - reason'
END
case_of tap-skip 1 '0 passed, 1 failed' <<'END'
echo 'ok 1 # SKIP other'
END
# of tests that take turns one runs, another with the next commit, and each when it is named
printf 'one of: cli/a cli/b cli/c\n' > "$dir/tests/slow-tests"
for name in a b c; do
	cp "$dir/tests/cli/t.sh" "$dir/tests/cli/$name.sh"
done
listed=$(for turn in 0 1 2 3; do "$dir/tests/run" --list --turn "$turn" cli; done | tr '\n' ' ')
named=$("$dir/tests/run" --list --turn 0 cli/c)
if [ "$listed" = "cli/a cli/t cli/b cli/t cli/c cli/t cli/a cli/t " ] && [ "$named" = cli/c ]; then
	echo "ok turns"
else
	echo "not ok turns - $listed, $named"
fi
# a file's name says on the kernels of which sets it is run; only who runs one of arm64 needs what is built for it
cp "$dir/tests/cli/t.sh" "$dir/tests/cli/both.matrix.arm64.sh"
cp "$dir/tests/cli/t.sh" "$dir/tests/cli/other.arm64.sh"
awk '!/^#/ && ($5 == "matrix" || $5 == "arm64") { print "cli/both@" $1 }' "$top/lab/kernels" > "$dir/expected"
awk '!/^#/ && $5 == "arm64" { print "cli/other@" $1 }' "$top/lab/kernels" >> "$dir/expected"
"$dir/tests/run" --list cli/both cli/other > "$dir/listed"
if diff "$dir/expected" "$dir/listed" > "$dir/out" && [ -e "$dir/cross-built" ]; then
	echo "ok sets"
else
	echo "not ok sets"
	sed 's/^/# /' "$dir/out"
fi
rm -f "$dir/cross-built"
"$dir/tests/run" --list cli/a > /dev/null
if [ ! -e "$dir/cross-built" ]; then echo "ok no-cross-build"; else echo "not ok no-cross-build"; fi
status=0
"$dir/tests/run" nonsense > "$dir/out" 2>&1 || status=$?
if [ "$status" = 2 ]; then echo "ok unknown-group"; else echo "not ok unknown-group - status $status"; fi
printf 'all test-programs:\n\tfalse\n' > "$dir/Makefile"
status=0
"$dir/tests/run" cli > "$dir/out" 2>&1 || status=$?
if [ "$status" = 2 ]; then echo "ok broken-build"; else echo "not ok broken-build - status $status"; fi
