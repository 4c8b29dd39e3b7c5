#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The walker beside GUP, at every lookup of KVM's: on each backing as many comparisons as the scenario promises
# calls, none that differs where it must not, and exact answers to what a walk alone would have served.
import json
import sys

from labvm import Lab, check, equal, finish, guarded, nothing_lost

PAGES = 1031
HUGE = 3	# 2M pages that hold them
# name: how mmuscope-load is called. Each guest has besides a page of code, which it only reads.
LOADS = {
    "anon-4k": "anon-4k",
    "anon-thp": "anon-thp",
    "memfd": "memfd",
    "memfd-thp": "memfd-thp",
    "hugetlb-2m": "hugetlb-2m",
    "file": "file --dir /mnt/ext4",
    "file-private": "file-private",
    "secretmem": "secretmem",
    "mprotect": "mprotect",
    "swap-in": "swap-in",
    "fork-write": "fork-write",
    "read-then-write": "read-then-write",
    "reclaim": "reclaim",
    "ksm": "ksm",
    # vmcb12 and the like are held by kvm_vcpu_map()
    "nested": "nested",
    # everything is there, and may be written, before the guest comes
    "warm": '--steps "backing=anon-4k vmm-fill write check"',
    "warm-thp": '--steps "backing=anon-thp vmm-fill write check"',
    "warm-memfd": '--steps "backing=memfd vmm-fill write check"',
    # the guest reads what is there
    "warm-read": '--steps "backing=anon-4k vmm-fill touch write"',
    # the SPTEs go, the host's entries stay
    "again": '--steps "backing=anon-4k write slot-delete slot-create write"',
}

ARM64 = sys.argv[1].startswith("arm64/")
# there is no nested guest for arm64
if ARM64:
    del LOADS["nested"]

lab = Lab(sys.argv[1])
lab.option("--disk", "ext4:64M", "--swap", "64M")
lab.step("before", "bpf_count")
lab.step("huge", "echo 24 > /proc/sys/vm/nr_hugepages; echo advise > "
         "/sys/kernel/mm/transparent_hugepage/shmem_enabled; cat /proc/sys/vm/nr_hugepages")
# one VM after another under one session
lab.step("walk", "cat > run-all <<'END'\n" + "".join(
    f"mmuscope-load --json --pages {PAGES} {load} >> loads\n" for load in LOADS.values()) +
    "END\nmmuscope walk --json -- sh run-all")
lab.step("loads", "cat loads")
# two VMs of one process against all that a host does
lab.step("stress", "mmuscope walk --json -- mmuscope-load -q stress --dir /mnt/ext4 --seconds 2")
lab.step("text", f"mmuscope walk -- mmuscope-load -q --pages {PAGES} anon-4k")
lab.step("after", "left; bpf_count")
lab.boot()

N, H = PAGES, HUGE
CODE = ("served", "anon")
COLD = {("not_mapped", "none"): N}
COLD_HUGE = {("not_mapped", "none"): H}
SERVED = {("served", "anon"): N}
# what the walk before says to writes and to reads other than that of the code, and what it finds afterwards
EXACT = {
    "anon-4k": (COLD, {}, {("4K", "anon"): N}),
    "anon-thp": (COLD_HUGE, {}, {("2M", "anon"): H}),
    "memfd": (COLD, {}, {("4K", "shmem"): N}),
    "memfd-thp": (COLD_HUGE, {}, {("2M", "shmem"): H}),
    "hugetlb-2m": (COLD_HUGE, {}, {("2M", "hugetlb"): H}),
    # a write finds the page of the file, is copied, and comes again since the copy invalidates
    "file-private": ({("not_writable", "shmem"): N, **SERVED}, COLD, {("4K", "shmem"): N, ("4K", "anon"): 2 * N}),
    # the same with the zero page
    "read-then-write": ({("not_writable", "none"): N, **SERVED}, COLD,
                        {("4K", "none"): N, ("4K", "anon"): 2 * N}),
    "fork-write": ({**COLD, ("not_writable", "anon"): N, **SERVED}, {}, {("4K", "anon"): 3 * N}),
    # KVM's mappings go with the rights, the host's leaves stay
    "mprotect": ({**COLD, **SERVED}, SERVED, {("4K", "anon"): 3 * N}),
    "warm": (SERVED, {}, {("4K", "anon"): N}),
    "warm-thp": ({("served", "anon"): H}, {}, {("2M", "anon"): H}),
    "warm-memfd": ({("served", "shmem"): N}, {}, {("4K", "shmem"): N}),
    "warm-read": ({}, SERVED, {("4K", "anon"): N}),
    # and so does that of the code on x86, where a memslot that goes takes everything along
    "again": ({**COLD, **SERVED}, {} if ARM64 else {CODE: 1}, {("4K", "anon"): 2 * N + (not ARM64)}),
}


def counted(table):
    """What is not 0 of a table of tables."""
    return {(a, b): n for a, row in table.items() for b, n in row.items() if n}


def wrong(walk):
    return {k: n for k, n in walk["compared"].items() if k.startswith("wrong") and n}


def plus_code(table, key):
    return {**table, key: table.get(key, 0) + 1}


