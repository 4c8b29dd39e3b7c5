#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Every query of every dashboard, rule and alert, asked of a real Prometheus that scrapes 'mmuscope serve': each
# has data. What only a running kernel gives (tests/lab/serve.matrix.py looks at it there) is skipped by name.
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests/dashboards"), os.path.join(TOP, "tests/lib")]
import host  # noqa: E402 pylint: disable=wrong-import-position
import panels  # noqa: E402 pylint: disable=wrong-import-position
import stack  # noqa: E402 pylint: disable=wrong-import-position
from checks import end, same, test  # noqa: E402 pylint: disable=wrong-import-position

LIVE = ("mmuscope_maps_bytes", "mmuscope_program_run_seconds_total")
# durations are so many times as short: an hour is a minute
SCALE = 60
CONFIG = """
global: {scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}
rule_files: ["%s"]
scrape_configs:
  - job_name: mmuscope
    static_configs:
%s
"""
HOSTS = {
    # everything that can happen to one
    "busy": (host.Host(violated_at=2, lossy_at=2, storm_at=4, lost=0.58), ()),
    # more series than it may have
    "large": (host.Host(vms=9), ("--max-series", "3")),
    "quiet": (host.Host(ended_at=5), ()),
}
HOST_PORTS = {}


def filled(expr):
    return panels.filled(expr, "busy")


def ask(prometheus, target):
    expr = filled(target["expr"])
    return panels.has_data(prometheus.query(expr) if target.get("instant") else prometheus.query_range(expr))


def every_panel(prometheus, name):
    for what, target in panels.queries(name):
        if any(m in target["expr"] for m in LIVE):
            print(f"skip {what} - only a running kernel gives it")
            continue
        test(what, lambda t=target: stack.until(f"data of {filled(t['expr'])}", lambda: ask(prometheus, t), 40))


def variables_have_values(prometheus):
    for name in panels.BOARDS:
        for v in panels.board(name)["templating"]["list"]:
            if v["type"] == "datasource":
                continue
            m = re.fullmatch(r"label_values\((.+), (\w+)\)", v["query"]["query"])
            label, match = m.group(2), filled(m.group(1))
            stack.until(f"values of {v['name']}", lambda label=label, match=match: prometheus.api(
                f"label/{label}/values", **{"match[]": match}))


def annotations_are_asked(prometheus):
    for name in panels.BOARDS:
        for a in panels.board(name)["annotations"]["list"]:
            stack.until(a["expr"], lambda q=a["expr"]: prometheus.query(filled(q)))


def rules_are_healthy(prometheus):
    def evaluated():
        groups = prometheus.api("rules")["groups"]
        found = [r for g in groups for r in g["rules"]]
        return found if found and all(r["health"] != "unknown" for r in found) else None
    rules = stack.until("all rules to be evaluated", evaluated)
    same([(r["name"], r.get("lastError")) for r in rules if r["health"] != "ok"], [])
    for r in rules:
        if r["type"] == "recording":
            stack.until(r["name"], lambda q=r["name"]: prometheus.query(q), 40)


def metrics_exist(_prometheus):
    """Every metric that is asked for is one of docs/metrics.md."""
    with open(os.path.join(TOP, "docs/metrics.md"), encoding="utf-8") as f:
        known = set(re.findall(r"^\| `(\w+)`", f.read(), re.M))
    asked = set(re.findall(r"(?<![:\w])(?:mmuscope|process)_\w+", panels.read("mmuscope.toml")))
    asked = {re.sub(r"_(bucket|sum|count)$", "", m) if m not in known else m for m in asked}
    same(sorted(asked - known), [])


def live_ones_are_looked_at(_prometheus):
    with open(os.path.join(TOP, "tests/lab/serve.matrix.py"), encoding="utf-8") as f:
        text = f.read()
    same([m for m in LIVE if m not in text], [])


def promtool_takes_them(_prometheus):
    for where in HOST_PORTS.values():
        text = stack.get_text(int(where.rsplit(":", 1)[1]), "/metrics")
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
        same((done.returncode, done.stderr.strip()), (0, ""))


def firing(prometheus):
    """What befalls the hosts is what fires, and nothing of the one that is well."""
    def names(instance):
        found = prometheus.query(f'ALERTS{{alertstate="firing",instance="{instance}"}}')
        return {a["metric"]["alertname"] for a in found}
    want = {"MmuscopeViolation", "MmuscopeBlind", "MmuscopeNotifierStorm", "MmuscopeLostHugePages",
            "MmuscopeVmNotFollowed"}
    stack.until(f"{want} of busy", lambda: want <= names("busy"), 90)
    stack.until("the overflow of large", lambda: "MmuscopeSeriesOverflow" in names("large"), 60)
    same(names("quiet"), set())
    texts = {a["labels"]["alertname"]: a["annotations"]["summary"] for a in prometheus.api("alerts")["alerts"]
             if a["labels"].get("instance") == "busy"}
    same([a["annotations"] for a in prometheus.api("alerts")["alerts"]
          if "error expanding" in str(a["annotations"]) or "no value" in str(a["annotations"])], [])
    for alert, words in (("MmuscopeViolation", "busy: KVM broke notified-before-clean; VM 1 (qemu-system"),
                         ("MmuscopeLostHugePages", "(qemu-system-x86, pid 80"),
                         ("MmuscopeNotifierStorm", "busy: NUMA balancing keeps")):
        if words not in texts[alert]:
            raise AssertionError(f"no {words!r} in {texts[alert]['summary']!r}")


def main():
    with stack.Stack() as s:
        processes = {}
        for name, (what, options) in HOSTS.items():
            host.record(what, s.path(name + ".mms"), 240)
            processes[name] = s.begin_serve(name, s.path(name + ".mms"), *options)
        HOST_PORTS.update({name: s.serve(name, p) for name, p in processes.items()})
        targets = "".join(f'      - {{targets: ["{where}"], labels: {{instance: {name}}}}}\n'
                          for name, where in HOST_PORTS.items())
        prometheus = s.prometheus(CONFIG % (stack.rules(s, SCALE), targets))
        for f in (metrics_exist, live_ones_are_looked_at, rules_are_healthy, variables_have_values, firing,
                  annotations_are_asked,
                  promtool_takes_them):
            test(f.__name__.replace("_", "-"), lambda f=f: f(prometheus))
        for name in panels.BOARDS:
            every_panel(prometheus, name)
    end()


main()
