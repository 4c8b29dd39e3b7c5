#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The package's service under a real Prometheus: two guests work, it is scraped for five minutes with the package's own
# rules, every query of every dashboard has data, and once a module clears dirty flags behind KVM's back, the alert
# fires with the name of the VM.
import json
import os
import sys
import tempfile

from debian_vm import GUESTS, prepared
from labvm import TOP, check, equal, finish, guarded, module

sys.path.insert(0, os.path.join(TOP, "tests/dashboards"))
import panels  # noqa: E402 pylint: disable=wrong-import-position

SECONDS = 300
CONFIG = """
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: [/usr/share/mmuscope/dashboards/rules.yml]
scrape_configs:
  - job_name: mmuscope
    static_configs: [{targets: ["127.0.0.1:9761"], labels: {instance: lab}}]
"""
# a panel that stays empty on a host like this one: it is asked for after a restart that lets one VM too many in
MISSED = "host/Why-invariants-are-INCONCLUSIVE/A"
SCRAPE = """
cat > prometheus.yml <<'END'
%s
END
prometheus --config.file=prometheus.yml --storage.tsdb.path=/run/prometheus --web.listen-address=127.0.0.1:9090 \
	--log.level=warn 2> prometheus.log &
python3 /job/ask.py scraped %d
status=$?
cat prometheus.log >&2
exit $status
""" % (CONFIG.strip(), SECONDS)
# faults that come into windows, and their cause, need a host that does much at a time
STRESS = """
fallocate -l 256M /swap && chmod 600 /swap && mkswap /swap && swapon /swap || exit 1
mmuscope-load -q --dir /var/tmp --seconds 20 stress
"""
# there is no insmod in this Debian. The guest in which it clears flags is one that comes now
VIOLATE = """
python3 -c "
import ctypes, os
fd = os.open('/job/saboteur.ko', os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(313, fd, b'limit=3 mode=clean', 0):
    raise SystemExit(os.strerror(ctypes.get_errno()))"
mmuscope-load -q --pages 307 --hold-until-signal --dir --name=mail memfd > /dev/null 2>&1 &
python3 /job/ask.py alert MmuscopeViolation
status=$?
journalctl -x --no-pager -t mmuscope >&2
exit $status
"""
OVER = """
echo 'MMUSCOPE_OPTIONS="--max-vms 1"' > /etc/default/mmuscope
systemctl restart mmuscope && python3 /job/ask.py missed && python3 /job/ask.py queries
"""
# runs in the guest. scraped SECONDS: until it has scraped for so long; alert NAME: until it fires; missed: until
# something is; queries: what each gives
ASK = '''
import json, sys, time, urllib.parse, urllib.request


def api(path, **arguments):
    url = "http://127.0.0.1:9090/api/v1/" + path + "?" + urllib.parse.urlencode(arguments)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]
    except OSError as e:
        return {"result": [], "alerts": [], "error": str(e)}


def until(what, get, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = get()
        if value:
            return value
        time.sleep(1)
    sys.exit("waited %d s for %s; alerts: %s" % (seconds, what, api("alerts")["alerts"]))


def scraped(seconds):
    count = 'count_over_time((up{job="mmuscope"} == 1)[1h:5s])'
    want = seconds // 5
    found = until("%d scrapes" % want, lambda: [s for s in api("query", query=count)["result"]
                                                if int(s["value"][1]) >= want], seconds * 3)
    failed = api("query", query='count_over_time((up{job="mmuscope"} == 0)[1h:5s])')["result"]
    print(json.dumps({"scraped": int(found[0]["value"][1]), "failed": failed}))


def alert(name):
    def firing():
        return [a for a in api("alerts")["alerts"] if a["labels"]["alertname"] == name and a["state"] == "firing"]
    print(json.dumps(until(name, firing, 120)))


def missed():
    until("missed", lambda: api("query", query="mmuscope_invariant_missed_total > 0")["result"], 120)


def queries():
    with open("/job/queries.json") as f:
        asked = json.load(f)
    now = time.time()
    got = {}
    for what, expr, instant in asked:
        if instant:
            data = api("query", query=expr)
        else:
            data = api("query_range", query=expr, start=now - 240, end=now, step=15)
        got[what] = data
    print(json.dumps(got))


if sys.argv[1] == "scraped":
    scraped(int(sys.argv[2]))
elif sys.argv[1] == "alert":
    alert(sys.argv[2])
elif sys.argv[1] == "missed":
    missed()
else:
    queries()
'''


def asked():
    return [(what, panels.filled(target["expr"], "lab", "30s"), bool(target.get("instant")))
            for name in panels.BOARDS for what, target in panels.queries(name)]


def booted(kernel):
    saboteur = module(kernel, "tests/mutants/saboteur")
    if not saboteur:
        finish()
    with tempfile.TemporaryDirectory() as folder:
        lab = prepared(kernel, folder)
        for name, text in (("ask.py", ASK), ("queries.json", json.dumps(asked()))):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
            lab.option("--push", os.path.join(folder, name))
        lab.option("--push", saboteur + ":saboteur.ko", "--allow-splat", "module verification")
        lab.step("guests", "echo 1 > /proc/sys/kernel/bpf_stats_enabled\n" + GUESTS)
        lab.step("scrape", SCRAPE)
        lab.step("stress", STRESS)
        lab.step("violate", VIOLATE)
        lab.step("panels", "python3 /job/ask.py queries")
        lab.step("over", OVER)
        lab.boot(1700)
    return lab


def scraped(lab):
    equal("starts", lab["start"].status, 0, lab["start"])
    r = lab["scrape"]
    equal("scrape", r.status, 0, r)
    told = json.loads(r.out)
    check("scraped", told["scraped"] >= SECONDS // 5, told, r)
    equal("never-failed", told["failed"], [], r)


def violated(lab):
    r = lab["violate"]
    equal("alert", r.status, 0, r)
    summaries = [a["annotations"]["summary"] for a in json.loads(r.out)]
    check("alert-names-vm", summaries and all("KVM broke" in s and "(mail, " in s for s in summaries), summaries, r)
    check("journal-has-it", "VIOLATED: notified-before-clean, VM" in r.err, "no entry", r)
    # stderr of a service is the journal's: what is said there, too, would be there twice
    check("journal-has-it-once", "mmuscope: VIOLATED" not in r.err, "a second entry", r)
    print(f"# {summaries}")


def every_panel(lab):
    for step in ("stress", "panels", "over"):
        equal(step, lab[step].status, 0, lab[step])
    found, over = json.loads(lab["panels"].out), json.loads(lab["over"].out)
    for what, data in found.items():
        data = over[MISSED] if what == MISSED else data
        check(what, panels.has_data(data["result"]), str(data)[:300])


vm = booted(sys.argv[1])
guarded(lambda: scraped(vm), "scraped", vm["scrape"])
guarded(lambda: violated(vm), "violated", vm["violate"])
guarded(lambda: every_panel(vm), "panels", vm["panels"])
finish()
