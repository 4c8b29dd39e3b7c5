#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Recordings of KVMs that are broken: judged again, they are VIOLATED as they were live, with the same counts
# and stories, and the report tells the steps that led there. One boot: KVM is unloaded between them.
import os
import subprocess
import sys

from labvm import TOP, Lab, check, equal, finish, guarded, invariant

KERNEL = "6.12"
# spec of tests/mutants/kvm: the invariant that it breaks, and a guest that is safe with it (mutants.def)
MUTANTS = {
    "nozapdirty": ("dirty-until-notified", "--pages 521 free"),
    "noflush": ("flushed-at-start", '--pages 521 --steps "backing=memfd write mprotect-ro"'),
    "wrongpfn": ("same-page", '--pages 1024 --steps "backing=hugetlb-2m dirty-on write"'),
}
RUN = ("rmmod kvm_amd && rmmod kvm && insmod /job/modules/%s.ko && insmod /modules/kvm_amd.ko && "
       "exec mmuscope record --json --for 120 -o /job/%s.mms -- mmuscope-load -q %s")


def build(spec):
    """Path of the module; None: it could not be built. The test ends if there is nothing to build it from."""
    path = os.path.join(TOP, "tests/mutants/kvm", spec + ".spec")
    done = subprocess.run([os.path.join(TOP, "lab/kvmbuild"), KERNEL, path], check=False,
                          stdout=subprocess.PIPE, text=True)
    if done.returncode == 4:
        print("skip mutants - the archive has no headers or source for this kernel")
        sys.exit(0)
    check(f"{spec}-builds", done.returncode == 0, "lab/kvmbuild ended with %d" % done.returncode)
    return done.stdout.strip() or None


def counts(report):
    return {i["name"]: (i["verdict"], i["checked"], i["violations"]) for i in report["invariants"]}


def places(report):
    return sorted((v["invariant"], v["gfn"] or "", v["pfn"] or "") for v in report["violations"])


def violated(spec, broken):
    live, again, told = lab[spec], lab[f"{spec}-judge"], lab[f"{spec}-report"]
    equal(f"{spec}-live-status", live.status, 2, live)
    equal(f"{spec}-live-verdict", invariant(live.json(), broken)["verdict"], "VIOLATED", live)
    equal(f"{spec}-judge-status", again.status, 2, again)
    equal(f"{spec}-judge-verdict", invariant(again.json(), broken)["verdict"], "VIOLATED", again)
    equal(f"{spec}-counts-equal-live", counts(again.json()), counts(live.json()), again)
    equal(f"{spec}-stories-equal-live", places(again.json()), places(live.json()), again)
    equal(f"{spec}-report-status", told.status, 0, told)
    stories = [s for s in told.json()["stories"] if s["steps"]]
    equal(f"{spec}-report-tells-all", len(stories), len(live.json()["violations"]), told)
    check(f"{spec}-mail-says-violated", "VIOLATED" in lab[f"{spec}-mail"].out, "it does not", lab[f"{spec}-mail"])


lab = Lab(KERNEL)
lab.option("--swap", "128M", "--mem", "2G", "--allow-splat", ".")
modules = {name: module for name in MUTANTS if (module := build(name))}
for name, module in modules.items():
    lab.option("--push", f"{module}:modules/{name}.ko")
    lab.step(name, RUN % (name, name, MUTANTS[name][1]))
    lab.step(f"{name}-judge", f"mmuscope judge --json /job/{name}.mms")
    lab.step(f"{name}-report", f"mmuscope report --json /job/{name}.mms")
    lab.step(f"{name}-mail", f"mmuscope report --lkml /job/{name}.mms")
lab.boot(900)
for name in modules:
    guarded(lambda n=name: violated(n, MUTANTS[n][0]), name, lab[f"{name}-judge"])
finish()
