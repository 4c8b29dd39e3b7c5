#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Guests on page frames of every kind (tests/frames), and on a guest_memfd: what each kernel's KVM maps, at which
# level, what kind of page walk says it is, and that check does not take any of it for a violation.
import json
import sys

from labvm import Lab, check, equal, finish, guarded, invariant, module, nothing_lost

from all_scenarios import counts

N = 1024	# pages: two blocks of 2M
BARE = 0x10000000
KERNEL = sys.argv[1]
# up to 6.12 KVM takes a reference to every page that has a struct page, and cannot of those that have none (S1)
REFERENCES = KERNEL in ("6.1", "6.12")
HUGE = KERNEL != "6.1"	# the kernel has huge entries in VM_PFNMAP, which 6.1 has not (S2)
GMEM = KERNEL not in ("6.1", "6.12")

SMALL, BIG = "device", "device-2m"
# the same memory by /dev/mem, which needs no module
MEM = "mem"
REFUSED = "--steps 'backing=device write-refused'"
TAKEN = "refcounted" if REFERENCES else "not_refcounted"
# device: scenario, {class: lookups} of what KVM got, {(level, class): leaves} that the walk found, failures
DEVICES = {
    "4k": (SMALL, {TAKEN: N}, {("4K", "refcounted"): N}, {}),
    "reserved": (SMALL, {"reserved": N}, {("4K", "reserved"): N}, {}),
    "bare-4k": (SMALL, {"no_page": N}, {("4K", "no_page"): N}, {}),
    MEM: (SMALL, {"no_page": N}, {("4K", "no_page"): N}, {}),
    # KVM asks twice: without waiting, and with
    "mixed": (REFUSED, {}, {("4K", "refcounted"): 2}, {("refcounted", "mixedmap"): 2}),
    # the first page of a block has the reference of all
    "tail": (SMALL, {"not_refcounted": N}, {("4K", "refcounted"): 2, ("4K", "not_refcounted"): N - 2}, {}),
}
if REFERENCES:
    DEVICES["tail"] = (REFUSED, {"refcounted": 1}, {("4K", "refcounted"): 1, ("4K", "not_refcounted"): 1},
                       {("not_refcounted", "pfnmap"): 1})
if HUGE:
    DEVICES["2m"] = (BIG, {TAKEN: 2}, {("2M", "refcounted"): 2}, {})
    DEVICES["bare-2m"] = (BIG, {"no_page": 2}, {("2M", "no_page"): 2}, {})

# guests to be looked at by levels while they live
HELD = {"gmem": "guest-memfd"} if GMEM else {}
if HUGE:
    HELD["pfnmap"] = f"--device /dev/frames-bare-2m {BIG}"
    HELD["pfnmap-log"] = "--device /dev/frames-2m --steps 'backing=device-2m write dirty-on write'"
HOLD = """
pids=
%s
mmuscope levels --json -o watch.json 2> watch.err &
pid=$!
wait_for watch.err watching || exit 98
kill -INT $pid
status=0
wait $pid || status=$?
cat watch.json
kill -USR1 $pids
wait
exit $status"""
HOLD_ONE = """mmuscope-load --hold-until-signal --pages %d %s > %s.hold &
pid=$!
pids="$pids $pid"
wait_for %s.hold holding || exit 99
echo "%s $pid $(cat /sys/kernel/debug/kvm/$pid-*/pages_4k) $(cat /sys/kernel/debug/kvm/$pid-*/pages_2m)" >&2"""


def device_option(name):
    return f"/dev/mem --device-offset {BARE:#x}" if name == MEM else f"/dev/frames-{name}"


def filled(table):
    return {(a, b): n for a, row in table.items() for b, n in row.items() if n}


def device(name, load, vm, r):
    """What walk says of the guest on one device."""
    _, got, special, failed = DEVICES[name]
    walk = vm["walk"]
    pfns = {k: n for k, n in walk["pfns"].items() if n}
    want = dict(got)
    want["refcounted"] = want.get("refcounted", 0) + 1	# the code
    equal(f"{name}-ends-well", load["result"], "ok", r)
    equal(f"{name}-pfns", pfns, want, r)
    equal(f"{name}-special", filled(walk["special_level"]), special, r)
    equal(f"{name}-failed", filled(walk["failed"]), failed, r)
    equal(f"{name}-nothing-wrong", walk["wrong"], 0, r)
    if not failed:
        equal(f"{name}-agrees-with-kvm", (load["agrees"], counts(load, [vm])), (True, []), r)
        equal(f"{name}-same-answer", walk["agreed"], walk["calls_compared"], r)
    levels = {k: v["stock"] for k, v in vm["levels"].items() if v["stock"]}
    print(f"# {KERNEL} {name}: {pfns} {filled(walk['special_level'])} {filled(walk['failed'])} KVM maps {levels}")


def devices():
    r = lab["walk"]
    report = r.json()
    loads = [json.loads(line) for line in lab["loads"].out.splitlines()]
    equal("walk-status", r.status, 0, r)
    equal("walk-nothing-lost", nothing_lost(report), {}, r)
    equal("walk-loads", len(loads), len(DEVICES), lab["loads"])
    for name, load in zip(DEVICES, loads):
        vms = [v for v in report["vms"] if v["pid"] == load["vms"][0]["pid"]]
        guarded(lambda n=name, l=load, v=vms: device(n, l, v[0], r), name, r)


