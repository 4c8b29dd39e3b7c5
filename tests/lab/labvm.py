# SPDX-License-Identifier: GPL-2.0-only
"""One boot, many commands: a lab test names its commands, boots once, and looks at what each did.

Every command runs in the guest by /bin/sh in a directory of its own results; stdout, stderr and
status come back, and are shown when an assertion on them fails.
"""
import json
import os
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# $1: name, $2: command. wait_for FILE TEXT: until FILE has TEXT, at most 60 s, as long as $pid lives.
# left: until the last process of mmuscope has ended, which closes its programs, at most 60 s.
PRELUDE = """#!/bin/sh
mkdir -p /job/results
cd /job/results
cat > /job/functions <<'END'
wait_for() {
	for _ in $(seq 600); do
		grep -q -- "$2" "$1" 2> /dev/null && return 0
		kill -0 "$pid" 2> /dev/null || return 1
		usleep 100000
	done
	return 1
}
left() {
	for _ in $(seq 600); do
		pidof mmuscope > /dev/null || return 0
		usleep 100000
	done
	return 1
}
END
step() {
	echo "# step $1 at $(cut -d " " -f 1 /proc/uptime)" >&2
	status=0
	sh -c ". /job/functions
$2" > "$1.out" 2> "$1.err" < /dev/null || status=$?
	echo "$status" > "$1.rc"
}
"""
EPILOGUE = """
tar -cf /job/results.tar -C /job/results .
"""


class Result:
    """What one command did. A command that never ran has status None and no output."""

    def __init__(self, name, folder):
        self.name = name
        self.out = self._read(folder, "out")
        self.err = self._read(folder, "err")
        status = self._read(folder, "rc").strip()
        self.status = int(status) if status else None

    def _read(self, folder, kind):
        try:
            with open(os.path.join(folder, f"{self.name}.{kind}"), encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def json(self):
        return json.loads(self.out)


class Lab:
    def __init__(self, kernel):
        self.kernel = kernel
        self.steps = []
        self.options = []
        self.results = {}

    def step(self, name, command):
        self.steps.append((name, command))

    def option(self, *words):
        self.options += words

    def boot(self, timeout=600):
        """Run all steps in one VM. True: it came back, with an orderly kernel log."""
        with tempfile.TemporaryDirectory() as folder:
            job = os.path.join(folder, "steps")
            with open(job, "w", encoding="utf-8") as f:
                f.write(PRELUDE)
                for name, command in self.steps:
                    f.write("step '%s' '%s'\n" % (name, command.replace("'", "'\\''")))
                f.write(EPILOGUE)
            os.chmod(job, 0o755)
            arch, uname = ("arm64", "aarch64") if self.kernel.startswith("arm64/") else ("amd64", "x86_64")
            drop = os.path.join(TOP, "build" if os.uname().machine == uname else f"build/{arch}", "test/drop")
            push = [word for name in os.listdir(drop) if "." not in name
                    for word in ("--push", os.path.join(drop, name))]
            run = subprocess.run(
                [os.path.join(TOP, "lab/run"), "-k", self.kernel, "--timeout", str(timeout),
                 "--push", job, *push, "--pull", "results.tar:" + folder + "/results.tar",
                 *self.options, "--", "steps"], check=False, cwd=folder)
            try:
                with tarfile.open(folder + "/results.tar") as tar:
                    tar.extractall(folder)
            except (OSError, tarfile.TarError):
                pass
            for name, _ in self.steps:
                self.results[name] = Result(name, folder)
        check("boots-and-stays-clean", run.returncode == 0, f"lab/run ended with {run.returncode}")
        return run.returncode == 0

    def __getitem__(self, name):
        return self.results[name]


FAILED = []


def check(name, good, why="", result=None):
    """One assertion: a line of output."""
    if good:
        print(f"ok {name}")
    else:
        FAILED.append(name)
        print(f"not ok {name} - {why}")
        if result:
            print(f"# status {result.status}")
            for kind, text in (("out", result.out), ("err", result.err)):
                lines = text.splitlines()
                for line in lines[:40] + (["..."] + lines[-40:] if len(lines) > 80 else lines[40:]):
                    print(f"# {kind}: {line}")
    sys.stdout.flush()
    return good


def equal(name, got, want, result=None):
    return check(name, got == want, f"got {got!r}, not {want!r}", result)


def guarded(function, name, result):
    """Missing or broken output is one failed test, not the end of all."""
    try:
        function()
    except (KeyError, ValueError, IndexError, TypeError, AttributeError) as e:
        check(name, False, f"no such result: {type(e).__name__} {e}", result)


def module(kernel, source):
    """A module of the tests, built for this kernel; None without its headers, which is a skip."""
    name = os.path.basename(source)
    out = os.path.join(TOP, f"build/test/{name}-{kernel}.ko")
    build = subprocess.run([os.path.join(TOP, "lab/module"), kernel, os.path.join(TOP, source), out], check=False)
    if build.returncode == 4:
        print(f"skip {name} - Debian no longer has the headers of {kernel}")
        return None
    check("module-builds", build.returncode == 0, f"lab/module ended with {build.returncode}")
    return out if build.returncode == 0 else None


def invariant(report, name):
    return next(i for i in report["invariants"] if i["name"] == name)


def nothing_lost(report):
    return {k: v for k, v in report["losses"].items() if v}


def finish():
    sys.exit(1 if FAILED else 0)
