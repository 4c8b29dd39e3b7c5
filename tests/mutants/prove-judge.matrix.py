#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Recordings of broken KVMs: the core set of the mutants of one kernel, as prove.matrix.py, but recorded, and
# judged again. Judge must say what was said live, and the report tell each violation's steps.
import os
import sys

PROVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "prove.matrix.py")

os.execv(PROVE, [PROVE, sys.argv[1], "--judge"])
