#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# No false alarm on the shadow MMU either: all scenarios without the TDP MMU, and without nested paging.
import sys

from all_scenarios import Run, scenarios
from labvm import finish

# 1G pages need much memory, and say nothing here that 2M pages do not
NAMES = [name for name in scenarios() if name != "hugetlb-1g"]

for option in ("kvm.tdp_mmu=0", "kvm-amd.npt=0"):
    # nested page tables are nested paging of the host, too
    names = [name for name in NAMES if name != "nested" or option == "kvm.tdp_mmu=0"]
    prefix = f"{sys.argv[1]}-{option.split('.')[1].split('=')[0]}-"
    Run(sys.argv[1], names, 131, prefix, ("--mem", "2G", "--opt", option)).go()
finish()
