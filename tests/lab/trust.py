#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# A host can trust mmuscope with its kernel: killed in the middle of a check it leaves nothing behind; KVM's
# vendor module is unloaded and loaded again under it, and new VMs are seen; a thousand VMs come and
# go with the right counts, and no memory, no table entry is left behind.
import json

from labvm import Lab, check, equal, finish, guarded, nothing_lost

CHURN, WARM = 1000, 60
# of a VM that is gone a row of the report is kept (user/session/snapshot.h)
ROW_KB = 4

lab = Lab("6.12")
lab.step("before", "bpf_count maps")
lab.step("killed", """
(
	while [ ! -e enough ]; do
		mmuscope-load -q --rounds 20 --pages 307 dontneed || exit
	done
) &
load=$!
mmuscope check 2> check.err &
pid=$!
wait_for check.err watching || exit 99
kill -KILL $pid
wait $pid || true
for _ in $(seq 200); do
	[ "$(bpf_count maps)" = "$(cat before.out)" ] && break
	usleep 50000
done
bpf_count maps
kill -0 $load || exit 98
touch enough
wait $load""")
lab.step("next", "mmuscope check --json -- mmuscope-load -q anon-4k --pages 503")
lab.step("reload", """
amd=$(find /modules -name 'kvm[-_]amd.ko')
mmuscope check --json -o reload.json 2> check.err &
pid=$!
wait_for check.err watching || exit 99
mmuscope-load -q anon-4k --pages 211 || exit 98
rmmod kvm_amd || exit 97
[ ! -e /sys/module/kvm_amd ] || exit 96
# the hooks are in kvm, which therefore stays
rmmod kvm 2> rmmod.err && exit 95
cat rmmod.err >&2
insmod "$amd" || exit 94
mmuscope-load -q anon-4k --pages 503 || exit 93
kill -INT $pid
status=0
wait $pid || status=$?
cat reload.json
exit $status""")
lab.step("reload-all", """
left
kvm=$(find /modules -name kvm.ko)
amd=$(find /modules -name 'kvm[-_]amd.ko')
for _ in $(seq 100); do
	rmmod kvm_amd kvm && break
	usleep 100000
done
[ ! -e /sys/module/kvm ] || exit 99
insmod "$kvm" && insmod "$amd" || exit 98
mmuscope check --json -- mmuscope-load -q anon-4k --pages 503""")
lab.step("churn", """
left
cat > churn.sh <<'END'
memory() {
	echo "$1 rss $(sed -n 's/VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$PPID/status)" \\
		"slab $(sed -n 's/SUnreclaim:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/meminfo)" \\
		"fds $(ls /proc/$PPID/fd | wc -l) $(bpf_count maps)" >&2
}
mmuscope-load --json --vms %d --pages %d vm-churn >&2 || exit
memory warm
mmuscope-load --json --vms %d --pages %d vm-churn >&2 || exit
memory end
END
mmuscope check --json --max-vms 32 -- sh churn.sh""" % (WARM, WARM, CHURN, CHURN))
lab.step("after", """
for _ in $(seq 200); do
	[ "$(bpf_count maps)" = "$(cat before.out)" ] && break
	usleep 50000
done
bpf_count maps""")
lab.boot(900)


def killed():
    r = lab["killed"]
    equal("killed-nothing-left", (r.status, r.out), (0, lab["before"].out), r)
    r = lab["next"]
    report = r.json()
    equal("next-held", (r.status, report["verdict"], nothing_lost(report)), (0, "HELD", {}), r)
    equal("next-counts", [v["levels"]["4K"]["installed"] for v in report["vms"]], [504], r)


def reload():
    r = lab["reload"]
    report = r.json()
    equal("reload-held", (r.status, report["verdict"], nothing_lost(report)), (0, "HELD", {}), r)
    equal("reload-counts", [v["levels"]["4K"]["installed"] for v in report["vms"]], [212, 504], r)
    check("reload-kvm-stays", "rmmod: " in r.err, "kvm was unloaded under its hooks", r)
    r = lab["reload-all"]
    report = r.json()
    equal("reload-all-held", (r.status, report["verdict"], nothing_lost(report)), (0, "HELD", {}), r)
    equal("reload-all-counts", [v["levels"]["4K"]["installed"] for v in report["vms"]], [504], r)


def churn():
    r = lab["churn"]
    report = r.json()
    vms = report["vms"]
    equal("churn-held", (r.status, report["verdict"], nothing_lost(report)), (0, "HELD", {}), r)
    # each load ends with a VM over all pages
    equal("churn-vms", (len(vms), all(v["ended"] for v in vms)), (WARM + CHURN + 2, True), r)
    equal("churn-ids-used-again", max(v["id"] for v in vms) <= 32, True, r)
    lines = r.err.splitlines()
    for load in (json.loads(line) for line in lines if line.startswith("{")):
        seen = [v for v in vms if v["pid"] == load["vms"][0]["pid"]]
        name = f"churn-{len(seen) - 1}"
        equal(f"{name}-data", (load["result"], load["data"]["lost"]), ("ok", 0), r)
        for what, n in (
                ("hva_to_pfn", sum(v["hva_to_pfn"]["calls"] for v in seen)),
                ("installs_4k", sum(v["levels"]["4K"]["installed"] for v in seen)),
                ("zaps_teardown", sum(v["levels"]["4K"]["torn_down"] for v in seen))):
            want = load["expect"][what]
            check(f"{name}-{what}", want["exact"] and n == want["n"], f"{n}, expected {want}", r)
    memory = {words[0]: words for words in (line.split() for line in lines) if words[1:2] == ["rss"]}
    rss, slab = (int(memory["end"][i]) - int(memory["warm"][i]) for i in (2, 4))
    print(f"# {CHURN} VMs: mmuscope grew by {rss} KB, the kernel's slab by {slab} KB")
    print("#", *memory["warm"])
    print("#", *memory["end"])
    check("churn-rss", rss <= CHURN * ROW_KB, f"mmuscope grew by {rss} KB", r)
    check("churn-slab", slab <= 4096, f"the kernel's slab grew by {slab} KB", r)
    equal("churn-descriptors-and-maps", memory["end"][5:], memory["warm"][5:], r)
    equal("nothing-left", lab["after"].out, lab["before"].out, lab["after"])


guarded(killed, "killed", lab["next"])
guarded(reload, "reload", lab["reload"])
guarded(churn, "churn", lab["churn"])
finish()
