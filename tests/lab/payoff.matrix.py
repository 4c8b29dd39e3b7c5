#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope walk --payoff under an instruction clock: every fault is timed and filed as what it was, and what is
# taken off is right: what the probes say that they cost is what the guest's work takes longer for them. No time
# is asserted, but what must be more than what.
import json
import sys

from labvm import Lab, check, equal, finish, guarded, nothing_lost

PAGES = 1031
OLD = sys.argv[1] == "6.1"	# has no KVM_PRE_FAULT_MEMORY
# name: how mmuscope-load is called
LOADS = {
    "cold": "anon-4k",
    "warm": '--steps "backing=memfd vmm-fill write"',
    "read": '--steps "backing=anon-4k vmm-fill touch"',
    "copied": "read-then-write",
}
AHEAD = '--steps "backing=memfd vmm-fill prefault write"'
BARE = '--steps "backing=anon-4k vmm-fill write"'
# VM_PFNMAP memory that every kernel has: what memmap= keeps from it, by /dev/mem
HIDDEN = 0x10000000
REMAPPED = f"--device /dev/mem --device-offset {HIDDEN:#x} device"

lab = Lab(sys.argv[1])
lab.option("--icount", "--append", f"memmap=128M${HIDDEN:#x}")
lab.step("before", "bpf_count")
lab.step("bare", f"mmuscope-load --json --pages {PAGES} {BARE}")
lab.step("probed", f"mmuscope walk --payoff --json -o probed.json -- mmuscope-load --json --pages {PAGES} {BARE}; "
         "status=$?; cat probed.json >&2; exit $status")
for name, load in LOADS.items():
    lab.step(name, f"left; mmuscope walk --payoff --json -- mmuscope-load -q --pages {PAGES} {load}")
lab.step("remapped", f"left; mmuscope walk --payoff --json -- mmuscope-load -q --pages {PAGES} {REMAPPED}")
if not OLD:
    lab.step("ahead", f"left; mmuscope walk --payoff --json -- mmuscope-load -q --pages {PAGES} {AHEAD}")
lab.step("text", f"mmuscope walk --payoff -- mmuscope-load -q --pages {PAGES} anon-4k")
lab.step("after", "left; bpf_count")
lab.boot()


def rows(report, **want):
    return [c for c in report["payoff"]["calls"] if all(c[k] == v for k, v in want.items())]


def count(report, part, **want):
    return sum(c[part]["n"] for c in rows(report, **want) if c[part])


def median(report, part, **want):
    """Of the row that has most calls."""
    found = [c[part] for c in rows(report, **want) if c[part]]
    return max(found, key=lambda e: e["n"])["median_ns"]


def calibrated(name, report, r):
    c = report["payoff"]["calibration"]
    check(f"{name}-calibrated", c["runs"] > 100 and 0 < c["clock_ns"] < c["inside_ns"] < c["pair_ns"] and
          0 < c["entry_ns"] < c["pair_ns"], c, r)
    # the clock of this lab counts instructions, and the code around them is a handful
    check(f"{name}-known-cost", 0 <= c["known_ns"] - c["known_instructions"] <= 20, c, r)


def whole(name, r, faults):
    """Status, and that nothing is missing but what was scheduled away."""
    report = r.json()
    payoff = report["payoff"]
    equal(f"{name}-status", r.status, 0, r)
    equal(f"{name}-nothing-lost", (nothing_lost(report), report["missed_runs"], payoff["unmatched"],
                                   payoff["not_filed"]), ({}, {}, 0, 0), r)
    seen = count(report, "fault") + payoff["switched"]
    check(f"{name}-all-faults", faults <= seen <= faults + 8, f"{seen}, not {faults}", r)
    check(f"{name}-few-switched", payoff["switched"] < faults / 20, payoff["switched"], r)
    calibrated(name, report, r)
    return report


def cold():
    r = lab["cold"]
    report = whole("cold", r, PAGES + 1)
    n = count(report, "lookup", **{"for": "write", "before": "cold", "path": "slow", "backing": "anon", "at": "4K"})
    check("cold-slow", n + report["payoff"]["switched"] >= PAGES, report["payoff"], r)
    want = {"for": "write", "before": "cold"}
    times = [median(report, part, **want) for part in ("level", "try", "lookup", "fault")]
    check("cold-order", times == sorted(times) and times[0] > 0, times, r)


