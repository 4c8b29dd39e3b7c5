#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# What mmuscope costs, in instructions added to one 4K page's fault, zap and write-back, and that it is no more than
# tests/cost/KERNEL.json says (by mmuscope gate, tests/cost/rules). The VM's clock counts instructions
# (lab/run --icount), so that the figures are those of any machine.
#   tests/lab/cost.matrix.py KERNEL             the test
#   tests/lab/cost.matrix.py KERNEL --update    write the baseline
import json
import os
import statistics
import subprocess
import sys
import tempfile

from costvm import DISK, Work, ext4_image, rounds, script
from labvm import TOP, Lab, check, finish

PAGES = 2048
WORKS = {
    "anon": Work(rounds("backing=anon-4k", "write dontneed"), PAGES,
                 {"anon fault": (["write"], 1), "anon zap": (["dontneed"], 1)}),
    "file": Work(rounds("backing=file", "write msync"), PAGES,
                 {"file fault": (["write"], 1), "file msync": (["msync"], 1)}),
    "memfd": Work(rounds("backing=memfd", "write punch"), PAGES,
                  {"memfd fault": (["write"], 1), "memfd punch": (["punch"], 1)}),
}
# serve is there before the guests and stays; the others run them
SERVE = """
mmuscope serve 2> serve.log &
pid=$!
wait_for serve.log "serving on" || wait_for serve.log "serving on" || exit 99
sh works serve
status=$?
kill -TERM $pid
wait $pid || exit 98
exit $status"""
# what is watching; nothing at first
TOOLS = {"none": "sh works none", "levels": "mmuscope levels --json -o levels.report -- sh works levels",
         "check": "mmuscope check --json -o check.report -- sh works check",
         "serve": SERVE}


def measure(kernel, image):
    """A report with the member `bench`: tool -> work -> instructions a page; None if it could not be made."""
    lab = Lab(kernel)
    lab.option("--icount", "--push", image + ":ext4")
    lab.step("disk", DISK)
    # one session a tool, since most of the time goes into loading its programs
    lab.step("works", "cat > works <<'END'\n" + script(WORKS, "/mnt/ext4") + "END")
    for tool, command in TOOLS.items():
        lab.step(tool, f"left\n{command}")
        for name in WORKS:
            lab.step(f"{tool}-{name}", f"cat {tool}-{name}.json")
    lab.step("report", "cat check.report")
    if not lab.boot(timeout=1700):
        return None
    if lab["disk"].status:
        print("skip disk - no zram: " + " ".join(lab["disk"].err.split()))
        return None
    figures = {tool: {} for tool in TOOLS}
    report = lab["report"].json()
    check("verdict", report["verdict"] == "HELD", report["verdict"], lab["report"])
    for tool in TOOLS:
        if not check(f"{tool}-ran", lab[tool].status == 0, "", lab[tool]):
            return None
        for name, work in WORKS.items():
            for what, costs in work.figures(lab[f"{tool}-{name}"].json()).items():
                figures[tool][what] = round(statistics.median(costs))
    bench = {tool: {what: n - figures["none"][what] for what, n in row.items()}
             for tool, row in figures.items() if tool != "none"}
    bench["none"] = figures["none"]
    return {"mmuscope": report["mmuscope"], "version": report["version"], "command": "bench",
            "host": report["host"], "tier": report["tier"], "bench": bench}


def write(path, report):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(report, f, indent=2)
        f.write("\n")


def say(report):
    for tool, row in report["bench"].items():
        for what, n in row.items():
            print(f"# {tool:8} {what:12} {n:7}")


def gate(kernel, report):
    base = os.path.join(TOP, "tests/cost", kernel + ".json")
    with tempfile.TemporaryDirectory() as folder:
        new = os.path.join(folder, "new.json")
        write(new, report)
        # the baseline may be of an earlier build of the kernel
        run = subprocess.run([os.path.join(TOP, "build/bin/mmuscope"), "gate", "--rules",
                              os.path.join(TOP, "tests/cost/rules"), "--allow", "kernel", base, new],
                             check=False, capture_output=True, text=True)
    for line in (run.stdout + run.stderr).splitlines():
        print("# " + line)
    check("costs-no-more", run.returncode == 0, f"mmuscope gate ended with {run.returncode}")


def main():
    kernel = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        report = measure(kernel, ext4_image(os.path.join(folder, "ext4")))
    if report:
        say(report)
        if "--update" in sys.argv:
            write(os.path.join(TOP, "tests/cost", kernel + ".json"), report)
        else:
            gate(kernel, report)
    finish()


main()
