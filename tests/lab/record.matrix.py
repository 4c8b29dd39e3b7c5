#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope record, judge and report on one kernel of the matrix: judged again, a recording says what was said
# live, invariant by invariant, and the report has all of it; one that lacks something never says HELD; and a
# killed recorder leaves a file. Starting the recorder is what takes long: so one recording of many guests.
import sys

from labvm import Lab, check, equal, finish, guarded

GUESTS = ("anon-thp --pages 2048", "file-msync --pages 1021 --dir /mnt/ext4", "dontneed --pages 1021",
          "swap-high")
ALL = " && ".join(f"mmuscope-load -q {guest}" for guest in GUESTS)

lab = Lab(sys.argv[1])
lab.option("--disk", "ext4:256M", "--swap", "256M")
lab.step("record", f'mmuscope record --json -o /job/run.mms -- sh -c "{ALL}"')
lab.step("judge", "mmuscope judge --json /job/run.mms")
for form in ("text", "json", "html", "lkml"):
    lab.step(f"report-{form}", f"mmuscope report --{form} /job/run.mms")
lab.step("record-tiny", "mmuscope record --json --ring 64K -o /job/tiny.mms -- mmuscope-load -q swap-high")
lab.step("judge-tiny", "mmuscope judge --json /job/tiny.mms")
lab.step("killed", "mmuscope record -q -o /job/killed.mms > /dev/null & pid=$!; "
         "until [ $(stat -c %s /job/killed.mms) -gt 4096 ]; do kill -0 $pid || exit 1; usleep 100000; done; "
         "kill -9 $pid")
lab.step("judge-killed", "mmuscope judge --json /job/killed.mms")
lab.step("report-killed", "mmuscope report /job/killed.mms")
lab.boot(900)


def verdicts(report):
    return {i["name"]: (i["verdict"], i["checked"], i["violations"]) for i in report["invariants"]}


def same():
    live, again = lab["record"], lab["judge"]
    equal("recorded", live.status, 0, live)
    equal("verdicts-equal-live", verdicts(again.json()), verdicts(live.json()), again)
    equal("judge-status", again.status, live.status, again)
    equal("whole", again.json()["recording"]["whole"], True, again)
    check("compares-with-live", again.json()["live"] and
          not any(i["differs"] for i in again.json()["live"]), "it differs, or was not compared", again)


def reported():
    live, r = lab["record"].json(), lab["report-json"]
    report = r.json()
    equal("report-status", [lab[f"report-{form}"].status for form in ("text", "json", "html", "lkml")], [0] * 4,
          lab["report-text"])
    check("report-complete", report["recording"]["complete"], "something is missing", r)
    equal("report-verdict", report["last"]["verdict"], live["verdict"], r)
    equal("report-vms", len(report["points"]["vms"]), len(live["vms"]), r)
    windows = sum(cause["windows"] for cause in report["windows"]["causes"])
    equal("report-has-all-windows", windows, sum(cause["windows"] for cause in live["causes"]), r)
    check("report-windows-have-causes", windows and any(
        cause["windows"] and cause["cause"] != "unknown" for cause in report["windows"]["causes"]), windows, r)
    check("report-text-verdict", live["verdict"] in lab["report-text"].out, "no verdict", lab["report-text"])
    check("report-page", lab["report-html"].out.rstrip().endswith("</html>"), "no page", lab["report-html"])


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
    r = lab["report-killed"]
    equal("killed-report-status", r.status, 3, r)
    check("killed-report-says-so", "ends early" in r.out.partition("\n")[0], "not in the first line", r)


guarded(same, "same", lab["judge"])
guarded(reported, "reported", lab["report-json"])
guarded(tiny, "tiny", lab["judge-tiny"])
guarded(killed, "killed", lab["judge-killed"])
finish()
