#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mmuscope serve under attack and under load, out of a recording and with sanitizers: slow, greedy and malformed clients
# harm nobody, each request is answered or refused as docs/serve.md says, scrapes are answered meanwhile, nothing leaks
# (the program ends with an error if something does). How fast it was is printed, and judged by nobody.
import http.client
import os
import socket
import ssl
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))

from checks import TOP, end, same, test  # noqa: E402 pylint: disable=wrong-import-position
from serving import DEADLINE, Server, client_context, make_recording, samples, tls_config  # noqa: E402 pylint: disable=wrong-import-position

WITH_SANITIZERS = os.path.join(TOP, "build/test/bin/mmuscope")
GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"
METRICS = 'mmuscope_serve_requests_total{route="metrics",status="200"}'


def attacked(*options):
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1")
    return Server("--no-seccomp", *options, program=(WITH_SANITIZERS,), env=env)


def head_of(*lines):
    return b"".join(line + b"\r\n" for line in (*lines, b""))


# what is sent, and the status of the answer; None: the connection is ended without one
REFUSED = (
    (b"\r\n\r\n\r\n", None),
    (b"GET\r\n\r\n", None),
    (head_of(b"GET / HTTP/9.9"), 505),
    (head_of(b"G\0T / HTTP/1.1"), 400),
    (head_of(b"PRI * HTTP/2.0", b"", b"SM"), 505),
    (head_of(b"GET /" + b"a" * 100000 + b" HTTP/1.1", b"Host: a"), 414),
    (head_of(b"GET / HTTP/1.1", *[b"X-A: b"] * 20000), 431),
    (head_of(b"GET / HTTP/1.1", b"Host: a", b"X: " + b"y" * 1000000), 431),
    (head_of(b"GET / HTTP/1.1", b"Host: a", b"Authorization: Basic " + b"A" * 20000), 431),
    (head_of(b"GET / HTTP/1.1"), 400),
    (head_of(b"POST / HTTP/1.1", b"Host: a", b"Content-Length: 99999999999999999999"), 413),
    (head_of(b"POST / HTTP/1.1", b"Host: a", b"Content-Length: -1"), 400),
    (head_of(b"POST / HTTP/1.1", b"Host: a", b"Content-Length: 4") + b"abcd", 405),
    (head_of(b"GET / HTTP/1.1", b"Host: a", b"Content-Length: 4") + b"abcd", 413),
    (head_of(b"GET / HTTP/1.1", b"Host: a", b"Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n", 413),
    (head_of(b"DELETE /metrics HTTP/1.1", b"Host: a"), 405),
    (head_of(b"GET /nothing HTTP/1.1", b"Host: a"), 404),
    (head_of(b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", b"Host: a"), 404),
    (head_of(b"GET http://else.where/metrics HTTP/1.1", b"Host: a"), 404),
    (head_of(b"GET /healthz HTTP/1.1", b"Host: a", b"Accept: " + b";q=,;" * 2000), 200),
    (head_of(b"GET /healthz HTTP/1.1", b"Host: a", b"Authorization: Basic " + b"A" * 8000), 200),
)


def status_of(link, request):
    """The status that this request is answered with, None: the connection ends, or stays silent when we have said all."""
    data = b""
    try:
        link.sendall(request)
        link.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    try:
        while b"\r\n" not in data:
            part = link.recv(65536)
            if not part:
                return None
            data += part
    except OSError:
        pass
    return int(data.split(b" ")[1]) if data.startswith(b"HTTP/1.") else None


def malformed_and_oversized():
    wrong = []
    with attacked() as s:
        for request, want in REFUSED:
            with s.connect() as link:
                got = status_of(link, request)
            if got != want:
                wrong.append((request[:60], got, want))
            same(s.get("/healthz").status, 200)
        for _ in range(50):
            with s.connect() as link:
                same(status_of(link, os.urandom(3000)) in (None, 400, 505), True)
        same(s.get("/healthz").status, 200)
    same(wrong, [])


class Pipe:
    """A connection on which many requests are under way."""

    def __init__(self, server):
        self.link = server.connect()
        self.data = b""

    def ask(self, path, n):
        self.link.sendall(GET % path.encode() * n)

    def take(self):
        """The status of the next answer, read to its end."""
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        while len(self.data) < length:
            self.more()
        self.data = self.data[length:]
        return int(lines[0].split(" ")[1])

    def more(self):
        part = self.link.recv(1 << 20)
        if not part:
            raise AssertionError("the connection was ended")
        self.data += part

    def close(self):
        self.link.close()


def pipelined():
    with attacked() as s:
        pipe = Pipe(s)
        pipe.ask("/healthz", 300)
        same([pipe.take() for _ in range(300)], [200] * 300)
        pipe.ask("/nothing", 1)
        pipe.ask("/metrics", 1)
        same([pipe.take(), pipe.take()], [404, 200])
        pipe.close()


def slow_clients(server, n):
    links = []
    for i in range(n):
        link = server.connect()
        link.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"z" * (i % 50))
        links.append(link)
    return links


def until(server, right, asked=0):
    """The numbers of a new text: one is made once in an interval. right(numbers, answers to /metrics before)."""
    deadline = time.monotonic() + DEADLINE
    while True:
        values = samples(server.get().text)
        if right(values, asked):
            return values
        if time.monotonic() > deadline:
            raise AssertionError(f"after {asked} answers: {values}")
        asked += 1
        time.sleep(0.2)


def more_slow_clients_than_there_is_room_for():
    """200 that never end their request: others are served all the same."""
    with attacked("--interval", "1s", "--max-connections", "64") as s:
        links = []
        for _ in range(10):
            links += slow_clients(s, 20)
            same(s.get().status, 200)
        for link in links[-10:]:
            link.sendall(b"a")
        same(s.get("/healthz").status, 200)
        # each of them is either there, beside the one that asks, or was ended
        values = until(s, lambda v, _: v["mmuscope_serve_connections_cut_total"] + v["mmuscope_serve_connections"] == 201)
        same(values["mmuscope_serve_connections"] <= 64, True)
        for link in links:
            link.close()


def ten_thousand_requests():
    """As fast as they go, on 16 connections, with 200 slow clients beside: each is answered, and counted once."""
    with attacked("--interval", "1s") as s:
        slow = slow_clients(s, 200)
        pipes = [Pipe(s) for _ in range(16)]
        began = time.monotonic()
        for _ in range(25):
            for pipe in pipes:
                pipe.ask("/metrics", 25)
            for pipe in pipes:
                same([pipe.take() for _ in range(25)], [200] * 25)
        print(f"# 10,000 answers in {time.monotonic() - began:.2f} s, with sanitizers", flush=True)
        values = until(s, lambda v, asked: v.get(METRICS) == asked, 10000)
        same(values["mmuscope_serve_connections_cut_total"], 0)
        for link in [*slow, *pipes]:
            link.close()


def goes_away_in_the_middle():
    with attacked() as s:
        for _ in range(100):
            with s.connect() as link:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                link.sendall(GET % b"/api/v1/report" * 3)
        same(s.get("/healthz").status, 200)


def hello(context):
    """What a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def tls_garbage():
    tls_config()
    with attacked("--web-config", "tls.yml") as s:
        good = hello(client_context())
        for i in range(60):
            flipped = bytearray(good)
            flipped[os.urandom(1)[0] % len(flipped)] ^= 1 << i % 8
            for garbage in (b"\x16\x03\x01\x02\x00" + os.urandom(600), os.urandom(300), GET % b"/metrics", bytes(flipped),
                            good[:len(good) * i // 60], good + os.urandom(100), b"\x15\x03\x03\x00\x02\x02\x28"):
                with s.connect() as link:
                    link.sendall(garbage)
            if i % 20 == 0:
                same(s.get(tls=client_context()).status, 200)
        # who stops in the middle of the handshake
        halves = []
        for _ in range(100):
            halves.append(s.connect())
            halves[-1].sendall(good)
        same(s.get(tls=client_context()).status, 200)
        for link in halves:
            link.close()
        same(s.get(tls=client_context()).status, 200)


def memory_does_not_grow():
    """The second half of the requests takes none; without sanitizers, which keep what is freed."""
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
        make_recording()
        for function in (malformed_and_oversized, pipelined, more_slow_clients_than_there_is_room_for,
                         ten_thousand_requests, goes_away_in_the_middle, tls_garbage, memory_does_not_grow):
            test(function.__name__.replace("_", "-"), function)
        os.chdir("/")
    end()


main()
