#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The package as a service: a Debian boots under its own systemd with this kernel, dpkg installs the package, the
# service starts inside its sandbox, sees guests, has given everything up, and is started again after it has hung.
import re
import sys
import tempfile

from debian_vm import GUESTS, prepared
from labvm import check, equal, finish, guarded

KEEP = ("CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1",
        "Seccomp:\t2")
# a service that stands still is found by its watchdog; 5 s instead of the package's 60, to be done sooner
HANGS = """
mkdir -p /run/systemd/system/mmuscope.service.d
printf "[Service]\\nWatchdogSec=5\\nRestartSec=1\\n" > /run/systemd/system/mmuscope.service.d/soon.conf
systemctl daemon-reload
systemctl restart mmuscope
pid=$(systemctl show -p MainPID --value mmuscope)
[ "$pid" != 0 ] || exit 1
kill -STOP "$pid"
for _ in $(seq 120); do
	[ "$(systemctl show -p NRestarts --value mmuscope)" = 1 ] &&
		[ "$(systemctl show -p ActiveState --value mmuscope)" = active ] && break
	sleep 1
done
systemctl show --value mmuscope -p NRestarts
systemctl show --value mmuscope -p ActiveState
journalctl -u mmuscope --no-pager | grep -c "Watchdog timeout"
"""


def booted(kernel):
    with tempfile.TemporaryDirectory() as folder:
        lab = prepared(kernel, folder)
        lab.step("status", 'cat "/proc/$(systemctl show -p MainPID --value mmuscope)/status"; id -u mmuscope')
        lab.step("guests", GUESTS)
        lab.step("security", "systemd-analyze security --no-pager mmuscope | tail -n 1")
        lab.step("journal", "journalctl -x --no-pager -t mmuscope")
        lab.step("hangs", HANGS)
        lab.step("remove", "pkill mmuscope-load; dpkg -r mmuscope; systemctl is-active mmuscope")
        lab.boot()
    return lab


def started(lab):
    # it is installed and waits to be switched on
    equal("not-enabled", lab["install"].out.splitlines()[-1], "disabled", lab["install"])
    equal("starts", lab["start"].status, 0, lab["start"])
    text = lab["status"].out
    for line in KEEP:
        check(line.split(":")[0], line + "\n" in text, f"not {line!r}", lab["status"])
    uid = text.splitlines()[-1]
    check("user", f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n" in text and uid != "0", uid, lab["status"])


def sees(lab):
    r = lab["guests"]
    names = re.findall(r'^mmuscope_vm_info\{.*,name="(\w*)"', r.out, re.M)
    equal("guests", sorted(names), ["db", "web"], r)
    check("exposure", float(re.search(r"level for \S+: ([0-9.]+)", lab["security"].out).group(1)) < 5,
          lab["security"].out, lab["security"])
    check("catalog", "How the programs of mmuscope are attached" in lab["journal"].out, "no entry", lab["journal"])


def recovers(lab):
    r = lab["hangs"]
    equal("watchdog", r.out.splitlines(), ["1", "active", "1"], r)
    equal("removed", lab["remove"].out.splitlines()[-1], "inactive", lab["remove"])


vm = booted(sys.argv[1])
guarded(lambda: started(vm), "started", vm["start"])
guarded(lambda: sees(vm), "sees", vm["guests"])
guarded(lambda: recovers(vm), "recovers", vm["hangs"])
finish()