def every_call(name, walk, vm, r):
    """Each call has one answer before and one after, and none of these is a bug."""
    calls, writes = vm["hva_to_pfn"]["calls"], vm["hva_to_pfn"]["write"]
    before = sum(counted(walk["write"]["before"]).values()), sum(counted(walk["read"]["before"]).values())
    equal(f"{name}-all-walked", (before, sum(walk["compared"].values())), ((writes, calls - writes), calls), r)
    equal(f"{name}-nothing-wrong", (wrong(walk), walk["wrong"], walk["unmatched"]), ({}, 0, 0), r)
    failed = sum(n for k, n in vm["hva_to_pfn"].items() if k.startswith("err_"))
    equal(f"{name}-all-pfns", sum(walk["pfns"].values()), calls - failed, r)


def exact(name, walk, r):
    writes, reads, found = EXACT[name]
    equal(f"{name}-writes", counted(walk["write"]["before"]), writes, r)
    equal(f"{name}-reads", counted(walk["read"]["before"]), plus_code(reads, CODE), r)
    equal(f"{name}-found", counted(walk["found_level"]), plus_code(found, ("4K", "anon")), r)
    served = sum(n for (reason, _), n in writes.items() if reason == "served")
    equal(f"{name}-served", (walk["write"]["served"], sum(counted(walk["write"]["served_level"]).values())),
          (served, served), r)
    agreed = {k: n for k, n in walk["compared"].items() if n}
    equal(f"{name}-agreed", agreed, {"same": walk["calls_compared"]}, r)


def not_exact(name, walk, vm, r):
    writes, reads = counted(walk["write"]["before"]), counted(walk["read"]["before"])
    if name == "secretmem":
        # KVM asks without waiting first, for which kernels from 6.13 on have an error of their own
        n = writes.get(("secret", "file"), 0)
        hva = vm["hva_to_pfn"]
        equal(name, (n > 0, sum(writes.values()), walk["compared"]["secret"], hva["err_fault"] + hva["err_io"]),
              (True, n, n, n), r)
    elif name == "reclaim":
        check(name, reads.get(("swap", "none"), 0) >= N, reads, r)
    elif name == "swap-in":
        # what is read from swap is writable at once, but on 6.1, which finds out by a fault that nobody shares it
        reason = "not_writable" if sys.argv[1] == "6.1" else "served"
        check(name, writes.get((reason, "anon"), 0) >= N and writes[("not_mapped", "none")] == N, writes, r)
    elif name == "ksm":
        check(name, writes.get(("not_writable", "ksm"), 0) > 0 and reads.get(("served", "ksm"), 0) > 0, walk, r)
    elif name == "file":
        check(name, writes.get(("not_mapped", "none"), 0) == N, writes, r)
    elif name == "nested":
        old = sys.argv[1] in ("6.1", "6.12")
        check(name, walk["pinned"] is None if old else walk["pinned"] > 0, walk["pinned"], r)
        check(f"{name}-unasked", walk["write"]["unasked"] > 0, walk["write"]["unasked"], r)
    else:
        check(name, False, "no expectation")


def walks():
    r = lab["walk"]
    report = r.json()
    loads = [json.loads(line) for line in lab["loads"].out.splitlines()]
    equal("walk-status", r.status, 0, r)
    equal("walk-nothing-lost", nothing_lost(report), {}, r)
    equal("walk-loads", [load["result"] for load in loads], ["ok"] * len(LOADS), lab["loads"])
    for name, load in zip(LOADS, loads):
        vms = [v for v in report["vms"] if v["pid"] == load["vms"][0]["pid"]]
        equal(f"{name}-one-vm", len(vms), 1, r)
        walk = vms[0]["walk"]
        every_call(name, walk, vms[0], r)
        if load["expect"]["hva_to_pfn"]["exact"]:
            equal(f"{name}-calls", walk["calls_compared"], load["expect"]["hva_to_pfn"]["n"], r)
        if name in EXACT:
            exact(name, walk, r)
        else:
            not_exact(name, walk, vms[0], r)
    equal("total", report["walk"]["agreed"], sum(v["walk"]["agreed"] for v in report["vms"]), r)


def stress():
    r = lab["stress"]
    report = r.json()
    # a preemptible kernel may skip a program even where it has spares: then something was missed, and it is said
    missed = sum(report["missed_runs"].get(h, 0) for h in ("hva-to-pfn", "hva-to-pfn-entry"))
    equal("stress-status", r.status, 3 if missed else 0, r)
    equal("stress-nothing-wrong", wrong(report["walk"]), {}, r)
    check("stress-compared", report["walk"]["calls_compared"] > 500, report["walk"]["calls_compared"], r)
    equal("stress-both-vms", [v["walk"]["calls_compared"] > 0 for v in report["vms"]], [True, True], r)


def text():
    r = lab["text"]
    equal("text-status", r.status, 0, r)
    check("text", f"same answer {N + 1:,} of {N + 1:,} times" in r.out and f"served: 0 of {N:,}" in r.out and
          "nothing lost" in r.out, "", r)


guarded(walks, "walks", lab["walk"])
guarded(stress, "stress", lab["stress"])
guarded(text, "text", lab["text"])
equal("nothing-left-attached", lab["after"].out, lab["before"].out, lab["after"])
finish()
