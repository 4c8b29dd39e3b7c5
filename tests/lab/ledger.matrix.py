#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The level ledger on one kernel of the matrix, with each of KVM's MMUs: guests whose memory KVM maps smaller
# than the host does, each for one cause. All lost bytes have that cause, and what mmuscope counts is what
# KVM's own statistics say, to the page.
import sys

from labvm import Lab, check, equal, finish, guarded, nothing_lost

LEVELS = {"4K": (4096, "pages_4k"), "2M": (1 << 21, "pages_2m"), "1G": (1 << 30, "pages_1g")}
THP = "--pages 4096 --steps 'backing=anon-thp %s'"
# name: (guest, bytes lost by cause, bytes mapped 4K by both out of folios of 2M)
GUESTS = {
    "thp": ("--pages 4096 anon-thp", {}, 0),
    "small": ("--pages 1021 anon-4k", {}, 0),
    "dirty-log": (THP % "write dirty-on write", {"dirty logging": 16 << 20}, 0),
    "dirty-log-off": (THP % "write dirty-on write dirty-off write check", {}, 0),
    "misaligned": ("--pages 4096 misaligned", {"misaligned": 16 << 20}, 0),
    "edge": ("--pages 4099 anon-thp", {"memslot edge": 3 * 4096}, 0),
    "collapse": ("--pages 4096 --steps 'backing=anon-4k write collapse check'", {}, 0),
    "split": (THP % "write split-map write", {}, 16 << 20),
    "hugetlb-2m": ("--pages 2048 --steps 'backing=hugetlb-2m write dirty-on write'",
                   {"dirty logging": 8 << 20}, 0),
    "hugetlb-1g": ("--pages 4099 hugetlb-1g", {"memslot edge": (16 << 20) + 3 * 4096}, 0),
}
NX = {"nx": ("--pages 4096 exec-nx", {"NX huge pages": 16 << 20}, 0)}
# the guest's page tables map by 4K: to KVM's nested paging they are of no concern
PAGED = {"paged": ("--pages 4096 paging-thp", {}, 0)}
PAGED_SHADOW = {"paged": ("--pages 4096 paging-thp", {"guest page tables": 16 << 20}, 0)}

# khugepaged would join what a guest is to find split
BEFORE = """echo 8 > /proc/sys/vm/nr_hugepages
echo 100000000 > /sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs"""

# hold the guests of one step, look at them from outside, and end them
HOLD = """
%s
pids=
hold() {
	name=$1
	shift
	mmuscope-load --hold-until-signal "$@" > $name.hold &
	pid=$!
	pids="$pids $pid"
	wait_for $name.hold holding || { cat $name.hold >&2; exit 99; }
	echo "guest $name $pid" >&2
}
%s
for pid in $pids; do
	for level in 4k 2m 1g; do
		echo "stats $pid pages_$level $(cat /sys/kernel/debug/kvm/$pid-*/pages_$level)" >&2
	done
done
mmuscope levels --json -o levels.json 2> levels.err &
pid=$!
wait_for levels.err watching || { cat levels.err >&2; exit 98; }
kill -INT $pid
status=0
wait $pid || status=$?
cat levels.err >&2
cat levels.json
kill -USR1 $pids
wait
exit $status"""


def hold(guests, before=""):
    return HOLD % (before, "\n".join(f"hold {name} {guest}" for name, (guest, _, _) in guests.items()))


def judge(prefix, guests, r):
    """The report of one step."""
    report = r.json()
    equal(f"{prefix}-status", r.status, 0, r)
    losses = nothing_lost(report)
    losses.pop("late-vms", None)
    losses.pop("unadopted-vms", None)
    equal(f"{prefix}-nothing-lost", losses, {}, r)
    words = [line.split() for line in r.err.splitlines()]
    pids = {w[1]: int(w[2]) for w in words if w[:1] == ["guest"]}
    stats = {(int(w[1]), w[2]): int(w[3]) for w in words if w[:1] == ["stats"]}
    for name, (_, causes, promised) in guests.items():
        pid = pids[name]
        vm = next(v for v in report["vms"] if v["pid"] == pid)
        ledger = vm["ledger"]
        mapped = {level: sum(ledger["mapped_by_level_and_host_level"][level].values()) // size
                  for level, (size, _) in LEVELS.items()}
        equal(f"{prefix}-{name}-equals-kvm", mapped,
              {level: stats[pid, file] for level, (_, file) in LEVELS.items()}, r)
        lost = {cause: n for cause, n in ledger["lost_by_cause"].items() if n}
        equal(f"{prefix}-{name}-causes", lost, causes, r)
        equal(f"{prefix}-{name}-sum", ledger["lost"], sum(causes.values()), r)
        equal(f"{prefix}-{name}-promised", ledger["promised"], promised, r)
        for key in ("lost", "mapped"):
            equal(f"{prefix}-{name}-memslots-{key}", sum(s[key] for s in ledger["memslots"]), ledger[key], r)
        check(f"{prefix}-{name}-has-memslots", len(ledger["memslots"]) >= 2, ledger["memslots"], r)


def ledgers(kernel, prefix, options, paged):
    lab = Lab(kernel)
    lab.option("--mem", "3584M", "--append", "hugepagesz=1G", "--append", "hugepages=1", *options)
    steps = {
        "guests": ({**GUESTS, **paged}, hold({**GUESTS, **paged}, BEFORE)),
        # drops what all VMs have mapped
        "nx": (NX, hold(NX, "echo force > /sys/module/kvm/parameters/nx_huge_pages")),
    }
    for name, (_, command) in steps.items():
        lab.step(name, command)
    lab.boot()
    for name, (guests, _) in steps.items():
        result = lab[name]
        guarded(lambda g=guests, r=result: judge(prefix, g, r), f"{prefix}-{name}", result)


ledgers(sys.argv[1], "tdp", (), PAGED)
ledgers(sys.argv[1], "shadow", ("--opt", "kvm.tdp_mmu=0"), PAGED)
ledgers(sys.argv[1], "shadow-paging", ("--opt", "kvm-amd.npt=0"), PAGED_SHADOW)
finish()
