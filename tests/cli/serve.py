#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope serve out of a recording, as scrapers, people and attackers meet it: what it answers is what
# promtool takes; it gives up its privileges; slow, greedy and malformed clients harm nobody. The attacks are
# made on the program with sanitizers.
import base64
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))

from checks import TOP, end, same, test  # noqa: E402 pylint: disable=wrong-import-position

MMUSCOPE = os.path.join(TOP, "build/bin/mmuscope")
STATIC = os.path.join(TOP, "build/static/mmuscope")
WITH_SANITIZERS = os.path.join(TOP, "build/test/bin/mmuscope")
SCENE = os.path.join(TOP, "build/test/recording/scene")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
# "secret", at the least cost there is
HASH = "$2y$04$mmuscopeTestUserSalt..B9LxM1fxtB6JpaiKQ6sSbwuiz3qdvbu"
DEADLINE = 60


class Server:
    """A running mmuscope serve; its log is what it says on stderr."""

    def __init__(self, *options, program=(MMUSCOPE,), listen=("127.0.0.1:0",), **more):
        self.log = tempfile.TemporaryFile("w+")  # pylint: disable=consider-using-with
        command = [*program, "serve", "--replay", "run.mms", "--speed", "0", *options]
        for where in listen:
            command += ["--listen", where]
        # whatever becomes of us, it does not outlive the tests for long
        command += ["--for", "5m"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, **more)  # pylint: disable=consider-using-with
        end = time.monotonic() + DEADLINE
        # what is printed before the drop comes early: the first numbers come last
        while "hooks are attached by" not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError("it does not serve: " + self.said())
            time.sleep(0.02)
        self.where = re.findall(r"serving on (\S+?),?(?: |$)", self.said(), re.M)
        self.port = None if self.where[0].startswith("unix:") else int(self.where[0].rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def said(self):
        # it writes where this file stands, too: seeking would have it write over what it said
        return os.pread(self.log.fileno(), 1 << 20, 0).decode()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        if status:
            raise RuntimeError(f"ended with status {status}: {self.said()}")
        return self.said()

    def get(self, path="/metrics", headers=None, method="GET", tls=None, body=None):
        if tls:
            link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=tls)
        else:
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            link.request(method, path, body=body, headers=headers or {})
            answer = link.getresponse()
            answer.text = answer.read().decode()
            return answer
        finally:
            link.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)


def has(text, part):
    if part not in text:
        raise AssertionError(f"no {part!r} in {text[:2000]!r}")


