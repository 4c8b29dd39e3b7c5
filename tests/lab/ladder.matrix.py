#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Every tier of docs/tiers.md, forced by --tier and, where the kernel has a way, by taking from it what the tier
# above needs: what doctor and the reports say, that what remains is right, and that nothing is ever HELD.
import json
import sys

from labvm import Lab, check, equal, finish, guarded

PAGES = 1031
PORT = 9763
# tier: what is not known there
UNKNOWN = {
    "kprobe": {"lookup-results", "retries", "window-times", "ledger", "verdicts"},
    "tracepoint": {"lookup-results", "retries", "window-times", "ledger", "verdicts", "lookups",
                   "window-events", "whose"},
    "stats": {"lookup-results", "retries", "window-times", "ledger", "verdicts", "lookups", "window-events",
              "flow", "faults", "windows"},
}
OLD = f"""
mmuscope-load --hold-until-signal --pages {PAGES} anon-4k > held &
pid=$!
wait_for held holding || exit 99
load=$pid
kvm() {{ cat /sys/kernel/debug/kvm/$load-*/pages_$1; }}
"""
END = """
status=$?
kill -USR1 $load
wait $load
exit $status"""
LOAD = f"sh -c \"mmuscope-load -q --pages {PAGES} --hold 3 anon-4k > load.out\""

lab = Lab(sys.argv[1])
lab.step("before", "bpf_count")
lab.step("doctor", "mmuscope doctor --json")
lab.step("doctor-text", "mmuscope doctor")
for tier in ("fentry", *UNKNOWN):
    lab.step(f"run-{tier}", f"mmuscope levels --json --tier {tier} -- {LOAD}")
for tier in UNKNOWN:
    lab.step(f"old-{tier}", OLD + f"mmuscope levels --json --tier {tier} --for 1s; status=$?; kvm 4k >&2; "
             f"kvm 2m >&2; (exit $status)" + END)
    lab.step(f"check-{tier}", f"mmuscope check --json --tier {tier} -- true")
lab.step("text", f"mmuscope levels --tier kprobe -- {LOAD}")
lab.step("top", f"mmuscope top --json -d 1s --tier stats -- {LOAD}")
lab.step("huge", "mmuscope levels --json --tier kprobe -- "
         "sh -c 'mmuscope-load -q --pages 4099 --hold 3 anon-thp > load.out'")
for tier in ("kprobe", "stats"):
    # a VM from before the drop of privileges, and one from after it
    lab.step(f"serve-{tier}", OLD + f"""
grep -q ^nobody: /etc/passwd || echo nobody:x:65534:65534::/:/bin/sh >> /etc/passwd
mmuscope serve --listen 127.0.0.1:{PORT} --interval 1s --user nobody --tier {tier} 2> serve.log &
pid=$!
server=$!
wait_for serve.log "the tier is" || exit 98
mmuscope-load --hold-until-signal --pages 509 anon-4k > held2 &
pid=$!
new=$pid
wait_for held2 holding || exit 97
for _ in $(seq 300); do
	http_get {PORT} /metrics > metrics
	grep -q 'mapped_bytes.*4K.* {510 * 4096}$' metrics && break
	usleep 100000
done
cat metrics
cat serve.log >&2
kill -USR1 $new
kill -TERM $server
wait $server""" + END)
# ---- the same by taking things away ----
BTF = ": > none; mount --bind none /sys/kernel/btf/kvm; "
lab.step("no-btf", BTF + f"mmuscope doctor --json; echo status $? >&2; mmuscope levels --json -- {LOAD} > l; "
         "status=$?; cat l >&2; umount /sys/kernel/btf/kvm; exit $status")
lab.step("no-btf-check", BTF + "mmuscope check -- true; status=$?; umount /sys/kernel/btf/kvm; exit $status")
lab.step("no-btf-no-kprobes", BTF + "echo 0 > /sys/kernel/debug/kprobes/enabled; "
         f"mmuscope levels --json -- {LOAD}; status=$?; echo 1 > /sys/kernel/debug/kprobes/enabled; "
         "umount /sys/kernel/btf/kvm; exit $status")
# where a hook of fentry's is a kprobe (6.1), and where none is
lab.step("no-kprobes", "echo 0 > /sys/kernel/debug/kprobes/enabled; "
         f"mmuscope levels --json -- {LOAD}; status=$?; echo 1 > /sys/kernel/debug/kprobes/enabled; exit $status")
# the kernel warns when a hook goes that ftrace was switched off under
lab.step("no-ftrace", "left; echo 0 > /proc/sys/kernel/ftrace_enabled || exit 77; mmuscope doctor --json; "
         f"echo status $? >&2; mmuscope levels --json -- {LOAD} > l; status=$?; cat l >&2; echo 1 > /proc/sys/kernel/ftrace_enabled; "
         "exit $status")
