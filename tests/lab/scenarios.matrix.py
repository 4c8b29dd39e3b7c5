#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# No false alarm: all scenarios of mmuscope-load, one after another, under one 'mmuscope check'. Every
# invariant holds, nothing is lost, and what mmuscope counted is what each scenario promises.
import json
import os
import subprocess
import sys

from labvm import TOP, Lab, check, equal, finish, guarded, invariant, nothing_lost

PAGES = 521

names = [s["name"] for s in json.loads(subprocess.run(
    [os.path.join(TOP, "build/static/mmuscope-load"), "--list", "--json"], check=True,
    stdout=subprocess.PIPE).stdout)["scenarios"]]
lab = Lab(sys.argv[1])
lab.option("--mem", "4G", "--append", "hugepagesz=1G", "--append", "hugepages=1",
           "--disk", "ext4:128M", "--swap", "128M")
lab.step("all", "for s in %s; do echo 'mmuscope-load --json --pages %d --dir /mnt/ext4 '$s' >> "
         "/job/results/loads || echo '$s' $? >> /job/results/failed'; done > /job/run-all; "
         "mmuscope check --json -- sh /job/run-all" % (" ".join(names), PAGES))
lab.step("loads", "cat loads")
lab.step("failed", "cat failed")
lab.boot()


def total(vms, *path):
    n = 0
    for vm in vms:
        for key in path:
            vm = vm[key]
        n += vm
    return n


def counts(load, vms):
    """What differs from what this scenario promises."""
    seen = {
        "hva_to_pfn": total(vms, "hva_to_pfn", "calls"),
        "installs_4k": total(vms, "levels", "4K", "installed"),
        "installs_2m": total(vms, "levels", "2M", "installed"),
        "installs_1g": total(vms, "levels", "1G", "installed"),
        "zaps": sum(total(vms, "levels", k, "zapped") for k in ("4K", "2M", "1G")),
        "zaps_teardown": sum(total(vms, "levels", k, "torn_down") for k in ("4K", "2M", "1G")),
    }
    wrong = []
    for name, n in seen.items():
        want = load["expect"][name]
        if n != want["n"] if want["exact"] else want["min"] is not None and n < want["min"]:
            wrong.append(f"{name}: {n}, expected {want}")
    return wrong


def judge():
    r = lab["all"]
    report = r.json()
    loads = [json.loads(line) for line in lab["loads"].out.splitlines()]
    unsupported = [load for load in loads if load["result"] == "unsupported"]
    for load in unsupported:
        print(f"skip {load['scenario']} - {load['reason']}")
    equal("every-load-ends-well", lab["failed"].out.splitlines(),
          [f"{load['scenario']} 4" for load in unsupported], lab["failed"])
    equal("every-load-reports", len(loads), len(names), r)
    equal("status", r.status, 0, r)
    equal("verdict", report["verdict"], "HELD", r)
    for name in ("dirty-until-notified", "notified-before-clean", "zapped-at-start"):
        i = invariant(report, name)
        check(name, i["verdict"] == "HELD" and i["checked"] > 100, i, r)
    equal("nothing-lost", nothing_lost(report), {}, r)
    exact = 0
    for load in loads:
        if load in unsupported:
            continue
        vms = [v for v in report["vms"] if v["pid"] == load["vms"][0]["pid"]]
        wrong = counts(load, vms)
        check(f"counts-{load['scenario']}", vms and not wrong, "; ".join(wrong) or "no VM seen")
        equal(f"data-{load['scenario']}", (load["result"], load["data"]["lost"]), ("ok", 0))
        exact += load["expect"]["hva_to_pfn"]["exact"]
    check("most-are-exact", exact > len(names) // 2, f"{exact} of {len(names)}")


guarded(judge, "judge", lab["all"])
finish()
