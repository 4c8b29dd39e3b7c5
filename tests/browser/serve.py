#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The live page of 'mmuscope serve' in a headless Chromium, out of a recording: it draws itself, goes on by
# itself, can be frozen, says when nobody answers, asks nobody else, and shows names that would be code as
# text. Pictures go to build/screenshots.
import base64
import os
import re
import signal
import subprocess
import sys
import time

from browser import DRAWS, PICTURES, TOP, run, say

DRAWN = "document.documentElement.dataset.ready"
PLOTS = 4
DEADLINE = 60


class Server:
    def __init__(self, folder, speed, *scene):
        mms = os.path.join(folder, "run.mms")
        subprocess.run([os.path.join(TOP, "build/test/recording/scene"), mms, *scene], check=True)
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [os.path.join(TOP, "build/bin/mmuscope"), "serve", "--replay", mms, "--speed", speed, "--interval",
                 "1s", "--listen", "127.0.0.1:0"], stderr=log)
        end = time.monotonic() + DEADLINE
        found = None
        while not found:
            with open(os.path.join(folder, "log"), encoding="utf-8") as log:
                found = re.search(r"serving on (\S+)\n(?:.*\n)*.*hooks are", log.read())
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit("not ok serves - it does not")
            time.sleep(0.02)
        self.url = f"http://{found.group(1)}/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE)


def picture(browser, name, width):
    height = browser.evaluate("document.documentElement.scrollHeight")
    shot = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                        clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
    with open(os.path.join(PICTURES, name + ".png"), "wb") as f:
        f.write(base64.b64decode(shot["data"]))


def colours(browser):
    """{cause: colour} of the windows as they are drawn now."""
    return dict(browser.evaluate("specs.windows.layers().map(l => [l.label, l.colour])"))


def live(browser, server):
    browser.page()
    browser.open(server.url)
    say(browser.wait(f"{DRAWN} && points.length > 3", DEADLINE), "draws-itself")
    drawn = browser.evaluate("document.querySelectorAll('.plot[data-drawn]').length")
    if DRAWS:
        say(drawn == PLOTS, "plots", f"{drawn} of {PLOTS}")
    else:
        print("skip plots - npm could not get uPlot for this build")
    count = browser.evaluate("points.length")
    say(browser.wait(f"points.length > {count}", DEADLINE), "goes-on")
    tiles = browser.evaluate("[...document.querySelectorAll('.tile b')].map(n => n.textContent)")
    say(len(tiles) == 6 and "?" not in tiles, "tiles", str(tiles))
    say(browser.evaluate("judged.hidden"), "not-judged-yet")
    browser.evaluate("document.getElementById('freeze').click()")
    frozen = browser.evaluate("points[points.length - 1].time_s")
    before = colours(browser)
    browser.wait("false", 3)
    say(browser.evaluate("points[points.length - 1].time_s") == frozen, "freezes")
    browser.evaluate("document.getElementById('freeze').click()")
    say(browser.wait(f"points[points.length - 1].time_s > {frozen}", DEADLINE), "goes-on-again")
    picture(browser, "live-light", 1280)
    browser.evaluate("theme.set('dark'); plots.forEach(p => p.draw())")
    picture(browser, "live-dark", 1280)
    # only its last snapshot has verdicts
    say(browser.wait("document.querySelectorAll('#verdicts tbody tr').length >= 14", DEADLINE), "verdicts")
    after = colours(browser)
    say(len(after) > len(before) and before.items() <= after.items() and len(set(after.values())) == len(after),
        "a-cause-keeps-its-colour", f"{before}, then {after}")
    say(browser.evaluate("!judged.hidden && report.verdict === 'VIOLATED'"), "the-verdict-of-all")
    picture(browser, "live-judged", 1280)
    others = [c for c in browser.complaints() if not c.startswith("request: " + server.url)]
    say(others == [], "console-and-requests", str(others))
    browser.call("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=False)
    say(browser.wait("document.documentElement.scrollWidth <= 400"), "small-screen")
    picture(browser, "live-small", 400)
    server.stop()
    say(browser.wait("!warning.hidden", DEADLINE), "says-that-nobody-answers")
    say(browser.evaluate("document.querySelectorAll('.tile b').length") == 6, "keeps-what-it-had")


def without_uplot(browser, server):
    """As on a machine where npm got none."""
    browser.page()
    browser.call("Page.addScriptToEvaluateOnNewDocument",
                 source="Object.defineProperty(window, 'uPlot', { value: undefined, writable: false })")
    browser.open(server.url)
    say(browser.wait(f"{DRAWN} && points.length > 3", DEADLINE), "without-uplot-goes-on")
    found = browser.evaluate("[typeof uPlot, document.querySelectorAll('canvas').length, "
                             "document.querySelectorAll('figure details[open] tbody tr:nth-child(3)').length]")
    say(found == ["undefined", 0, PLOTS], "without-uplot-tables", str(found))
    say("built without uPlot" in browser.evaluate("document.body.innerText"), "without-uplot-is-said")
    others = [c for c in browser.complaints() if not c.startswith("request: " + server.url)]
    say(others == [], "without-uplot-console", str(others))
    picture(browser, "live-without-uplot", 1280)


def hostile(browser, server):
    browser.page()
    browser.open(server.url)
    say(browser.wait(DRAWN, DEADLINE), "hostile-names-are-drawn")
    found = browser.evaluate("[document.images.length, document.scripts.length, document.querySelectorAll('[onerror]').length]")
    say(found == [0, 4, 0], "hostile-names-are-text", str(found))
    others = [c for c in browser.complaints() if not c.startswith("request: " + server.url)]
    say(others == [], "hostile-console", str(others))


def tests(browser, folder):
    with Server(folder, "3", "3000", "100") as server:
        live(browser, server)
    with Server(folder, "3", "3000", "100") as server:
        without_uplot(browser, server)
    with Server(folder, "0", "400", "60", "hostile") as server:
        hostile(browser, server)


run(tests)
