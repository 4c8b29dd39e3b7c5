#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# What scripts/bench makes of the files that a boot leaves, and of its figures: numbers are taken from every tool's own
# words, what is lost is not overlooked, and a budget that is not kept is said to be over.
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/lab"))
# pylint: disable=wrong-import-position
import benchvm
from labvm import check, equal, finish


def work_report(work, instructions):
    """As mmuscope-load's: every round takes so many instructions a unit, but the first, which takes ten times as many."""
    steps, seen = [], set()
    for step in work.steps.split()[1:]:
        unit = next((unit for names, unit in work.rows.values() if step in names), 1)
        seconds = instructions * work.pages / unit / 1e9
        steps.append({"step": step, "seconds": seconds if step in seen else 10 * seconds})
        seen.add(step)
    return json.dumps({"steps": steps})


def files_with(tool, **texts):
    name = benchvm.file_of(tool)
    files = {f"{name}-{work}.json": work_report(w, 1000) for work, w in benchvm.WORKS.items()}
    clocks = {"start": 1000, "ready": 5000, "done": 90000, "back": 90700, "gone": 99000}
    files.update({f"{name}.{clock}": f"{ns}\n" for clock, ns in clocks.items()})
    snap = "mmuscope 9000 3000  400 70\nmmuscope 100 10  30\n"
    files.update({f"{name}.snap-{when}": snap for when in ("ready", "worked", "idle")})
    files[f"{name}.snap-idled"] = "mmuscope 9000 3000  100400 70\nmmuscope 100 10  30\n"
    files.update({f"{name}.before": "programs 3 links 2\n", f"{name}.after": "programs 3 links 2\n", f"{name}.status": "0\n"})
    files.update({f"{name}.{key}": text for key, text in texts.items()})
    return files


def seen(tool, **texts):
    return benchvm.Figures(files_with(tool, **texts), tool).seen()


def figures():
    text = "".join(f"=== {name}\n{content}\n" for name, content in files_with("none").items())
    found = benchvm.figures("6.0", text, ["none"])["tools"]["none"]
    equal("first-round-is-left-out", found["works"]["4K fault"], {"median": 1000, "min": 1000, "max": 1000})
    equal("per-2M", found["works"]["2M fault"]["median"], 1000)
    equal("two-steps-of-a-round", found["works"]["ext4 fault + msync"]["median"], 2000)
    equal("start", found["start"], {"cpu_ns": 500, "ns": 4000})
    equal("prompt", (found["prompt_ns"], found["gone_ns"], found["left"]), (700, 9000, False))
    equal("memory-of-all-processes", (found["rss_kib"], found["anon_kib"]), (9100, 3010))
    equal("idle", found["idle_cpu_ns_a_second"], 100000 // benchvm.IDLE_SECONDS)
    left = benchvm.Figures(files_with("none", after="programs 4 links 3\n"), "none").all()
    check("what-is-left-is-seen", left["left"])
    # of a tool that did not run there are no numbers, and not zeros
    equal("missing", benchvm.figures("6.0", text, ["none", "funclatency"]), None)


def words():
    bpftrace = "Attaching 2 probes...\n\n@h: \n[1K, 2K)  7 |@@  |\n[2K, 4K)   4090 |@@@@@@@@|\n[1M, 2M)     1 |   |\n"
    equal("bpftrace", seen("bpftrace, fentry", stdout=bpftrace, stderr="Lost 12 events\n"), (4098, 12))
    histogram = "     nsecs               : count    distribution\n  1024 -> 2047       : 5   |**  |\n  2048 -> 4095    : 40 |***|\n"
    equal("funclatency", seen("funclatency", stdout="Tracing hva_to_pfn.  Hit Ctrl-C to exit\n" + histogram), (45, 0))
    equal("perf", seen("perf record", stderr="[ perf record: Captured and wrote 9.0 MB /tmp/perf.data (90252 samples) ]\n"
                       "Processed 90252 events and lost 3 chunks!\n"), (90252, 3))
    equal("trace-cmd", seen("trace-cmd record", **{"after-text": "CPU: 0\nentries: 17\noverrun: 5\ndropped events: 2\n"}),
          (None, 7))
    report = {"vms": [{"hva_to_pfn": {"calls": 7}}, {"hva_to_pfn": {"calls": 5}}], "losses": {"ring": 1, "late-vms": 2}}
    equal("mmuscope", seen("mmuscope check", stdout=json.dumps(report)), (12, 3))


def tables():
    run = subprocess.run([os.path.join(TOP, "scripts/bench"), "--check"], check=False, capture_output=True, text=True)
    equal("tables-are-current", (run.returncode, run.stderr), (0, ""))


figures()
words()
tables()
finish()