# a function takes so many programs, and others are there first
lab.step("full", f"""
mmuscope levels > /dev/null &
pid=$!
while kill -0 $pid; do
	floor list | grep ' win_start' > hooks && break
	usleep 100000
done
kill -INT $pid
wait $pid
left
floor fill hooks sh -c 'mmuscope levels --json -- {LOAD} > l; status=$?; mmuscope check -- true; echo check $? >&2
	cat l; exit $status'""")
# CAP_PERFMON, CAP_BPF, CAP_SYS_ADMIN, CAP_SYSLOG by their numbers
for name, numbers in (("perfmon", "38,21"), ("bpf", "39,21"), ("bpf-perfmon", "38,39,21"), ("admin", "21"),
                      ("syslog", "34")):
    lab.step(f"caps-{name}", f"drop -c {numbers} mmuscope doctor --json")
lab.step("caps-levels", OLD + "drop -c 38,39,21 mmuscope levels --json --for 1s; status=$?; kvm 4k >&2; "
         "(exit $status)" + END)
lab.step("caps-check", "drop -c 38,39,21 mmuscope check -- true")
lab.step("no-debugfs", f"umount /sys/kernel/debug; mmuscope levels --json --tier tracepoint -- {LOAD} > l; "
         "status=$?; mmuscope levels --tier stats --for 1s; echo status $? >&2; cat l; "
         "mount -t debugfs debugfs /sys/kernel/debug; exit $status")
# there is no way back from a lockdown
lab.step("integrity", "mount -t securityfs securityfs /sys/kernel/security; "
         "echo integrity > /sys/kernel/security/lockdown; mmuscope doctor --json")
lab.step("integrity-check", f"mmuscope check --json -- {LOAD}")
lab.step("confidentiality", "echo confidentiality > /sys/kernel/security/lockdown; mmuscope doctor --json")
lab.step("confidentiality-check", "mmuscope check -- true")
lab.step("confidentiality-levels", OLD + "mmuscope levels --json --for 1s; status=$?; kvm 4k >&2; (exit $status)" +
         END)
lab.step("confidentiality-run", f"umount /sys/kernel/security; mmuscope levels --json -- {LOAD}")
lab.step("after", "left; bpf_count")
lab.boot(timeout=1200)


def missing(r):
    return [n["name"] for n in r["needs"] if not n["there"]]


def works(r, state):
    return {w["name"] for w in r["works"] if w["here"] == state}


def doctor():
    r = lab["doctor"]
    report = r.json()
    equal("doctor-status", (r.status, report["tier"], missing(report)), (0, "fentry", []), r)
    equal("doctor-all-works", len(works(report, "yes")), len(report["works"]), r)
    equal("doctor-tiers", [t["there"] for t in report["tiers"]], [True] * 4, r)
    for tier, unknown in UNKNOWN.items():
        equal(f"doctor-contract-{tier}", set(next(t for t in report["tiers"] if t["name"] == tier)["unknown"]),
              unknown, r)
    r = lab["doctor-text"]
    equal("doctor-says", r.out.splitlines()[-1].split(":")[1], " check and levels work on this kernel", r)


# what a tier knows is the same as what fentry says of the same load
def run(tier, step, report):
    vm = report["vms"][0]
    best = lab["run-fentry"].json()["vms"][0]
    r = lab[step]
    equal(f"{step}-tier", (report["tier"], set(report["unknown"])), (tier, UNKNOWN[tier]), r)
    equal(f"{step}-stock", vm["levels"]["4K"]["stock"], PAGES + 1, r)
    check(f"{step}-no-verdict", "verdict" not in report and "verdict" not in vm and vm["violations"] is None,
          "judged", r)
    equal(f"{step}-nulls", [vm[k] for k in ("fault_retries", "windows_followed", "kvm_marked")] +
          [report["window_ns"]], [None] * 4, r)
    if tier == "stats":
        equal(f"{step}-no-flow", (vm["levels"]["4K"]["installed"], vm["faults"], vm["hva_to_pfn"]["calls"]),
              (None, None, None), r)
        return
    for what in ("installed", "split", "collapsed"):
        equal(f"{step}-{what}", [vm["levels"][l][what] for l in ("4K", "2M", "1G")],
              [best["levels"][l][what] for l in ("4K", "2M", "1G")], r)
    gone = sum(vm["levels"]["4K"][k] for k in ("zapped", "torn_down"))
    nobodys = sum(report["nobodys"]["levels"]["4K"][k] for k in ("zapped", "torn_down"))
    equal(f"{step}-gone", gone + nobodys, PAGES + 1, r)
    check(f"{step}-faults", vm["faults"] >= PAGES + 1, vm["faults"], r)
    if tier == "kprobe":
        equal(f"{step}-whose", nobodys, 0, r)
        equal(f"{step}-lookups", vm["hva_to_pfn"]["calls"], best["hva_to_pfn"]["calls"], r)
        equal(f"{step}-windows", vm["windows"], best["windows"], r)
    else:
        check(f"{step}-windows", vm["windows"]["unmap"] is None and vm["windows"]["other"] is not None,
              vm["windows"], r)


