// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of scenarios.
 */
#include "scenario.h"

#include <linux/kvm.h>
#include <string.h>

const struct scenario scenarios[] = {
	{ "anon-4k", "anonymous memory in 4K pages: one fault a page",
	  .backing = "anon-4k", .steps = "write check" },
	{ "anon-thp", "anonymous memory in transparent huge pages: one fault for 2M",
	  .backing = "anon-thp", .steps = "write check" },
	{ "memfd", "memfd in 4K pages",
	  .backing = "memfd", .steps = "write check" },
	{ "memfd-thp", "memfd in transparent huge pages",
	  .backing = "memfd-thp", .steps = "write check" },
	{ "hugetlb-2m", "hugetlb memfd with 2M pages (also: hugetlb)",
	  .backing = "hugetlb-2m", .steps = "write check" },
	{ "hugetlb-1g", "hugetlb memfd with 1G pages",
	  .backing = "hugetlb-1g", .steps = "write check" },
	{ "file", "shared mapping of a file in --dir",
	  .backing = "file", .steps = "write check" },
	{ "file-msync", "shared file, written back by msync between the guest's writes",
	  .backing = "file", .steps = "write msync write msync check" },
	{ "file-sync", "shared file, written back by sync between the guest's writes",
	  .backing = "file", .steps = "write sync write sync check" },
	{ "file-private", "private file: the guest reads, then its writes copy",
	  .backing = "file-private", .steps = "touch write check" },
	{ "secretmem", "memfd_secret: KVM must refuse to map it",
	  .backing = "secretmem", .steps = "vmm-write write-refused" },
	{ "slots", "three memslots side by side",
	  .backing = "anon-4k", .steps = "write check", .slots = 3 },
	{ "misaligned", "huge host pages under a memslot that is off by 4K: KVM maps 4K",
	  .backing = "anon-thp", .steps = "write check", .gpa_shift = 4096 },
	{ "readonly-slot", "read-only memslot: the guest reads, its write is an MMIO exit",
	  .backing = "memfd", .steps = "vmm-write check write-mmio check",
	  .slot_flags = KVM_MEM_READONLY },
	{ "shared-memfd", "two VMs share a memfd: each reads what the other wrote",
	  .backing = "memfd", .steps = "write@0 check@1 write@1 check@0", .vms = 2 },
	{ "vcpus", "four vCPUs, each on its part of the pages (more by --vcpus)",
	  .backing = "anon-4k", .steps = "write check", .vcpus = 4 },
	{ "vmm-reads-first", "the VMM reads holes of a memfd, the guest writes, then reclaim",
	  .backing = "memfd", .steps = "vmm-read write reclaim" },
	{ "vmm-reads-first-thp", "the same with transparent huge pages in the memfd",
	  .backing = "memfd-thp", .steps = "vmm-read write reclaim" },
	{ "read-then-write", "the guest reads first: zero pages, which its writes replace",
	  .backing = "anon-4k", .steps = "touch write check" },
	{ "dontneed", "MADV_DONTNEED under the guest, which writes again",
	  .backing = "anon-4k", .steps = "write dontneed write check" },
	{ "free", "MADV_FREE under the guest, which writes again, then reclaim",
	  .backing = "anon-4k", .steps = "write free write reclaim" },
	{ "free-thp", "MADV_FREE of half of each huge page splits them, the guest writes, reclaim",
	  .backing = "anon-thp", .steps = "write free-half write reclaim" },
	{ "split-map", "mprotect splits the host's mappings of huge pages, not the pages",
	  .backing = "anon-thp", .steps = "write split-map check write check" },
	{ "mprotect-upgrade", "mprotect makes clean pages writable again, the guest writes, reclaim",
	  .backing = "anon-4k", .steps = "write free mprotect-ro mprotect-rw write reclaim" },
	{ "pageout", "MADV_PAGEOUT to swap (nothing goes on old kernels), the guest writes again",
	  .backing = "anon-4k", .steps = "write pageout check write check" },
	{ "swap-in", "swapped out, read in by the VMM, written by the guest, reclaimed again",
	  .backing = "anon-4k", .steps = "write reclaim vmm-read write reclaim" },
	{ "collapse", "MADV_COLLAPSE of the guest's 4K pages to 2M",
	  .backing = "anon-4k", .steps = "write collapse check write check" },
	{ "hole-punch", "holes by fallocate and MADV_REMOVE under the guest",
	  .backing = "memfd", .steps = "write punch:0/3 remove:1/3 check write check" },
	{ "truncate", "the second half of the guest's memfd is cut off and comes back empty",
	  .backing = "memfd", .steps = "write truncate:1/2 check write check" },
	{ "mprotect", "read only for a while, then writable again",
	  .backing = "anon-4k", .steps = "write mprotect-ro check mprotect-rw write check" },
	{ "fork-write", "fork, then guest and child write: copy on write on both sides",
	  .backing = "anon-4k", .steps = "write fork-write check" },
	{ "ksm", "KSM merges the guest's pages, its writes part them again",
	  .backing = "anon-4k", .steps = "vmm-fill touch ksm check write check" },
	{ "ksm-unmerge", "KSM lets go of merged pages, the guest writes, reclaim",
	  .backing = "anon-4k", .steps = "vmm-fill touch ksm unmerge mprotect-ro mprotect-rw write reclaim" },
	{ "migrate", "move_pages to another NUMA node, or compaction",
	  .backing = "anon-4k", .steps = "scatter write migrate check write check" },
	{ "compact", "compaction of all memory under the guest",
	  .backing = "anon-4k", .steps = "scatter write compact check write check" },
	{ "reclaim", "memory.reclaim to swap, twice",
	  .backing = "anon-4k", .steps = "write reclaim check write reclaim check" },
	{ "reclaim-memfd", "memory.reclaim of a memfd to swap, twice",
	  .backing = "memfd", .steps = "write reclaim check write reclaim check" },
	{ "swap-high", "the guest writes more than memory.high allows, twice",
	  .backing = "anon-4k", .steps = "swap-high write check write swap-high-off check" },
	{ "dirty-log", "dirty logging on, read and off",
	  .backing = "anon-4k", .steps = "write dirty-on write dirty-get check dirty-off write check" },
	{ "dirty-log-thp", "dirty logging splits huge pages, its end joins them",
	  .backing = "anon-thp", .steps = "write dirty-on write dirty-get check dirty-off write check" },
	{ "slot-delete", "the memslot goes and comes back",
	  .backing = "anon-4k", .steps = "write slot-delete slot-create check write check" },
	{ "slot-move", "the memslot moves to another guest address",
	  .backing = "anon-4k", .steps = "write slot-move check write slot-move check" },
	{ "vm-churn", "17 short-lived VMs (or --vms) one after another, then one over all pages",
	  .backing = "anon-4k", .steps = "churn check write check" },
	{ "two-slots", "two memslots for the same pages: what the host does must reach both",
	  .backing = "anon-4k", .two_slots = true,
	  .steps = "touch touch@1 write check@1 dontneed:0/3 check@1 check write@1 check" },
	{ "smm", "the same pages in two address spaces: the guest's usual one and that of SMM",
	  .backing = "memfd", .two_slots = true, .mode = GUEST_SMM,
	  .steps = "write check@1 write@1 check punch:0/3 check@1 write check@1" },
	{ "paging", "64-bit guest with page tables that it changes under its data",
	  .backing = "anon-4k", .mode = GUEST_PAGED,
	  .steps = "write check remap check write dontneed:0/3 check remap check write check" },
	{ "paging-thp", "the same on transparent huge pages, which the guest maps by 4K",
	  .backing = "anon-thp", .mode = GUEST_PAGED, .steps = "write check remap check write check" },
	{ "nested", "a nested guest with nested page tables (AMD): the data is its work",
	  .backing = "anon-4k", .mode = GUEST_NESTED,
	  .steps = "write check dontneed:0/3 check write check" },
	{ "nested-flat", "a nested guest without nested page tables (AMD)",
	  .backing = "anon-4k", .mode = GUEST_NESTED_FLAT,
	  .steps = "write check dontneed:0/3 check write check" },
	{ "exec-nx", "the guest executes from huge pages, which nx_huge_pages=force splits",
	  .backing = "anon-thp", .steps = "write exec write check exec check" },
	{ "device", "what mmap of --device gives, in 4K pages",
	  .backing = "device", .steps = "write check" },
	{ "device-2m", "huge VM_PFNMAP: what mmap of --device gives, in pages of 2M",
	  .backing = "device-2m", .steps = "write check" },
	{ "guest-memfd", "guest_memfd: KVM takes the pages from it, not from the host's page tables",
	  .backing = "guest-memfd", .steps = "write check punch:0/3 check write check" },
	{ "stress", "two VMs with all kinds of memory against all that a host does, at random",
	  .backing = "file", .steps = "stress", .vcpus = 4, .own_vms = true },
};

const size_t nscenarios = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_find(const char *name)
{
	if (!strcmp(name, "hugetlb"))
		name = "hugetlb-2m";
	for (size_t i = 0; i < nscenarios; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	return NULL;
}

const char *scenario_name(size_t i)
{
	return i < nscenarios ? scenarios[i].name : NULL;
}

unsigned int scenario_needs(const struct scenario *s)
{
	const struct backing *b = backing_find(s->backing);
	struct step steps[STEPS_MAX];
	struct why why = { STATUS_OK, "" };
	unsigned int needs = b ? b->needs : 0;
	size_t n;

	if (s->mode == GUEST_NESTED || s->mode == GUEST_NESTED_FLAT)
		needs |= NEED_NESTED;
	if (s->mode == GUEST_SMM)
		needs |= NEED_SMM;

	if (steps_parse(s->steps, steps, &n, &why))
		return needs;
	for (size_t i = 0; i < n; i++)
		needs |= steps[i].kind->needs;
	return needs;
}