def no_false_alarm():
    """None of these pages can be judged dirty or clean, and none is a violation."""
    r = lab["check"]
    report = r.json()
    equal("check-held", (r.status, report["verdict"]), (0, "HELD"), r)
    equal("check-nothing-lost", nothing_lost(report), {}, r)
    for name in ("same-page", "level-fits", "write-needs-write"):
        equal(f"check-{name}", (invariant(report, name)["verdict"], invariant(report, name)["violations"]),
              ("HELD", 0), r)


def gmem():
    load = json.loads(lab["gmem-loads"].out.splitlines()[-1])
    if not GMEM:
        equal("gmem-unsupported", load["result"], "unsupported", lab["gmem-loads"])
        check("gmem-reason-has-caps", "KVM_CAP_VM_TYPES" in load["reason"], load["reason"])
        print(f"# {KERNEL}: {load['reason']}")
        return
    vms = [v for v in lab["check"].json()["vms"] if v["pid"] == load["vms"][0]["pid"]]
    equal("gmem-load", (load["result"], load["agrees"]), ("ok", True), lab["gmem-loads"])
    equal("gmem-counts", counts(load, vms), [], lab["check"])
    equal("gmem-exact", [k for k, v in load["expect"].items() if not v["exact"]], [], lab["gmem-loads"])


def no_private_memory():
    """No kernel of the lab has a VM type with private memory (docs/pfn.md): one that has is to be tried."""
    r = lab["kvm"]
    kvm = r.json()["kvm"]
    equal("vm-types", kvm["vm_types"], 0 if KERNEL == "6.1" else 1, r)
    equal("memory-attributes", kvm["memory_attributes"], 0, r)
    equal("guest-memfd", (kvm["guest_memfd"], kvm["guest_memfd_flags"]), (1, 3) if GMEM else (0, 0), r)
    print(f"# {KERNEL}: {kvm}")


def levels():
    """{level: {host level: bytes}} and the causes of what is lost, of each guest that was held."""
    r = lab["levels"]
    report = r.json()
    mib2 = 4096 * N
    code = {"4K": {"4K": 4096}}
    want = {
        # KVM does not consult the host's tables for a guest_memfd
        "gmem": ({"4K": {"n/a": mib2, "4K": 4096}}, {}),
        "pfnmap": ({**code, "2M": {"2M": mib2}}, {}),
        "pfnmap-log": ({"4K": {"2M": mib2, "4K": 4096}}, {"dirty logging": mib2}),
    }
    equal("levels-status", r.status, 0, r)
    held = [line.split() for line in r.err.splitlines() if line.split()[:1] and line.split()[0] in HELD]
    equal("levels-held", [words[0] for words in held], list(HELD), r)
    for name, pid, small, big in held:
        ledger = next(v for v in report["vms"] if v["pid"] == int(pid))["ledger"]
        mapped = {level: {h: n for h, n in row.items() if n}
                  for level, row in ledger["mapped_by_level_and_host_level"].items() if any(row.values())}
        lost = {cause: n for cause, n in ledger["lost_by_cause"].items() if n}
        equal(f"levels-{name}", (mapped, lost), want[name], r)
        equal(f"levels-{name}-equals-kvm", (sum(mapped["4K"].values()), sum(mapped.get("2M", {}).values())),
              (int(small) * 4096, int(big) << 21), r)


def too_short():
    """A VM that is gone before stock is taken: that is said."""
    r = lab["short"]
    equal("short-status", r.status, 0, r)
    check("short-says-so", "it ended before stock was taken" in " ".join(r.out.split()) or "HOST LEVEL" in r.out,
          "neither a ledger nor a word", r)


ko = module(KERNEL, "tests/frames")
lab = Lab(KERNEL)
GMEM_LOAD = f"mmuscope-load --json --pages {N} guest-memfd >> gmem-loads || true\n"
lab.option("--append", f"memmap=128M${BARE:#x}")
if ko:
    lab.option("--insmod", f"{ko}:bare={BARE:#x}")
else:
    DEVICES = {MEM: DEVICES[MEM]}
    HELD = {name: guest for name, guest in HELD.items() if "--device" not in guest}
lines = [f"mmuscope-load --json --pages {N} --device {device_option(name)} {row[0]}" for name, row in DEVICES.items()]
lab.step("kvm", "mmuscope-load --list --json")
lab.step("walk", "cat > all <<'END'\n" + "".join(f"{line} >> loads\n" for line in lines) +
         "END\nmmuscope walk --json -- sh all")
lab.step("loads", "cat loads")
lab.step("check", "cat > all-check <<'END'\n" + GMEM_LOAD +
         "mmuscope-load -q --pages 211 anon-4k\n" +
         "".join(f"{line} > /dev/null || true\n" for line in lines) + "END\nmmuscope check --json -- sh all-check")
lab.step("gmem-loads", "cat gmem-loads")
if HELD:
    lab.step("levels", HOLD % "\n".join(HOLD_ONE % (N, guest, name, name, name) for name, guest in HELD.items()))
lab.step("short", "mmuscope levels -- mmuscope-load -q --pages 211 anon-4k")
lab.boot()
guarded(no_private_memory, "kvm", lab["kvm"])
guarded(devices, "devices", lab["walk"])
guarded(no_false_alarm, "check", lab["check"])
guarded(gmem, "gmem", lab["gmem-loads"])
if HELD:
    guarded(levels, "levels", lab["levels"])
guarded(too_short, "short", lab["short"])
finish()
