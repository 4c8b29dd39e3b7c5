# SPDX-License-Identifier: GPL-2.0-only
"""One boot that shows whether what a fault costs depends on how much there is, for scripts/bench: on the VMs of the
host, and on what a guest has mapped.
"""
import json

from costvm import Work, rounds
from labvm import Lab

VMS = (1, 10, 100)
# pages of the guest that is measured; the largest is 1.5 GiB
PAGES = (1, 256, 4096, 65536, 393216)
FAULT = {"fault": (["write"], 1)}
BESIDE = Work(rounds("backing=anon-4k", "write dontneed"), 1024, FAULT)
TOOLS = {"none": "", "mmuscope check": "mmuscope check --json -o check.report -- "}
# $1: name. Guests of 16 pages stay while one among them is measured; then guests of all sizes, each alone
JOB = """
held=0
hold() {
	while [ $held -lt $1 ]; do
		held=$((held + 1))
		mmuscope-load -q --pages 16 --hold-until-signal anon-4k > held.$held &
		until grep -q holding held.$held; do
			usleep 10000
		done
	done
}
for vms in %s; do
	hold $((vms - 1))
	%s > $1-vms-$vms.json || exit
done
killall -USR1 mmuscope-load
wait
for pages in %s; do
	mmuscope-load --json --pages $pages --steps "backing=anon-4k $(%s)" > $1-pages-$pages.json || exit
done
"""
# as many rounds as make a few hundred faults: a fault of a page is too short to be alone
STEPS = '[ $pages -lt 4096 ] && n=9 || n=1; for _ in $(seq $n); do echo "write dontneed"; done'


def fresh(report, pages):
    """Instructions a fault, of all rounds: the first, too, since for the largest there is no other."""
    seconds = [row["seconds"] for row in report["steps"] if row["step"] == "write"]
    return round(min(seconds) * 1e9 / pages)


def measure(kernel, timeout=5400):
    """{"vms": {tool: {n: instructions a fault}}, "pages": the same by pages}, or None."""
    lab = Lab(kernel)
    lab.option("--icount", "--mem", "3G")
    lab.step("job", "cat > job <<'END'\n" + JOB % (
        " ".join(map(str, VMS)), BESIDE.command("/tmp"), " ".join(map(str, PAGES)), STEPS) + "END")
    names = []
    for tool, prefix in TOOLS.items():
        name = tool.split()[-1]
        lab.step(name, f"left\n{prefix}sh job {name}")
        names += [f"{name}-vms-{n}" for n in VMS] + [f"{name}-pages-{n}" for n in PAGES]
    for name in names:
        lab.step("of-" + name, f"cat {name}.json")
    if not lab.boot(timeout):
        return None
    found = {"vms": {}, "pages": {}}
    for tool in TOOLS:
        name = tool.split()[-1]
        found["vms"][tool] = {n: round(sorted(BESIDE.figures(lab[f"of-{name}-vms-{n}"].json())["fault"])[1])
                              for n in VMS}
        found["pages"][tool] = {n: fresh(lab[f"of-{name}-pages-{n}"].json(), n) for n in PAGES}
    return json.loads(json.dumps(found))
