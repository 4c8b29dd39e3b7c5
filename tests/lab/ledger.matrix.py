#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The level ledger on one kernel of the matrix, with each of KVM's MMUs: guests whose memory KVM maps smaller
# than the host does, each for one cause. All lost bytes have that cause, and what mmuscope counts is what
# KVM's own statistics say, to the page. One boot, in which KVM is loaded anew for each MMU.
import sys

from labvm import Lab, check, equal, finish, guarded, module, nothing_lost

KERNEL = sys.argv[1]
HUGE_PFNMAP = KERNEL != "6.1"	# the kernel has huge entries in VM_PFNMAP
# with NX huge pages on, KVM keeps to small pages wherever it had some (docs/levels.md)
NX_KEEPS = KERNEL == "6.1"
LEVELS = {"4K": (4096, "pages_4k"), "2M": (1 << 21, "pages_2m"), "1G": (1 << 30, "pages_1g")}
MIB = 1 << 20
NX = "NX huge pages"
THP = "--pages 2048 --steps 'backing=anon-thp %s'"
# name: (guest, bytes lost by cause, bytes mapped 4K by both out of folios of 2M)
GUESTS = {
    "small": ("--pages 211 anon-4k", {}, 0),
    "dirty-log": (THP % "write dirty-on write", {"dirty logging": 8 * MIB}, 0),
    "misaligned": ("--pages 2048 misaligned", {"misaligned": 8 * MIB}, 0),
    "edge": ("--pages 2048 --cut 777 anon-thp", {"memslot edge": 2 * MIB}, 0),
    "collapse": ("--pages 2048 --steps 'backing=anon-4k write collapse check'", {}, 0),
    "split": (THP % "write split-map write", {}, 8 * MIB),
    "hugetlb-1g": ("--pages 1024 hugetlb-1g", {}, 0),
    # the guest's page tables map by 4K: to KVM's nested paging they are of no concern
    "paged": ("--pages 2048 paging-thp", {}, 0),
}
# switches the dirty log off when it is told to
RECOVERS = {"dirty-log-off": (THP % "write dirty-on write wait dirty-off write check", {}, 0)}
# frames without struct page: of a compound page up to 6.12 KVM can map no tail alone, and fails with EFAULT
BARE = 0x10000000
PFNMAP = {"pfnmap": ("--pages 1024 --cut 300 --device /dev/frames-bare-2m device-2m", {"memslot edge": 2 * MIB}, 0)}
if not HUGE_PFNMAP:
    PFNMAP = {"pfnmap": ("--pages 1024 --cut 300 --device /dev/frames-bare-4k device", {}, 0)}
EXECUTES = {"nx": ("--pages 2048 exec-nx", {NX: 8 * MIB}, 0)}
CUT_1G = "--pages 1100 --cut 700 hugetlb-1g"	# three times 2M, of which the second by 4K

KEPT = {"collapse": (GUESTS["collapse"][0], {NX: 8 * MIB}, 0)} if NX_KEEPS else {}
KEPT_LOG = {"dirty-log-off": (RECOVERS["dirty-log-off"][0], {NX: 8 * MIB}, 0)} if NX_KEEPS else {}
# a minute later a worker of KVM's would begin to take it back
FORCED = "nx_huge_pages=force nx_huge_pages_recovery_ratio=0"
# MMU: (options of kvm.ko, options of kvm-amd.ko, what differs in its guests, guests that it does without)
MMUS = {
    "tdp": (FORCED, "", KEPT, ()),
    # KVM's leaves are looked for in the same way as with shadow paging: there are guests that once is enough for
    "shadow": ("tdp_mmu=0", "", {"hugetlb-1g": (CUT_1G, {"memslot edge": 6 * MIB}, 0)},
               ("nx", "small", "misaligned", "split")),
    "shadow-paging": (FORCED, "npt=0", {
        **KEPT, **KEPT_LOG,
        "hugetlb-1g": (CUT_1G, {"memslot edge": 2 * MIB, "unpaged guest": 4 * MIB}, 0),
        "paged": (GUESTS["paged"][0], {"guest page tables": 8 * MIB}, 0),
    }, ()),
}

