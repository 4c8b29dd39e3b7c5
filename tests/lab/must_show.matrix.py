#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# What mmuscope promises first, on one kernel of the matrix: exact counts, the stock of levels equal to
# KVM's own statistics, and verdicts under writeback and reclaim.
import json
import sys

from labvm import Lab, check, equal, finish, guarded, invariant, nothing_lost

LEVELS = {"4K": "pages_4k", "2M": "pages_2m", "1G": "pages_1g"}
BACKINGS = ["anon-4k", "anon-thp", "memfd-thp", "hugetlb-2m"]
lab = Lab(sys.argv[1])
lab.option("--disk", "ext4:256M", "--swap", "256M")
lab.step("before", "bpf_count")
lab.step("doctor", "mmuscope doctor --json")
lab.step("anon", "mmuscope check --json -- "
         "sh -c 'mmuscope-load anon-4k --pages 4099 --json > anon.json'; "
         "status=$?; cat anon.json >&2; exit $status")
lab.step("huge", "echo 24 > /proc/sys/vm/nr_hugepages; echo advise > "
         "/sys/kernel/mm/transparent_hugepage/shmem_enabled; cat /proc/sys/vm/nr_hugepages")
# one VM after another under one session
lab.step("levels", "mmuscope levels --json -- sh -c 'for b in %s; do mmuscope-load $b --pages 4099 "
         "--json || exit; done > levels.json'; status=$?; cat levels.json >&2; exit $status"
         % " ".join(BACKINGS))
lab.step("no-huge", "echo 0 > /proc/sys/vm/nr_hugepages")
lab.step("msync", "mmuscope check --json -- sh -c 'mmuscope-load file-msync --dir /mnt/ext4 --json "
         "> msync.json'; status=$?; cat msync.json >&2; exit $status")
lab.step("swap", "mmuscope check --json -- sh -c 'mmuscope-load swap-high --json > swap.json'; "
         "status=$?; cat swap.json >&2; exit $status")
lab.step("after", "left; bpf_count")
lab.boot()


def doctor():
    hooks = lab["doctor"].json()["hooks"]
    equal("doctor-status", lab["doctor"].status, 0, lab["doctor"])
    check("doctor-attaches-every-hook", len(hooks) >= 14 and all(h["attached"] for h in hooks),
          "not attached: %s" % [h["name"] for h in hooks if not h["attached"]])


def anon():
    r = lab["anon"]
    report = r.json()
    vms = report["vms"]
    equal("anon-status", r.status, 0, r)
    equal("anon-verdict", report["verdict"], "HELD", r)
    equal("anon-one-vm", len(vms), 1, r)
    # 4099 pages and the page of the guest's code
    equal("anon-hva-to-pfn", vms[0]["hva_to_pfn"]["calls"], 4100, r)
    equal("anon-hva-to-pfn-write", vms[0]["hva_to_pfn"]["write"], 4099, r)
    equal("anon-installed", vms[0]["levels"]["4K"]["installed"], 4100, r)
    equal("anon-torn-down", vms[0]["levels"]["4K"]["torn_down"], 4100, r)
    equal("anon-ended", vms[0]["ended"], True, r)
    equal("anon-nothing-lost", nothing_lost(report), {}, r)
    dirty = invariant(report, "dirty-until-notified")
    equal("anon-dirty-until-notified", dirty["verdict"], "HELD", r)
    # every page is judged once, when the VM's end zaps it; the code page by what the guest did to it
    check("anon-dirty-until-notified-checked", dirty["checked"] in (4099, 4100), dirty["checked"], r)


def levels():
    r = lab["levels"]
    report = r.json()
    loads = [json.loads(line) for line in r.err.splitlines() if line.startswith("{")]
    equal("levels-status", r.status, 0, r)
    equal("levels-nothing-lost", nothing_lost(report), {}, r)
    equal("levels-vms", (len(report["vms"]), len(loads)), (len(BACKINGS), len(BACKINGS)), r)
    for name, load in zip(BACKINGS, loads):
        vm = next(v for v in report["vms"] if v["pid"] == load["vms"][0]["pid"])
        ours = {k: vm["levels"][k]["stock"] for k in LEVELS}
        kvms = {k: load["vms"][0][LEVELS[k]] for k in LEVELS}
        equal(f"levels-{name}-equal-kvm", ours, kvms, r)
        # 4099 pages are 9 huge ones, the last in part, and the page of the guest's code
        huge = {"anon-4k": (4100, 0)}.get(name, (1, 9))
        equal(f"levels-{name}", (kvms["4K"], kvms["2M"]), huge, r)


def cleaned(name):
    r = lab[name]
    report = r.json()
    load = json.loads(r.err.splitlines()[-1])
    equal(f"{name}-status", r.status, 0, r)
    clean = invariant(report, "notified-before-clean")
    equal(f"{name}-notified-before-clean", clean["verdict"], "HELD", r)
    check(f"{name}-cleans-checked", clean["checked"] > 0, "nothing was checked", r)
    for other in ("dirty-until-notified", "zapped-at-start"):
        equal(f"{name}-{other}", invariant(report, other)["verdict"], "HELD", r)
    zapped = sum(v["zapped"] for v in report["vms"][0]["levels"].values())
    check(f"{name}-zaps-counted", zapped > 1000, f"{zapped} zaps", r)
    check(f"{name}-zaps-in-windows", report["vms"][0]["zapped_in_windows"] > 1000,
          report["vms"][0]["zapped_in_windows"], r)
    equal(f"{name}-nothing-lost", nothing_lost(report), {}, r)
    equal(f"{name}-guest-data-lost", (load["result"], load["data"]["lost"]), ("ok", 0), r)
    return load


guarded(doctor, "doctor", lab["doctor"])
guarded(anon, "anon", lab["anon"])
guarded(levels, "levels", lab["levels"])
guarded(lambda: cleaned("msync"), "msync", lab["msync"])
guarded(lambda: check("swap-swapped", cleaned("swap")["vmstat"]["pswpout"] > 1000, "too little",
                      lab["swap"]), "swap", lab["swap"])
equal("nothing-left-attached", lab["after"].out, lab["before"].out, lab["after"])
equal("bpf-count-counts", lab["before"].out[:9], "programs ", lab["before"])
finish()
