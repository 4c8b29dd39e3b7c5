# SPDX-License-Identifier: GPL-2.0-only
"""All scenarios of mmuscope-load, one after another, under one 'mmuscope check --claims' that must not raise
an alarm: used by scenarios.matrix.arm64.py and scenarios-shadow.matrix.py.
"""
import json
import os
import subprocess

from labvm import TOP, Lab, check, equal, guarded, nothing_lost

# of everything together these have an occasion on every kernel
ALWAYS = ("dirty-until-notified", "notified-before-clean", "dirty-through-window", "zapped-at-start",
          "flushed-at-start", "no-map-in-window", "windows-balanced", "write-needs-write", "same-page",
          "level-fits", "never-secret", "refs-returned")


def scenarios():
    """Names of all of them, but for the stress: under it a preemptible kernel may still skip a program, which
    is INCONCLUSIVE, as it should be. It is a test of its own ('make long')."""
    listed = subprocess.run([os.path.join(TOP, "build/static/mmuscope-load"), "--list", "--json"],
                            check=True, stdout=subprocess.PIPE).stdout
    return [s["name"] for s in json.loads(listed)["scenarios"] if s["name"] != "stress"]


def total(vms, *path):
    n = 0
    for vm in vms:
        for key in path:
            vm = vm[key]
        n += vm
    return n


def counts(load, vms):
    """What differs from what this scenario promises."""
    seen = {
        "hva_to_pfn": total(vms, "hva_to_pfn", "calls"),
        "installs_4k": total(vms, "levels", "4K", "installed"),
        "installs_2m": total(vms, "levels", "2M", "installed"),
        "installs_1g": total(vms, "levels", "1G", "installed"),
        "zaps": sum(total(vms, "levels", k, "zapped") for k in ("4K", "2M", "1G")),
        "zaps_teardown": sum(total(vms, "levels", k, "torn_down") for k in ("4K", "2M", "1G")),
    }
    wrong = []
    for name, n in seen.items():
        want = load["expect"][name]
        if n != want["n"] if want["exact"] else want["min"] is not None and n < want["min"]:
            wrong.append(f"{name}: {n}, expected {want}")
    return wrong


# A preemptible kernel skips programs, and gives no memory for a task's state, while a task that it has
# preempted within a program of ours waits for its turn: rare, and more likely on a slow or busy machine.
PREEMPTED = {"missed-runs", "task-state"}
TRIES = 3


def preempted(result):
    """Was something missed, and all of it for that reason?"""
    try:
        lost = set(nothing_lost(result.json()))
    except (ValueError, KeyError):
        return False
    return bool(lost) and lost <= PREEMPTED


class Run:
    """All of one kernel with these options.  prefix: of the tests' names."""

    def __init__(self, kernel, names, pages, prefix="", options=()):
        self.names, self.pages, self.prefix = names, pages, prefix
        self.lab = Lab(kernel)
        self.lab.option("--disk", "ext4:128M", "--swap", "128M", *options)
        self.lab.step("all", "for s in %s; do echo 'mmuscope-load --json --pages %d --dir /mnt/ext4 '$s' >> "
                      "/job/results/loads || echo '$s' $? >> /job/results/failed'; done > /job/run-all; "
                      "mmuscope check --claims --json -- sh /job/run-all" % (" ".join(names), pages))
        self.lab.step("loads", "cat loads")
        self.lab.step("failed", "cat failed")
        self.log = os.path.join(TOP, f"build/test-logs/lab-scenarios-{(prefix or kernel).replace('/', '-')}.json")

    def go(self):
        for n in range(1, TRIES + 1):
            self.lab.boot()
            if n == TRIES or not preempted(self.lab["all"]):
                break
            print(f"# {self.prefix}run {n} was preempted within a program: {nothing_lost(self.lab['all'].json())}")
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        with open(self.log, "w", encoding="utf-8") as f:
            f.write(self.lab["all"].out)
        guarded(self.judge, f"{self.prefix}judge", self.lab["all"])

    def judge(self):
        r = self.lab["all"]
        report = r.json()
        loads = [json.loads(line) for line in self.lab["loads"].out.splitlines()]
        self.verdicts(r, report)
        # the shadow MMU marks where no hook can look before it
        if not self.prefix:
            self.claims(r, report)
        unsupported = [load for load in loads if load["result"] == "unsupported"]
        for load in unsupported:
            print(f"skip {self.prefix}{load['scenario']} - {load['reason']}")
        equal(f"{self.prefix}every-load-ends-well", self.lab["failed"].out.splitlines(),
              [f"{load['scenario']} 4" for load in unsupported], self.lab["failed"])
        equal(f"{self.prefix}every-load-reports", len(loads), len(self.names), r)
        exact = 0
        for load in loads:
            if load in unsupported:
                continue
            vms = [v for v in report["vms"] if v["pid"] == load["vms"][0]["pid"]]
            wrong = counts(load, vms)
            check(f"{self.prefix}counts-{load['scenario']}", vms and not wrong,
                  "; ".join(wrong) or "no VM seen")
            equal(f"{self.prefix}data-{load['scenario']}", (load["result"], load["data"]["lost"]), ("ok", 0))
            exact += load["expect"]["hva_to_pfn"]["exact"]
        # the shadow MMU maps pages ahead: there fewer counts can be promised
        check(f"{self.prefix}many-are-exact", exact > len(self.names) // (3 if self.prefix else 2),
              f"{exact} of {len(self.names)}")

    def verdicts(self, r, report):
        equal(f"{self.prefix}status", (r.status, report["verdict"]), (0, "HELD"), r)
        for i in report["invariants"]:
            name = i["name"]
            allowed = ("HELD",) if name in ALWAYS else ("HELD", "NO OCCASION")
            if name == "dirty-at-map" and report["marks_at"] == "zap":
                allowed = ("NOT APPLICABLE",)
            check(f"{self.prefix}{name}", i["verdict"] in allowed and
                  (i["checked"] > 0) == (i["verdict"] == "HELD"), i)
        equal(f"{self.prefix}nothing-lost", nothing_lost(report), {}, r)

    def claims(self, r, report):
        """As docs/invariants.md predicts for all scenarios together."""
        found = {c["name"]: c["verdict"] for c in report["claims"]}
        equal(f"{self.prefix}claim-map-dirties", found["claim-map-dirties"], "REFUTED", r)
        equal(f"{self.prefix}claim-zap-mark-unneeded", found["claim-zap-mark-unneeded"],
              "REFUTED" if report["marks_at"] == "zap" else "CONFIRMED", r)
