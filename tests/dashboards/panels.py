# SPDX-License-Identifier: GPL-2.0-only
#
# What the dashboards ask of Prometheus, query by query, as Grafana would send it. Not a test itself.
import json
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BOARDS = ("fleet", "host", "vm")


def read(name):
    with open(os.path.join(TOP, "dashboards", name), encoding="utf-8") as f:
        return f.read()


def board(name):
    return json.loads(read(name + ".json"))


def filled(expr, instance, rate="10s", vm="1"):
    """With a value for each variable of the dashboard."""
    for name, value in (("__rate_interval", rate), ("job", "mmuscope"), ("instance", instance), ("vm", vm)):
        expr = re.sub(rf"\${name}\b", value, expr)
    if "$" in expr:
        raise AssertionError(f"a variable is left in {expr}")
    return expr


def queries(name):
    """(what, target) of each query of a dashboard."""
    return [(f"{name}/{panel['title'].replace(' ', '-')}/{target['refId']}", target)
            for panel in board(name)["panels"] for target in panel.get("targets", [])]


def has_data(series):
    values = [v for s in series for v in ([s["value"]] if "value" in s else s["values"])]
    return any(v[1] != "NaN" for v in values)
