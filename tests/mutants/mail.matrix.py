#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The experiment that the mail proposes: leave out KVM's mark of dirty pages at the zap. On a kernel that
# marks there and nowhere else, guests then lose their data under reclaim, silently; mmuscope must see
# each lost page when it is zapped, long before anybody reads it, and name who zapped it. The unchanged
# kernel loses nothing, and the report says how many pages only KVM's mark has kept; so does a kernel
# that marks at the install, where the first of the mail's claims is refuted all the same.
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))
# pylint: disable=wrong-import-position
from labvm import TOP, Lab, check, equal, finish, guarded, invariant, nothing_lost  # noqa: E402

PAGES = 1024
EXIT_LOST = 5
# the guest's memory as it is zapped: pages that only the SPTE knows to be dirty
SCENARIOS = ("vmm-reads-first", "free", "swap-in")


def boot(kernel, module):
    lab = Lab(kernel)
    lab.option("--swap", "128M")
    if module:
        lab.option("--kvm", module)
    for name in SCENARIOS:
        lab.step(name, "mmuscope check --claims --json --stories 3 -o report.json -- "
                 f"mmuscope-load --pages {PAGES} --json {name} > load.json; status=$?; "
                 "cat report.json; cat load.json >&2; exit $status")
    lab.boot()
    return lab


def claim(report, name):
    return next(c for c in report["claims"] if c["name"] == name)


def lost_by_load(result):
    text = result.err[result.err.index("{"):]
    return json.JSONDecoder().raw_decode(text)[0]["data"]["lost"]


def unchanged(lab, name):
    r = lab[name]
    report = r.json()
    equal(f"{name}-held", (r.status, report["verdict"], lost_by_load(r)), (0, "HELD", 0), r)
    equal(f"{name}-nothing-missed", nothing_lost(report), {}, r)
    marks_at_zap = invariant(report, "dirty-at-map")["verdict"] == "NOT APPLICABLE"
    # 6.1 maps a page swapped in by a read read-only: there the primary MMU does dirty it
    if marks_at_zap and name == "swap-in" and claim(report, "claim-map-dirties")["verdict"] == "CONFIRMED":
        return
    equal(f"{name}-map-dirties", claim(report, "claim-map-dirties")["verdict"], "REFUTED", r)
    zap = claim(report, "claim-zap-mark-unneeded")["verdict"]
    equal(f"{name}-zap-mark-unneeded", zap, "REFUTED" if marks_at_zap else "CONFIRMED", r)
    if marks_at_zap:
        saved = sum(vm["kvm_marked"] for vm in report["vms"])
        check(f"{name}-saved-by-kvm", PAGES // 2 < saved <= 2 * PAGES, f"{saved} of {PAGES}", r)


def spoilt(lab, name):
    r = lab[name]
    report = r.json()
    lost = lost_by_load(r)
    check(f"{name}-loses", lost > PAGES // 2, f"{lost} of {PAGES}: the experiment did not happen", r)
    found = invariant(report, "dirty-until-notified")
    equal(f"{name}-violated", (r.status, report["verdict"], found["verdict"]),
          (2, "VIOLATED", "VIOLATED"), r)
    check(f"{name}-every-page", found["violations"] >= lost, f"{found['violations']} of {lost}", r)
    for n, v in enumerate(report["violations"]):
        equal(f"{name}-{n}-cause", v["cause"], "reclaim", r)
        equal(f"{name}-{n}-vm", v["vm"], report["vms"][0]["id"], r)


kernel = sys.argv[1]
stock = boot(kernel, None)
for scenario in SCENARIOS:
    guarded(lambda s=scenario: unchanged(stock, s), scenario, stock[scenario])
if kernel == "6.12":
    build = subprocess.run([os.path.join(TOP, "lab/kvmbuild"), kernel,
                            os.path.join(TOP, "tests/mutants/kvm/nozapdirty.spec")], check=False,
                           stdout=subprocess.PIPE, encoding="utf-8")
    if check("mutant-builds", build.returncode == 0, f"lab/kvmbuild ended with {build.returncode}"):
        mutant = boot(kernel, build.stdout.strip())
        for scenario in SCENARIOS:
            guarded(lambda s=scenario: spoilt(mutant, s), "mutant-" + scenario, mutant[scenario])
finish()
