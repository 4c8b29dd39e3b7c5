# SPDX-License-Identifier: GPL-2.0-only
#
# A host to be watched that does not exist: reports as 'mmuscope check --json' makes them, second by second,
# with every number that a dashboard draws, made into a recording for 'mmuscope serve --replay'. Not a test
# itself; tests/dashboards and tests/fleet use it.
import json
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SNAPSHOTS = os.path.join(TOP, "build/test/recording/snapshots")
MMUSCOPE = os.path.join(TOP, "build/bin/mmuscope")
GIB = 1 << 30
INVARIANTS = ("dirty-until-notified", "dirty-at-map", "notified-before-clean", "dirty-through-window",
              "zapped-at-start", "flushed-at-start", "no-map-in-window", "windows-balanced", "write-needs-write",
              "same-page", "level-fits", "never-secret", "refs-returned", "pinned-outside")
LOSSES = ("event", "vm-table", "task-state", "window-depth", "slot-spans", "slot-lookup", "scan-steps", "block-range",
          "side-table", "raced", "open-windows", "causes", "suspects", "adoption", "audit")
EVENTS = ("unmap", "clear", "protect-vma", "protect-page", "soft-dirty", "release", "migrate", "exclusive", "other")
CAUSES = (("NUMA balancing", "CPU 0/KVM", 40, 9000), ("khugepaged", "khugepaged", 3, 60000),
          ("writeback", "kworker/u8:3", 15, 5000), ("reclaim", "kswapd0", 5, 4000))


class Host:
    """What happens to it, and when, in seconds from the start (None: never); lost: a share of memory, 0.6 at most."""

    def __init__(self, vms=3, violated_at=None, violated_for=1 << 30, lossy_at=None, storm_at=None, ended_at=None,
                 lost=0.05, tier="fentry"):
        self.vms = vms
        self.violated_at = violated_at
        self.violated_for = violated_for
        self.lossy_at = lossy_at
        self.storm_at = storm_at
        self.ended_at = ended_at
        self.lost = lost
        self.tier = tier

    def violations(self, second):
        return 0 if self.violated_at is None else max(0, min(second - self.violated_at, self.violated_for))

    def lost_events(self, second):
        return 0 if self.lossy_at is None else max(0, second - self.lossy_at) * 3

    def windows(self, rate, second):
        storm = 0 if self.storm_at is None else max(0, second - self.storm_at)
        return rate * second + (9000 * storm if rate == 40 else 0)


def histogram(n, ns, first=0):
    bucket = ns.bit_length() - first
    return {"scale": "log2", "count": n, "sum": n * ns, "first_bucket": first,
            "buckets": [n // 4 if b == bucket - 1 else n - n // 4 if b == bucket else 0 for b in range(bucket + 2)]}


def levels(small, large, second):
    def level(stock, flow):
        return {"stock": stock, "installed": stock + flow, "zapped": flow, "torn_down": 0, "split": flow // 9,
                "collapsed": flow // 11, "adopted": flow // 13}
    return {"4K": level(small, 700 * second), "2M": level(large, 9 * second), "1G": level(1, 0)}


def ledger(small, large, lost, second):
    return {"mapped": (small << 12) + (large << 21) + GIB, "lost": lost, "promised": lost // 7, "backings": ["anon"],
            "mapped_by_level_and_host_level": {
                "4K": {"n/a": 0, "4K": (small << 12) - lost, "2M": lost, "1G": 0},
                "2M": {"n/a": 0, "4K": 0, "2M": large << 21, "1G": 0},
                "1G": {"n/a": 0, "4K": 0, "2M": 0, "1G": GIB}},
            "lost_by_cause": {"dirty logging": lost - lost // 9, "memslot edge": lost // 9},
            "lost_byte_seconds": {"dirty logging": lost * second, "memslot edge": lost * second // 9}}


def vm(host, number, second):
    ended = host.ended_at is not None and number == 1 and second >= host.ended_at
    size = (2 + 2 * number) * GIB
    lost = int(host.lost * size)
    small = (lost + size // 10) >> 12
    large = (size - GIB - (small << 12)) >> 21
    calls = small + 700 * second
    violated = host.violations(second) if number == 1 else 0
    return {"id": number, "pid": 800 + number, "comm": "qemu-system-x86", "late": number == 2, "ended": ended,
            "hva_to_pfn": {"calls": calls, "write": calls - 3, "err_fault": second, "err_hwpoison": 0, "err_ro": 0,
                           "err_sigpending": 0, "err_io": 0, "err_other": 0},
            "windows": {name: (20 + i) * second for i, name in enumerate(EVENTS)},
            "windows_followed": sum(20 + i for i in range(len(EVENTS))) * second, "zapped_in_windows": 900 * second,
            "kvm_marked": 30 * second, "levels": levels(small, large, second), "faults": calls + 400 * (second // 7),
            "fault_retries": 5 * second, "ledger": ledger(small, large, lost, second),
            "violations": {"notified-before-clean": violated} if violated else {}}


def cause(host, name, comm, rate, ns, second):
    n = host.windows(rate, second)
    return {"cause": name, "page": "kept", "outside_windows": False, "comm": comm, "pid": 77, "tid": 77, "windows": n,
            "ns": n * ns, "ns_max": 2 * ns, "pages": 3 * n, "retries": n // 30, "window_ns": histogram(n, ns, 7),
            "call_paths": 2, "stacks_taken": 24, "stacks_differ": 1, "user_stack": [], "stack": []}


def invariant(host, name, second):
    violations = host.violations(second) if name == "notified-before-clean" else 0
    lost = host.lost_events(second)
    verdict = "VIOLATED" if violations else "INCONCLUSIVE" if lost else "HELD"
    return {"name": name, "verdict": verdict, "checked": 4000 * second, "violations": violations,
            "reasons": [f"{lost} records dropped, ring buffer full"] if lost else [],
            "missed": {"event": lost} if lost else {}, "missed_runs": {"folio-clean-io": lost // 3} if lost else {},
            "exempt": {"no memslot": second}, "notes": {}}


def report(host, second):
    windows = sum(host.windows(rate, second) for _, _, rate, _ in CAUSES)
    lost = host.lost_events(second)
    losses = dict.fromkeys(LOSSES, 0) | {"event": lost, "missed-runs": lost // 3, "unbalanced-vms": 0, "late-vms": 1,
                                         "unadopted-vms": int(bool(lost))}
    return {"mmuscope": "0.1.0", "version": 1, "command": "record", "host": {"kernel": "6.12.117", "machine": "x86_64"},
            "tier": host.tier, "observed_ns": second * 10 ** 9,
            "vms": [vm(host, n, second) for n in range(1, host.vms + 1)], "vms_not_listed": 0, "losses": losses,
            "missed_runs": {"folio-clean-io": lost // 3}, "window_ns": histogram(windows, 9000),
            "window_pages": histogram(windows, 64), "command_status": 0,
            "causes": [cause(host, *kind, second) for kind in CAUSES], "summary": "", "marks_at": "zap", "audit": None,
            "verdict": "VIOLATED" if host.violations(second) else "INCONCLUSIVE" if lost else "HELD",
            "invariants": [invariant(host, name, second) for name in INVARIANTS], "violations": []}


def record(host, path, seconds):
    """Write its recording."""
    lines = "".join(json.dumps(report(host, second)) + "\n" for second in range(seconds + 1))
    subprocess.run([SNAPSHOTS, path], input=lines, text=True, check=True)
