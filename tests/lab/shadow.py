#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# VMs on the shadow MMU are judged as all others: same counts, HELD, and their stock is known.
from labvm import Lab, check, equal, finish, guarded, invariant, nothing_lost


def shadow(option):
    name = option.replace("kvm.", "").replace("kvm-amd.", "").replace("=0", "")
    lab = Lab("6.12")
    lab.option("--opt", option)
    lab.step("doctor", "mmuscope doctor --json")
    lab.step("check", "mmuscope check --json -- mmuscope-load -q anon-4k --pages 127")
    lab.step("levels", "mmuscope levels --json -- mmuscope-load -q anon-4k --pages 127")
    lab.boot()

    def judge():
        r = lab["check"]
        report = r.json()
        equal(f"{name}-check", (r.status, report["verdict"], nothing_lost(report)), (0, "HELD", {}), r)
        for held in ("dirty-until-notified", "write-needs-write", "same-page", "level-fits", "never-secret",
                     "refs-returned"):
            i = invariant(report, held)
            check(f"{name}-{held}", i["verdict"] == "HELD" and i["checked"] >= 127, i, r)
        for command in ("check", "levels"):
            levels = lab[command].json()["vms"][0]["levels"]["4K"]
            # the guest's data and its code
            equal(f"{name}-{command}-counts", (levels["installed"], levels["stock"]), (128, 128),
                  lab[command])
        equal(f"{name}-levels-status", lab["levels"].status, 0, lab["levels"])
        equal(f"{name}-doctor-status", lab["doctor"].status, 0, lab["doctor"])

    guarded(judge, name, lab["check"])


shadow("kvm.tdp_mmu=0")
shadow("kvm-amd.npt=0")
finish()