def warm():
    r, cold_report = lab["warm"], lab["cold"].json()
    report = whole("warm", r, PAGES + 1)
    want = {"for": "write", "before": "warm", "path": "fast", "backing": "shmem", "at": "4K"}
    check("warm-fast", count(report, "lookup", **want) + report["payoff"]["switched"] >= PAGES, report["payoff"], r)
    equal("warm-no-try", count(report, "try", **want), 0, r)
    check("cold-costs-more", median(cold_report, "fault", before="cold", **{"for": "write"}) >
          2 * median(report, "fault", **want), "", r)
    check("lookup-within-fault", median(report, "lookup", **want) + median(report, "level", **want) <
          median(report, "fault", **want), "", r)
    equal("warm-served", report["payoff"]["sum"]["write_lookups_served"], report["payoff"]["sum"]["write_lookups"], r)
    saved = rows(report, **want)[0]["saved_ns"]
    check("saved-in-order", saved["ours"] < saved["free"] and 0 < saved["native"] < saved["free"], saved, r)


def others():
    r = lab["read"]
    report = whole("read", r, PAGES + 1)
    check("read-fast", count(report, "lookup", **{"for": "read", "before": "warm", "path": "fast"}) >= PAGES * 0.95,
          "", r)
    r = lab["copied"]
    report = whole("copied", r, 3 * PAGES + 1)
    check("copied-unfit", count(report, "lookup", **{"for": "write", "before": "unfit", "path": "slow"}) >=
          PAGES * 0.95, "", r)
    check("copied-then-warm", count(report, "lookup", **{"for": "write", "before": "warm", "path": "fast"}) >=
          PAGES * 0.95, "", r)


def remapped():
    """GUP is tried in vain, twice, and the page tables of the VM_PFNMAP area have it."""
    r = lab["remapped"]
    report = whole("remapped", r, PAGES + 1)
    want = {"from": "fault", "for": "write", "before": "unfit", "path": "remapped", "backing": "none", "at": "4K"}
    check("remapped-told-apart", count(report, "lookup", **want) + report["payoff"]["switched"] >= PAGES,
          report["payoff"], r)
    equal("remapped-all-tried", count(report, "try", **want), count(report, "lookup", **want), r)
    equal("remapped-nothing-served", count(report, "lookup", path="slow"), 0, r)
    times = [median(report, part, **want) for part in ("try", "lookup", "fault")]
    check("remapped-order", times == sorted(times) and times[0] > 0, times, r)
    fast = median(lab["warm"].json(), "lookup", path="fast", **{"for": "write"})
    check("remapped-costs-more-than-fast", median(report, "lookup", **want) > fast, fast, r)


def ahead():
    r = lab["ahead"]
    report = whole("ahead", r, PAGES + 1)
    check("ahead-told-apart", count(report, "lookup", **{"from": "ahead", "for": "read"}) >= PAGES * 0.95, "", r)
    equal("ahead-nothing-left", count(report, "lookup", **{"from": "fault", "for": "write"}), 0, r)


def step_ns(load):
    return 1e9 * next(s["seconds"] for s in load["steps"] if s["step"] == "write")


def probes():
    """What the probes say that they cost is what the same work takes longer with them."""
    r = lab["probed"]
    report = json.loads(r.err[r.err.index("{"):])
    longer = step_ns(json.loads(r.out)) - step_ns(lab["bare"].json())
    said = report["payoff"]["probes_ns"]
    check("probes-cost-what-they-say", abs(said / longer - 1) < 0.03, f"they say {said}, it was {longer}", r)


def text():
    r = lab["text"]
    equal("text-status", r.status, 0, r)
    check("text", "FAULTS OF GUESTS, FOR WRITING" in r.out and "anon    4K cold   slow" in r.out and
          "nothing lost" in r.out, "", r)


guarded(cold, "cold", lab["cold"])
guarded(warm, "warm", lab["warm"])
guarded(others, "others", lab["read"])
guarded(remapped, "remapped", lab["remapped"])
if not OLD:
    guarded(ahead, "ahead", lab["ahead"])
guarded(probes, "probes", lab["probed"])
guarded(text, "text", lab["text"])
equal("nothing-left-attached", lab["after"].out, lab["before"].out, lab["after"])
finish()
