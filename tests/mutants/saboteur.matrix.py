#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# What a violation says of where it happened: the saboteur clears the dirty flag of three pages that a
# running guest has mapped writable. The same run while it does nothing is held.
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/lab"))
from labvm import Lab, check, equal, finish, guarded, invariant, module, nothing_lost  # noqa: E402

MEM_GPA = 0x40000000    # where mmuscope-load puts the memory under test
PAGES, FIRST, CLEANED = 307, 17, 3
# %s: the saboteur's mode, and how to end the guest
RUN = """
saboteur=/sys/module/saboteur/parameters
echo %d > $saboteur/skip
echo %d > $saboteur/limit
echo %s > $saboteur/mode || exit 98
mmuscope check --json -o report.json -- mmuscope-load memfd --pages %d --hold-until-signal > load.out &
pid=$!
wait_for load.out holding || exit 99
load=$(pidof mmuscope-load)
grep memfd: /proc/$load/maps >&2
%s
wait $pid
status=$?
echo "done $(cat $saboteur/done)" >&2
echo none > $saboteur/mode
cat report.json
rm report.json load.out
exit $status"""

kernel = sys.argv[1]
saboteur = module(kernel, "tests/mutants/saboteur")
if not saboteur:
    finish()

lab = Lab(kernel)
lab.option("--insmod", saboteur)
lab.step("violated", RUN % (FIRST, CLEANED, "clean", PAGES, "kill -INT $pid"))
lab.step("held", RUN % (FIRST, CLEANED, "none", PAGES, "kill -USR1 $load"))
lab.boot()


def violated():
    r = lab["violated"]
    report = r.json()
    equal("violated-status", r.status, 2, r)
    check("violated-done", f"done {CLEANED}" in r.err.splitlines(), "the saboteur has not acted", r)
    equal("violated-verdict", report["verdict"], "VIOLATED", r)
    clean = invariant(report, "notified-before-clean")
    equal("violated-invariant", (clean["verdict"], clean["violations"], clean["checked"]),
          ("VIOLATED", CLEANED, CLEANED), r)
    for other in ("dirty-until-notified", "zapped-at-start"):
        equal(f"violated-not-{other}", invariant(report, other)["violations"], 0, r)
    equal("violated-nothing-lost", nothing_lost(report), {}, r)
    start = next(int(line.split("-")[0], 16) for line in r.err.splitlines()
                 if "memfd:" in line and "rw-s" in line)
    equal("violated-stories", len(report["violations"]), CLEANED, r)
    vm = report["vms"][0]
    equal("violated-counts-of-vm", vm["violations"], {"notified-before-clean": CLEANED}, r)
    for n, v in enumerate(report["violations"]):
        page = FIRST + n
        equal(f"violated-{n}-vm", (v["vm"], v["vm"] != 0), (vm["id"], True), r)
        equal(f"violated-{n}-gfn", int(v["gfn"], 16), (MEM_GPA >> 12) + page, r)
        equal(f"violated-{n}-hva", int(v["hva"], 16), start + page * 4096, r)
        equal(f"violated-{n}-level", v["level"], "4K", r)
        check(f"violated-{n}-cause", "saboteur" in v["cause"], v["cause"], r)
        check(f"violated-{n}-stack", any(f["module"] == "saboteur" for f in v["stack"]), v["stack"], r)
        check(f"violated-{n}-spte", int(v["old_spte"], 16) & 2, v["old_spte"], r)


def held():
    r = lab["held"]
    equal("held", (r.status, r.json()["verdict"], r.json()["violations"]), (0, "HELD", []), r)


guarded(violated, "violated", lab["violated"])
guarded(held, "held", lab["held"])
finish()
