# SPDX-License-Identifier: GPL-2.0-only
"""What the guest of tests/prove says of the commands that it watched, and whether a recording was judged as its
run was, live.
"""
import collections
import json
import re

# of one command; None: it did not come back
Told = collections.namedtuple("Told", "status report again_status again stories")


def reports(text):
    """{name: Told} of what the guest said."""
    found = {}
    for part in re.split(r"^== begin ", text, flags=re.MULTILINE)[1:]:
        name, _, rest = part.partition("\n")
        body, _, ends = rest.partition("\n== end ")
        body, _, again = body.partition("\n== judged\n")
        again, _, stories = again.partition("\n== stories\n")
        status, again_status = ([int(word) for word in ends.partition("\n")[0].split()] + [None, None])[:2]
        found[name] = Told(status, read_report(body), again_status, read_report(again), read_report(stories))
    return found


def read_report(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def counts(report):
    return {i["name"]: (i["verdict"], i["checked"], i["violations"]) for i in report["invariants"]}


def place(violation):
    # who maps a cleaned folio is looked up when it is told of, live; the recording has the folio
    if violation["invariant"] == "notified-before-clean":
        return violation["invariant"], violation["pfn"]
    return tuple(str(violation[key]) for key in ("invariant", "vm", "gfn", "hva", "pfn", "level"))


def places(report):
    return sorted(place(violation) for violation in report["violations"])


def differences(told):
    """What 'judge' and 'report' say otherwise than 'record' did, in words: none, if all is as it should be."""
    live, again = told.report, told.again
    if again is None:
        return ["nothing came back from mmuscope judge, which ended with %s" % told.again_status]
    wrong = []
    if told.again_status != told.status:
        wrong.append("judge ended with %s, record with %s" % (told.again_status, told.status))
    before, after = counts(live), counts(again)
    wrong += ["%s: %s of %d, %d broken; judged again: %s of %d, %d broken" % (name, *was, *after[name])
              for name, was in before.items() if after[name] != was]
    if places(again) != places(live):
        wrong.append("other violations are told: %s, not %s" % (places(again), places(live)))
    if not again["recording"]["whole"]:
        wrong.append("the recording is not whole")
    lost = {name: n for name, n in again["losses"].items() if n}
    if wrong and lost:
        wrong.append("the recording says of losses: %s" % lost)
    stories = [story for story in told.stories["stories"] if story["steps"]] if told.stories else []
    if len(stories) != len(live["violations"]):
        wrong.append("the report tells %d stories of %d" % (len(stories), len(live["violations"])))
    return wrong
