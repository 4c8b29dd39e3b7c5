#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every scenario of mmuscope-load on one kernel: the guest's data is intact, and
# the counts that it promises are those that kprobes see, without mmuscope: the
# exact ones to the page, the others as lower bounds.
set -eu

kernel=${1:?usage: load-counts.matrix.sh KERNEL}
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

names=$("$top/build/static/mmuscope-load" --list --json | jq -r '.scenarios[].name')
# shellcheck disable=SC2086
"$top/lab/run" -q -k "$kernel" --mem 4G --append hugepagesz=1G --append hugepages=1 \
	--disk ext4:128M --swap 128M --timeout 600 --push "$top/tests/lab/load-counts.guest" -- \
	sh load-counts.guest 211 $names > "$out"

python3 - "$out" <<'EOP'
import json
import sys

PRESENT, HUGE = 1 << 4, 1 << 0


def leaf(bits, level):
    return bits & PRESENT and (level == 1 or bits & HUGE)


def compare(count, real):
    if count["exact"]:
        return real == count["n"]
    return count["min"] is None or real >= count["min"]


def judge(report, status, seen):
    """What is wrong, or an empty list."""
    expect = report["expect"]
    real = {"hva_to_pfn": seen["faults"], "installs_4k": seen["made"][1],
            "installs_2m": seen["made"][2], "installs_1g": seen["made"][3]}
    wrong = [f"{name}: expected {expect[name]}, seen {real[name]}"
             for name in real if not compare(expect[name], real[name])]
    zaps, teardown = expect["zaps"], expect["zaps_teardown"]
    if teardown["exact"] and zaps["exact"]:
        if seen["zapped"] != zaps["n"] + teardown["n"]:
            wrong.append(f"zaps: expected {zaps} and {teardown}, seen {seen['zapped']}")
    elif not compare(dict(zaps, exact=False, min=zaps["n"]), seen["zapped"]):
        wrong.append(f"zaps: expected {zaps}, seen {seen['zapped']}")
    if report["agrees"] is False:
        wrong.append(f"KVM's own stock differs: {report['vms']}")
    if status or report["result"] != "ok":
        wrong.append(f"status {status}: {report['result']}, {report.get('reason')}")
    if seen["missed"]:
        wrong.append(f"the kprobes missed {seen['missed']} hits")
    return wrong


failed = False
runs = []
for line in open(sys.argv[1], encoding="utf-8"):
    key, _, rest = line.partition(" ")
    if line.startswith("{"):
        runs.append([json.loads(line), 1, {"faults": 0, "missed": 0, "zapped": 0, "made": [0] * 6}])
    elif key == "status":
        runs[-1][1] = int(rest)
    elif key in ("faults", "missed"):
        runs[-1][2][key] = int(rest)
    elif key == "change":
        old, new, level, n = map(int, rest.split())
        if leaf(new, level) and not leaf(old, level):
            runs[-1][2]["made"][level] += n
        if leaf(old, level) and not leaf(new, level):
            runs[-1][2]["zapped"] += n
for report, status, seen in runs:
    name = report["scenario"]
    if status == 4:
        print(f"skip {name} - {report['reason']}")
        continue
    wrong = judge(report, status, seen)
    print(f"ok {name}" if not wrong else f"not ok {name} - {'; '.join(wrong)}")
    failed |= bool(wrong)
sys.exit(failed or len(runs) < 30)
EOP
