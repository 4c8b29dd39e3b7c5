#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Late attach where KVM's page tables have 4 levels, as on every host without 5-level paging: each page that a guest
# had mapped is taken over once, and counted once.
import sys

from labvm import Lab, check, equal, finish, guarded, nothing_lost

PAGES = 523
STEP = f"""
mmuscope-load --hold-until-signal --pages {PAGES} anon-4k > hold &
load=$!
pid=$load
wait_for hold holding || exit 99
mmuscope check -v --json -o report.json 2> check.err &
pid=$!
wait_for check.err "took over" || exit 98
kill -INT $pid
status=0
wait $pid || status=$?
cat /sys/kernel/debug/kvm/$load-*/pages_4k >&2
cat report.json
exit $status"""


def look(result):
    report = result.json()
    vm = report["vms"][0]
    pages = int(result.err)
    check("mapped", pages >= PAGES, f"{pages} pages", result)
    equal("taken-over", vm["levels"]["4K"]["adopted"], pages)
    equal("stock", vm["levels"]["4K"]["stock"], pages)
    equal("audited", (report["audit"]["sptes"], report["audit"]["differ"]), (pages, 0))
    check("nothing-lost", not {k: n for k, n in nothing_lost(report).items() if k != "late-vms"},
          f"{nothing_lost(report)}")


lab = Lab(sys.argv[1])
lab.option("--append", "no5lvl")
lab.step("late", STEP)
if lab.boot(timeout=900):
    guarded(lambda: look(lab["late"]), "late", lab["late"])
finish()
