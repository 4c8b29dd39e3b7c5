#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Late attach: mmuscope comes to a host with running, busy VMs. All that they had mapped is taken over, the
# block map equals KVM's page tables afterwards, the stock equals KVM's own statistics, and a violation on a
# page that was mapped before mmuscope came is found. The newest kernel, and one that marks at the zap.
from labvm import Lab, check, equal, finish, guarded, invariant, module, nothing_lost

MEM_GPA = 0x40000000    # where mmuscope-load puts the memory under test
LEVELS = {"4K": "pages_4k", "2M": "pages_2m", "1G": "pages_1g"}
# guests that stay
HELD = {
    "vcpus": "--pages 1031 vcpus",
    "anon": "--pages 523 anon-4k",
    "memfd": "--pages 307 memfd",
    "memfd-thp": "--pages 1536 memfd-thp",
    "hugetlb": "--pages 1024 hugetlb-2m",
}
# a guest that nothing has happened to yet; of its pages these are cleaned
OLD, FIRST, CLEANED = 311, 17, 3

# guests that stay, and then two that are busy
START = """
echo 8 > /proc/sys/vm/nr_hugepages
echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled
loads=
""" + "".join(f"""
mmuscope-load --hold-until-signal {options} > {name}.hold &
pid=$!
loads="$loads $pid"
wait_for {name}.hold holding || exit 99
""" for name, options in HELD.items()) + """
mmuscope-load -q --dir /mnt/ext4 --seconds 600 --vcpus 2 stress > stress.out 2>&1 &
stress=$!
mmuscope-load -q --rounds 1000000 --pages 509 dontneed &
dontneed=$!
"""
# the busy ones are at it when mmuscope comes, and over when it reports: then all stands still
LATE = START + """
for _ in $(seq 600); do
	[ "$(ls -d /sys/kernel/debug/kvm/*-* | wc -l)" -ge %d ] && break
	kill -0 $stress $dontneed || exit 97
	usleep 50000
done
mmuscope check -v --json -o report.json 2> check.err &
pid=$!
wait_for check.err watching || exit 98
for _ in $(seq 600); do
	[ "$(grep -c "took over" check.err)" -ge %d ] && break
	usleep 100000
done
kill -0 $stress $dontneed || exit 96
kill $stress $dontneed
for busy in $stress $dontneed; do
	wait $busy
	echo "busy one ends with $?" >&2
done
for vm in $loads; do
	for l in 4k 2m 1g; do
		echo "stats $vm $l $(cat /sys/kernel/debug/kvm/$vm-*/pages_$l)" >&2
	done
done
echo $loads > loads
kill -INT $pid
status=0
wait $pid || status=$?
cat check.err >&2
cat report.json
exit $status""" % ((len(HELD) + 3,) * 2)
# the dirty flag of three pages is cleared behind everybody's back
CLEAN = """
mmuscope-load --hold-until-signal --pages %d memfd > old.hold &
pid=$!
memfd_pid=$pid
wait_for old.hold holding || exit 99
echo $memfd_pid >> loads
for fd in /proc/$memfd_pid/fd/*; do
	case $(readlink $fd) in
	/memfd:*) memfd=$fd ;;
	esac
done
grep memfd: /proc/$memfd_pid/maps >&2
echo "$memfd" > /sys/module/clean_dirty/parameters/path
mmuscope check --json -o clean.json 2> clean.log &
pid=$!
wait_for clean.log watching || exit 98
echo '%d %d' > /sys/module/clean_dirty/parameters/go || exit 97
kill -INT $pid
status=0
wait $pid || status=$?
cat clean.json
exit $status""" % (OLD, FIRST, CLEANED)
END = """
kill -USR1 $(cat loads)
for _ in $(seq 600); do
	pidof mmuscope-load > /dev/null || exit 0
	usleep 100000
done
exit 1"""


def late(kernel):
    cleaner = module(kernel, "tests/mutants/clean_dirty")
    if not cleaner:
        return
    lab = Lab(kernel)
    lab.option("--insmod", cleaner, "--swap", "128M", "--disk", "ext4:128M")
    lab.step("late", LATE)
    lab.step("clean", CLEAN)
    lab.step("end", END)
    lab.boot()
    guarded(lambda: adopted(kernel, lab["late"]), f"{kernel}-adopted", lab["late"])
    guarded(lambda: violated(kernel, lab["clean"]), f"{kernel}-violated", lab["clean"])
    equal(f"{kernel}-guests-end", lab["end"].status, 0, lab["end"])


def adopted(kernel, r):
    report = r.json()
    lines = r.err.splitlines()
    # interrupted, and no data lost (5)
    equal(f"{kernel}-busy-ends-well", [line for line in lines if line.startswith("busy one")],
          ["busy one ends with 1"] * 2, r)
    losses = nothing_lost(report)
    # a preemptible kernel may skip a program although it has spares: that is said, and no verdict then
    missed = losses.pop("missed-runs", 0)
    equal(f"{kernel}-status", (r.status, report["verdict"]), (3, "INCONCLUSIVE") if missed else (0, "HELD"), r)
    check(f"{kernel}-late-vms", losses.pop("late-vms", 0) >= len(HELD) + 1, report["losses"], r)
    equal(f"{kernel}-nothing-lost", losses, {}, r)
    stats = {}
    for line in lines:
        if line.startswith("stats "):
            _, pid, level, n = line.split()
            stats.setdefault(int(pid), {})[level.upper()] = int(n)
    ours = {vm["pid"]: {k: vm["levels"][k]["stock"] for k in LEVELS}
            for vm in report["vms"] if not vm["ended"]}
    equal(f"{kernel}-stock-equals-kvm", ours, stats, r)
    # the guest may write all of them; the stress has reclaimed some, or nearly all
    sptes = sum(sum(levels.values()) for levels in stats.values())
    equal(f"{kernel}-audit", report["audit"], {"sptes": sptes, "differ": 0}, r)
    equal(f"{kernel}-audit-said", invariant(report, "notified-before-clean")["notes"].get("audit"),
          report["audit"]["sptes"], r)


def violated(kernel, r):
    report = r.json()
    equal(f"{kernel}-violated", (r.status, report["verdict"]), (2, "VIOLATED"), r)
    clean = invariant(report, "notified-before-clean")
    equal(f"{kernel}-violated-invariant", (clean["verdict"], clean["violations"]), ("VIOLATED", CLEANED), r)
    start = [int(line.split("-")[0], 16) for line in r.err.splitlines()
             if "memfd:" in line and "rw-s" in line][0]
    vm = [v for v in report["vms"] if v["levels"]["4K"]["stock"] == OLD + 1][0]
    told = [(v["invariant"], v["vm"], int(v["gfn"], 16), int(v["hva"], 16), v["level"])
            for v in report["violations"]]
    want = [("notified-before-clean", vm["id"], (MEM_GPA >> 12) + FIRST + n, start + (FIRST + n) * 4096, "4K")
            for n in range(CLEANED)]
    equal(f"{kernel}-violated-where", told, want, r)
    equal(f"{kernel}-violated-late", vm["late"], True, r)
    # nobody has taken this guest's pages away: much to compare, all of it older than the run
    check(f"{kernel}-audit-of-many", report["audit"]["sptes"] > OLD and not report["audit"]["differ"],
          report["audit"], r)


late("6.12")
late("7")
finish()
