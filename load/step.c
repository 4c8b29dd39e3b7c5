// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table of the kinds of steps, and the reader of step lines.
 */
#include "step.h"

#include "nearest.h"
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWAP_CGROUP (NEED_ROOT | NEED_SWAP | NEED_CGROUP)

const struct step_kind step_kinds[] = {
	{ "touch", "the guest reads every page", step_touch, 0, 0 },
	{ "write", "the guest writes a value of its own to every page", step_write, 0, 0 },
	{ "check", "the guest reads every page and compares", step_check, 0, 0 },
	{ "write-refused", "the guest writes, and KVM_RUN must fail with EFAULT",
	  step_write_refused, 0, 0 },
	{ "write-mmio", "the guest writes, and KVM must exit with MMIO", step_write_mmio, 0, 0 },
	{ "exec", "the guest runs a few bytes in the first page of each unit", step_exec, 0, 0 },
	{ "remap", "a guest with page tables turns the order of its pages around", step_remap, 0, 0 },
	{ "vmm-read", "the VMM reads every page", step_vmm_read, 0, 0 },
	{ "vmm-write", "the VMM writes a value of its own to every page", step_vmm_write, 0, 0 },
	{ "vmm-fill", "the VMM writes the same to all pages", step_vmm_fill, 0, 0 },
	{ "msync", "msync(MS_SYNC)", step_msync, 0, 0 },
	{ "sync", "sync()", step_sync, 0, 0 },
	{ "dontneed", "MADV_DONTNEED", step_dontneed, 0, 0 },
	{ "free", "MADV_FREE", step_free, 0, 0 },
	{ "free-half", "MADV_FREE of the second half of each huge page, which splits it",
	  step_free_half, NEED_THP, PAGES_2M },
	{ "split-map", "mprotect inside each huge page, which splits the host's mapping of it",
	  step_split_map, NEED_THP, PAGES_2M },
	{ "pageout", "MADV_PAGEOUT", step_pageout, NEED_SWAP, 0 },
	{ "collapse", "MADV_COLLAPSE", step_collapse, NEED_THP, PAGES_2M },
	{ "punch", "fallocate(PUNCH_HOLE)", step_punch, 0, 0 },
	{ "remove", "MADV_REMOVE", step_remove, 0, 0 },
	{ "truncate", "cut the file to the start of the part, and make it long again",
	  step_truncate, 0, 0 },
	{ "mprotect-ro", "mprotect(PROT_READ)", step_mprotect_ro, 0, 0 },
	{ "mprotect-rw", "mprotect(PROT_READ | PROT_WRITE)", step_mprotect_rw, 0, 0 },
	{ "fork-write", "fork; the guest writes, then the child compares and writes",
	  step_fork_write, 0, 0 },
	{ "ksm", "MADV_MERGEABLE, and wait for ksmd to merge", step_ksm, NEED_ROOT | NEED_KSM, 0 },
	{ "unmerge", "MADV_UNMERGEABLE", step_unmerge, NEED_KSM, 0 },
	{ "scatter", "take memory and give back every other page, so that compaction has work",
	  step_scatter, 0, 0 },
	{ "migrate", "move_pages to another node; compaction where there is one node",
	  step_migrate, NEED_ROOT, 0 },
	{ "compact", "/proc/sys/vm/compact_memory", step_compact, NEED_ROOT | NEED_COMPACTION, 0 },
	{ "reclaim", "memory.reclaim of a cgroup of our own", step_reclaim, SWAP_CGROUP, 0 },
	{ "swap-high", "memory.high at half of the guest's memory", step_swap_high, SWAP_CGROUP, 0 },
	{ "swap-high-off", "memory.high back to max", step_swap_high_off, SWAP_CGROUP, 0 },
	{ "dirty-on", "KVM_MEM_LOG_DIRTY_PAGES on", step_dirty_on, 0, 0 },
	{ "dirty-get", "KVM_GET_DIRTY_LOG", step_dirty_get, 0, 0 },
	{ "dirty-off", "KVM_MEM_LOG_DIRTY_PAGES off", step_dirty_off, 0, 0 },
	{ "slot-delete", "delete the memslots", step_slot_delete, 0, 0 },
	{ "slot-create", "make the memslots again", step_slot_create, 0, 0 },
	{ "slot-move", "move the memslots to other guest addresses, or back", step_slot_move, 0, 0 },
	{ "prefault", "KVM_PRE_FAULT_MEMORY: KVM maps, as for reading, before the guest asks",
	  step_prefault, 0, 0 },
	{ "wait", "wait for a line on stdin, or SIGUSR1, as --wait does at the start", step_wait, 0, 0 },
	{ "churn", "create, run and destroy VMs (17, or --vms), each on its part of the pages",
	  step_churn, 0, 0 },
	{ "stress", "VMs of its own (2, or --vms) against everything at once, for --seconds",
	  step_stress, SWAP_CGROUP | NEED_KSM | NEED_COMPACTION | NEED_THP, 0 },
};

