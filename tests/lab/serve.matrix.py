#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope serve over a running kernel: after having given up everything it still counts and judges; its
# numbers are those that the load promises; it leaves nothing behind.
import json
import re
import sys

from labvm import Lab, check, equal, finish, guarded, invariant

PAGES = 1031
PORT = 9761
OPENMETRICS = "application/openmetrics-text;version=1.0.0"

# it runs before we attach: what it has mapped is read out of its page tables after the drop
OLD_PAGES = 509
OLD = f"""
mmuscope-load --hold-until-signal --pages {OLD_PAGES} --dir --name=older anon-4k > older.hold &
pid=$!
older=$pid
wait_for older.hold holding || exit 7
"""
# and one that starts after the drop; --name is there to be read from the command line
NEW = f"""
mmuscope-load --hold-until-signal --pages {PAGES} --dir --name=newer anon-4k > newer.hold &
newer=$!
wait_for newer.hold holding || exit 6
for _ in $(seq 300); do
	http_get {PORT} /metrics > $0.living
	grep -q 'mapped_bytes.*4K.* {(PAGES + 1) * 4096}$' $0.living && break
	usleep 100000
done
kill -USR1 $newer $older
wait $newer $older
"""

SERVE = """
grep -q ^nobody: /etc/passwd || echo nobody:x:65534:65534::/:/bin/sh >> /etc/passwd
mmuscope serve -v --interval 1s --user nobody --program-times %s 2> $0.log &
pid=$!
# the log's last line of the start; the wait is as long as a slow machine's verifier may take
wait_for $0.log "hooks are attached" || wait_for $0.log "hooks are attached" || exit 9
cat /proc/$pid/status > $0.status
%s
kill -TERM $pid
wait $pid
"""
# a guest that has ended: until its numbers are among those of the ended ones
SCRAPE = f"""
mmuscope-load -q --pages {PAGES} anon-4k || exit 8
for _ in $(seq 300); do
	http_get {PORT} /metrics > $0.text
	grep -q 'hva_to_pfn_calls_total.vm="ended". {2 * (PAGES + 1)}$' $0.text && break
	usleep 100000
done
http_get {PORT} /metrics "{OPENMETRICS}" > $0.openmetrics
http_get {PORT} /api/v1/report > $0.report
http_get {PORT} /healthz > $0.health
"""
NAMES = ("judging", "counting")

lab = Lab(sys.argv[1])
lab.step("before", "bpf_count")
for step, options in zip(NAMES, ("", "--count-only")):
    lab.step(step, (OLD + SERVE % (options, NEW + SCRAPE)).replace("$0", step))
    for what in ("log", "status", "living", "text", "openmetrics", "report", "health"):
        lab.step(f"{step}-{what}", f"cat {step}.{what}")
lab.step("after", "left; bpf_count")
lab.boot()


def values(step, what="text"):
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in lab[f"{step}-{what}"].out.splitlines() if line and not line.startswith("#")}


def living(step):
    """Two VMs with names, one of them taken over."""
    v = values(step, "living")
    result = lab[step + "-living"]
    vms = {}
    for key in v:
        m = re.match(r'mmuscope_vm_info\{vm="(\d+)".*,comm="mmuscope-load",name="([a-z]*)"', key)
        if m:
            vms[m.group(2)] = m.group(1)
    equal(f"{step}-names", sorted(vms), ["newer", "older"], result)
    # the guest's pages, and one of code
    for name, pages in (("older", OLD_PAGES + 1), ("newer", PAGES + 1)):
        equal(f"{step}-{name}-mapped", v.get(f'mmuscope_mapped_bytes{{vm="{vms.get(name)}",level="4K"}}'), pages * 4096,
              result)
    equal(f"{step}-late", (v["mmuscope_late_vms"], v[f'mmuscope_vm_late{{vm="{vms.get("older")}"}}']), (1, 1), result)
    if step == "judging":
        equal(f"{step}-taken-over", v["mmuscope_unadopted_vms"], 0, result)


def dropped(step):
    text = lab[step + "-status"].out
    for line in ("CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
                 "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
                 "Uid:\t65534\t65534\t65534\t65534", "Threads:\t1"):
        check(f"{step}-{line.split(':')[0]}", line + "\n" in text, f"not {line!r}", lab[step + "-status"])


def numbers(step):
    v = values(step)
    result = lab[step + "-text"]
    # of two guests that were seen from their beginning
    equal(f"{step}-installed", v['mmuscope_sptes_installed_total{vm="ended",level="4K"}'], 2 * (PAGES + 1), result)
    equal(f"{step}-lookups", v['mmuscope_hva_to_pfn_calls_total{vm="ended"}'], 2 * (PAGES + 1), result)
    equal(f"{step}-lost", [k for k, n in v.items() if k.startswith("mmuscope_losses_total") and n], [], result)
    equal(f"{step}-missed", v["mmuscope_missed_runs_total"], 0, result)
    check(f"{step}-program-times", v['mmuscope_program_run_seconds_total{hook="spte-change"}'] > 0, "none", result)
    check(f"{step}-program-runs", v['mmuscope_program_runs_total{hook="spte-change"}'] >= 2 * PAGES, "few", result)
    check(f"{step}-maps", v["mmuscope_maps_bytes"] > 1 << 20, "no memory", result)
    check(f"{step}-windows", v["mmuscope_window_duration_seconds_count"] > 0, "no histogram", result)
    check(f"{step}-memory", v["process_resident_memory_bytes"] < 24 << 20,
          str(v["process_resident_memory_bytes"]), result)
    equal(f"{step}-health", lab[step + "-health"].out, "ok\n")
    check(f"{step}-openmetrics", lab[step + "-openmetrics"].out.endswith("\n# EOF\n"), "no end")
    equal(f"{step}-stops", lab[step].status, 0, lab[step + "-log"])
    check(f"{step}-says-nothing-else", "libbpf:" not in lab[step + "-log"].out, "libbpf complains", lab[step + "-log"])


def no_address(step):
    for what in ("text", "report"):
        found = re.findall(r"\bffff[0-9a-f]{12}\b", lab[f"{step}-{what}"].out)
        equal(f"{step}-no-kernel-address-{what}", found, [])


for step in NAMES:
    guarded(lambda s=step: dropped(s), f"{step}-privileges", lab[step + "-log"])
    guarded(lambda s=step: living(s), f"{step}-living", lab[step + "-log"])
    guarded(lambda s=step: numbers(s), f"{step}-numbers", lab[step + "-log"])
    guarded(lambda s=step: no_address(s), f"{step}-addresses", lab[step + "-log"])


def verdicts():
    report = json.loads(lab["judging-report"].out)
    v = values("judging")
    for name in ("windows-balanced", "same-page", "level-fits"):
        i = invariant(report, name)
        equal(f"verdict-{name}", (i["verdict"], i["violations"]), ("HELD", 0), lab["judging-report"])
        equal(f"metric-{name}", v[f'mmuscope_invariant_verdict{{invariant="{name}",verdict="HELD"}}'], 1,
              lab["judging-text"])
        check(f"judged-{name}", v[f'mmuscope_invariant_checked_total{{invariant="{name}"}}'] > 0, "never",
              lab["judging-text"])
    check("counting-judges-nothing", not [k for k in values("counting") if "invariant" in k], "it does",
          lab["counting-text"])


guarded(verdicts, "verdicts", lab["judging-report"])
equal("nothing-stays-behind", lab["after"].out, lab["before"].out)
finish()
