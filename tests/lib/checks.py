# SPDX-License-Identifier: GPL-2.0-only
"""What tests of ours in Python share: how they say what passed, as tests/run wants to hear it."""
import os
import sys
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAILED = []


def say(good, name, why=""):
    if not good:
        FAILED.append(name)
    print(f"ok {name}" if good else f"not ok {name} - {why}", flush=True)


def test(name, function):
    """Calls it; an exception is a failure, told with its way."""
    try:
        function()
        say(True, name)
    except Exception as e:  # pylint: disable=broad-exception-caught
        say(False, name, f"{type(e).__name__} {str(e)[:600]}")
        for line in traceback.format_exc().splitlines():
            print(f"# {line}", flush=True)


def same(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, not {want!r}")


def end():
    """Of the test program: its exit status says whether anything failed."""
    sys.exit(1 if FAILED else 0)
