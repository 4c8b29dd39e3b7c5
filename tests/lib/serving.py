# SPDX-License-Identifier: GPL-2.0-only
"""A running 'mmuscope serve' out of a recording, and clients: what its tests share."""
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from checks import TOP

MMUSCOPE = os.path.join(TOP, "build/bin/mmuscope")
STATIC = os.path.join(TOP, "build/static/mmuscope")
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


def make_recording():
    """run.mms in this folder."""
    subprocess.run([SCENE, "run.mms", "300", "60"], check=True)


def certificate(name, *options):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", f"/CN={name}", "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.pem", *options],
                   check=True, capture_output=True)


def tls_config():
    """tls.yml in this folder, with a certificate for 127.0.0.1."""
    certificate("localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    with open("tls.yml", "w", encoding="ascii") as f:
        f.write("tls_server_config:\n  cert_file: localhost.pem\n  key_file: localhost.key\n  min_version: TLS13\n"
                "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1\n")


def client_context(minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.TLSv1_3, own=None):
    context = ssl.create_default_context(cafile="localhost.pem")
    context.minimum_version, context.maximum_version = minimum, maximum
    if own:
        context.load_cert_chain(own + ".pem", own + ".key")
    return context
