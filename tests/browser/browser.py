# SPDX-License-Identifier: GPL-2.0-only
#
# A headless Chromium over its debugging pipe: commands and answers are JSON objects that end with a NUL
# byte, on descriptors 3 and 4. No port, no other module.
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))

from checks import TOP, end, say  # noqa: E402 pylint: disable=wrong-import-position

PICTURES = os.path.join(TOP, "build/screenshots")
# npm may not have got uPlot: tables stand for the plots
DRAWS = not os.path.exists(os.path.join(TOP, "build/uplot/missing"))


class Browser:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="mmuscope-browser.")
        theirs_in, self.out = os.pipe()
        self.inp, theirs_out = os.pipe()
        for fd in (theirs_in, theirs_out):
            os.set_inheritable(fd, True)
        # the shell puts the pipes where Chromium looks for them
        script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        command = ["chromium", "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", "--disable-extensions",
                   f"--user-data-dir={self.home}", "about:blank"]
        with open(os.path.join(self.home, "log"), "wb") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                ["sh", "-c", script, "sh", *command], pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=dict(os.environ, HOME=self.home))
        os.close(theirs_in)
        os.close(theirs_out)
        self.rest = b""
        self.number = 0
        self.events = []
        self.session = None
        self.target = None

    def close(self):
        os.close(self.out)
        os.close(self.inp)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def message(self, deadline):
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.inp], [], [], left)[0]:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self.inp, 1 << 20)
            if not data:
                with open(os.path.join(self.home, "log"), encoding="utf-8", errors="replace") as log:
                    raise RuntimeError("Chromium ended: " + log.read()[-2000:])
            self.rest += data
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, seconds=60, **params):
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        deadline = time.monotonic() + seconds
        while True:
            answer = self.message(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def page(self):
        """A new page, to which all later calls go."""
        self.session = None
        if self.target:
            self.call("Target.closeTarget", targetId=self.target)
        target = self.target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.events.clear()

    def open(self, path, width=1280, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=path if path.startswith("http:") else "file://" + os.path.abspath(path))

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression, seconds=30):
        """Until it is true; false when that takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # the page itself waits a little, so this is no busy loop
            if self.evaluate(f"new Promise(r => setTimeout(() => r(Boolean({expression})), 20))"):
                return True
        return False

    def complaints(self):
        """What the console got, and requests that are not for the page itself."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Log.entryAdded":
                found.append(params["entry"]["text"])
            elif event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"])[:300])
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(json.dumps(params["args"])[:300])
            elif event.get("method") == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("file:", "data:", "about:")):
                    found.append("request: " + url)
            elif event.get("method") == "Page.javascriptDialogOpening":
                found.append("dialog: " + params["message"])
        return found


def run(tests):
    """tests(browser, folder) with a browser and a folder that go away after it; ends the program."""
    if not shutil.which("chromium"):
        sys.exit("not ok chromium - is not installed; scripts/setup installs it")
    os.makedirs(PICTURES, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="mmuscope-browser-test.")
    browser = Browser()
    try:
        tests(browser, folder)
    finally:
        browser.close()
        shutil.rmtree(folder)
    end()
