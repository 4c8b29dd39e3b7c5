#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope doctor on arm64 tells by trying which hooks of stage 2 run, on CPUs with VHE and without, under pKVM and
# on a kernel that can attach nothing. Where KVM keeps stage 2 a guest is judged, on each of these CPUs; elsewhere
# what observes guests refuses, and the guest of mmuscope-load runs everywhere. Arguments: only these of them.
import sys

from labvm import Lab, check, equal, finish, guarded, nothing_lost

STAGE2 = {"stage2-walk", "stage2-install", "stage2-zap", "stage2-rights", "stage2-teardown"}
OTHERS = {"vm-create", "vm-destroy", "guest-abort", "hva-to-pfn", "window-start", "window-end", "dirty-mark"}
LEVELS, FLUSH = "levels of guest memory, and every change of them", "flushed-at-start"
PAGES = 101


def look(what, kernel, options, silent, can):
    if sys.argv[1:] and what not in sys.argv[1:]:
        return
    lab = Lab(kernel)
    lab.option("--disk", "ext4:64M", *options)
    lab.step("doctor", "mmuscope doctor --json")
    lab.step("text", "mmuscope doctor")
    lab.step("check", f"echo \"mmuscope-load --json --dir /mnt/ext4 --pages {PAGES} file-msync > expect\" > load; "
             "mmuscope check --json -- sh load")
    lab.step("expect", "cat expect")
    lab.step("late", "mmuscope-load --hold-until-signal memfd > held & pid=$!; wait_for held holding || exit 99; "
             "mmuscope check --for 1s --json; status=$?; kill -USR1 $pid; wait $pid; exit $status")
    lab.step("load", f"mmuscope-load -q memfd --pages {PAGES}")
    lab.boot()

    def doctor():
        report = lab["doctor"].json()
        state = {}
        for hook in report["hooks"]:
            state.setdefault(hook["name"], set()).add(hook["state"])
        wrong = {name: state[name] for name in STAGE2 | OTHERS
                 if ("runs" in state[name]) == (name in silent)}
        check(f"{what}-hooks", not wrong, f"these are not as they must be: {wrong}", lab["text"])
        gives = {row["what"]: row["can"] for row in report["gives"]}
        equal(f"{what}-gives", {name: gives[name] for name in can}, can, lab["text"])

    def judged():
        report = lab["check"].json()
        found = {i["name"]: i["verdict"] for i in report["invariants"]}
        equal(f"{what}-check", (lab["check"].status, report["verdict"], nothing_lost(report)), (0, "HELD", {}),
              lab["check"])
        equal(f"{what}-flushed-at-start", found["flushed-at-start"],
              "HELD" if can.get(FLUSH) else "NOT APPLICABLE", lab["check"])
        equal(f"{what}-dirty-at-map", found["dirty-at-map"], "HELD", lab["check"])
        expect = lab["expect"].json()["expect"]
        # how often writeback protects a page is the kernel's to say
        for name, key in (("installs_4k", "installed"), ("zaps", "zapped")):
            n = sum(v["levels"]["4K"][key] for v in report["vms"])
            check(f"{what}-{key}", n >= expect[name]["min"] >= 2 * PAGES, f"{n}, {expect[name]}", lab["check"])
        equal(f"{what}-balanced", sum(v["levels"]["4K"][key] * sign for v in report["vms"]
                                      for key, sign in (("installed", 1), ("zapped", -1), ("torn_down", -1))), 0,
              lab["check"])

    def late():
        report = lab["late"].json()
        equal(f"{what}-late", (lab["late"].status, report["verdict"], nothing_lost(report).get("unadopted-vms")),
              (3, "INCONCLUSIVE", 1), lab["late"])

    guarded(doctor, f"{what}-doctor", lab["doctor"])
    equal(f"{what}-doctor-status", lab["doctor"].status, 0 if can[LEVELS] else 4, lab["doctor"])
    check(f"{what}-says-pkvm", ("pKVM" in lab["text"].out) == bool(silent & {"stage2-install"}) or
          silent == STAGE2 | OTHERS, "", lab["text"])
    if can[LEVELS]:
        guarded(judged, f"{what}-judged", lab["check"])
        guarded(late, f"{what}-late", lab["late"])
    else:
        r = lab["check"]
        check(f"{what}-check-refuses", r.status == 4 and not r.out and "mmuscope: " in r.err,
              "exit 4 and the reason are due", r)
    equal(f"{what}-load", lab["load"].status, 0, lab["load"])


PKVM = ("--append", "kvm-arm.mode=protected")
for series in ("6.12", "7"):
    kernel = "arm64/" + series
    look(series, kernel, (), set(), {LEVELS: True, FLUSH: True})
    look(series + "-nvhe", kernel, ("--cpu", "cortex-a57"), set(), {LEVELS: True, FLUSH: False})
# pKVM is the hypervisor of both; from 7.x on it keeps stage 2 of all guests
look("6.12-pkvm", "arm64/6.12", PKVM, set(), {LEVELS: True, FLUSH: False})
look("7-pkvm", "arm64/7", PKVM, STAGE2, {LEVELS: False, FLUSH: False})
look("7-max", "arm64/7", ("--cpu", "max"), set(), {LEVELS: True, FLUSH: True})
look("6.1", "arm64/6.1", (), STAGE2 | OTHERS, {LEVELS: False, FLUSH: False})
finish()
