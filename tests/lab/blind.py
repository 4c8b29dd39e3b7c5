#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Every reason for INCONCLUSIVE that can be provoked: without it the run is HELD, with it INCONCLUSIVE, exit
# status 3, and the reason is said to people and to machines. The kernel is unchanged; only to skip runs of
# a program it needs a module. The other reasons need a fault in mmuscope or a kernel like no other:
# tests/unit/verdict.c has them all.
from labvm import Lab, check, equal, finish, guarded, invariant, module, nothing_lost

# 65,536 pages can be mapped more than once; each of these is mapped by two memslots
SIDE_TABLE_PAGES = 66000
CHURN = 1600
# runs of the program for window-end, which all that is judged of windows needs
SKIPPED = 3
OF_WINDOWS = ["dirty-through-window", "flushed-at-start", "no-map-in-window", "windows-balanced",
              "zapped-at-start"]
# step: (options of check, command, what is missed and what the text says)
CASES = {
    # 9 VMs of one process, each with 5 memslots over the same memory
    "too-much": ("--max-vms 8", "vms windows 9 5", {
        "vm-table": "VMs not followed, table full",
        "window-depth": "windows nested too deep to follow",
        "slot-spans": "windows over more memslots than are followed"}),
    # 16 windows at a time, 16,384 looks at 64 SPTEs (2,048 page tables), 1,024 pages
    "too-large": ("--max-vms 8", "sh -c 'vms open 20 && vms sparse 2100 && vms held 1300'", {
        "open-windows": "windows open at the same time, more than are followed",
        "scan-steps": "windows too large to be looked through",
        "suspects": "pages with unexplained references, table full"}),
    # nobody reads the ring buffer while its reader is stopped
    "event": ("--max-vms 4095", f"sh -c 'kill -STOP $PPID; vms churn {CHURN}; kill -CONT $PPID'", {
        "event": "records dropped, ring buffer full"}),
}
# as much as can be followed
GOOD = ("mmuscope-load -q --pages 127 shared-memfd && vms windows 4 1 && vms windows 1 4 && vms churn 100 && "
        "mmuscope-load -q --pages 600 two-slots && vms open 16 && vms sparse 100 && vms held 600")

reenter = module("6.12", "tests/mutants/reenter")
if not reenter:
    finish()

lab = Lab("6.12")
lab.option("--push", reenter + ":reenter.ko")
lab.step("held", f"mmuscope check --json -- sh -c '{GOOD}'")
for name, (options, command, _) in CASES.items():
    lab.step(name, f"mmuscope check --json {options} -- {command}")
lab.step("text", "mmuscope check %s -- %s" % CASES["too-much"][:2])
lab.step("no-occasion", "mmuscope check --json --only pinned-outside -- mmuscope-load -q --pages 127 anon-4k")
lab.step("skipped", f"""
insmod /job/reenter.ko times={SKIPPED} || exit 98
mmuscope check --json -- mmuscope-load -q --pages 127 shared-memfd
status=$?
cat /sys/module/reenter/parameters/times >&2
rmmod reenter
exit $status""")
lab.step("side-table", f"""
vms twice {SIDE_TABLE_PAGES} > load.out &
pid=$!
wait_for load.out holding || exit 99
load=$pid
mmuscope check --json --for 300ms
status=$?
kill $load
exit $status""")
lab.boot()


def inconclusive(step, reasons):
    r = lab[step]
    report = r.json()
    equal(f"{step}-status", (r.status, report["verdict"]), (3, "INCONCLUSIVE"), r)
    equal(f"{step}-counted", sorted(set(nothing_lost(report)) - {"late-vms"}), sorted(reasons), r)
    for reason, text in reasons.items():
        spoilt = [i for i in report["invariants"] if i["missed"].get(reason)]
        check(f"{step}-{reason}", spoilt and all(i["verdict"] == "INCONCLUSIVE" for i in spoilt), spoilt, r)
        check(f"{step}-{reason}-said", all(any(text in x for x in i["reasons"]) for i in spoilt), spoilt, r)
    judged(step, report, "missed")


def judged(step, report, missed):
    """What nothing was missed of is judged as ever."""
    others = [i for i in report["invariants"] if not i[missed]]
    check(f"{step}-others", all(i["verdict"] != "INCONCLUSIVE" for i in others), others, lab[step])


def skipped():
    r = lab["skipped"]
    report = r.json()
    equal("skipped-status", (r.status, report["verdict"]), (3, "INCONCLUSIVE"), r)
    equal("skipped-counted", (nothing_lost(report), report["missed_runs"]),
          ({"missed-runs": SKIPPED}, {"window-end": SKIPPED}), r)
    spoilt = [i for i in report["invariants"] if i["missed_runs"]]
    equal("skipped-spoils", sorted(i["name"] for i in spoilt), OF_WINDOWS, r)
    text = f"{SKIPPED} runs of hook window-end skipped by the kernel"
    check("skipped-said", all(i["verdict"] == "INCONCLUSIVE" and text in i["reasons"] for i in spoilt), spoilt, r)
    judged("skipped", report, "missed_runs")
    equal("skipped-not-all", invariant(report, "dirty-until-notified")["verdict"], "HELD", r)


def counts_right():
    """More windows than places were open: their ends are seen all the same."""
    equal("too-large-balanced", invariant(lab["too-large"].json(), "windows-balanced")["verdict"], "HELD",
          lab["too-large"])


def held():
    r = lab["held"]
    equal("held", (r.status, r.json()["verdict"], nothing_lost(r.json())), (0, "HELD", {}), r)


def text_says():
    r = lab["text"]
    equal("text-status", r.status, 3, r)
    for name, says in CASES["too-much"][2].items():
        check(f"text-{name}", says in r.out, "not said", r)
    equal("text-verdict", r.out.splitlines()[-1], "verdict: INCONCLUSIVE", r)


def no_occasion():
    r = lab["no-occasion"]
    i = r.json()["invariants"]
    equal("no-occasion", (r.status, len(i), i[0]["verdict"], i[0]["missed"]), (3, 1, "INCONCLUSIVE", {}), r)
    check("no-occasion-said", "nested guests do" in " ".join(i[0]["reasons"]), i[0]["reasons"], r)


guarded(held, "held", lab["held"])
for name, (_, _, missed) in CASES.items():
    guarded(lambda n=name, m=missed: inconclusive(n, m), name, lab[name])
guarded(lambda: inconclusive("side-table", {"side-table": "pages mapped more than once, table full"}),
        "side-table", lab["side-table"])
guarded(skipped, "skipped", lab["skipped"])
guarded(counts_right, "too-large-balanced", lab["too-large"])
guarded(text_says, "text", lab["text"])
guarded(no_occasion, "no-occasion", lab["no-occasion"])

# the shadow MMU's page tables are not walked: what such a VM has mapped already cannot be taken over
lab = Lab("6.12")
lab.option("--opt", "kvm.tdp_mmu=0")
lab.step("shadow", """
mmuscope-load --pages 211 --hold-until-signal anon-4k > load.out 2>&1 &
pid=$!
wait_for load.out holding || exit 99
load=$pid
mmuscope check --json --for 300ms
status=$?
kill -USR1 $load
wait $load
exit $status""")
lab.boot()
guarded(lambda: inconclusive("shadow", {"unadopted-vms": "what they had mapped is unknown"}), "shadow",
        lab["shadow"])
finish()
