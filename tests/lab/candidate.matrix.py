#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# A candidate for the new lookup, judged on live traffic: the module tests/mutants/candidate is right, and
# wrong in five ways, each of which is found for its reason. And hva_to_pfn itself as the candidate, by fexit.
import sys

from labvm import Lab, check, equal, finish, guarded, module, nothing_lost

PAGES, THP = 37, 512
LOAD = 211
SPEC = "candidate_lookup(hva=arg1,write=arg2:u8,pfn=*arg3:u64,writable=*arg4:u8,level=ret:s32)"
# hva_to_pfn of each kernel; its errors are pfns above 2^52
LOOKUPS = {
    "6.1": "hva_to_pfn(hva=arg1,write=arg4,pfn=ret,writable=*arg5,ok=ret<0x10000000000000)",
    "6.12": "hva_to_pfn(hva=arg1,write=arg5,pfn=ret,writable=*arg6,ok=ret<0x10000000000000)",
}
LOOKUP = "hva_to_pfn(hva=arg1->hva,write=arg1->flags&1,pfn=ret,writable=*arg1->map_writable,ok=ret<0x10000000000000)"
# what is wrong: the reason that is given, and for how many answers (to reads, to writes) it must be
WRONGS = {
    "level": ("level", 2 * 2),
    "prot-none": ("prot_none", PAGES + THP),
    "secret": ("secret", 2 * PAGES),
    "stale": ("missing", 2 * PAGES),
    # the zero page, after mprotect, copy on write, and a file's page that is private
    "write": ("writable", 2 * 4 * PAGES),
}

kernel = sys.argv[1]
candidate = module(kernel, "tests/mutants/candidate")

lab = Lab(kernel)
lab.step("before", "bpf_count")
lab.step("huge", "echo 24 > /proc/sys/vm/nr_hugepages; cat /proc/sys/vm/nr_hugepages")
lookup = LOOKUPS.get(kernel, LOOKUP)
lab.step("lookup", f"mmuscope walk --json --candidate '{lookup}' -- mmuscope-load -q --pages {LOAD} anon-4k")
# of pages that are there: where the call itself fills a hole the tables change, which would excuse it
lab.step("lookup-wrong", f"mmuscope walk --json --candidate '{lookup.replace('pfn=ret', 'pfn=ret&0xffe')}' -- "
         f"mmuscope-load -q --pages {LOAD} --steps 'backing=anon-4k vmm-fill write check'")
lab.step("no-such", "mmuscope walk --candidate 'no_such_function(hva=arg1,pfn=ret)'")
lab.step("no-field", "mmuscope walk --candidate 'hva_to_pfn(hva=arg1,pfn=ret,writable=arg1->nothing)'")
if candidate:
    lab.option("--insmod", candidate)
    mode = "/sys/module/candidate/parameters"
    lab.step("nothing", f"""echo 1 > {mode}/guests
mmuscope walk --json --candidate '{SPEC}' -- sh -c 'candidate_calls >&2; mmuscope-load -q --pages {LOAD} anon-4k'
status=$?
echo 0 > {mode}/guests
exit $status""")
    for wrong in WRONGS:
        lab.step(wrong, f"""echo {wrong} > {mode}/wrong
mmuscope walk --json --stories 3 --candidate '{SPEC}' -- sh -c 'candidate_calls >&2'""")
lab.step("after", "left; bpf_count")
lab.boot()


def judged(report, name):
    return sum(report["candidate"]["judged"][name].values())


def guilty(report):
    names = ("secret", "missing", "prot_none", "page", "level", "write", "writable", "read_only")
    return {n: judged(report, n) for n in names if judged(report, n)}


def verdict(report, name):
    return next(i for i in report["candidate"]["invariants"] if i["name"] == name)["verdict"]


def lookups():
    """hva_to_pfn finds what the tables have then."""
    r = lab["lookup"]
    report = r.json()
    c = report["candidate"]
    equal("lookup-status", (r.status, c["verdict"], c["how"]), (0, "HELD", "fexit"), r)
    equal("lookup-answers", (c["calls"], c["answers"], guilty(report)), (LOAD + 1, LOAD + 1, {}), r)
    equal("lookup-nothing-lost", nothing_lost(report), {}, r)
    r = lab["lookup-wrong"]
    report = r.json()
    equal("lookup-wrong-status", (r.status, report["candidate"]["verdict"]), (2, "VIOLATED"), r)
    check("lookup-wrong-page", guilty(report).get("page", 0) >= LOAD,
          guilty(report), r)


def errors():
    r = lab["no-such"]
    check("no-such", r.status == 1 and "no function 'no_such_function'" in r.err, "", r)
    r = lab["no-field"]
    check("no-field", r.status == 1 and "writable: " in r.err, "", r)


def right():
    r = lab["nothing"]
    report = r.json()
    c = report["candidate"]
    # some headers packages can give modules BTF
    with open(candidate, "rb") as f:
        how = "fexit" if b"\0.BTF\0" in f.read() else "kretprobe"
    equal("nothing-status", (r.status, c["verdict"], c["how"]), (0, "HELD", how), r)
    equal("nothing-guilty", guilty(report), {}, r)
    by = c["judged"]
    check("nothing-guest", by["same"]["anon"] >= 6 * PAGES + 4 * THP + LOAD, by, r)
    equal("nothing-secret", sum(by["refused_secret"].values()), 2 * PAGES, r)
    # private pages of hugetlbfs are anonymous
    equal("nothing-huge", c["answered_level"]["2M"]["anon"], 2 * 2 * THP, r)
    equal("nothing-gave-up", judged(report, "gave_up"), 0, r)


def wrong_one(wrong):
    r = lab[wrong]
    report = r.json()
    reason, least = WRONGS[wrong]
    found = guilty(report)
    equal(f"{wrong}-status", (r.status, report["candidate"]["verdict"]), (2, "VIOLATED"), r)
    check(f"{wrong}-reason", found.get(reason, 0) >= least, found, r)
    secret = "VIOLATED" if wrong == "secret" else "HELD"
    equal(f"{wrong}-invariant", (verdict(report, "never-secret"), verdict(report, "walker-agrees")),
          (secret, "HELD" if wrong == "secret" else "VIOLATED"), r)
    stories = report["candidate"]["violations"]
    equal(f"{wrong}-stories", (len(stories), all(s["reason"] in found for s in stories)), (3, True), r)


guarded(lookups, "lookups", lab["lookup"])
guarded(errors, "errors", lab["no-such"])
if candidate:
    guarded(right, "right", lab["nothing"])
    for w in WRONGS:
        guarded(lambda w=w: wrong_one(w), w, lab[w])
equal("nothing-left-attached", lab["after"].out, lab["before"].out, lab["after"])
finish()
