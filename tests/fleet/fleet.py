#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# A fleet: exporters out of recordings, Prometheus with our rules, Alertmanager, VictoriaMetrics behind remote write.
# One host violates: a webhook hears of it once, and once that it is over. One exporter dies, one hangs, one lies:
# an alert for each, and only for them. Prints what a host costs (docs/fleet.md). 5 hosts; make fleet: 200.
import argparse
import http.server
import os
import signal
import sys
import threading
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests/dashboards"), os.path.join(TOP, "tests/lib")]
import host  # noqa: E402 pylint: disable=wrong-import-position
import stack  # noqa: E402 pylint: disable=wrong-import-position
from checks import end, same, test  # noqa: E402 pylint: disable=wrong-import-position

CONFIG = """
global:
  scrape_interval: %(beat)ss
  scrape_timeout: %(timeout)sms
  evaluation_interval: %(beat)ss
  external_labels: {grafana: "https://grafana.example", cluster: "test"}
rule_files: ["%(rules)s"]
alerting:
  alertmanagers: [{static_configs: [{targets: ["127.0.0.1:%(alertmanager)d"]}]}]
remote_write:
  - url: "http://127.0.0.1:%(victoria)d/api/v1/write"
scrape_configs:
  - job_name: mmuscope
    static_configs:
%(targets)s
"""
GARBAGE = b"<html>\x00\xff this is not what you { asked } for\n" * 10
VMS = 3


