#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# VMs on the shadow MMU, whose SPTEs are not followed: that is said, and nothing is ever called HELD.
from labvm import Lab, check, equal, finish, guarded


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
        equal(f"{name}-check-status", r.status, 3, r)
        equal(f"{name}-verdict", report["verdict"], "INCONCLUSIVE", r)
        check(f"{name}-counted", report["losses"]["shadow-mmu"] > 0, report["losses"], r)
        for i in report["invariants"]:
            check(f"{name}-{i['name']}", i["verdict"] == "INCONCLUSIVE" and
                  any("shadow pages" in x for x in i["reasons"]), i, r)
        equal(f"{name}-levels-status", lab["levels"].status, 3, lab["levels"])
        equal(f"{name}-doctor-status", lab["doctor"].status, 0, lab["doctor"])

    guarded(judge, name, lab["check"])


shadow("kvm.tdp_mmu=0")
shadow("kvm-amd.npt=0")
finish()
