#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# What mmuscope costs, in instructions added to one 4K page's fault, zap and write-back, and that it is no more than
# tests/cost/KERNEL.json says (by mmuscope gate, tests/cost/rules). The VM's clock counts instructions
# (lab/run --icount), so that the figures are those of any machine; files are on compressed memory, since a
# virtual disk's answers take no instructions and any time.
#   tests/lab/cost.matrix.py KERNEL             the test
#   tests/lab/cost.matrix.py KERNEL --update    write the baseline
import json
import os
import statistics
import subprocess
import sys
import tempfile

from labvm import TOP, Lab, check, equal, finish

PAGES, ROUNDS = 4096, 4
# name: (backing, [(step of mmuscope-load, what it is called)])
WORKS = {
    "anon": ("anon-4k", {"write": "anon fault", "dontneed": "anon zap"}),
    "file": ("file", {"write": "file fault", "msync": "file msync"}),
    "memfd": ("memfd", {"write": "memfd fault", "punch": "memfd punch"}),
}
# what is watching; None: nothing
TOOLS = {"none": "", "levels": "mmuscope levels --json -o levels.report -- ",
         "check": "mmuscope check --json -o check.report -- "}
SETUP = """
for module in $(cat /modules/fs.list); do
	insmod /modules/$module.ko
done
echo 40M > /sys/block/zram0/disksize
dd if=/job/ext4 of=/dev/zram0 bs=1M 2> /dev/null
rm /job/ext4
mkdir -p /mnt/ext4
mount -t ext4 /dev/zram0 /mnt/ext4"""


def ext4_image(path):
    """Blocks of a page, as zram wants them, and as they are on large disks."""
    tool = next(d for d in ("/sbin/mke2fs", "/usr/sbin/mke2fs") if os.path.exists(d))
    subprocess.run([tool, "-q", "-F", "-t", "ext4", "-b", "4096", "-J", "size=4", path, "40M"], check=True)
    return path


def measure(kernel, image):
    """A report with the member `bench`: tool -> work -> instructions a page; None if it could not be made."""
    lab = Lab(kernel)
    lab.option("--icount", "--push", image + ":ext4")
    lab.step("disk", SETUP)
    for tool, prefix in TOOLS.items():
        for name, (backing, steps) in WORKS.items():
            words = " ".join(["backing=" + backing] + list(steps) * ROUNDS)
            lab.step(tool + "-" + name, "%smmuscope-load --json --pages %d --dir /mnt/ext4 --steps '%s'%s" % (
                prefix, PAGES, words, "; cat %s.report >&2" % tool if prefix else ""))
    if not lab.boot(timeout=1500):
        return None
    equal("disk", lab["disk"].status, 0, lab["disk"])
    figures = {tool: {} for tool in TOOLS}
    report = None
    for tool in TOOLS:
        for name, (_, steps) in WORKS.items():
            r = lab[tool + "-" + name]
            if not check(f"{tool}-{name}-ran", r.status == 0, "", r):
                return None
            rows = r.json()["steps"]
            for step, what in steps.items():
                # the first round makes the page tables and the file
                seconds = [row["seconds"] for row in rows if row["step"] == step][1:]
                figures[tool][what] = round(statistics.median(seconds) * 1e9 / PAGES)
            if tool == "check":
                report = json.loads(r.err[r.err.index("{"):])
                check(f"{name}-verdict", report["verdict"] == "HELD", report["verdict"], r)
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
