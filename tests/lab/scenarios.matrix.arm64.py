#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# No false alarm: all scenarios of mmuscope-load, one after another, under one 'mmuscope check --claims'.
# Every invariant holds, nothing is lost, the claims come out as predicted, and what mmuscope counted is
# what each scenario promises.
import sys

from all_scenarios import Run, scenarios
from labvm import finish

Run(sys.argv[1], scenarios(), 521,
    options=("--mem", "4G", "--append", "hugepagesz=1G", "--append", "hugepages=1")).go()
finish()
