# SPDX-License-Identifier: GPL-2.0-only
#
# Real servers for tests, on loopback ports and in a folder that goes away: mmuscope serve out of recordings,
# Prometheus, Alertmanager, VictoriaMetrics, and a webhook. Not a test itself.
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MMUSCOPE = os.path.join(TOP, "build/bin/mmuscope")
DEADLINE = 100


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def until(what, get, seconds=DEADLINE):
    """What get() gives once it is true; 'what' is said if that never comes."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = get()
        except (OSError, http.client.HTTPException, ValueError):
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s for {what}")
        time.sleep(0.2)


def get_text(port, path):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise ValueError(f"{path}: {answer.status} {text[:300]}")
        return text
    finally:
        link.close()


class Stack:
    """Everything that runs; ended together, in the reverse order."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mmuscope-stack.")
        self.running = []
        self.hosts = {}

    def __enter__(self):
        # tests/run ends a test that takes too long by a signal
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_):
        for p in reversed(self.running):
            p.send_signal(signal.SIGCONT)
            p.terminate()
        for p in self.running:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, *command):
        with open(self.path(name + ".log"), "w", encoding="utf-8") as log:
            p = subprocess.Popen(command, stdout=log, stderr=log,  # pylint: disable=consider-using-with
                                 stdin=subprocess.DEVNULL, cwd=self.folder)
        self.running.append(p)
        return p

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def begin_serve(self, name, recording, *options):
        listen = () if "--listen" in options else ("--listen", "127.0.0.1:0")
        pace = () if "--interval" in options else ("--interval", "1s")
        return self.start(name, MMUSCOPE, "serve", "--replay", recording, *listen, *pace, *options)

    def serve(self, name, process):
        """host:port of a mmuscope that was begun."""
        def port():
            if process.poll() is not None:
                raise RuntimeError(f"mmuscope serve ended: {self.log(name)}")
            return re.search(r"serving on (\S+:\d+)", self.log(name))
        self.hosts[name] = until(f"{name} to serve", port).group(1)
        return self.hosts[name]

    def prometheus(self, config, *options):
        port = free_port()
        self.write("prometheus.yml", config)
        self.start("prometheus", "prometheus", f"--config.file={self.path('prometheus.yml')}",
                   f"--storage.tsdb.path={self.path('tsdb')}", f"--web.listen-address=127.0.0.1:{port}",
                   "--enable-feature=extra-scrape-metrics", "--log.level=warn", *options)
        until("Prometheus", lambda: get_text(port, "/-/ready"))
        return Queries(port)

    def alertmanager(self, webhook):
        port = free_port()
        self.write("alertmanager.yml", ALERTMANAGER % webhook)
        self.start("alertmanager", "prometheus-alertmanager", f"--config.file={self.path('alertmanager.yml')}",
                   f"--storage.path={self.path('am')}", f"--web.listen-address=127.0.0.1:{port}",
                   "--cluster.listen-address=")
        until("Alertmanager", lambda: get_text(port, "/-/ready"))
        return port

    def victoria(self):
        port = free_port()
        self.start("victoria", "victoria-metrics", f"-storageDataPath={self.path('vm')}",
                   f"-httpListenAddr=127.0.0.1:{port}", "-memory.allowedPercent=5", "-retentionPeriod=1d")
        until("VictoriaMetrics", lambda: get_text(port, "/health"))
        return Queries(port)


# one notification for each alert: what is grouped is what somebody is called for
ALERTMANAGER = """
route:
  receiver: webhook
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: webhook
    webhook_configs: [{url: "http://127.0.0.1:%d/", send_resolved: true}]
"""


class Queries:
    """A server that speaks Prometheus' HTTP API."""

    def __init__(self, port):
        self.port = port

    def api(self, path, **arguments):
        answer = json.loads(get_text(self.port, f"/api/v1/{path}?{urllib.parse.urlencode(arguments, doseq=True)}"))
        if answer["status"] != "success":
            raise ValueError(answer.get("error", "no success"))
        return answer["data"]

    def query(self, expr):
        return self.api("query", query=expr)["result"]

    def query_range(self, expr, seconds=30):
        now = time.time()
        return self.api("query_range", query=expr, start=now - seconds, end=now, step=1)["result"]

    def value(self, expr):
        found = self.query(expr)
        return float(found[0]["value"][1]) if found else None


class Webhook:
    """Takes what Alertmanager sends, in order."""

    def __init__(self):
        self.seen = []
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen.extend(body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, alert, **labels):
        """Notifications of an alert: [(status, labels, annotations)]."""
        return [(a["status"], a["labels"], a["annotations"]) for a in list(self.seen)
                if a["labels"]["alertname"] == alert and all(a["labels"].get(k) == v for k, v in labels.items())]


def rules(stack, scale, interval="1s"):
    """The rules, with durations so many times as short."""
    subprocess.run([os.path.join(TOP, "scripts/make-dashboards"), "-o", stack.path("made"), "--scale", str(scale),
                    "--interval", interval], check=True)
    return stack.path("made/rules.yml")