def old(step, tier):
    r = lab[step]
    report = r.json()
    vm = report["vms"][0]
    kvm = [int(line) for line in r.err.splitlines() if line.isdigit()]
    equal(f"{step}-status", (r.status, report["tier"], len(report["vms"])), (0, tier, 1), r)
    equal(f"{step}-stock-is-kvms", vm["levels"]["4K"]["stock"], kvm[0], r)
    equal(f"{step}-stock", (kvm[0], vm["late"]), (PAGES + 1, True), r)
    check(f"{step}-said", f"tier {tier}: " in r.err and "not known: " in r.err, "nothing", r)


def refused(step, code, says):
    r = lab[step]
    check(step, r.status == code and not r.out and says in r.err and "HELD" not in r.err,
          f"exit {code} and '{says}' are due", r)


def text():
    r = lab["text"]
    equal("text-status", r.status, 0, r)
    for says in ("tier kprobe, ", "not known here: retries, lookup-results, window-times, ledger, verdicts",
                 "LAST SEEN", f"hva_to_pfn {PAGES + 1:,}\n"):
        check("text-" + says.split()[0], says in r.out, "not said: " + says, r)
    check("text-promises-nothing", "nothing lost" not in r.out and "HELD" not in r.out, "it does", r)


def top():
    r = lab["top"]
    pictures = [json.loads(line) for line in r.out.splitlines()]
    mapped = [vm["mapped_bytes"]["4K"] for p in pictures for vm in p["vms"]]
    check("top-stock", (PAGES + 1) * 4096 in mapped, mapped, r)
    equal("top-nulls", {(p["tier"], p["total"]["faults_per_second"], p["verdict"]) for p in pictures},
          {("stats", None, None)}, r)


def huge():
    r = lab["huge"]
    vm = r.json()["vms"][0]
    equal("huge", (r.status, vm["levels"]["2M"]["stock"], vm["levels"]["2M"]["installed"]),
          (0, vm["levels"]["2M"]["installed"], vm["levels"]["2M"]["stock"]), r)
    check("huge-some", vm["levels"]["2M"]["stock"] >= 8, vm["levels"], r)


def serve(tier):
    r = lab[f"serve-{tier}"]
    lines = r.out.splitlines()
    mapped = sorted(int(float(line.split()[-1])) for line in lines
                    if line.startswith("mmuscope_mapped_bytes{") and '"4K"' in line)
    equal(f"serve-{tier}-status", r.status, 0, r)
    equal(f"serve-{tier}-mapped", mapped, [510 * 4096, (PAGES + 1) * 4096], r)
    check(f"serve-{tier}-info", any(line.startswith("mmuscope_info{") and f'tier="{tier}"' in line for line in lines),
          "not told", r)
    equal(f"serve-{tier}-unknown", {line.split('"')[1] for line in lines if line.startswith("mmuscope_unknown{")},
          UNKNOWN[tier], r)
    check(f"serve-{tier}-no-verdict", "mmuscope_verdict" not in r.out and "mmuscope_lost_bytes" not in r.out, "told", r)
    equal(f"serve-{tier}-flow", "mmuscope_sptes_installed_total{" in r.out, tier != "stats", r)


def no_btf():
    r = lab["no-btf"]
    report = r.json()
    equal("no-btf-doctor", (report["tier"], missing(report), works(report, "yes")),
          ("kprobe", ["kvm-btf"], {"levels: stock", "levels: flow"}), r)
    equal("no-btf-reduced", works(report, "reduced"), {"faults", "lookups", "windows"}, r)
    check("no-btf-status", r.status == 0 and "status 4" in r.err, "levels 0, doctor 4", r)
    run("kprobe", "no-btf", json.loads(r.err[r.err.index("\n{"):]))


def no_kprobes():
    r = lab["no-kprobes"]
    report = r.json()
    hooks = {h["name"]: h["how"] for h in lab["doctor"].json()["hooks"]}
    if hooks["spte-change"] == "kprobe":
        check("no-kprobes-said", "kprobes are switched off" in r.err, "not", r)
        run("tracepoint", "no-kprobes", report)
    else:
        equal("no-kprobes-matter-not", (r.status, report["tier"]), (0, "fentry"), r)


