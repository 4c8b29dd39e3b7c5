#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# What mmuscope does when things go otherwise than planned: a command that fails or cannot be run, an
# interrupt, VMs that were there before, no privilege. One kernel is enough.
import re

from labvm import Lab, check, equal, finish, guarded, invariant, nothing_lost

# VMs of 211 and 223 pages that are there before we come, and stay while %s runs
OLD_VMS = """
mmuscope-load anon-4k --pages 223 --hold-until-signal --json > other.json 2> other.err &
pid=$!
other=$pid
wait_for other.err holding || exit 99
mmuscope-load anon-4k --pages 211 --hold-until-signal --json > load.json 2> load.err &
pid=$!
load=$pid
wait_for load.err holding || exit 99
%s
status=$?
kill -USR1 $load $other
wait
exit $status
"""

lab = Lab("6.12")
lab.step("before", "bpf_count")
lab.step("not-executable", "mmuscope check -- /etc")
lab.step("command-fails", "mmuscope check --json -- "
         "sh -c 'mmuscope-load -q anon-4k --pages 503 >/dev/null & mmuscope-load -q memfd --pages 509 "
         "> /dev/null; wait; exit 7'")
lab.step("interrupt", """
mmuscope check --json -o interrupt.json -- mmuscope-load anon-4k --pages 307 --hold-until-signal > load.out &
pid=$!
wait_for load.out holding || exit 99
kill -INT $pid
wait $pid
status=$?
cat interrupt.json
exit $status""")
lab.step("interrupt-left", "left; bpf_count; pidof mmuscope-load mmuscope")
# whoever reads our output is not kept waiting, nor is the shell: what the kernel takes a second or two for is done
# by a process of its own, which has none of our files
lab.step("prompt", """
mmuscope levels --json -- mmuscope-load -q anon-4k --pages 307 | cat > prompt.json
pid=$(pidof mmuscope) || exit 98
for fd in /proc/$pid/fd/*; do
	readlink "$fd"
done | sed 's/\\[.*//' | sort -u
cut -d " " -f 1,6,7 "/proc/$pid/stat"
left
[ ! -e "/proc/$pid" ] && bpf_count""")
lab.step("killed", """
mmuscope levels --json -- mmuscope-load anon-4k --pages 307 --hold-until-signal > load.out &
pid=$!
wait_for load.out holding || exit 99
kill -KILL $pid
wait $pid || true
killall mmuscope-load""")
lab.step("killed-left", """
for _ in $(seq 100); do
	[ "$(bpf_count)" = "$(cat before.out)" ] && exit 0
	usleep 100000
done
bpf_count
exit 1""")
lab.step("late", OLD_VMS % "mmuscope check --json --for 500ms")
lab.step("late-levels-pid", OLD_VMS % "mmuscope levels --json --for 500ms -p $load; echo $load >&2")
lab.step("gone-pid", "mmuscope check --json --for 200ms -p 2000000000")
lab.step("nobody-doctor", "drop mmuscope doctor")
lab.step("nobody-check", "drop mmuscope check -- true")
lab.step("nobody-load", "drop mmuscope-load anon-4k")
lab.step("after", "left; bpf_count")
lab.boot()


def command():
    r = lab["not-executable"]
    check("not-executable", r.status == 1 and "cannot run '/etc'" in r.err and not r.out, "", r)
    equal("not-executable-one-line", len(r.err.splitlines()), 1, r)
    r = lab["command-fails"]
    report = r.json()
    equal("command-fails-status", r.status, 1, r)
    check("command-fails-said", "status 7" in r.err, "", r)
    equal("command-fails-verdict", report["verdict"], "HELD", r)
    # two VMs at a time, each with a page of code
    equal("two-vms", sorted(v["levels"]["4K"]["installed"] for v in report["vms"]), [504, 510], r)
    equal("two-vms-nothing-lost", nothing_lost(report), {}, r)


def interrupt():
    r = lab["interrupt"]
    report = r.json()
    equal("interrupt-report", report["vms"][0]["levels"]["4K"]["stock"], 308, r)
    # nothing was zapped yet: no occasion, so it cannot be called held
    equal("interrupt-status", r.status, 0, r)
    equal("interrupt-nothing-lost", nothing_lost(report), {}, r)
    equal("interrupt-nothing-left", lab["interrupt-left"].out, lab["before"].out, lab["interrupt-left"])
    r = lab["prompt"]
    lines = r.out.splitlines()
    equal("prompt-status", r.status, 0, r)
    check("prompt-files", {line.split(":")[0] for line in lines[:-2]} <= {"anon_inode", "pipe"}, lines, r)
    equal("prompt-one-pipe", sum(line.startswith("pipe") for line in lines), 1, r)
    # a session of its own, without a terminal
    pid, session, terminal = lines[-2].split()
    equal("prompt-session", (session, terminal), (pid, "0"), r)
    equal("prompt-nothing-left", lines[-1] + "\n", lab["before"].out, r)
    equal("killed-nothing-left", lab["killed-left"].status, 0, lab["killed-left"])


def late():
    r = lab["late"]
    report = r.json()
    # taken over, and then nothing happened: no occasion, so that the whole is not held
    equal("late-status", (r.status, report["verdict"]), (3, "INCONCLUSIVE"), r)
    equal("late-nothing-lost", nothing_lost(report), {"late-vms": 2}, r)
    for i in report["invariants"]:
        check(f"late-{i['name']}", i["verdict"] in ("NO OCCASION", "NOT APPLICABLE"), i, r)
    # the pages of both guests' data and code
    equal("late-audit", report["audit"], {"sptes": 212 + 224, "differ": 0}, r)
    equal("late-audit-said", invariant(report, "notified-before-clean")["notes"].get("audit"), 212 + 224, r)
    r = lab["late-levels-pid"]
    # what it mapped before we came is counted in KVM's own page tables
    equal("late-levels-pid", [(v["late"], v["levels"]["4K"]["stock"], str(v["pid"]))
                              for v in r.json()["vms"]], [(True, 212, r.err.split()[-1])], r)
    r = lab["gone-pid"]
    check("gone-pid", r.status == 1 and "2000000000" in r.err and not r.out, "", r)


def nobody():
    for name in ("nobody-doctor", "nobody-check"):
        r = lab[name]
        check(name, r.status == 1 and re.search("privilege|CAP_BPF|permission", r.err) and
              len(r.err.splitlines()) == 1 and bool(r.out) == (name == "nobody-doctor"), "", r)
    r = lab["nobody-load"]
    check("nobody-load", r.status in (1, 4) and "/dev/kvm" in r.err, "", r)


guarded(command, "command", lab["command-fails"])
guarded(interrupt, "interrupt", lab["interrupt"])
guarded(late, "late", lab["late"])
guarded(nobody, "nobody", lab["nobody-check"])
equal("nothing-left-attached", lab["after"].out, lab["before"].out, lab["after"])
equal("bpf-count-counts", lab["before"].out[:9], "programs ", lab["before"])
finish()
