#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Every reason for INCONCLUSIVE that can be provoked on an unchanged kernel: without it the run is HELD, with
# it INCONCLUSIVE, exit status 3, and the reason is said to people and to machines. The other reasons need
# a fault in mmuscope or a kernel like no other: tests/unit/verdict.c has them all.
from labvm import Lab, check, equal, finish, guarded, nothing_lost

# 65,536 pages can be mapped more than once; each of these is mapped by two memslots
SIDE_TABLE_PAGES = 66000
CHURN = 1600
# step: (options of check, command, what is missed and what the text says)
CASES = {
    # 9 VMs of one process, each with 5 memslots over the same memory
    "too-much": ("--max-vms 8", "vms windows 9 5", {
        "vm-table": "VMs not followed, table full",
        "window-depth": "windows nested too deep to follow",
        "slot-spans": "windows over more memslots than are followed"}),
    # nobody reads the ring buffer while its reader is stopped
    "event": ("--max-vms 4095", f"sh -c 'kill -STOP $PPID; vms churn {CHURN}; kill -CONT $PPID'", {
        "event": "records dropped, ring buffer full"}),
}
# as much as can be followed
GOOD = ("mmuscope-load -q --pages 127 shared-memfd && vms windows 4 1 && vms windows 1 4 && vms churn 100 && "
        "mmuscope-load -q --pages 600 two-slots")

lab = Lab("6.12")
lab.step("held", f"mmuscope check --json -- sh -c '{GOOD}'")
for name, (options, command, _) in CASES.items():
    lab.step(name, f"mmuscope check --json {options} -- {command}")
lab.step("text", "mmuscope check %s -- %s" % CASES["too-much"][:2])
lab.step("no-occasion", "mmuscope check --json --only pinned-outside -- mmuscope-load -q --pages 127 anon-4k")
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
