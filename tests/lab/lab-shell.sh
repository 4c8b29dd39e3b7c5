#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# lab/shell on a terminal: a prompt, a command, Ctrl-C reaches the guest, the
# status of 'exit' comes back, and the terminal is as it was.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
exec python3 - "$top/lab/shell" <<'EOP'
import os
import pty
import select
import signal
import sys
import termios
import time

failed = False


def verdict(name, good, text=b""):
    global failed
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        failed = True
        print("# " + repr(text[-500:]), flush=True)


def read_until(wanted, seconds=60):
    text = b""
    end = time.monotonic() + seconds
    while wanted not in text and time.monotonic() < end:
        if select.select([fd], [], [], 1)[0]:
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            if not data:
                break
            text += data
    return text


pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1]])
before = termios.tcgetattr(fd)
text = read_until(b"# ")
verdict("shell-prompt", b"/job# " in text, text)
os.write(fd, b"echo $((6 * 7))0; sleep 1000\r")
text = read_until(b"\n420")
verdict("shell-command", b"\n420" in text, text)
# again and again: a Ctrl-C that comes while ash starts the command is lost on ash
text = b""
for _ in range(20):
    os.write(fd, b"\x03")
    text += read_until(b"# ", 3)
    if b"# " in text:
        break
verdict("shell-interrupt", b"/job# " in text, text)
os.write(fd, b"exit 5\r")
text = read_until(b"status 5")
if b"status 5" not in text:
    os.kill(pid, signal.SIGTERM)
_, status = os.waitpid(pid, 0)
verdict("shell-status", os.waitstatus_to_exitcode(status) == 5, text)
verdict("shell-terminal-restored", termios.tcgetattr(fd)[:4] == before[:4])
sys.exit(failed)
EOP
