#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# A recording made on arm64 is judged and reported on this machine, and one of x86 in a VM of arm64: verdicts and
# counts are those of the live report.
import json
import os
import subprocess
import sys
import tempfile

from labvm import TOP, equal, finish

LOAD = "mmuscope-load -q --dir /mnt/ext4 --pages 101 file-msync"
RECORD = f"mmuscope record --json -o /job/run.mms -- {LOAD} > /job/live.json"


def lab(kernel, *args):
    run = subprocess.run([os.path.join(TOP, "lab/run"), "-q", "-k", kernel, "--disk", "ext4:64M", "--timeout", "900",
                          *args], check=False, stdout=subprocess.PIPE)
    return run.returncode, run.stdout


def found(report):
    return {i["name"]: (i["verdict"], i["checked"], i["violations"]) for i in report["invariants"]}


def judged(name, status, out, live):
    try:
        report = json.loads(out)
    except ValueError:
        report = {"invariants": [], "verdict": None}
    equal(f"{name}-status", (status, report["verdict"]), (0, "HELD"))
    equal(f"{name}-as-live", found(report), found(live))


with tempfile.TemporaryDirectory() as folder:
    mms, live = os.path.join(folder, "run.mms"), os.path.join(folder, "live.json")
    ours = [os.path.join(TOP, "build/bin/mmuscope")]
    # with VHE and without: what is not applicable there is not on other machines
    for what, cpu in (("vhe", "cortex-a76"), ("nvhe", "cortex-a57")):
        status, _ = lab("arm64/7", "--cpu", cpu, "--pull", f"run.mms:{mms}", "--pull", f"live.json:{live}", "--", "sh",
                        "-c", RECORD)
        equal(f"{what}-recorded", status, 0)
        if status:
            finish()
            sys.exit(1)
        with open(live, encoding="utf-8") as f:
            report = json.load(f)
        run = subprocess.run(ours + ["judge", "--json", mms], check=False, stdout=subprocess.PIPE)
        judged(f"{what}-judged", run.returncode, run.stdout, report)
        page = subprocess.run(ours + ["report", "--html", "-o", os.path.join(folder, "page.html"), mms], check=False)
        equal(f"{what}-reported", page.returncode, 0)
    status, _ = lab("6.12", "--pull", f"run.mms:{mms}", "--pull", f"live.json:{live}", "--", "sh", "-c", RECORD)
    equal("x86-recorded", status, 0)
    with open(live, encoding="utf-8") as f:
        report = json.load(f)
    status, out = lab("arm64/7", "--push", mms, "--", "mmuscope", "judge", "--json", "/job/run.mms")
    judged("x86-judged", status, out, report)
finish()
