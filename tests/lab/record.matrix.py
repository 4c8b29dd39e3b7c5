#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope record and judge on one kernel of the matrix: judged again, a recording says what was said live,
# invariant by invariant; one that lacks something never says HELD; and a killed recorder leaves a file.
import sys

from labvm import Lab, check, equal, finish, guarded

SCENARIOS = {"anon": "anon-4k --pages 1021", "msync": "file-msync --dir /mnt/ext4", "swap": "swap-high"}

lab = Lab(sys.argv[1])
lab.option("--disk", "ext4:256M", "--swap", "256M")
for name, load in SCENARIOS.items():
    lab.step(f"record-{name}", f"mmuscope record --json -o /job/{name}.mms -- mmuscope-load -q {load}")
    lab.step(f"judge-{name}", f"mmuscope judge --json /job/{name}.mms")
lab.step("record-tiny", "mmuscope record --json --ring 64K -o /job/tiny.mms -- mmuscope-load -q swap-high")
lab.step("judge-tiny", "mmuscope judge --json /job/tiny.mms")
lab.step("killed", "mmuscope record -q -o /job/killed.mms > /dev/null & pid=$!; "
         "until [ $(stat -c %s /job/killed.mms) -gt 4096 ]; do kill -0 $pid || exit 1; usleep 100000; done; "
         "kill -9 $pid")
lab.step("judge-killed", "mmuscope judge --json /job/killed.mms")
lab.boot(900)


def verdicts(report):
    return {i["name"]: (i["verdict"], i["checked"], i["violations"]) for i in report["invariants"]}


def same(name):
    live, again = lab[f"record-{name}"], lab[f"judge-{name}"]
    equal(f"{name}-recorded", live.status, 0, live)
    equal(f"{name}-verdicts-equal-live", verdicts(again.json()), verdicts(live.json()), again)
    equal(f"{name}-judge-status", again.status, live.status, again)
    equal(f"{name}-whole", again.json()["recording"]["whole"], True, again)
    check(f"{name}-compares-with-live", again.json()["live"] and
          not any(i["differs"] for i in again.json()["live"]), "it differs, or was not compared", again)


def tiny():
    live, again = lab["record-tiny"], lab["judge-tiny"]
    # the live verdict does not depend on the recorder
    equal("tiny-live-verdict", live.json()["verdict"], "HELD", live)
    missing = {name for vm in live.json()["vms"] for name in vm.get("unrecorded", {})}
    check("tiny-ring-overflows", missing, "every step found room", live)
    equal("tiny-record-status", live.status, 3, live)
    equal("tiny-judge-status", again.status, 3, again)
    after = verdicts(again.json())
    equal("tiny-inconclusive", {after[name][0] for name in missing} - {"NOT APPLICABLE"}, {"INCONCLUSIVE"}, again)
    equal("tiny-no-false-alarm", [name for name, v in after.items() if v[2]], [], again)


def killed():
    r = lab["judge-killed"]
    equal("killed-status", r.status, 3, r)
    equal("killed-not-whole", r.json()["recording"]["whole"], False, r)
    equal("killed-verdict", r.json()["verdict"], "INCONCLUSIVE", r)


for scenario in SCENARIOS:
    guarded(lambda name=scenario: same(name), scenario, lab[f"judge-{scenario}"])
guarded(tiny, "tiny", lab["judge-tiny"])
guarded(killed, "killed", lab["judge-killed"])
finish()