# hold the guests of one MMU, look at them from outside, and end them
HOLD = """
echo 8 > /proc/sys/vm/nr_hugepages
kvm=$(find /modules -name kvm.ko)
amd=$(find /modules -name 'kvm[-_]amd.ko')
# what mmuscope had attached goes a little later than mmuscope
for _ in $(seq 200); do
	rmmod kvm_amd kvm 2> /dev/null || rmmod kvm 2> /dev/null || true
	[ -e /sys/module/kvm ] || break
	usleep 100000
done
[ ! -e /sys/module/kvm ] || exit 97
insmod "$kvm" %s && insmod "$amd" %s || exit 96
pids=
trap 'kill $pids' EXIT
hold() {
	name=$1
	until=$2
	shift 2
	mmuscope-load --hold-until-signal "$@" > $name.hold &
	pid=$!
	pids="$pids $pid"
	wait_for $name.hold $until || { cat $name.hold >&2; exit 99; }
	echo "guest $name $pid" >&2
}
%s
recovers=$pid
mmuscope levels --json -o levels.json 2> levels.err &
pid=$!
# stock has been taken by then
wait_for levels.err watching || { cat levels.err >&2; exit 98; }
watch=$pid
pid=$recovers
kill -USR1 $pid
wait_for $name.hold holding || { cat $name.hold >&2; exit 95; }
for pid in $pids; do
	for level in 4k 2m 1g; do
		echo "stats $pid pages_$level $(cat /sys/kernel/debug/kvm/$pid-*/pages_$level)" >&2
	done
done
kill -INT $watch
status=0
wait $watch || status=$?
cat levels.err >&2
cat levels.json
trap - EXIT
kill -USR1 $pids
wait
exit $status"""


def hold(kvm, amd, guests):
    """The last guest is the one whose dirty log ends."""
    lines = [f"hold {name} {'waiting' if name in RECOVERS else 'holding'} {row[0]}" for name, row in guests.items()]
    return HOLD % (kvm, amd, "\n".join(lines))


def recovered(prefix, ledger, r):
    """A dirty log over 8M that ended: the time that it took is known within bounds."""
    slots = [s["recovery"] for s in ledger["memslots"] if s["recovery"] and s["recovery"]["lost"]]
    equal(f"{prefix}-recoveries", [(s["lost"], s["over"]) for s in slots], [(8 * MIB, True)], r)
    check(f"{prefix}-recovery-time", slots and 0 <= slots[0]["ns_least"] < slots[0]["ns_most"], slots, r)
    print(f"# {KERNEL} {prefix}: recovered after {slots[0]['ns_least'] / 1e9:.2f} s to "
          f"{slots[0]['ns_most'] / 1e9:.2f} s")


def judge_vm(prefix, ledger, stats, row, r):
    _, causes, promised = row
    mapped = {level: sum(ledger["mapped_by_level_and_host_level"][level].values()) // size
              for level, (size, _) in LEVELS.items()}
    equal(f"{prefix}-equals-kvm", mapped, {level: stats[file] for level, (_, file) in LEVELS.items()}, r)
    equal(f"{prefix}-causes", {cause: n for cause, n in ledger["lost_by_cause"].items() if n}, causes, r)
    equal(f"{prefix}-sum", ledger["lost"], sum(causes.values()), r)
    equal(f"{prefix}-promised", ledger["promised"], promised, r)
    for key in ("lost", "mapped"):
        equal(f"{prefix}-memslots-{key}", sum(s[key] for s in ledger["memslots"]), ledger[key], r)
    check(f"{prefix}-has-memslots", len(ledger["memslots"]) >= 2, ledger["memslots"], r)


def judge(prefix, guests, r):
    """The report of one MMU."""
    report = r.json()
    equal(f"{prefix}-status", r.status, 0, r)
    losses = nothing_lost(report)
    losses.pop("late-vms", None)
    losses.pop("unadopted-vms", None)
    equal(f"{prefix}-nothing-lost", losses, {}, r)
    words = [line.split() for line in r.err.splitlines()]
    pids = {w[1]: int(w[2]) for w in words if w[:1] == ["guest"]}
    for name, row in guests.items():
        stats = {w[2]: int(w[3]) for w in words if w[:2] == ["stats", str(pids[name])]}
        ledger = next(v for v in report["vms"] if v["pid"] == pids[name])["ledger"]
        judge_vm(f"{prefix}-{name}", ledger, stats, row, r)
        if name in RECOVERS:
            recovered(f"{prefix}-{name}", ledger, r)


def main():
    lab = Lab(KERNEL)
    lab.option("--mem", "3584M", "--append", "hugepagesz=1G", "--append", "hugepages=1")
    ko = module(KERNEL, "tests/frames")
    if ko:
        lab.option("--insmod", f"{ko}:bare={BARE:#x}", "--append", f"memmap=128M${BARE:#x}")
    held = {}
    for mmu, (kvm, amd, other, without) in MMUS.items():
        # the one that recovers is the last
        rows = {**EXECUTES, **GUESTS, **(PFNMAP if ko else {}), **RECOVERS, **other}
        held[mmu] = {name: row for name, row in rows.items() if name not in without}
        lab.step(mmu, hold(kvm, amd, held[mmu]))
    lab.boot(1200)
    for mmu, guests in held.items():
        guarded(lambda m=mmu, g=guests: judge(m, g, lab[m]), mmu, lab[mmu])


main()
finish()
