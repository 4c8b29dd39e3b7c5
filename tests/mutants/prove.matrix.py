#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# The mutants of one kernel, in a form that fits into a CI run: the core set, with at least one mutant for each
# invariant that this kernel can break. 'make prove' has them all; 'tests/prove --third turn' a third.
# prove.matrix.py KERNEL [OPTION of tests/prove]...
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROVE = [os.path.join(TOP, "tests/prove"), "--kernel", sys.argv[1], "--third", "none", *sys.argv[2:]]

if subprocess.run([*PROVE, "--list"], check=False, stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL).returncode:
    print("ok no-mutants-for-%s" % sys.argv[1])
    sys.exit(0)
sys.exit(subprocess.run(PROVE, check=False).returncode)