class Liar:
    """Answers whoever asks, with nonsense."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                self.send_response(200)
                self.send_header("Content-Length", str(len(GARBAGE)))
                self.end_headers()
                self.wfile.write(GARBAGE)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.where = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()


class Fleet:
    """Its servers, and the pace of everything: a beat is a scrape, and a second of a recording."""

    def __init__(self, s, hosts):
        self.s = s
        # many take a core even so; an hour of the rules is 40 s, or 400
        self.beat = 1 if hosts <= 20 else 10
        self.scale = 90 // self.beat
        self.webhook = stack.Webhook()
        self.names = [f"host{i:03d}" for i in range(hosts - 4)] + ["bad", "dead", "hung"]
        self.processes = {}
        host.record(host.Host(vms=VMS), s.path("good.mms"), 400)
        host.record(host.Host(vms=VMS, violated_at=15, violated_for=2), s.path("bad.mms"), 400)
        for name in self.names:
            self.begin(name)
        self.where = {name: s.serve(name, self.processes[name]) for name in self.names}
        self.where["liar"] = Liar().where
        self.victoria = s.victoria()
        self.prometheus = s.prometheus(self.config(), "--web.enable-admin-api", "--web.enable-lifecycle")
        self.began = time.time()

    def begin(self, name, *options):
        recording = self.s.path("bad.mms" if name == "bad" else "good.mms")
        self.processes[name] = self.s.begin_serve(name, recording, "--interval", f"{self.beat}s", "--speed",
                                                  str(1 / self.beat), *options)

    def config(self):
        targets = "".join(f'      - {{targets: ["{where}"], labels: {{instance: {name}, rack: r1}}}}\n'
                          for name, where in self.where.items())
        return CONFIG % {"beat": self.beat, "timeout": 900 * self.beat, "targets": targets,
                         "victoria": self.victoria.port, "rules": stack.rules(self.s, self.scale, f"{self.beat}s"),
                         "alertmanager": self.s.alertmanager(self.webhook.port)}

    def heard(self, alert, status, **labels):
        """Wait for a notification; its labels and annotations."""
        def found():
            return [n for n in self.webhook.of(alert, **labels) if n[0] == status]
        return stack.until(f"{alert} {labels} to be {status} at the webhook", found, 90 * self.beat)[0][1:]


def all_are_scraped(f):
    stack.until("all hosts in Prometheus", lambda: f.prometheus.value("count(up == 1)") == len(f.names), 60 * f.beat)
    same(f.prometheus.value('scrape_samples_scraped{instance="liar"}') in (None, 0.0), True)


def violation_arrives(f):
    labels, notes = f.heard("MmuscopeViolation", "firing")
    same(labels, {"alertname": "MmuscopeViolation", "severity": "critical", "job": "mmuscope", "instance": "bad",
                        "rack": "r1", "invariant": "notified-before-clean", "cluster": "test",
                        "grafana": "https://grafana.example"})
    words = "bad: KVM broke notified-before-clean; VM 1 (qemu-system-x86, pid 801): "
    if not notes["summary"].startswith(words) or "since 20" not in notes["summary"]:
        raise AssertionError(f"it says {notes['summary']!r}")
    same(notes["dashboard_url"].startswith("https://grafana.example/d/mmuscope-host?viewPanel="), True)
    same(notes["runbook_url"].endswith("/runbook.md#mmuscopeviolation"), True)


def garbage_dead_and_hung(f):
    f.heard("MmuscopeExporterGarbage", "firing", instance="liar")
    f.processes["dead"].send_signal(signal.SIGKILL)
    f.processes["hung"].send_signal(signal.SIGSTOP)
    f.heard("MmuscopeExporterDown", "firing", instance="dead")
    f.heard("MmuscopeExporterHung", "firing", instance="hung")


def they_come_back(f):
    f.processes["hung"].send_signal(signal.SIGCONT)
    f.begin("dead", "--listen", f.where["dead"])
    f.heard("MmuscopeExporterDown", "resolved", instance="dead")
    f.heard("MmuscopeExporterHung", "resolved", instance="hung")


def remote_write(f):
    """What Prometheus knows of all hosts, rules included, is in long-term storage, too."""
    for expr in ("count(mmuscope_info)", "count(mmuscope_mapped_bytes)", 'count(ALERTS{alertname="MmuscopeViolation"})',
                 "count(instance_level:mmuscope_mapped_bytes:sum)"):
        stack.until(f"{expr} to be the same in both", lambda q=expr: f.prometheus.value(q)
                    and f.prometheus.value(q) == f.victoria.value(q), 30 * f.beat)
    own = own_metrics(f.prometheus.port)
    same(own["prometheus_remote_storage_samples_failed_total"], 0)


def violation_ends_and_was_told_once(f):
    f.heard("MmuscopeViolation", "resolved")
    same([n[0] for n in f.webhook.of("MmuscopeViolation")], ["firing", "resolved"])


def nobody_else_was_blamed(f):
    """Each alert once, and of a host that had earned it."""
    told = [(a["labels"]["alertname"], a["labels"].get("instance")) for a in f.webhook.seen if a["status"] == "firing"]
    same(sorted(told), [("MmuscopeExporterDown", "dead"), ("MmuscopeExporterGarbage", "liar"),
                              ("MmuscopeExporterHung", "hung"), ("MmuscopeViolation", "bad")])


# ---- figures

def own_metrics(port):
    """Of a server about itself: {name: sum over its series}."""
    out = {}
    for line in stack.get_text(port, "/metrics").splitlines():
        if line and not line.startswith("#"):
            name = line.split("{")[0].split(" ")[0]
            out[name] = out.get(name, 0) + float(line.rsplit(" ", 1)[1])
    return out


def resident(p):
    with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status["VmRSS"].split()[0]) / 1024, int(status.get("RssAnon", "0 kB").split()[0]) / 1024


def size_of(folder):
    return sum(os.path.getsize(os.path.join(d, name)) for d, _, names in os.walk(folder) for name in names
               if not name.endswith(".json"))


def bytes_per_sample(f, samples):
    """A snapshot makes a block of what Prometheus has in memory."""
    request = urllib.request.Request(f"http://127.0.0.1:{f.prometheus.port}/api/v1/admin/tsdb/snapshot", method="POST")
    urllib.request.urlopen(request, timeout=120).close()
    return size_of(f.s.path("tsdb/snapshots")) / samples


def figures(f):
    q = f.prometheus.value
    own, long_term = own_metrics(f.prometheus.port), own_metrics(f.victoria.port)
    samples = own["prometheus_tsdb_head_samples_appended_total"]
    seconds = time.time() - f.began
    exporters = [resident(p) for p in f.processes.values() if p.poll() is None]
    series, vms = q("avg(scrape_samples_scraped > 0)"), VMS
    print(f"# hosts {len(f.where)}, VMs a host {vms}, a scrape each {f.beat} s, for {seconds:.0f} s")
    print(f"# series a host: {series:.0f}; {q('avg(scrape_body_size_bytes > 1000)') / 1024:.1f} KiB a scrape;"
          f" scrape 99%: {1000 * q('quantile(0.99, scrape_duration_seconds < %g)' % (0.9 * f.beat)):.1f} ms")
    print(f"# exporter: {sum(e[0] for e in exporters) / len(exporters):.1f} MiB resident, of it its own"
          f" {sum(e[1] for e in exporters) / len(exporters):.1f} MiB;"
          f" {q('avg(rate(process_cpu_seconds_total[%ds]))' % (30 * f.beat)) * 1000 * f.beat:.2f} ms CPU a scrape")
    head = own["prometheus_tsdb_head_series"]
    print(f"# Prometheus: {head:.0f} series, {samples / seconds:.0f} samples/s,"
          f" {own['process_resident_memory_bytes'] / head / 1024:.1f} KiB RSS a series,"
          f" {own['process_cpu_seconds_total'] / samples * 1e6:.1f} us CPU a sample,"
          f" {bytes_per_sample(f, samples):.2f} bytes a sample in a block")
    rows = long_term["vm_rows"]
    print(f"# VictoriaMetrics: {rows:.0f} rows, {long_term['vm_data_size_bytes'] / rows:.2f} bytes a row,"
          f" {long_term['process_resident_memory_bytes'] / (1 << 20):.0f} MiB RSS,"
          f" {long_term['process_cpu_seconds_total'] / rows * 1e6:.1f} us CPU a row")
    same(samples > 0 and rows > 0, True)


def main():
    parser = argparse.ArgumentParser(prog="tests/fleet/fleet.py", description="A fleet, and what happens to it.")
    parser.add_argument("--hosts", type=int, default=5, help="exporters, one of them a liar (5)")
    hosts = max(parser.parse_args().hosts, 5)
    with stack.Stack() as s:
        f = Fleet(s, hosts)
        for step in (all_are_scraped, violation_arrives, garbage_dead_and_hung, they_come_back, remote_write,
                     violation_ends_and_was_told_once, nobody_else_was_blamed, figures):
            test(step.__name__.replace("_", "-"), lambda step=step: step(f))
        for a in f.webhook.seen:
            print(f"# webhook: {a['status']} {a['labels']['alertname']} {a['labels'].get('instance')}")
    end()


main()
