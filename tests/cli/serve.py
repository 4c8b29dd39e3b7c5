#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope serve out of a recording, as scrapers and people meet it: what it answers is what promtool takes, and it gives
# up its privileges. serve_attacks.py has those who mean no good.
import base64
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))

from checks import TOP, end, same, test  # noqa: E402 pylint: disable=wrong-import-position
from serving import (DEADLINE, HASH, MMUSCOPE, OPENMETRICS, STATIC, Server, certificate, client_context,  # noqa: E402 pylint: disable=wrong-import-position
                     has, make_recording, samples, tls_config)


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


def tls():
    tls_config()
    certificate("client")
    certificate("stranger")
    with Server("--web-config", "tls.yml") as s:
        answer = s.get(tls=client_context())
        same((answer.status, answer.headers["Strict-Transport-Security"]), (200, "max-age=1"))
        try:
            s.get(tls=client_context(maximum=ssl.TLSVersion.TLSv1_2))
            raise AssertionError("TLS 1.2 was spoken")
        except ssl.SSLError:
            pass
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


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.chmod(folder, 0o755)
        make_recording()
        for function in (metrics, promtool, openmetrics_is_sound, other_paths, replay_goes_on, series_are_bounded,
                         no_kernel_address, privileges_are_gone, basic_auth, tls, unix_socket, socket_activation,
                         notify_systemd, catalog, static_program, wrong_usage):
            test(function.__name__.replace("_", "-"), function)
        os.chdir("/")
    end()


main()