def samples(text):
    """Lines of an exposition as {series: value}."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line and not line.startswith("#")}


def metrics():
    with Server() as s:
        old, new = s.get(), s.get(headers={"Accept": OPENMETRICS})
        same(old.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        same(new.headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        same(new.text.endswith("\n# EOF\n"), True)
        # the numbers of the recording's last snapshot
        report = json.loads(s.get("/api/v1/report").text)
        values = samples(old.text)
        checked = {i["name"]: i["checked"] for i in report["invariants"]}
        for name, n in checked.items():
            same(values[f'mmuscope_invariant_checked_total{{invariant="{name}"}}'], n)
        same(values[f'mmuscope_verdict{{verdict="{report["verdict"]}"}}'], 1)
        same({k: v for k, v in values.items() if k.startswith("mmuscope_inv")},
             {k: v for k, v in samples(new.text).items() if k.startswith("mmuscope_inv")})
        same(values['mmuscope_serve_info{mode="replay"}'], 1)
        # of the scene all VMs have ended: their counters are kept, in one
        same([k for k in values if k.startswith("mmuscope_mapped_bytes")], [])
        same(values['mmuscope_faults_total{vm="ended"}'], sum(vm["faults"] for vm in report["vms"]))


def promtool():
    with Server() as s:
        text = s.get().text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    same((done.returncode, done.stderr.strip()), (0, ""))


def openmetrics_is_sound():
    """The rules of the format that no tool of Debian checks."""
    with Server() as s:
        text = s.get(headers={"Accept": OPENMETRICS}).text
    family, kind, seen = None, None, set()
    for line in text.splitlines()[:-1]:
        if line.startswith("# "):
            word, name = line.split(" ")[1:3]
            if word == "HELP":
                same(name in seen, False)
                seen.add(name)
                family = name
            same(name, family)
            kind = line.split(" ")[3] if word == "TYPE" else kind
            if word == "UNIT":
                same(name.endswith("_" + line.split(" ")[3]), True)
            continue
        name = re.match(r"[a-z0-9_]+", line).group(0)
        ends = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}[kind]
        same(name in [family + end for end in ends], True)
        same(bool(re.fullmatch(r'[a-z0-9_]+(\{([a-z_]+="([^"\\\n]|\\.)*",?)+\})? [-+.0-9eEInfNa]+', line)), True)
    same(text.splitlines()[-1], "# EOF")


def other_paths():
    with Server() as s:
        same(s.get("/healthz").text, "ok\n")
        history = json.loads(s.get("/api/v1/history").text)
        same((history["version"], history["mode"], len(history["points"])), (1, "replay", 1))
        page = s.get("/")
        same(page.headers["Content-Type"], "text/html; charset=utf-8")
        has(page.text, "uPlot")
        same(re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', page.text), [])
        same(s.get("/nothing").status, 404)
        same(s.get("/metrics/../etc/passwd").status, 404)
        same(s.get("/metrics?x=1").status, 200)
        head = s.get(method="HEAD")
        same((head.status, head.text), (200, ""))
        post = s.get(method="POST", body=b"x" * 1000)
        same((post.status, post.headers["Allow"]), (405, "GET, HEAD"))
        same(s.get(body=b"x" * 10).status, 413)
        same(s.get("/%2e%2e/%00").status, 404)


def replay_goes_on():
    with Server("--speed", "20", "--interval", "1s") as s:
        end = time.monotonic() + DEADLINE
        while len(set(seen := [p["faults"] for p in json.loads(s.get("/api/v1/history").text)["points"]])) < 3:
            same(time.monotonic() < end, True)
            time.sleep(0.1)
    # each point is one of the recording's snapshots, in their order
    table = subprocess.run([MMUSCOPE, "report", "-q", "--csv", "run.mms"], capture_output=True, text=True, check=False)
    sums = {}
    for line in table.stdout.splitlines():
        if ",mmuscope_faults_total," in line:
            sums[line.split(",")[0]] = sums.get(line.split(",")[0], 0) + int(line.rsplit(",", 1)[1])
    sums = iter([0, *sums.values()])
    for faults in dict.fromkeys(seen):
        same(faults in sums, True)


def series_are_bounded():
    with Server("--max-series", "1", "--speed", "0.001") as s:
        values = samples(s.get().text)
        other = [k for k in values if '="other"' in k and "route=" not in k]
        same(bool(other), True)
        total = sum(v for k, v in values.items() if k.startswith("mmuscope_serve_series_in_other"))
        same(total > 0, True)
        by_name = {}
        for k in values:
            if 'vm="' in k:
                by_name.setdefault(k.split("{")[0], set()).add(re.search('vm="([^"]*)"', k).group(1))
        same(max(len(v) for v in by_name.values()) <= 3, True)


def no_kernel_address():
    with Server() as s:
        for path in ("/metrics", "/api/v1/report", "/api/v1/history"):
            same(re.findall(r"\bffff[0-9a-f]{12}\b", s.get(path).text), [])


def privileges_are_gone():
    with Server() as s, open(f"/proc/{s.process.pid}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            same(status[name], "0" * 16)
        same((status["NoNewPrivs"], status["Seccomp"].strip(), status["Threads"]), ("1", "2", "1"))
    if os.geteuid():
        return
    with Server("--user", "nobody") as s, open(f"/proc/{s.process.pid}/status", encoding="ascii") as f:
        text = f.read()
        has(text, "\nUid:\t65534\t65534\t65534\t65534\n")
        has(text, "\nGroups:\t \n")
        same(s.get().status, 200)


def basic_auth():
    with open("auth.yml", "w", encoding="ascii") as f:
        f.write(f"basic_auth_users:\n  alice: {HASH}\n")
    with Server("--web-config", "auth.yml") as s:
        def status(user, path="/metrics"):
            return s.get(path, {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}).status
        none = s.get()
        same((none.status, none.headers["WWW-Authenticate"]), (401, 'Basic realm="mmuscope"'))
        same(status("alice:secret"), 200)
        same(s.get("/", {"Authorization": "Basic !!!"}).status, 401)
        same(s.get("/healthz").status, 401)
        # guessing is slowed down, and does not keep her out
        guesses = [status("alice:guess") for _ in range(30)]
        same(set(guesses) <= {401, 429} and 429 in guesses, True)
        same(status("alice:secret"), 200)


def certificate(name, *options):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", f"/CN={name}", "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.pem", *options],
                   check=True, capture_output=True)


def client_context(minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.TLSv1_3, own=None):
    context = ssl.create_default_context(cafile="localhost.pem")
    context.minimum_version, context.maximum_version = minimum, maximum
    if own:
        context.load_cert_chain(own + ".pem", own + ".key")
    return context


def tls():
    certificate("localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    certificate("client")
    certificate("stranger")
    with open("tls.yml", "w", encoding="ascii") as f:
        f.write("tls_server_config:\n  cert_file: localhost.pem\n  key_file: localhost.key\n  min_version: TLS13\n"
                "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1\n")
    with Server("--web-config", "tls.yml") as s:
        answer = s.get(tls=client_context())
        same((answer.status, answer.headers["Strict-Transport-Security"]), (200, "max-age=1"))
        try:
            s.get(tls=client_context(maximum=ssl.TLSVersion.TLSv1_2))
            raise AssertionError("TLS 1.2 was spoken")
        except ssl.SSLError:
            pass
        for _ in range(20):
            with s.connect() as link:
                link.sendall(b"\x16\x03\x01\x02\x00" + os.urandom(600))
            with s.connect() as link:
                link.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        same(s.get(tls=client_context()).status, 200)
    with open("mutual.yml", "w", encoding="ascii") as f:
        f.write("tls_server_config:\n  cert_file: localhost.pem\n  key_file: localhost.key\n"
                "  client_ca_file: client.pem\n  client_auth_type: RequireAndVerifyClientCert\n")
    with Server("--web-config", "mutual.yml") as s:
        same(s.get(tls=client_context(own="client")).status, 200)
        same(s.get(tls=client_context()).status, 403)
        same(s.get(tls=client_context(own="stranger")).status, 403)


def unix_socket():
    with Server(listen=("unix:s",)):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect("s")
            link.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            has(link.recv(4096).decode(), "200 OK")
    # what is left of it is in nobody's way
    with Server(listen=("unix:s", "127.0.0.1:0")) as s:
        same(s.where[0], "unix:s")


def socket_activation():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        # systemd passes descriptor 3 and the process id that it is meant for
        script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&' + str(listener.fileno())
        with Server(program=("sh", "-c", script, "sh", MMUSCOPE), listen=(), pass_fds=[listener.fileno()]) as s:
            same(s.where, [f"127.0.0.1:{port}"])
            same(s.get("/healthz").status, 200)


def notify_systemd():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("notify")
        listener.settimeout(DEADLINE)
        os.chmod("notify", 0o777)
        env = dict(os.environ, NOTIFY_SOCKET=os.path.abspath("notify"), WATCHDOG_USEC="3000000")
        with Server("--interval", "1s", env=env) as s:
            has(listener.recv(4096).decode(), "READY=1")
            same(listener.recv(4096).decode(), "WATCHDOG=1")
            s.stop()
            last = ""
            while "STOPPING=1" not in last:
                last = listener.recv(4096).decode()


def catalog():
    """Every entry for the journal is explained, and nothing else."""
    with open(os.path.join(TOP, "user/serve/journal.c"), encoding="utf-8") as f:
        ids = re.findall(r'"([0-9a-f]{32})"', f.read())
    with open(os.path.join(TOP, "packaging/mmuscope.catalog"), encoding="utf-8") as f:
        same(sorted(re.findall(r"^-- ([0-9a-f]{32})$", f.read(), re.M)), sorted(ids))
    same(len(ids), 3)


def static_program():
    """It does the same, but for TLS, and says so."""
    with Server(program=(STATIC,)) as s:
        same(s.get("/healthz").text, "ok\n")
        same(samples(s.get().text)['mmuscope_serve_info{mode="replay"}'], 1)
    if not os.geteuid():
        with Server("--user", "nobody", program=(STATIC,)) as s:
            same(s.get("/healthz").status, 200)
    done = subprocess.run([STATIC, "serve", "--replay", "run.mms", "--for", "5s", "--web-config", "tls.yml"],
                          capture_output=True, text=True, check=False, timeout=DEADLINE)
    same((done.returncode, done.stdout), (1, ""))
    has(done.stderr, "without TLS and systemd")
    done = subprocess.run([STATIC, "serve", "--replay", "run.mms", "--for", "5s", "--listen", "localhost:0"],
                          capture_output=True, text=True, check=False, timeout=DEADLINE)
    same(done.returncode, 1)
    has(done.stderr, "cannot listen on localhost:0")


def wrong_usage():
    for options, words in ((["--listen", "nowhere"], "HOST:PORT"), (["--speed", "x"], "--speed takes"),
                           (["--replay", "absent.mms"], "cannot read absent.mms"), (["stray"], "unexpected argument"),
                           (["--web-config", "absent.yml"], "cannot read absent.yml"),
                           (["--user", "no-such-user"],
                            "no such user in /etc/passwd" if not os.geteuid() else "only root"),
                           (["--interval", "10ms"], "--interval takes 1s"), (["--bogus"], "unknown option")):
        command = [MMUSCOPE, "serve", "--listen", "127.0.0.1:0", "--replay", "run.mms", "--for", "5s", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
        same((done.returncode, done.stdout), (1, ""))
        has(done.stderr, words)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [MMUSCOPE, "serve", "--replay", "run.mms", "--for", "5s", "--listen", where]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
        same(done.returncode, 1)
        has(done.stderr, f"cannot listen on {where}: Address already in use")


def attacked(*options):
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1")
    return Server("--no-seccomp", *options, program=(WITH_SANITIZERS,), env=env)


def malformed_and_oversized():
    requests = [b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G\0T / HTTP/1.1\r\n\r\n", os.urandom(3000),
                b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 20000 + b"\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1000000 + b"\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nAccept: " + b";q=,;" * 2000 + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " + b"A" * 8000 + b"\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET http://else.where/metrics HTTP/1.1\r\nHost: a\r\n\r\n"]
    with attacked() as s:
        for request in requests:
            with s.connect() as link:
                try:
                    link.sendall(request)
                    link.shutdown(socket.SHUT_WR)
                    link.recv(65536)
                except OSError:
                    pass
            same(s.get("/healthz").status, 200)


def pipelined():
    with attacked() as s, s.connect() as link:
        n = 300
        link.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * n)
        data = b""
        while data.count(b"200 OK") < n:
            part = link.recv(65536)
            same(bool(part), True)
            data += part


def slow_clients():
    """200 that never end their request, more than there is room for: others are served all the same."""
    with attacked("--max-connections", "64") as s:
        links = []
        for i in range(200):
            link = s.connect()
            link.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"z" * (i % 50))
            links.append(link)
            if i % 20 == 0:
                same(s.get().status, 200)
        values = samples(s.get().text)
        for link in links[-10:]:
            link.sendall(b"a")
        same(s.get("/healthz").status, 200)
        same(values["mmuscope_serve_connections"] <= 64 + 16, True)
        for link in links:
            link.close()


def goes_away_in_the_middle():
    with attacked() as s:
        for _ in range(100):
            with s.connect() as link:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                link.sendall(b"GET /api/v1/report HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        same(s.get("/healthz").status, 200)


def many_requests():
    """Memory does not grow with requests: the second half of them takes none."""
    with Server("--interval", "1s") as s:
        def resident():
            return samples(s.get().text)["process_resident_memory_bytes"]

        def ask(n):
            link = http.client.HTTPConnection("127.0.0.1", s.port, timeout=DEADLINE)
            for i in range(n):
                link.request("GET", "/metrics" if i % 2 else "/api/v1/report")
                link.getresponse().read()
            link.close()
        ask(1000)
        before = resident()
        ask(2000)
        same(resident() <= before * 1.1 + (1 << 20), True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.chmod(folder, 0o755)
        subprocess.run([SCENE, "run.mms", "300", "60"], check=True)
        for function in (metrics, promtool, openmetrics_is_sound, other_paths, replay_goes_on, series_are_bounded,
                         no_kernel_address, privileges_are_gone, basic_auth, tls, unix_socket, socket_activation,
                         notify_systemd, catalog, static_program, wrong_usage, malformed_and_oversized, pipelined,
                         slow_clients, goes_away_in_the_middle, many_requests):
            test(function.__name__.replace("_", "-"), function)
        os.chdir("/")
    end()


main()
