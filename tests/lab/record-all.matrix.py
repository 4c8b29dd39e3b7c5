#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# All scenarios of mmuscope-load in one recording: judged again, it says what was said live, of each invariant.
import sys

from all_scenarios import scenarios
from labvm import Lab, check, equal, finish, guarded

NAMES = scenarios()
lab = Lab(sys.argv[1])
lab.option("--mem", "4G", "--append", "hugepagesz=1G", "--append", "hugepages=1", "--disk", "ext4:128M",
           "--swap", "128M")
lab.step("record", f"""for s in {' '.join(NAMES)}; do
	echo "mmuscope-load -q --pages 521 --dir /mnt/ext4 $s; s=\\$?; [ \\$s = 0 ] || [ \\$s = 4 ] || exit \\$s"
done > all
mmuscope record --json --ring 64M -o /job/all.mms -- sh all""")
lab.step("judge", "ls -l /job/all.mms >&2; mmuscope judge --json /job/all.mms")
lab.boot(900)


def verdicts(report):
    return {i["name"]: (i["verdict"], i["checked"], i["violations"]) for i in report["invariants"]}


def same():
    live, again = lab["record"], lab["judge"]
    equal("recorded", (live.status, live.json()["verdict"]), (0, "HELD"), live)
    equal("judged", (again.status, again.json()["verdict"]), (0, "HELD"), again)
    for name, found in verdicts(live.json()).items():
        equal(name, verdicts(again.json())[name], found)
    equal("whole", again.json()["recording"]["whole"], True, again)
    check("compared-with-live", again.json()["live"] and
          not any(i["differs"] for i in again.json()["live"]), "it differs, or was not compared", again)
    print("# " + again.err.strip())


guarded(same, "judge", lab["judge"])
finish()
