#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Hosts that cannot do it: one clear sentence and the documented exit code. A kernel without BTF of
# modules, and one where KVM is not loaded.
from labvm import Lab, check, equal, finish

COMMANDS = {"doctor": "mmuscope doctor", "check": "mmuscope check -- true",
            "levels": "mmuscope levels --for 1s", "load": "mmuscope-load -q anon-4k"}


def refuse(kernel, what, commands, *options):
    lab = Lab(kernel)
    lab.option(*options)
    for name in commands:
        lab.step(name, COMMANDS[name])
    lab.boot()
    for name, says in commands.items():
        r = lab[name]
        check(f"{what}-{name}", r.status == 4 and len(r.err.splitlines()) == 1 and
              bool(r.out) == (name == "doctor") and says in r.err,
              "exit 4 and one line with '%s' are due" % says, r)
        if name == "doctor":
            equal(f"{what}-tier", r.out.splitlines()[-1], "tier none: nothing", r)


BTF, LOADED = "/sys/kernel/btf/kvm", "KVM is not loaded"
refuse("5.10", "no-module-btf", {"doctor": BTF, "check": BTF, "levels": BTF})
refuse("6.12", "no-kvm", {"doctor": LOADED, "check": LOADED, "levels": LOADED, "load": "/dev/kvm"},
       "--no-kvm")
finish()