const size_t nstep_kinds = sizeof(step_kinds) / sizeof(step_kinds[0]);

static const char *kind_name(size_t i)
{
	return i < nstep_kinds ? step_kinds[i].name : NULL;
}

static const struct step_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < nstep_kinds; i++)
		if (!strcmp(step_kinds[i].name, name))
			return &step_kinds[i];
	return NULL;
}

static bool read_small(const char **text, unsigned int *n)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;

	unsigned long value = strtoul(*text, &end, 10);

	if (errno || value > 1000000)
		return false;
	*n = (unsigned int)value;
	*text = end;
	return true;
}

/* NAME[@VM][:PART/PARTS] */
static int parse_word(const char *word, struct step *s, struct why *why)
{
	char name[32];
	size_t len = strcspn(word, "@:");
	const char *at = word + len;

	memset(s, 0, sizeof(*s));
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1), word);
	s->kind = find_kind(name);
	if (!s->kind) {
		const char *near = nearest_name(name, kind_name);

		return why_set(why, STATUS_ERROR, "there is no step '%s'\n%s%s%s", word,
			       near ? "did you mean '" : "see --list for the steps",
			       near ? near : "", near ? "'?" : "");
	}

	bool ok = true;

	if (*at == '@') {
		at++;
		ok = read_small(&at, &s->vm) && s->vm < RUN_VMS_MAX;
	}
	if (ok && *at == ':') {
		at++;
		ok = read_small(&at, &s->part) && *at++ == '/' && read_small(&at, &s->parts) &&
		     s->part < s->parts;
	}
	if (ok && !*at)
		return 0;
	return why_set(why, STATUS_ERROR,
		       "cannot understand the step '%s'\nuse NAME, NAME@VM, NAME:PART/PARTS, as in "
		       "punch:0/3", word);
}

int steps_parse(const char *line, struct step *steps, size_t *n, struct why *why)
{
	char *copy = strdup(line);
	char *save;
	int status = 0;

	*n = 0;
	if (!copy)
		return why_set(why, STATUS_ERROR, "out of memory");
	for (char *w = strtok_r(copy, " ,\t\n", &save); w && !status;
	     w = strtok_r(NULL, " ,\t\n", &save)) {
		if (*n == STEPS_MAX)
			status = why_set(why, STATUS_ERROR, "more than %d steps\nuse --rounds to repeat",
					 STEPS_MAX);
		else
			status = parse_word(w, &steps[(*n)++], why);
	}
	free(copy);
	if (!status && !*n)
		return why_set(why, STATUS_ERROR, "no steps in '%s'\nname some, as in --steps 'write msync'",
			       line);
	return status;
}

void step_format(const struct step *s, char *text, size_t size)
{
	char vm[16] = "";
	char part[32] = "";

	if (s->vm)
		snprintf(vm, sizeof(vm), "@%u", s->vm);
	if (s->parts)
		snprintf(part, sizeof(part), ":%u/%u", s->part, s->parts);
	snprintf(text, size, "%s%s%s", s->kind->name, vm, part);
}

/* Rounded down to units, but for the end: the last unit may be a part of one. */
static size_t boundary(const struct run *r, unsigned int part, unsigned int parts)
{
	size_t unit = r->models[0].unit;
	size_t page = r->pages * part / parts;

	return part == parts ? r->pages : page / unit * unit;
}

void step_range(const struct run *r, const struct step *s, size_t *first, size_t *end)
{
	/* Without a VM yet, there is nothing to divide. */
	if (!r->nvms) {
		*first = 0;
		*end = r->pages;
		return;
	}
	*first = s->parts ? boundary(r, s->part, s->parts) : 0;
	*end = s->parts ? boundary(r, s->part + 1, s->parts) : r->pages;
}

void step_say(struct step_log *log, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log->what, sizeof(log->what), fmt, ap);
	va_end(ap);
}
