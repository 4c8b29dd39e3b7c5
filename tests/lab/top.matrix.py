#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope top on one kernel of the matrix, beside guests that run: what its pictures add up to is what the
# guests did, each of KVM's lookups has its time, and what is mapped too small is said while it is so.
import json
import sys

from labvm import Lab, check, equal, finish, guarded

PAGES = 1009
LOAD = f"mmuscope-load --json -q --pages {PAGES} --hold 3 anon-4k > load.json"
SMALL = 16 << 20

lab = Lab(sys.argv[1])
lab.step("counts", f"mmuscope top --json -d 500ms -- sh -c '{LOAD}'; status=$?; cat load.json; exit $status")
lab.step("small", """
mmuscope-load --hold-until-signal --pages 4096 --steps 'backing=anon-thp write dirty-on write' > guest.hold &
pid=$!
wait_for guest.hold holding || { cat guest.hold >&2; exit 99; }
status=0
COLUMNS=132 mmuscope top -b --no-check -d 1 -n 3 > top.txt || status=$?
mmuscope top --json --no-check -d 1 -n 3 || status=$?
kill -USR1 $pid
wait
cat top.txt >&2
exit $status""")
lab.step("record", f"""
mmuscope record --force -o r.mms -- sh -c '{LOAD}' > /dev/null
mmuscope top -b -d 1 r.mms
mmuscope top --json -d 1 r.mms >&2
""")
# over before its first picture is due
lab.step("short", "mmuscope top --json --no-check -n 2 -d 1h -- sh -c 'mmuscope-load -q --pages 11 anon-4k > load.out'")
lab.step("terminal", "TERM=dumb mmuscope top")
lab.boot()


def pictures(text):
    return [json.loads(line) for line in text.splitlines() if '"command":"top"' in line]


def sums_up(name, shown, lookups, r):
    """All pictures together are all that happened."""
    vms = [v for p in shown for v in p["vms"]]
    equal(f"{name}-one-vm", len({v["id"] for v in vms}), 1, r)
    equal(f"{name}-lookups", sum(v["lookups"] for v in vms), lookups, r)
    faults = sum(v["faults_per_second"] * p["seconds"] for p in shown for v in p["vms"])
    check(f"{name}-faults", abs(faults - lookups) <= lookups / 10, f"{faults} of {lookups}", r)
    timed = [v for v in vms if v["lookups"]]
    check(f"{name}-quantiles", timed and all(0 < v["lookup_p50_ns"] <= v["lookup_p99_ns"] for v in timed), timed, r)
    check(f"{name}-mapped", any((v["mapped_bytes"]["4K"] or 0) >= PAGES * 4096 for v in vms), vms, r)


def counts():
    r = lab["counts"]
    equal("counts-status", r.status, 0, r)
    shown = pictures(r.out)
    load = json.loads(next(line for line in r.out.splitlines() if '"command":"top"' not in line))
    check("counts-pictures", len(shown) >= 3, len(shown), r)
    sums_up("counts", shown, load["expect"]["hva_to_pfn"]["n"], r)
    equal("counts-verdict", shown[-1]["vms"][0]["verdict"], "HELD", r)
    equal("counts-name", shown[-1]["vms"][0]["name"], "mmuscope-load", r)


def small():
    r = lab["small"]
    equal("small-status", r.status, 0, r)
    shown = pictures(r.out)
    equal("small-pictures", len(shown), 3, r)
    vm = shown[-1]["vms"][0]
    equal("small-lost", (vm["lost_bytes"], vm["lost_cause"]), (SMALL, "dirty logging"), r)
    equal("small-unjudged", vm["verdict"], None, r)
    equal("small-log", (r.err.count("mmuscope top"), "dirty logging" in r.err, "16.0M" in r.err), (3, True, True), r)


def recorded():
    r = lab["record"]
    equal("record-status", r.status, 0, r)
    shown = pictures(r.err)
    vms = [v for p in shown for v in p["vms"]]
    check("record-lookups", sum(v["lookups"] for v in vms) > PAGES, vms, r)
    equal("record-verdict", shown[-1]["vms"][0]["verdict"], "HELD", r)
    check("record-log", "replay of r.mms" in r.out and "held" in r.out, "", r)


guarded(counts, "counts", lab["counts"])
guarded(small, "small", lab["small"])
guarded(recorded, "record", lab["record"])
equal("short-one-picture", (lab["short"].status, len(pictures(lab["short"].out))), (0, 1), lab["short"])
equal("terminal-status", lab["terminal"].status, 1, lab["terminal"])
check("terminal-says", "-b" in lab["terminal"].err, "", lab["terminal"])
finish()