def full():
    r = lab["full"]
    run("kprobe", "full", r.json())
    check("full-said", "win" in r.err and "no more programs can be attached" in r.err and "tier kprobe" in r.err, "not", r)
    check("full-check", "check 4" in r.err, "it judged", r)


def no_ftrace():
    r = lab["no-ftrace"]
    # newer kernels do not let it be switched off
    if r.status == 77:
        check("no-ftrace-cannot-be", "not supported" in r.err, "it could", r)
        return
    report = r.json()
    equal("no-ftrace-doctor", (report["tier"], missing(report)), ("tracepoint", ["ftrace"]), r)
    check("no-ftrace-status", r.status == 0 and "status 4" in r.err, "levels 0, doctor 4", r)
    run("tracepoint", "no-ftrace", json.loads(r.err[r.err.index("\n{"):]))


def capabilities():
    for name, needs, tier in (("perfmon", ["cap-perfmon", "cap-sys-admin"], "stats"),
                              ("bpf", ["cap-bpf", "cap-sys-admin"], "stats"),
                              ("bpf-perfmon", ["cap-bpf", "cap-perfmon", "cap-sys-admin"], "stats"),
                              ("admin", ["cap-sys-admin"], "kprobe"),
                              ("syslog", ["kernel-symbols"], "kprobe")):
        r = lab[f"caps-{name}"]
        report = r.json()
        equal(f"caps-{name}", (r.status, report["tier"], missing(report)), (1, tier, needs), r)
        for n in report["needs"]:
            if n["name"].startswith("cap-") and not n["there"]:
                check(f"caps-{name}-{n['name']}", n["name"].upper().replace("-", "_") in n["why"], n["why"], r)
    old("caps-levels", "stats")
    refused("caps-check", 1, "CAP_BPF and CAP_PERFMON are missing")


def no_debugfs():
    r = lab["no-debugfs"]
    report = r.json()
    equal("no-debugfs-stock", (r.status, report["vms"][0]["levels"]["4K"]["stock"],
                               report["vms"][0]["levels"]["4K"]["installed"]), (0, None, PAGES + 1), r)
    check("no-debugfs-unknown", "stock" in report["unknown"], report["unknown"], r)
    check("no-debugfs-stats", "status 4" in r.err and "mount -t debugfs" in r.err, "not refused", r)


def lockdown():
    r = lab["integrity"]
    report = r.json()
    equal("integrity", (r.status, report["lockdown"], report["tier"]), (0, "integrity", "fentry"), r)
    equal("integrity-all-works", len(works(report, "yes")), len(report["works"]), r)
    equal("integrity-check", (lab["integrity-check"].status, lab["integrity-check"].json()["verdict"]), (0, "HELD"),
          lab["integrity-check"])
    r = lab["confidentiality"]
    report = r.json()
    equal("confidentiality", (r.status, report["lockdown"], report["tier"], missing(report)),
          (4, "confidentiality", "tracepoint", ["lockdown"]), r)
    refused("confidentiality-check", 4, "locked down (confidentiality)")
    old("confidentiality-levels", "tracepoint")
    # seen without securityfs, too
    run("tracepoint", "confidentiality-run", lab["confidentiality-run"].json())


guarded(doctor, "doctor", lab["doctor"])
for tier in UNKNOWN:
    guarded(lambda t=tier: run(t, f"run-{t}", lab[f"run-{t}"].json()), f"run-{tier}", lab[f"run-{tier}"])
    guarded(lambda t=tier: old(f"old-{t}", t), f"old-{tier}", lab[f"old-{tier}"])
    refused(f"check-{tier}", 4, f"--tier {tier}: this needs the tier fentry")
guarded(text, "text", lab["text"])
guarded(top, "top", lab["top"])
guarded(huge, "huge", lab["huge"])
for tier in ("kprobe", "stats"):
    guarded(lambda t=tier: serve(t), f"serve-{tier}", lab[f"serve-{tier}"])
guarded(no_btf, "no-btf", lab["no-btf"])
refused("no-btf-check", 4, "/sys/kernel/btf/kvm")
guarded(lambda: run("tracepoint", "no-btf-no-kprobes", lab["no-btf-no-kprobes"].json()), "no-btf-no-kprobes",
        lab["no-btf-no-kprobes"])
guarded(no_kprobes, "no-kprobes", lab["no-kprobes"])
guarded(full, "full", lab["full"])
guarded(no_ftrace, "no-ftrace", lab["no-ftrace"])
guarded(capabilities, "capabilities", lab["caps-bpf"])
guarded(no_debugfs, "no-debugfs", lab["no-debugfs"])
guarded(lockdown, "lockdown", lab["confidentiality"])
equal("nothing-left-attached", lab["after"].out, lab["before"].out, lab["after"])
finish()
